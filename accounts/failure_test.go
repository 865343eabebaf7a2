package accounts_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/oidcsso/oidcsso"
	"github.com/oidcsso/oidcsso/accounts"
)

// TestFailures: whatever the backend's functions return, an error opens no other way to an account and keeps its type.
func TestFailures(t *testing.T) {
	t.Parallel()
	down := errors.New("database is down")
	locked := oidcsso.Refuse("Your account is locked.")
	old := []accounts.Candidate[string]{{User: "old", Email: "ann@acme.example", EmailVerified: true, Unclaimed: true}}
	type all = accounts.Accounts[string]
	for _, test := range []struct {
		name   string
		change func(*all)
		want   error
		text   string
	}{
		{"the database is down at the look by key: no look by address", func(a *all) {
			a.ByKey = func(context.Context, oidcsso.AccountKey) (string, error) { return "half", down }
			a.ByEmail = func(context.Context, string) ([]accounts.Candidate[string], error) { panic("looked by address") }
		}, down, "accounts: ByKey: database is down"},
		{"the database is down at the look by address: no new account", func(a *all) {
			a.ByEmail = func(context.Context, string) ([]accounts.Candidate[string], error) { return old, down }
		}, down, "accounts: ByEmail: database is down"},
		{"of two databases, one has no such key and one is down: no look by address", func(a *all) {
			a.ByKey = func(context.Context, oidcsso.AccountKey) (string, error) {
				return "", errors.Join(oidcsso.ErrNotFound, down)
			}
			a.ByEmail = func(context.Context, string) ([]accounts.Candidate[string], error) { panic("looked by address") }
		}, down, "accounts: ByKey: oidcsso: not found\ndatabase is down"},
		{"of two databases, one has no such address and one is down: no new account", func(a *all) {
			a.ByEmail = func(context.Context, string) ([]accounts.Candidate[string], error) {
				return nil, fmt.Errorf("%w here, and %w", oidcsso.ErrNotFound, down)
			}
		}, down, "accounts: ByEmail: oidcsso: not found here, and database is down"},
		{"the database is down at Link", func(a *all) {
			a.Link = func(context.Context, string, *oidcsso.Identity, []accounts.Credential) error { return down }
		}, down, "accounts: Link: database is down"},
		{"the database is down at the second look by key: not taken for a conflict", func(a *all) {
			looked := 0
			a.ByKey = func(context.Context, oidcsso.AccountKey) (string, error) {
				if looked++; looked == 1 {
					return "", oidcsso.ErrNotFound
				}
				return "half", down
			}
			a.Link = func(context.Context, string, *oidcsso.Identity, []accounts.Credential) error {
				return accounts.ErrConflict
			}
		}, down, "accounts: ByKey: database is down"},
		{"the database is down at Create", func(a *all) {
			a.ByEmail = func(context.Context, string) ([]accounts.Candidate[string], error) { return nil, nil }
			a.Create = func(context.Context, *oidcsso.Identity) (string, error) { return "half", down }
		}, down, "accounts: Create: database is down"},
		{"the backend refuses a locked account", func(a *all) {
			a.ByKey = func(context.Context, oidcsso.AccountKey) (string, error) { return "", locked }
		}, locked, "accounts: ByKey: " + locked.Error()},
		{"ByKey gives nobody and no error", func(a *all) {
			a.ByKey = func(context.Context, oidcsso.AccountKey) (string, error) { return "", nil }
		}, nil, "accounts: ByKey gave neither an account nor an error"},
		{"ByEmail gives nobody as a candidate", func(a *all) {
			a.ByEmail = func(context.Context, string) ([]accounts.Candidate[string], error) {
				return []accounts.Candidate[string]{{Email: "ann@acme.example", EmailVerified: true, Unclaimed: true}}, nil
			}
		}, nil, "accounts: ByEmail gave neither an account nor an error"},
		{"Create gives nobody and no error", func(a *all) {
			a.ByEmail = func(context.Context, string) ([]accounts.Candidate[string], error) { return nil, oidcsso.ErrNotFound }
			a.Create = func(context.Context, *oidcsso.Identity) (string, error) { return "", nil }
		}, nil, "accounts: Create gave neither an account nor an error"},
		{"Link stores nothing", func(a *all) {
			a.Link = func(context.Context, string, *oidcsso.Identity, []accounts.Credential) error { return nil }
		}, nil, "accounts: Link returned no error, but ByKey does not find the account"},
		{"ByKey is missing", func(a *all) { a.ByKey = nil }, nil, "accounts: Accounts.ByKey is missing"},
		{"everything is missing", func(a *all) { *a = all{} }, nil, "accounts: Accounts.ByKey is missing"},
		{"ByEmail without Link", func(a *all) { a.Link = nil }, nil, "accounts: Accounts.ByEmail and Accounts.Link need each other"},
		{"Link without ByEmail", func(a *all) { a.ByEmail = nil }, nil, "accounts: Accounts.ByEmail and Accounts.Link need each other"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			a := &all{
				ByKey:   func(context.Context, oidcsso.AccountKey) (string, error) { return "", oidcsso.ErrNotFound },
				ByEmail: func(context.Context, string) ([]accounts.Candidate[string], error) { return old, nil },
				Link:    func(context.Context, string, *oidcsso.Identity, []accounts.Credential) error { return nil },
				Create:  func(context.Context, *oidcsso.Identity) (string, error) { panic("made an account") },
			}
			test.change(a)
			user, err := a.Resolve(t.Context(), person("ann", "ann@acme.example"))
			if err == nil || err.Error() != test.text || user != "" {
				t.Errorf("account %q, error %v; want %s", user, err, test.text)
			}
			if test.want != nil && !errors.Is(err, test.want) {
				t.Errorf("the error %v lost its cause", err)
			}
		})
	}
}

func TestMisuse(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name string
		a    *accounts.Accounts[*account]
		id   *oidcsso.Identity
		text string
	}{
		{"no Accounts", nil, person("ann", ""), "accounts: Accounts.ByKey is missing"},
		{"no identity", newStore().resolver(), nil, "accounts: there is no identity"},
		{"no connector", newStore().resolver(), stranger("", acme, "ann", ""), "accounts: the identity has no complete key"},
		{"no issuer", newStore().resolver(), stranger("acme", "", "ann", ""), "accounts: the identity has no complete key"},
		{"no subject: everybody would be the same person", newStore().resolver(), stranger("acme", acme, "", ""), "accounts: the identity has no complete key"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if user, err := test.a.Resolve(t.Context(), test.id); err == nil || err.Error() != test.text || user != nil {
				t.Errorf("account %v, error %v; want %s", user, err, test.text)
			}
		})
	}
}

// TestZeroAccounts: what a query without a row leaves in a variable is no account, of whatever type.
func TestZeroAccounts(t *testing.T) {
	t.Parallel()
	const want = "accounts: ByKey gave neither an account nor an error"
	id := person("ann", "")
	number := accounts.Accounts[int64]{ByKey: func(context.Context, oidcsso.AccountKey) (int64, error) { return 0, nil }}
	if _, err := number.Resolve(t.Context(), id); err == nil || err.Error() != want {
		t.Errorf("number 0: %v", err)
	}
	type row struct {
		ID    int
		Roles []string
	}
	value := accounts.Accounts[row]{ByKey: func(context.Context, oidcsso.AccountKey) (row, error) { return row{}, nil }}
	if _, err := value.Resolve(t.Context(), id); err == nil || err.Error() != want {
		t.Errorf("empty struct: %v", err)
	}
	object := accounts.Accounts[any]{ByKey: func(context.Context, oidcsso.AccountKey) (any, error) { return nil, nil }}
	if _, err := object.Resolve(t.Context(), id); err == nil || err.Error() != want {
		t.Errorf("nil interface: %v", err)
	}
}

// TestBrokenOff: a search that was cancelled and says "not found" must not lead to another account.
func TestBrokenOff(t *testing.T) {
	t.Parallel()
	notFound := func(context.Context, oidcsso.AccountKey) (*account, error) { return nil, oidcsso.ErrNotFound }

	t.Run("by key", func(t *testing.T) {
		t.Parallel()
		ctx, cancel := context.WithCancel(t.Context())
		s := newStore()
		s.register("ann@acme.example", true)
		a := s.resolver()
		a.ByKey = func(ctx context.Context, key oidcsso.AccountKey) (*account, error) {
			cancel()
			return notFound(ctx, key)
		}
		if _, err := a.Resolve(ctx, person("ann", "ann@acme.example")); !errors.Is(err, context.Canceled) || s.linked > 0 {
			t.Errorf("%v, %d links", err, s.linked)
		}
	})
	for name, err := range map[string]error{"by address, with an error": oidcsso.ErrNotFound, "by address, without": nil} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithCancel(t.Context())
			s := newStore()
			a := s.resolver()
			a.ByEmail = func(context.Context, string) ([]accounts.Candidate[*account], error) { cancel(); return nil, err }
			if _, err := a.Resolve(ctx, person("ann", "ann@acme.example")); !errors.Is(err, context.Canceled) || s.created > 0 {
				t.Errorf("%v, %d accounts", err, s.created)
			}
		})
	}
}
