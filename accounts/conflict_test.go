package accounts_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/oidcsso/oidcsso"
	"github.com/oidcsso/oidcsso/accounts"
)

// TestConcurrentSignIns: 50 tabs or replicas finish a sign-in of the same person, and each looks before any of them writes.
func TestConcurrentSignIns(t *testing.T) {
	t.Parallel()
	const tabs = 50
	for _, test := range []struct {
		name            string
		prepare         func(*store)
		created, linked int
		meetAtEmail     bool // else they meet after the first look by key, and some see by address what others made
	}{
		{name: "one new account", prepare: func(*store) {}, created: 1, meetAtEmail: true},
		{name: "one new account, which some find by address", prepare: func(*store) {}, created: 1},
		{name: "one link", prepare: func(s *store) { s.register("ann@acme.example", true) }, linked: 1, meetAtEmail: true},
		{name: "one link, which some see already", prepare: func(s *store) { s.register("ann@acme.example", true) }, linked: 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := newStore()
			test.prepare(s)
			a := s.resolver()
			var meeting sync.WaitGroup
			meeting.Add(tabs)
			var looked atomic.Int32
			meet := func() {
				if looked.Add(1) <= tabs { // the later looks are second ones
					meeting.Done()
					meeting.Wait()
				}
			}
			if test.meetAtEmail {
				a.ByEmail = func(ctx context.Context, email string) ([]accounts.Candidate[*account], error) {
					found, err := s.byEmail(ctx, email)
					meet()
					return found, err
				}
			} else {
				a.ByKey = func(ctx context.Context, key oidcsso.AccountKey) (*account, error) {
					user, err := s.byKey(ctx, key)
					meet()
					return user, err
				}
			}
			var got [tabs]*account
			var errs [tabs]error
			var wg sync.WaitGroup
			for i := range tabs {
				wg.Go(func() { got[i], errs[i] = a.Resolve(t.Context(), person("ann", "ann@acme.example")) })
			}
			wg.Wait()
			for i := range tabs {
				if errs[i] != nil || got[i] != s.accounts[0] {
					t.Fatalf("tab %d: account %v, error %v", i, got[i], errs[i])
				}
			}
			if len(s.accounts) != 1 || s.created != test.created || s.linked != test.linked {
				t.Errorf("%d accounts, %d made, %d linked", len(s.accounts), s.created, s.linked)
			}
		})
	}
}

// TestConcurrentStrangers: two identities with one address; one account can only become one of them.
func TestConcurrentStrangers(t *testing.T) {
	t.Parallel()
	s := newStore()
	s.register("ann@acme.example", true)
	a := s.resolver()
	var meeting sync.WaitGroup
	meeting.Add(2)
	a.ByEmail = func(ctx context.Context, email string) ([]accounts.Candidate[*account], error) {
		found, err := s.byEmail(ctx, email)
		meeting.Done()
		meeting.Wait()
		return found, err
	}
	var got [2]*account
	var errs [2]error
	var wg sync.WaitGroup
	for i := range 2 {
		wg.Go(func() { got[i], errs[i] = a.Resolve(t.Context(), person(fmt.Sprint("ann-", i), "ann@acme.example")) })
	}
	wg.Wait()
	winner, loser := 0, 1
	if errs[0] != nil {
		winner, loser = 1, 0
	}
	if errs[winner] != nil || got[winner] != s.accounts[0] || s.linked != 1 {
		t.Errorf("account %v, error %v, %d links", got[winner], errs[winner], s.linked)
	}
	wantRefusal(t, errs[loser], accounts.ReasonConflict)
	if got[loser] != nil {
		t.Error("both got the account")
	}
}

// TestConflict: what comes of ErrConflict, also wrapped as databases' drivers make one do.
func TestConflict(t *testing.T) {
	t.Parallel()
	conflict := fmt.Errorf("unique constraint: %w", accounts.ErrConflict)
	old := accounts.Candidate[string]{User: "old", Email: "ann@acme.example", EmailVerified: true, Unclaimed: true}
	for _, test := range []struct {
		name   string
		found  []accounts.Candidate[string]
		second string // what ByKey finds the second time
	}{
		{"Create, and the key has an account then", nil, "faster"},
		{"Create, and the key has none: another account has the address", nil, ""},
		{"Link, and the key has an account then", []accounts.Candidate[string]{old}, "faster"},
		{"Link, and the key has none: somebody else linked the account", []accounts.Candidate[string]{old}, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			looked, wrote := 0, 0
			a := &accounts.Accounts[string]{
				ByKey: func(context.Context, oidcsso.AccountKey) (string, error) {
					looked++
					if looked == 1 || test.second == "" {
						return "", oidcsso.ErrNotFound
					}
					return test.second, nil
				},
				ByEmail: func(context.Context, string) ([]accounts.Candidate[string], error) { return test.found, nil },
				Link: func(context.Context, string, *oidcsso.Identity, []accounts.Credential) error {
					wrote++
					return conflict
				},
				Create: func(context.Context, *oidcsso.Identity) (string, error) { wrote++; return "half made", conflict },
			}
			user, err := a.Resolve(t.Context(), person("ann", "ann@acme.example"))
			if user != test.second || looked != 2 || wrote != 1 {
				t.Errorf("account %q after %d looks and %d writes", user, looked, wrote)
			}
			if test.second != "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			wantRefusal(t, err, accounts.ReasonConflict)
		})
	}
}
