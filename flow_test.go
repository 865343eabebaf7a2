package oidcsso_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/oidcsso/oidcsso"
	"github.com/oidcsso/oidcsso/oidcssotest"
)

func TestPersonSignsInThroughTheirCompany(t *testing.T) {
	t.Parallel()
	b, idp := newBackend(t)
	b.put(idp.Config("acme", "acme.test"))
	o := b.signIn(idp, nil, "alice@acme.test")
	wantSignedIn(t, o, "alice", "alice@acme.test")
	if o.ReturnTo != "/" {
		t.Errorf("returned to %q", o.ReturnTo)
	}
	if o := read(t, get(t, idp.HTTPClient(b.server.Certificate()), b.loginURL("carol@free.test"))); o.Page != "password" {
		t.Errorf("an address of nobody's domain got %+v, want the password form", o)
	}
}

func TestColdStartOfTwoHundred(t *testing.T) {
	t.Parallel()
	b, idp := newBackend(t)
	b.put(idp.Config("acme", "acme.test"))
	idp.Configure(func(s *oidcssotest.Settings) { s.AutoSignIn = "alice" })
	var wg sync.WaitGroup
	outcomes := make([]outcome, 200)
	for i := range outcomes {
		wg.Go(func() {
			browser := idp.HTTPClient(b.server.Certificate())
			outcomes[i] = read(t, idp.SignIn(t, browser, b.loginURL("alice@acme.test"), "alice"))
			browser.CloseIdleConnections()
		})
	}
	wg.Wait()
	for _, o := range outcomes {
		wantSignedIn(t, o, "alice", "alice@acme.test")
	}
	if n := idp.Requests(); n.Discovery != 1 || n.JWKS != 1 || n.Token != 200 {
		t.Errorf("%d discovery, %d JWKS and %d token requests; want 1, 1 and 200", n.Discovery, n.JWKS, n.Token)
	}
}

func TestTwoTabsBothSignIn(t *testing.T) {
	t.Parallel()
	b, idp := newBackend(t)
	b.put(idp.Config("acme", "acme.test"))
	browser := idp.HTTPClient(b.server.Certificate())
	first, second := b.begin(idp, browser, "alice@acme.test"), b.begin(idp, browser, "alice@acme.test")
	if n := len(b.ours(browser)); n != 2 {
		t.Fatalf("%d cookies, want one for each attempt", n)
	}
	wantSignedIn(t, read(t, get(t, browser, first)), "alice", "alice@acme.test")
	wantSignedIn(t, read(t, get(t, browser, second)), "alice", "alice@acme.test")
	if n := len(b.ours(browser)); n != 0 {
		t.Errorf("%d cookies are left", n)
	}
}

// The second replica has a Router, a Flow and connections of its own; only the keys and the BaseURL are the same.
func TestBegunOnOneReplicaAndFinishedOnAnother(t *testing.T) {
	t.Parallel()
	old, next := oidcsso.RandomSealKey(), oidcsso.RandomSealKey()
	for name, keys := range map[string]struct{ first, second []oidcsso.SealKey }{
		"same keys":                         {[]oidcsso.SealKey{old}, []oidcsso.SealKey{old}},
		"the sealing key rotated meanwhile": {[]oidcsso.SealKey{old}, []oidcsso.SealKey{next, old}},
		"the other replica rotated first":   {[]oidcsso.SealKey{next, old}, []oidcsso.SealKey{old, next}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, idp := newBackend(t, func(_ *oidcsso.Options, fo *oidcsso.FlowOptions) { fo.Keys = keys.first })
			cfg := idp.Config("acme", "acme.test")
			b.put(cfg)
			browser := idp.HTTPClient(b.server.Certificate())
			callback := b.begin(idp, browser, "alice@acme.test")

			b.opts = idp.Options()
			b.router = oidcsso.NewRouter(b.opts)
			b.put(cfg)
			b.flow = b.newFlow(b.router, &oidcsso.FlowOptions{Keys: keys.second})
			wantSignedIn(t, read(t, get(t, browser, callback)), "alice", "alice@acme.test")
		})
	}
}

func TestForeignSealKeyOpensNothing(t *testing.T) {
	t.Parallel()
	b, idp := newBackend(t)
	b.put(idp.Config("acme", "acme.test"))
	browser := idp.HTTPClient(b.server.Certificate())
	callback := b.begin(idp, browser, "alice@acme.test")
	b.flow = b.newFlow(b.router, &oidcsso.FlowOptions{Keys: []oidcsso.SealKey{oidcsso.RandomSealKey()}})
	wantCode(t, read(t, get(t, browser, callback)), oidcsso.CodeLoginMissing)
	if len(b.ours(browser)) != 1 {
		t.Error("a callback that matched no cookie changed something")
	}
}

func TestSigningKeyRotatedBetweenRedirectAndCallback(t *testing.T) {
	t.Parallel()
	b, idp := newBackend(t)
	b.put(idp.Config("acme", "acme.test"))
	wantSignedIn(t, b.signIn(idp, nil, "alice@acme.test"), "alice", "alice@acme.test") // the old key is known now
	browser := idp.HTTPClient(b.server.Certificate())
	callback := b.begin(idp, browser, "alice@acme.test")
	idp.RotateKeys()
	wantSignedIn(t, read(t, get(t, browser, callback)), "alice", "alice@acme.test")
	if n := idp.Requests().JWKS; n != 2 {
		t.Errorf("%d JWKS requests, want 2", n)
	}
}

func TestDeadIdentityProviderIsUnavailableAndRecovers(t *testing.T) {
	t.Parallel()
	now := newClock()
	b, idp := newBackend(t, func(o *oidcsso.Options, _ *oidcsso.FlowOptions) { o.Now = now.Now })
	globex := newIdP(t, b)
	globex.AddUser(oidcssotest.User{Subject: "gina", Email: "gina@globex.test"})
	b.put(idp.Config("acme", "acme.test"))
	b.put(globex.Config("globex", "globex.test"))
	idp.Stop() // the backend is up, and its first sign-in comes now
	browser := idp.HTTPClient(b.server.Certificate())
	for range 3 {
		wantCode(t, read(t, get(t, browser, b.loginURL("alice@acme.test"))), oidcsso.CodeUnavailable)
	}
	if o := read(t, get(t, browser, b.loginURL("carol@free.test"))); o.Page != "password" {
		t.Errorf("other people got %+v", o)
	}
	wantSignedIn(t, b.signIn(globex, nil, "gina@globex.test"), "gina", "gina@globex.test")
	idp.Start()
	now.advance(6 * time.Second) // the longest that a failure is remembered
	wantSignedIn(t, b.signIn(idp, nil, "alice@acme.test"), "alice", "alice@acme.test")
}

func TestDisabledConnectorKeepsItsDomains(t *testing.T) {
	t.Parallel()
	b, idp := newBackend(t)
	cfg := idp.Config("acme", "acme.test")
	b.put(cfg)
	browser := idp.HTTPClient(b.server.Certificate())
	callback := b.begin(idp, browser, "alice@acme.test")
	cfg.Disabled = true
	b.put(cfg)
	wantCode(t, read(t, get(t, browser, callback)), oidcsso.CodeConnectorDisabled)
	wantCode(t, read(t, get(t, browser, b.loginURL("alice@acme.test"))), oidcsso.CodeConnectorDisabled)
	if n := idp.Requests().Token; n != 0 {
		t.Errorf("%d token requests for a disabled connector", n)
	}
	cfg.Disabled = false
	b.put(cfg)
	wantSignedIn(t, b.signIn(idp, nil, "alice@acme.test"), "alice", "alice@acme.test")
}

// The domain moves from acme to globex while Alice is at acme's identity provider.
func TestDomainMovedBetweenRedirectAndCallback(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		guests bool
		check  func(*testing.T, outcome)
	}{
		"refused": {false, func(t *testing.T, o outcome) { wantCode(t, o, oidcsso.CodeEmailOutside) }},
		"a guest without a trusted address": {true, func(t *testing.T, o outcome) {
			wantSignedIn(t, o, "alice", "")
			if o.Identity.EmailStatus != oidcsso.EmailGuest {
				t.Errorf("status %q", o.Identity.EmailStatus)
			}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, idp := newBackend(t)
			acme, globex := idp.Config("acme", "acme.test"), idp.Config("globex")
			acme.AllowGuests = c.guests
			b.put(acme)
			b.put(globex)
			browser := idp.HTTPClient(b.server.Certificate())
			callback := b.begin(idp, browser, "alice@acme.test")

			stop, probe := make(chan struct{}), make(chan int)
			go func() { // is the domain enforced at every moment?
				open := 0
				for {
					d, err := b.flow.Decide(context.Background(), oidcsso.Attempt{Typed: "alice@acme.test"})
					if err != nil || d.Allowed() {
						open++
					}
					select {
					case <-stop:
						probe <- open
						return
					default:
					}
				}
			}()
			for range 200 { // to and fro, and at last at globex
				acme.Domains, globex.Domains = nil, oidcsso.AssertDomains("acme.test")
				if err := b.router.Replace([]oidcsso.Config{acme, globex}); err != nil {
					t.Fatal(err)
				}
				acme.Domains, globex.Domains = oidcsso.AssertDomains("acme.test"), nil
				if err := b.router.Replace([]oidcsso.Config{acme, globex}); err != nil {
					t.Fatal(err)
				}
			}
			acme.Domains, globex.Domains = oidcsso.AssertDomains("old.acme.test"), oidcsso.AssertDomains("acme.test")
			if err := b.router.Replace([]oidcsso.Config{acme, globex}); err != nil {
				t.Fatal(err)
			}
			close(stop)
			if open := <-probe; open != 0 {
				t.Errorf("the domain was open %d times", open)
			}
			c.check(t, read(t, get(t, browser, callback)))
		})
	}
}

func TestEnforceWritesOnlyTheRedirect(t *testing.T) {
	t.Parallel()
	b, idp := newBackend(t)
	b.put(idp.Config("acme", "acme.test"))
	resp := get(t, idp.HTTPClient(b.server.Certificate()), b.loginURL("alice@acme.test"))
	resp.Body.Close()
	if resp.StatusCode != http.StatusSeeOther || !strings.HasPrefix(resp.Header.Get("Location"), idp.Issuer()) {
		t.Fatalf("%s to %q", resp.Status, resp.Header.Get("Location"))
	}
	if resp.Header.Get("Cache-Control") != "no-store" || resp.Header.Get("Referrer-Policy") != "no-referrer" {
		t.Errorf("headers %v", resp.Header)
	}
	cookies := resp.Cookies()
	if len(cookies) != 1 || !strings.HasPrefix(cookies[0].Name, "__Host-oidcsso-") || !cookies[0].HttpOnly || !cookies[0].Secure ||
		cookies[0].SameSite != http.SameSiteLaxMode || cookies[0].Path != "/" || cookies[0].Domain != "" || cookies[0].MaxAge != 600 {
		t.Errorf("cookies %v", cookies)
	}
}

// The cookies would be sealed for one BaseURL, and the callbacks lead to the other.
func TestRouterAndFlowOfDifferentBaseURLs(t *testing.T) {
	t.Parallel()
	fo := &oidcsso.FlowOptions{Keys: []oidcsso.SealKey{oidcsso.RandomSealKey()}}
	for base, refused := range map[string]bool{
		"https://app.example.test/sso": false, "https://app.example.test/sso/": false, "https://app.example.test": true,
		"https://other.example.test/sso": true, "": true,
	} {
		router := oidcsso.NewRouter(&oidcsso.Options{BaseURL: base})
		_, err := oidcsso.NewFlow(&oidcsso.Options{BaseURL: "https://app.example.test/sso"}, router, fo)
		if refused != errors.Is(err, oidcsso.CodeConfigInvalid) || refused && !strings.Contains(err.Error(), "source: ") {
			t.Errorf("router at %q: %v", base, err)
		}
	}
}
