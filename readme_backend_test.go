package oidcsso_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/oidcsso/oidcsso"
	"github.com/oidcsso/oidcsso/oidcssotest"
)

// shop is a backend of a reader of the README.
type shop struct{ sso *oidcsso.Flow }

func newShop() *shop { return &shop{} }

func (a *shop) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /login", func(w http.ResponseWriter, r *http.Request) {
		handled, err := a.sso.Enforce(w, r, oidcsso.Attempt{Typed: r.PostFormValue("email")}, oidcsso.BeginParams{})
		if err != nil {
			http.Error(w, oidcsso.AsError(err).Public, oidcsso.AsError(err).HTTPStatus())
		} else if !handled {
			w.Write([]byte("password form"))
		}
	})
	mux.HandleFunc("GET /sso/callback/{id}", func(w http.ResponseWriter, r *http.Request) {
		signIn, err := a.sso.Finish(w, r)
		if err != nil {
			http.Error(w, oidcsso.AsError(err).Public, oidcsso.AsError(err).HTTPStatus())
			return
		}
		http.SetCookie(w, &http.Cookie{Name: "session", Value: signIn.Identity.Key().String()})
		http.Redirect(w, r, signIn.ReturnTo, http.StatusSeeOther)
	})
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) { w.Write([]byte("welcome")) })
	return mux
}

// The README shows this test, line by line.
func TestBackendOfTheReadme(t *testing.T) {
	a := newShop()
	server := httptest.NewServer(a.routes())
	defer server.Close()
	idp := oidcssotest.New(t, server.URL+"/sso") // the BaseURL of the backend
	idp.AddUser(oidcssotest.User{Email: "alice@acme.example"})
	opts := idp.Options() // one for router and flow
	router := oidcsso.NewRouter(opts)
	if err := router.Put(idp.Config("acme", "acme.example")); err != nil {
		t.Fatal(err)
	}
	var err error
	a.sso, err = oidcsso.NewFlow(opts, router, &oidcsso.FlowOptions{Keys: []oidcsso.SealKey{oidcsso.RandomSealKey()}})
	if err != nil {
		t.Fatal(err)
	}

	client := idp.HTTPClient() // a browser: it has cookies, and follows no redirect by itself
	answer, err := client.PostForm(server.URL+"/login", url.Values{"email": {"alice@acme.example"}, "password": {"her old one"}})
	if err != nil || !strings.HasPrefix(answer.Header.Get("Location"), idp.Issuer()) {
		t.Fatalf("the login handler answered %v, %v", answer, err)
	}
	page := idp.SignIn(t, client, answer.Header.Get("Location"), "alice@acme.example") // the first page after the sign-in
	if page.StatusCode != http.StatusOK || page.Request.URL.Path != "/" {
		t.Errorf("the sign-in ended at %s with %s", page.Request.URL, page.Status)
	}
}
