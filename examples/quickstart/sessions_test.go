package main

import (
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"
)

// Anybody can make a link that ends in a sign-in; it must not make the visitor somebody else.
func TestSignInWhileAnotherPersonIsSignedInAsksFirst(t *testing.T) {
	t.Parallel()
	questionID := regexp.MustCompile(`name="question" value="([A-Z2-7]+)"`)
	for _, test := range []struct{ name, answer, then string }{
		{"stay", "stay", "alice@acme.test"},
		{"switch", "switch", "gina@globex.test"},
		{"no answer", "", "alice@acme.test"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			b := w.browser()
			b.signIn(w.acme, "alice@acme.test")
			before := b.session()
			page := b.signIn(w.globex, "gina@globex.test")
			page.contains(t, "You are signed in as <strong>Alice Ames</strong>", "Continue as Gina Grant", "Stay signed in as Alice Ames")
			if b.me()["email"] != "alice@acme.test" || b.session() != before {
				t.Fatal("Alice was replaced silently")
			}
			id := questionID.FindStringSubmatch(page.body)[1]
			if b.submit("/switch", "question", "another", "answer", "switch"); b.me()["email"] != "alice@acme.test" {
				t.Fatal("the answer to another question was taken")
			}
			if a := b.submit("/switch", "question", id, "answer", test.answer); a.status != http.StatusSeeOther || a.location != "/" {
				t.Errorf("%d %s", a.status, a.location)
			}
			if b.me()["email"] != test.then {
				t.Errorf("now %v, want %s", b.me()["email"], test.then)
			}
			if b.submit("/switch", "question", id, "answer", "switch"); b.me()["email"] != test.then {
				t.Error("the question was answered twice")
			}
			if a := b.get("/switch"); a.status != http.StatusSeeOther || a.location != "/" {
				t.Errorf("the question is still asked: %d", a.status)
			}
		})
	}
	t.Run("password", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		b := w.browser()
		b.signIn(w.acme, "alice@acme.test")
		if a := b.submit("/login", "email", "nora@northwind.test", "password", "sunflower"); a.location != "/switch" || b.me()["email"] != "alice@acme.test" {
			t.Errorf("%d %s", a.status, a.location)
		}
	})
	t.Run("the same person is not asked", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		b := w.browser()
		b.signIn(w.acme, "alice@acme.test")
		before := b.session()
		b.signIn(w.acme, "alice@acme.test").contains(t, "Hello, Alice Ames")
		if b.session() == before {
			t.Error("the session kept its ID")
		}
	})
}

func TestSessionCookie(t *testing.T) {
	t.Parallel()
	for origin, secure := range map[string]bool{"http://127.0.0.1:8080": false, "https://notes.example.com": true} {
		recorder := httptest.NewRecorder()
		newSessions(origin).start(recorder, httptest.NewRequest("POST", "/login", nil), person{key: "a"})
		c := recorder.Result().Cookies()[0]
		if c.Name != sessionCookie || len(c.Value) != 26 || !c.HttpOnly || c.Secure != secure || c.SameSite != http.SameSiteLaxMode || c.Path != "/" || c.Domain != "" {
			t.Errorf("%s: %+v", origin, c)
		}
	}
}

func TestSessionsAreNotFixatedAndEnd(t *testing.T) {
	t.Parallel()
	s := newSessions("http://127.0.0.1:8080")
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	s.now = func() time.Time { return now }
	with := func(id string) *http.Request {
		r := httptest.NewRequest("GET", "/", nil)
		r.AddCookie(&http.Cookie{Name: sessionCookie, Value: id})
		return r
	}
	start := func(r *http.Request, key string) string {
		recorder := httptest.NewRecorder()
		s.start(recorder, r, person{key: key})
		return recorder.Result().Cookies()[0].Value
	}
	nobody := func(id, why string) {
		t.Helper()
		if found, ok := s.of(with(id)); ok {
			t.Errorf("%s: still %q", why, found.person.key)
		}
	}
	planted := strings.Repeat("A", 26)
	first := start(with(planted), "a")
	nobody(planted, "an ID that an attacker planted")
	second := start(with(first), "a")
	nobody(first, "the ID before the sign-in")

	s.ask(with(second), person{key: "b"})
	current, _ := s.of(with(second))
	now = now.Add(questionLifetime)
	if _, ok := s.answered(with(second), current.question.id); ok {
		t.Error("a question was answered too late")
	}

	now = now.Add(sessionLifetime)
	nobody(second, "an expired session")
	third := start(with(second), "a")
	if len(s.byID) != 1 {
		t.Errorf("%d sessions are kept", len(s.byID))
	}
	s.end(httptest.NewRecorder(), with(third))
	nobody(third, "after signing out")
	s.ask(with(third), person{key: "b"}) // nobody to ask
	nobody("", "an empty cookie")
}
