package oidcssotest_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"sync"
	"testing"

	"github.com/oidcsso/oidcsso"
	"github.com/oidcsso/oidcsso/accounts"
	"github.com/oidcsso/oidcsso/oidcssotest"
)

// shop is a backend whose people had accounts, by a confirmed address, before there was single sign-on.
type shop struct {
	mu       sync.Mutex
	accounts []*shopAccount
}

type shopAccount struct {
	number int
	email  string
	key    oidcsso.AccountKey // zero: never signed in by single sign-on
}

func (s *shop) add(email string, key oidcsso.AccountKey) *shopAccount {
	a := &shopAccount{len(s.accounts) + 1, email, key}
	s.accounts = append(s.accounts, a)
	return a
}

// byRawEmail is the mistake: it believes the claim "email", whoever sent it and whatever came of it.
func (s *shop) byRawEmail(_ context.Context, id *oidcsso.Identity) (*shopAccount, error) {
	claim, _ := id.Claim("email")
	email, _ := claim.Text()
	for _, a := range s.accounts {
		if strings.EqualFold(a.email, email) {
			return a, nil
		}
	}
	return s.add(email, id.Key()), nil
}

// byRule is the correction: the key of the identity, and the rule of package accounts for the first link.
func (s *shop) byRule(ctx context.Context, id *oidcsso.Identity) (*shopAccount, error) {
	rule := accounts.Accounts[*shopAccount]{
		ByKey: func(_ context.Context, key oidcsso.AccountKey) (*shopAccount, error) {
			for _, a := range s.accounts {
				if a.key == key {
					return a, nil
				}
			}
			return nil, oidcsso.ErrNotFound
		},
		ByEmail: func(_ context.Context, email string) (found []accounts.Candidate[*shopAccount], err error) {
			for _, a := range s.accounts {
				if !strings.EqualFold(a.email, email) {
					continue
				}
				candidate := accounts.Candidate[*shopAccount]{User: a, Email: a.email, EmailVerified: true, Unclaimed: true}
				if a.key != (oidcsso.AccountKey{}) {
					candidate.Links, candidate.Unclaimed = []oidcsso.AccountKey{a.key}, false
				}
				found = append(found, candidate)
			}
			return found, nil
		},
		Link: func(_ context.Context, a *shopAccount, id *oidcsso.Identity, _ []accounts.Credential) error {
			a.key = id.Key() // this shop has no passwords and no sessions to lose
			return nil
		},
		Create: func(_ context.Context, id *oidcsso.Identity) (*shopAccount, error) {
			return s.add(id.Email, id.Key()), nil
		},
	}
	return rule.Resolve(ctx, id)
}

type finder func(*shop, context.Context, *oidcsso.Identity) (*shopAccount, error)

// newShop has two customers from the old days. Its page after a sign-in says whose account it is.
func newShop(opts *oidcsso.Options, source oidcsso.Source, find finder) (http.Handler, error) {
	s := &shop{}
	s.add("alice@acme.test", oidcsso.AccountKey{})
	s.add("bob@free.test", oidcsso.AccountKey{})
	flow, err := oidcsso.NewFlow(opts, source, &oidcsso.FlowOptions{Keys: []oidcsso.SealKey{oidcsso.RandomSealKey()}})
	if err != nil {
		return nil, err
	}
	return oidcsso.NewHandler(flow, &oidcsso.HandlerOptions{
		OnSignIn: func(w http.ResponseWriter, r *http.Request, signIn *oidcsso.SignIn) error {
			s.mu.Lock()
			defer s.mu.Unlock()
			found, err := find(s, r.Context(), signIn.Identity)
			if err != nil {
				return err
			}
			fmt.Fprintf(w, "account %d", found.number)
			return nil
		},
	})
}

// takeovers lets Mallory sign in to the shop with the addresses of its customers, in every way in which the library lets a
// sign-in pass, and names the ways that led into a customer's account. It asks nothing of the shop but a page that tells
// whose account it is, so it fits other backends too.
func takeovers(t *testing.T, find finder) (found []string) {
	mux := http.NewServeMux()
	backend := httptest.NewServer(mux)
	defer backend.Close()

	// The company that alice@acme.test works for; Mallory works there too.
	acme := oidcssotest.New(t, backend.URL+"/sso")
	acme.AddUser(oidcssotest.User{Subject: "alice", Email: "alice@acme.test"})
	acme.AddUser(oidcssotest.User{Subject: "mallory", Email: "alice@acme.test", EmailVerified: oidcssotest.SaysUnverified})
	// Another tenant, whose identity provider says what Mallory likes. Its guests have addresses elsewhere.
	evil := oidcssotest.New(t, backend.URL+"/sso")
	evil.AddUser(oidcssotest.User{Subject: "mallory", Email: "alice@acme.test"})
	evil.AddUser(oidcssotest.User{Subject: "silent", Email: "bob@free.test", EmailVerified: oidcssotest.SaysNothing})
	evil.AddUser(oidcssotest.User{Subject: "liar", Email: "bob@free.test"})
	guests := evil.Config("evil", "evil.test")
	guests.AllowGuests = true
	button := evil.Config("button") // "Sign in with ...", without domains

	opts := acme.Options()
	router := oidcsso.NewRouter(opts)
	if err := router.Replace([]oidcsso.Config{acme.Config("acme", "acme.test"), guests, button}); err != nil {
		t.Fatal(err)
	}
	app, err := newShop(opts, router, find)
	if err != nil {
		t.Fatal(err)
	}
	mux.Handle("/sso/", app)
	account := func(idp *oidcssotest.IdP, connector, user string) string {
		page, err := io.ReadAll(idp.SignIn(t, nil, backend.URL+"/sso/start?connector="+connector, user).Body)
		if err != nil {
			t.Fatal(err)
		}
		return string(page)
	}

	for _, attack := range []struct {
		name, connector, user string
		idp                   *oidcssotest.IdP
	}{
		{"the company's identity provider says that it is not verified", "acme", "mallory", acme},
		{"another tenant's guest", "evil", "mallory", evil},
		{"a button whose identity provider is silent about it", "button", "silent", evil},
		{"a button whose identity provider says that it is verified", "button", "liar", evil},
	} {
		if page := account(attack.idp, attack.connector, attack.user); page == "account 1" || page == "account 2" {
			found = append(found, attack.name)
		}
	}
	if page := account(acme, "acme", "alice"); page != "account 1" { // to refuse everybody would prove nothing
		t.Errorf("Alice herself got %s", page)
	}
	return found
}

var testTakeover func(*testing.T)

// A backend finds a mistake of its own: it links accounts by the email address that an identity provider sends, so that
// somebody else's identity provider opens its customers' accounts. The attacks of takeovers find that, and find nothing once
// the backend goes by the identity's key.
func Example_takeover() {
	testTakeover = func(t *testing.T) { // in your test file: func TestTakeover(t *testing.T), where nothing may be found
		wrong := []string{
			"the company's identity provider says that it is not verified",
			"another tenant's guest",
			"a button whose identity provider is silent about it",
			"a button whose identity provider says that it is verified",
		}
		if found := takeovers(t, (*shop).byRawEmail); !reflect.DeepEqual(found, wrong) {
			t.Errorf("the mistake was found by %q, want %q", found, wrong)
		}
		if found := takeovers(t, (*shop).byRule); found != nil {
			t.Errorf("the corrected backend gives accounts away: %q", found)
		}
	}
}
