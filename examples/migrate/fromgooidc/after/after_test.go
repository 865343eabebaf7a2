package after_test

import (
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/oidcsso/oidcsso"
	"github.com/oidcsso/oidcsso/examples/migrate/backend"
	"github.com/oidcsso/oidcsso/examples/migrate/fromgooidc/after"
	"github.com/oidcsso/oidcsso/examples/migrate/fromgooidc/before"
	"github.com/oidcsso/oidcsso/examples/migrate/world"
	"github.com/oidcsso/oidcsso/oidcssotest"
)

// shop is a backend that goes over from go-oidc alone to oidcsso. Its first account was made by address and never came
// through an identity provider, its second one is Alice's.
type shop struct {
	*backend.Backend
	t       *testing.T
	origin  string
	acme    *oidcssotest.IdP
	handler atomic.Pointer[http.Handler]
	alice   *http.Client // signed in since before
}

func newShop(t *testing.T) *shop {
	t.Helper()
	origin, serve := world.Backend(t)
	client := oidcssotest.Client{ID: "shop", Secret: "secret", RedirectURIs: []string{origin + "/auth/callback"}}
	s := &shop{Backend: new(backend.Backend), t: t, origin: origin, acme: world.IdP(t, origin, client)}
	s.acme.AddUser(oidcssotest.User{Subject: "00u1", Email: "alice@acme.example"})
	s.Add(backend.User{Email: "carol@acme.example", EmailVerified: true})
	old, err := before.New(t.Context(), s.Backend, before.Settings{Origin: origin, Issuer: s.acme.Issuer(), ClientID: client.ID, ClientSecret: client.Secret})
	if err != nil {
		t.Fatal(err)
	}
	s.serve(old.Routes())
	serve(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { (*s.handler.Load()).ServeHTTP(w, r) }))
	var page string
	if page, s.alice = world.Walk(t, s.acme, origin+"/auth", "00u1"); page != "account 2" {
		t.Fatalf("with go-oidc alone: %s", page)
	}
	return s
}

func (s *shop) serve(h http.Handler) { s.handler.Store(&h) }

// migrate takes the step, with more connectors than there were.
func (s *shop) migrate(others ...oidcsso.Config) {
	s.t.Helper()
	opts := s.acme.Options(func(o *oidcsso.Options) {
		o.ExclusiveRedirectURLs = []string{s.origin + "/auth/callback"}
	})
	app, err := after.New(s.Backend, opts, oidcsso.RandomSealKey(), append(others, after.Acme(s.origin, s.acme.Issuer(), "shop", "secret"))...)
	if err != nil {
		s.t.Fatal(err)
	}
	s.serve(app.Routes())
}

// signIn walks through Acme's identity provider and gives the page that follows.
func (s *shop) signIn(subject string) string {
	s.t.Helper()
	page, _ := world.Walk(s.t, s.acme, s.origin+"/auth", subject)
	return page
}

// An account of the old days is found by issuer and subject once, and by the key from then on, whatever happens to the
// address.
func TestAccountSurvives(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.migrate()
	if page := world.Get(t, s.alice, s.origin); page != "account 2" {
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

// An account that had nothing but a verified address is linked by it, under the rule of package accounts.
func TestAccountWithAnAddressAloneIsLinked(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.migrate()
	s.acme.AddUser(oidcssotest.User{Subject: "00u3", Email: "carol@acme.example"})
	s.acme.AddUser(oidcssotest.User{Subject: "00u4", Email: "dave@acme.example"})
	if page := s.signIn("00u3"); page != "account 1" {
		t.Errorf("Carol sees: %s", page)
	}
	s.Add(backend.User{Email: "dave@acme.example"}) // somebody registered it and never confirmed
	if page := s.signIn("00u4"); !strings.Contains(page, "(refused ") {
		t.Errorf("Dave sees: %s", page)
	}
}

// Whoever comes through another connector gets an account of their own, or none, whatever their identity provider says.
func TestAttackerDoesNotGetTheAccount(t *testing.T) {
	t.Parallel()
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
		{"an address that was never linked", oidcssotest.User{Subject: "mallory", Email: "carol@acme.example"}, guests, "account 3"},
		{"the same sub", oidcssotest.User{Subject: "00u1", Email: "mallory@evil.example"}, plain, "account 3"},
		{"the same sub and address", oidcssotest.User{Subject: "00u1", Email: "alice@acme.example"}, guests, "account 3"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := newShop(t)
			evil := world.IdP(t, s.origin, oidcssotest.Client{ID: "unused"})
			evil.AddUser(test.user)
			cfg := evil.Config("evil", "evil.example")
			test.change(&cfg)
			s.migrate(cfg)
			if page, _ := world.Walk(t, evil, s.origin+"/sso/start/evil", test.user.Subject); !strings.Contains(page, test.page) {
				t.Errorf("the attacker sees: %s, want %s", page, test.page)
			}
			if page := s.signIn("00u1"); page != "account 2" {
				t.Errorf("afterwards Alice sees: %s", page)
			}
		})
	}
}

// A connector of another customer at the very same identity provider does not inherit its people.
func TestAnotherConnectorAtTheIssuerInheritsNothing(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	second := s.acme.Config("second")
	s.migrate(second)
	if page, _ := world.Walk(t, s.acme, s.origin+"/sso/start/second", "00u1"); !strings.Contains(page, "(email_outside ") {
		t.Errorf("through another connector: %s", page)
	}
	second.AllowGuests = true
	s.migrate(second)
	if page, _ := world.Walk(t, s.acme, s.origin+"/sso/start/second", "00u1"); page != "account 3" {
		t.Errorf("as a guest of another connector: %s", page)
	}
}

// A sign-in that the old code began can't be finished by the new one. The person is asked to sign in again.
func TestSignInUnderWayBeginsAgain(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	browser := s.acme.HTTPClient()
	callback := world.Halfway(t, s.acme, browser, s.origin+"/auth", "00u1")
	s.migrate()
	if page := world.Get(t, browser, callback.String()); !strings.Contains(page, "(login_missing ") {
		t.Errorf("the callback answers: %s", page)
	}
}
