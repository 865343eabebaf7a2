package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// A sibling domain's application sets a cookie for the domain above, with a session of its own that is good: whoever has it would
// work in the attacker's account.
func TestSiblingDomainPlantsNoSession(t *testing.T) {
	t.Parallel()
	a := &app{origin: "https://app.example.com"}
	w := httptest.NewRecorder()
	a.setCookie(w, "x", 1)
	set := w.Header().Get("Set-Cookie")
	for _, attribute := range []string{"__Host-", "; Secure", "; HttpOnly", "; SameSite=Lax", "; Path=/;"} {
		if !strings.Contains(set+";", attribute) {
			t.Errorf("%q has no %q", set, attribute)
		}
	}
	r := httptest.NewRequest("GET", "/", nil)
	r.AddCookie(&http.Cookie{Name: "session", Value: "planted"}) // this app has no database: looking for it would be a panic
	if _, ok, err := a.session(r); ok || err != nil {
		t.Errorf("it is taken: %v", err)
	}
	if err := a.endSession(r.Context(), r); err != nil {
		t.Error(err)
	}
}
