package oidcsso

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// sourceFunc is a Source that answers look-ups of domains as the test wants.
type sourceFunc func(domain string) (*Route, error)

func (f sourceFunc) Route(_ context.Context, domain string) (*Route, error) { return f(domain) }

func (f sourceFunc) Connector(context.Context, string) (*Connector, error) { return nil, ErrNotFound }

func decideRouter(t testing.TB) *Router {
	off := routedConfig("off", "off.test")
	off.Disabled = true
	claims := routedConfig("claims")
	claims.Domains = []Domain{{Name: "claimed.test"}}
	return routerWith(t, routedConfig("acme", "acme.test", "bücher.test"), routedConfig("wild", "*.wild.test"), off, claims)
}

func TestDecide(t *testing.T) {
	t.Parallel()
	router := decideRouter(t)
	const allowed = "allowed"
	account := func(addresses ...string) []string { return addresses }
	for _, row := range []struct {
		name    string
		attempt Attempt
		want    string // "allowed", the connector and the address, or the code of the error
	}{
		// Enforced by what was typed.
		{"typed", Attempt{Typed: "ada@acme.test"}, "acme ada@acme.test"},
		{"typed in upper case", Attempt{Typed: "Ada@ACME.TEST"}, "acme Ada@acme.test"},
		{"typed with white space around", Attempt{Typed: " ada@acme.test\r\n"}, "acme ada@acme.test"},
		{"typed with a dot at the end", Attempt{Typed: "ada@acme.test."}, "acme ada@acme.test"},
		{"typed with a full-width letter", Attempt{Typed: "ada@ａcme.test"}, "acme ada@acme.test"},
		{"typed with an ideographic full stop", Attempt{Typed: "ada@acme。test"}, "acme ada@acme.test"},
		{"typed with a soft hyphen", Attempt{Typed: "ada@ac\u00adme.test"}, "acme ada@acme.test"},
		{"typed IDN", Attempt{Typed: "ada@BÜCHER.test"}, "acme ada@xn--bcher-kva.test"},
		{"typed below a wildcard", Attempt{Typed: "ada@eu.wild.test"}, "wild ada@eu.wild.test"},
		{"typed, connector disabled", Attempt{Typed: "ada@off.test"}, "off ada@off.test"},
		{"typed, of a known account", Attempt{Typed: "ada@acme.test", Account: account("ada@acme.test")}, "acme ada@acme.test"},
		{"typed, account elsewhere", Attempt{Typed: "ada@acme.test", Account: account("ada@free.test")}, "acme ada@acme.test"},
		{"typed goes first", Attempt{Typed: "ada@acme.test", Account: account("ada@off.test")}, "acme ada@acme.test"},
		{"typed decides before a malformed address of the account", Attempt{Typed: "ada@acme.test", Account: account("ada@")}, "acme ada@acme.test"},
		{"typed quoted, beside an account", Attempt{Typed: `"ada l"@acme.test`, Account: account("ada@free.test")}, allowed}, // no address
		{"typed quoted without a space, beside an account", Attempt{Typed: `"ada"@acme.test`, Account: account("ada@free.test")}, `acme "ada"@acme.test`},
		{"typed outside ASCII, beside an account", Attempt{Typed: "adä@acme.test", Account: account("ada@free.test")}, "acme adä@acme.test"},

		// Enforced by the account.
		{"typed free, account enforced", Attempt{Typed: "ada@free.test", Account: account("ada@free.test", "ada@acme.test")}, "acme ada@acme.test"},
		{"last of many addresses", Attempt{Typed: "ada@free.test", Account: account("a@f1.test", "a@f2.test", "a@f3.test", "a@ACME.test")}, "acme a@acme.test"},
		{"user name", Attempt{Typed: "ada", Account: account("ada@acme.test")}, "acme ada@acme.test"},
		{"user name that looks like a domain", Attempt{Typed: "free.test", Account: account("ada@acme.test")}, "acme ada@acme.test"},
		{"user name with an at", Attempt{Typed: "@ada", Account: account("ada@acme.test")}, "acme ada@acme.test"},
		{"passkey: nothing typed", Attempt{Account: account("ada@acme.test"), Method: MethodPasskey}, "acme ada@acme.test"},
		{"first enforced address of the account", Attempt{Typed: "ada", Account: account("ada@off.test", "ada@acme.test")}, "off ada@off.test"},
		{"stored in another notation", Attempt{Typed: "ada", Account: account("ada@ａCME.test. ")}, "acme ada@acme.test"},
		{"stored with a quoted local part", Attempt{Typed: "ada", Account: account(`"x@free.test"@acme.test`)}, `acme "x@free.test"@acme.test`},
		{"empty address first", Attempt{Typed: "ada", Account: account("", "ada@acme.test")}, "acme ada@acme.test"},
		{"session of an account", Attempt{Account: account("ada@acme.test"), Method: MethodSession}, "acme ada@acme.test"},
		{"change of address away from an enforced one", Attempt{Typed: "ada@free.test", Account: account("ada@acme.test"), Method: MethodAddressChange}, "acme ada@acme.test"},
		{"change of address to an enforced one", Attempt{Typed: "ada@acme.test", Account: account("ada@free.test"), Method: MethodAddressChange}, "acme ada@acme.test"},
		{"registration", Attempt{Typed: "ada@acme.test", Method: MethodRegistration}, "acme ada@acme.test"},
		{"invitation", Attempt{Account: account("ada@acme.test"), Method: MethodInvitation}, "acme ada@acme.test"},
		{"a method of the backend's own", Attempt{Typed: "ada@acme.test", Method: "carrier_pigeon"}, "acme ada@acme.test"},

		// Allowed.
		{"free", Attempt{Typed: "ada@free.test"}, allowed},
		{"free with account", Attempt{Typed: "ada@free.test", Account: account("ada@free.test", "ada@other.test")}, allowed},
		{"user name of a free account", Attempt{Typed: "ada", Account: account("ada@free.test")}, allowed},
		{"nothing typed, free account", Attempt{Account: account("ada@free.test")}, allowed},
		{"free account with an empty address", Attempt{Typed: "ada", Account: account("", "ada@free.test")}, allowed},
		{"claimed", Attempt{Typed: "ada@claimed.test"}, allowed},
		{"name below", Attempt{Typed: "ada@sub.acme.test"}, allowed},
		{"name that ends alike", Attempt{Typed: "ada@notacme.test"}, allowed},
		{"name that begins alike", Attempt{Typed: "ada@acme.test.free.test"}, allowed},
		{"wildcard's own name", Attempt{Typed: "ada@wild.test"}, allowed},
		{"rn for m", Attempt{Typed: "ada@acrne.test"}, allowed},
		{"Cyrillic letter", Attempt{Typed: "ada@аcme.test"}, allowed},
		{"domain in the local part", Attempt{Typed: "acme.test@free.test"}, allowed},
		{"quoted at in a stored address", Attempt{Typed: "ada", Account: account(`"ada@acme.test"@free.test`)}, allowed},
		{"100 addresses", Attempt{Account: slices.Repeat(account("ada@free.test"), 100)}, allowed},
		{"change of address", Attempt{Typed: "ada@other.test", Account: account("ada@free.test"), Method: MethodAddressChange}, allowed},

		// Never allowed: nobody can know.
		{"nothing", Attempt{}, string(CodeAddressMissing)},
		{"user name of nobody", Attempt{Typed: "ada"}, string(CodeAddressMissing)},
		{"white space", Attempt{Typed: " "}, string(CodeAddressMissing)},
		{"full-width at", Attempt{Typed: "ada＠acme.test"}, string(CodeAddressMissing)},
		{"account without addresses", Attempt{Typed: "ada", Account: account()}, string(CodeAddressMissing)},
		{"account with empty addresses", Attempt{Typed: "ada", Account: account("", "")}, string(CodeAddressMissing)},
		{"change of address to a user name", Attempt{Typed: "ada", Account: account("ada@free.test"), Method: MethodAddressChange}, string(CodeAddressMissing)},

		{"second domain behind", Attempt{Typed: "victim@acme.test@free.test"}, string(CodeAddressInvalid)},
		{"percent relay", Attempt{Typed: "victim%acme.test@free.test"}, string(CodeAddressInvalid)},
		{"list", Attempt{Typed: "ada@free.test,victim@acme.test"}, string(CodeAddressInvalid)},
		{"quoted", Attempt{Typed: `"victim@acme.test"@free.test`}, string(CodeAddressInvalid)},
		{"line break", Attempt{Typed: "victim@acme.test\n@free.test"}, string(CodeAddressInvalid)},
		{"angle brackets", Attempt{Typed: "<victim@acme.test>"}, string(CodeAddressInvalid)},
		{"single label", Attempt{Typed: "victim@acme"}, string(CodeAddressInvalid)},
		{"invalid UTF-8", Attempt{Typed: "victim@acm\xffe.test"}, string(CodeAddressInvalid)},
		{"null byte", Attempt{Typed: "victim@acme.test\x00"}, string(CodeAddressInvalid)},
		{"malformed, with an account of empty addresses", Attempt{Typed: "victim@", Account: account("")}, string(CodeAddressInvalid)},
		{"change of address to two", Attempt{Typed: "a@free.test,victim@acme.test", Account: account("ada@free.test"), Method: MethodAddressChange}, string(CodeAddressInvalid)},
		{"change of address to a quoted one", Attempt{Typed: `"x"@free.test`, Account: account("ada@free.test"), Method: MethodAddressChange}, string(CodeAddressInvalid)},

		{"malformed stored address", Attempt{Typed: "ada@free.test", Account: account("ada@free.test", "ada@acme.test@free.test")}, string(CodeAddressInvalid)},
		{"stored address without domain", Attempt{Typed: "ada", Account: account("ada")}, string(CodeAddressInvalid)},
		{"stored address of white space", Attempt{Typed: "ada", Account: account(" ")}, string(CodeAddressInvalid)},
		{"stored list", Attempt{Typed: "ada", Account: account("ada@free.test,victim@acme.test")}, string(CodeAddressInvalid)},
		{"stored address of a single label, which no connector can have", Attempt{Typed: "ada", Account: account("ada@localhost")}, "allowed"},
		{"stored address of a single label beside an enforced one", Attempt{Typed: "ada", Account: account("ada@localhost", "ada@acme.test")}, "acme ada@acme.test"},
		{"101 addresses", Attempt{Typed: "ada@acme.test", Account: slices.Repeat(account("ada@free.test"), 101)}, string(CodeAddressInvalid)},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			before := slices.Clone(row.attempt.Account)
			d, err := Decide(t.Context(), router, row.attempt)
			got := ""
			switch {
			case err != nil:
				var e *Error
				if !errors.As(err, &e) || d != (Decision{}) || d.Allowed() {
					t.Fatalf("got %+v, %v", d, err)
				}
				got = string(e.Code)
			case d.Allowed():
				got = allowed
				if d.Connector != nil || d.Address != "" || d.Domain != (Domain{}) {
					t.Errorf("allowed, but %+v", d)
				}
			default:
				got = d.Connector.ID() + " " + d.Address
				if address, err := storedAddress(d.Address); err != nil || !d.Domain.matches(address.Domain) {
					t.Errorf("the address %q does not fit the domain %q", d.Address, d.Domain)
				}
			}
			if got != row.want {
				t.Errorf("got %q, %v, want %q", got, err, row.want)
			}
			if !slices.Equal(before, row.attempt.Account) {
				t.Error("the caller's addresses were changed")
			}
		})
	}
}

func TestZeroDecision(t *testing.T) {
	t.Parallel()
	if (Decision{}).Allowed() || (Decision{Connector: &Connector{}}).Allowed() {
		t.Error("it allows")
	}
}

// Whatever the Source does, only its "not found" lets somebody in.
func TestDecideUnavailable(t *testing.T) {
	t.Parallel()
	down := errors.New("database is down")
	acme, err := NewConnector(routedConfig("acme", "acme.test"), routerOptions())
	if err != nil {
		t.Fatal(err)
	}
	entry := acme.Config().Domains[0]
	for _, row := range []struct {
		name   string
		source Source
		cause  error
	}{
		{"nil Source", nil, nil},
		{"failing Source", sourceFunc(func(string) (*Route, error) { return nil, down }), down},
		{"failing at the second address", sourceFunc(func(domain string) (*Route, error) {
			if domain == "free.test" {
				return nil, ErrNotFound
			}
			return nil, down
		}), down},
		{"failing at the first address, second is nobody's", sourceFunc(func(domain string) (*Route, error) {
			if domain == "free.test" {
				return nil, down
			}
			return nil, ErrNotFound
		}), down},
		{"failing at the first address, second is enforced", sourceFunc(func(domain string) (*Route, error) {
			if domain == "free.test" {
				return nil, down
			}
			return &Route{acme, entry}, nil
		}), down},
		{"a connector and an error", sourceFunc(func(string) (*Route, error) { return &Route{acme, entry}, down }), down},
		{"time-out", sourceFunc(func(string) (*Route, error) { return nil, fmt.Errorf("query: %w", context.DeadlineExceeded) }), context.DeadlineExceeded},
		{"an *Error of another code", sourceFunc(func(string) (*Route, error) { return nil, newError(CodeConnectorUnknown, "", down) }), down},
		{"not found here, and the other store is down", sourceFunc(func(string) (*Route, error) { return nil, errors.Join(ErrNotFound, down) }), down},
		{"not found because of another error", sourceFunc(func(string) (*Route, error) { return nil, fmt.Errorf("%w: %w", ErrNotFound, down) }), down},
		{"no connector and no error", sourceFunc(func(string) (*Route, error) { return nil, nil }), nil},
		{"an asserted domain without a connector", sourceFunc(func(domain string) (*Route, error) {
			return &Route{Domain: Domain{Name: domain, State: DomainAsserted}}, nil
		}), nil},
		{"connector without a domain", sourceFunc(func(string) (*Route, error) { return &Route{Connector: acme}, nil }), nil},
		{"claimed domain", sourceFunc(func(domain string) (*Route, error) { return &Route{acme, Domain{Name: domain}}, nil }), nil},
		{"another domain", sourceFunc(func(string) (*Route, error) { return &Route{acme, entry}, nil }), nil},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			d, err := Decide(t.Context(), row.source, Attempt{Typed: "ada@free.test", Account: []string{"ada@acme.test"}})
			e := wantErrorCode(t, err, CodeUnavailable)
			if d != (Decision{}) || e.Kind() != KindUnavailable {
				t.Errorf("got %+v, %v", d, err)
			}
			if row.cause != nil && !errors.Is(err, row.cause) {
				t.Errorf("the cause is lost: %v", err)
			}
		})
	}
}

func TestDecideWithEndedContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	// A Source that makes "not found" of a query that was broken off.
	source := sourceFunc(func(string) (*Route, error) {
		cancel()
		return nil, ErrNotFound
	})
	d, err := Decide(ctx, source, Attempt{Typed: "ada@free.test"})
	if wantErrorCode(t, err, CodeUnavailable); !errors.Is(err, context.Canceled) || d != (Decision{}) {
		t.Errorf("got %+v, %v", d, err)
	}
}

// An ErrNotFound that is wrapped still means "nobody's".
func TestDecideWrappedNotFound(t *testing.T) {
	t.Parallel()
	source := sourceFunc(func(string) (*Route, error) { return nil, fmt.Errorf("tenants: %w", ErrNotFound) })
	if d, err := Decide(t.Context(), source, Attempt{Typed: "ada@free.test"}); err != nil || !d.Allowed() {
		t.Errorf("got %+v, %v", d, err)
	}
}

// A Source is asked canonical names only, and each once.
func TestDecideAsksOnce(t *testing.T) {
	t.Parallel()
	var asked []string
	source := sourceFunc(func(domain string) (*Route, error) {
		asked = append(asked, domain)
		return nil, ErrNotFound
	})
	d, err := Decide(t.Context(), source, Attempt{Typed: "Ada@FREE.test.", Account: []string{"ada@free.test", "ada@Bücher.test", "l@free.test"}})
	if err != nil || !d.Allowed() || !slices.Equal(asked, []string{"free.test", "xn--bcher-kva.test"}) {
		t.Errorf("got %+v, %v, asked for %q", d, err, asked)
	}
}

// A stored address is a person's data, and who typed may be a stranger.
func TestDecideErrorQuotesNoStoredAddress(t *testing.T) {
	t.Parallel()
	_, err := Decide(t.Context(), decideRouter(t), Attempt{Typed: "ada", Account: []string{"", "confidential@xn--private-.test"}})
	e := wantErrorCode(t, err, CodeAddressInvalid)
	if strings.Contains(e.Error()+e.Public, "confidential") || strings.Contains(e.Error()+e.Public, "private") {
		t.Errorf("the error quotes the address: %v", e)
	}
	if !strings.Contains(e.Remedy, "stored") || !strings.Contains(e.Error(), "address 2") {
		t.Errorf("the error does not say which: %v", e)
	}
}
