package after_test

import (
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/oidcsso/oidcsso"
	"github.com/oidcsso/oidcsso/examples/migrate/backend"
	"github.com/oidcsso/oidcsso/examples/migrate/fromgoth/after"
	"github.com/oidcsso/oidcsso/examples/migrate/fromgoth/before"
	"github.com/oidcsso/oidcsso/examples/migrate/world"
	"github.com/oidcsso/oidcsso/oidcssotest"
)

const oldStart, oldCallback = "/auth/acme-oidc", "/auth/acme-oidc/callback"

// shop is a backend that goes over from goth to oidcsso while Alice has an account in it. goth keeps its providers in a global
// variable, so these tests don't run in parallel.
type shop struct {
	*backend.Backend
	t       *testing.T
	origin  string
	acme    *oidcssotest.IdP
	handler atomic.Pointer[http.Handler]
}

func newShop(t *testing.T) *shop {
	t.Helper()
	origin, serve := world.Backend(t)
	client := oidcssotest.Client{ID: "shop", Secret: "secret", RedirectURIs: []string{origin + oldCallback}}
	s := &shop{Backend: new(backend.Backend), t: t, origin: origin, acme: world.IdP(t, origin, client)}
	s.acme.AddUser(oidcssotest.User{Subject: "00u1", Email: "alice@acme.example"})
	s.Add(backend.User{Email: "somebody@else.example", Old: backend.OldKey{Provider: "github", UserID: "00u1"}})
	goth, err := before.New(s.Backend, before.Settings{Origin: origin, Issuer: s.acme.Issuer(), ClientID: client.ID, ClientSecret: client.Secret},
		[]byte("a key of thirty-two bytes or more"))
	if err != nil {
		t.Fatal(err)
	}
	s.serve(goth.Routes())
	serve(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { (*s.handler.Load()).ServeHTTP(w, r) }))
	return s
}

func (s *shop) serve(h http.Handler) { s.handler.Store(&h) }

// migrate puts oidcsso in the place of goth, with more connectors than there were.
func (s *shop) migrate(exclusive bool, more ...oidcsso.Config) {
	s.t.Helper()
	opts := s.acme.Options(func(o *oidcsso.Options) {
		if exclusive {
			o.ExclusiveRedirectURLs = []string{s.origin + oldCallback}
		}
	})
	providers := map[after.Origin]string{
		{Connector: "acme", Issuer: s.acme.Issuer()}:   "acme-oidc",
		{Connector: "globex", Issuer: s.acme.Issuer()}: "azureadv2",
	}
	app, err := after.New(s.Backend, opts, oidcsso.RandomSealKey(), providers, append(more, after.Acme(s.origin, s.acme.Issuer(), "shop", "secret"))...)
	if err != nil {
		s.t.Fatal(err)
	}
	s.serve(app.Routes())
}

// signIn walks through Acme's identity provider and gives the page that follows.
func (s *shop) signIn(subject string) string {
	s.t.Helper()
	page, _ := world.Walk(s.t, s.acme, s.origin+oldStart, subject)
	return page
}

// An account of the old days is found by goth's key once, and by the new key from then on, whatever happens to the address.
func TestAccountSurvives(t *testing.T) {
	s := newShop(t)
	page, browser := world.Walk(t, s.acme, s.origin+oldStart, "00u1")
	if page != "account 2" {
		t.Fatalf("with goth: %s", page)
	}
	s.migrate(true)
	if page := world.Get(t, browser, s.origin); page != "account 2" {
		t.Errorf("who was signed in sees: %s", page)
	}
	for _, email := range []string{"alice@acme.example", "alice.smith@acme.example"} {
		s.acme.AddUser(oidcssotest.User{Subject: "00u1", Email: email})
		if page := s.signIn("00u1"); page != "account 2" {
			t.Errorf("%s: %s", email, page)
		}
	}
	want := oidcsso.AccountKey{Connector: "acme", Issuer: s.acme.Issuer(), Subject: "00u1"}.String()
	if user, _ := s.Find(func(u backend.User) bool { return u.ID == 2 }); user.Key != want {
		t.Errorf("the new key is %q, want %q", user.Key, want)
	}
}

// goth's azureadv2 knew people by the object ID, which is no sub.
func TestAccountOfAzureSurvives(t *testing.T) {
	s := newShop(t)
	s.Add(backend.User{Email: "bob@globex.example", Old: backend.OldKey{Provider: "azureadv2", UserID: "b0b"}})
	s.acme.AddUser(oidcssotest.User{Subject: "pairwise", Email: "bob@globex.example", EmailVerified: oidcssotest.SaysNothing, Claims: map[string]any{"oid": "b0b"}})
	s.migrate(true, s.acme.Config("globex", "globex.example"))
	if page, _ := world.Walk(t, s.acme, s.origin+"/sso/start/globex", "pairwise"); page != "account 2" {
		t.Errorf("after the sign-in: %s", page)
	}
}

// Whoever comes through another connector gets an account of their own, or none, whatever their identity provider says.
func TestAttackerDoesNotGetTheAccount(t *testing.T) {
	guests := func(c *oidcsso.Config) { c.AllowGuests = true }
	button := func(c *oidcsso.Config) { c.Domains = nil }
	plain := func(*oidcsso.Config) {}
	for _, test := range []struct {
		name   string
		user   oidcssotest.User
		change func(*oidcsso.Config)
		page   string
	}{
		{"the same address at another customer", oidcssotest.User{Subject: "mallory", Email: "alice@acme.example"}, plain, "(email_outside "},
		{"the same address behind a button", oidcssotest.User{Subject: "mallory", Email: "alice@acme.example"}, button, "(email_outside "},
		{"the same address as a guest", oidcssotest.User{Subject: "mallory", Email: "alice@acme.example"}, guests, "account 3"},
		{"the same sub", oidcssotest.User{Subject: "00u1", Email: "mallory@evil.example"}, plain, "account 3"},
		{"the same sub and address", oidcssotest.User{Subject: "00u1", Email: "alice@acme.example"}, guests, "account 3"},
		{"her sub as object ID", oidcssotest.User{Subject: "mallory", Email: "mallory@evil.example", Claims: map[string]any{"oid": "00u1"}}, plain, "account 3"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newShop(t)
			if page := s.signIn("00u1"); page != "account 2" {
				t.Fatalf("with goth: %s", page)
			}
			evil := world.IdP(t, s.origin, oidcssotest.Client{ID: "unused"})
			evil.AddUser(test.user)
			cfg := evil.Config("evil", "evil.example")
			test.change(&cfg)
			s.migrate(true, cfg)
			if page, _ := world.Walk(t, evil, s.origin+"/sso/start/evil", test.user.Subject); !strings.Contains(page, test.page) {
				t.Errorf("the attacker sees: %s, want %s", page, test.page)
			}
			if page := s.signIn("00u1"); page != "account 2" {
				t.Errorf("afterwards Alice sees: %s", page)
			}
		})
	}
}

// The connector of an old customer at another issuer is not the old provider: its administrator may have changed it.
func TestAnotherIssuerInheritsNothing(t *testing.T) {
	s := newShop(t)
	if page := s.signIn("00u1"); page != "account 2" {
		t.Fatalf("with goth: %s", page)
	}
	other := world.IdP(t, s.origin, oidcssotest.Client{ID: "shop", Secret: "secret", RedirectURIs: []string{s.origin + oldCallback}})
	other.AddUser(oidcssotest.User{Subject: "00u1", Email: "alice@acme.example"})
	app, err := after.New(s.Backend, s.acme.Options(func(o *oidcsso.Options) { o.ExclusiveRedirectURLs = []string{s.origin + oldCallback} }),
		oidcsso.RandomSealKey(), map[after.Origin]string{{Connector: "acme", Issuer: s.acme.Issuer()}: "acme-oidc"},
		after.Acme(s.origin, other.Issuer(), "shop", "secret"))
	if err != nil {
		t.Fatal(err)
	}
	s.serve(app.Routes())
	if page, _ := world.Walk(t, other, s.origin+oldStart, "00u1"); page != "account 3" {
		t.Errorf("through another identity provider: %s", page)
	}
}

// The redirect URI of the old days is kept. The library wants to be told that no other connector uses it, since this
// identity provider does not name itself in its answers.
func TestOldCallbackNeedsTheDevelopersWord(t *testing.T) {
	s := newShop(t)
	s.migrate(false)
	if page := world.Get(t, s.acme.HTTPClient(), s.origin+oldStart); !strings.Contains(page, "(iss_not_promised ") {
		t.Errorf("the start answers: %s", page)
	}
}

// A sign-in that goth began can't be finished by oidcsso. The person is asked to sign in again.
func TestSignInUnderWayBeginsAgain(t *testing.T) {
	s := newShop(t)
	browser := s.acme.HTTPClient()
	callback := world.Halfway(t, s.acme, browser, s.origin+oldStart, "00u1")
	s.migrate(true)
	if page := world.Get(t, browser, callback.String()); !strings.Contains(page, "(login_missing ") {
		t.Errorf("the callback answers: %s", page)
	}
}
