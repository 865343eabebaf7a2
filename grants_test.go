package oidcsso

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
)

// grantingRouter is a Source that knows exceptions: what it has in the map "connector address" is the grant's ID. It writes
// down what it is asked.
type grantingRouter struct {
	*tellingRouter
	grants map[string]string
	answer func() (string, error) // in place of the map
	asked  []string
}

func (r *grantingRouter) Grant(_ context.Context, connectorID, address string, m Method) (string, error) {
	r.asked = append(r.asked, fmt.Sprintf("%s %s %s", connectorID, address, m))
	if r.answer != nil {
		return r.answer()
	}
	if id, ok := r.grants[connectorID+" "+address]; ok {
		return id, nil
	}
	return "", fmt.Errorf("grants: %w", ErrNotFound)
}

func newGrants(t testing.TB) *grantingRouter {
	return &grantingRouter{tellingRouter: statesRouter(t), grants: map[string]string{
		"enforced ada@enforced.test": "g1", "asserted ada@asserted.test": "g2", "frozen ada@frozen.test": "g3", "off-enforced ada@off-enforced.test": "g4",
	}}
}

func used(connector, domain string, m Method, grant string) string {
	return fmt.Sprintf("break_glass_used [connector=%s domain=%s method=%s grant=%s]", connector, domain, m, grant)
}

// wantDecision gives "allowed" or "stopped", the grant, the connector and the address.
func wantDecision(t *testing.T, source Source, a Attempt, want string) {
	t.Helper()
	d, err := Decide(t.Context(), source, a)
	got := "stopped"
	if err != nil {
		got = string(AsError(err).Code)
	} else if d.Allowed() {
		got = "allowed " + d.Grant
	}
	if d.Connector != nil {
		got += " " + d.Connector.ID() + " " + d.Address
	}
	if got != want || err != nil && d != (Decision{}) {
		t.Errorf("got %q, %v, want %q", got, err, want)
	}
}

func TestBreakGlass(t *testing.T) {
	t.Parallel()
	const enforced, asserted, frozen = "ada@enforced.test", "ada@asserted.test", "ada@frozen.test"
	by := func(m Method, addresses ...string) Attempt {
		return Attempt{Account: addresses, Method: m, BreakGlass: true}
	}
	for _, row := range []struct {
		name    string
		attempt Attempt
		want    string
		told    []string
	}{
		// What it opens.
		{"password", by(MethodPassword, enforced), "allowed g1 enforced " + enforced, []string{used("enforced", "enforced.test", MethodPassword, "g1")}},
		{"passkey", by(MethodPasskey, enforced), "allowed g1 enforced " + enforced, []string{used("enforced", "enforced.test", MethodPasskey, "g1")}},
		{"a session that began so, which is no event", by(MethodSession, enforced), "allowed g1 enforced " + enforced, nil},
		{"asserted", by(MethodPassword, asserted), "allowed g2 asserted " + asserted, []string{used("asserted", "asserted.test", MethodPassword, "g2")}},
		{"frozen", by(MethodPassword, frozen), "allowed g3 frozen " + frozen, []string{used("frozen", "frozen.test", MethodPassword, "g3")}},
		{"the connector is disabled", by(MethodPassword, "ada@off-enforced.test"), "allowed g4 off-enforced ada@off-enforced.test",
			[]string{used("off-enforced", "off-enforced.test", MethodPassword, "g4")}},
		{"two addresses, an exception for each", by(MethodPassword, enforced, asserted), "allowed g1 enforced " + enforced,
			[]string{used("enforced", "enforced.test", MethodPassword, "g1"), used("asserted", "asserted.test", MethodPassword, "g2")}},
		{"typed in upper case", Attempt{Typed: " ADA@Enforced.TEST ", Account: []string{enforced}, Method: MethodPassword, BreakGlass: true}, "allowed g1 enforced ADA@enforced.test",
			[]string{used("enforced", "enforced.test", MethodPassword, "g1")}},
		{"a user name typed", Attempt{Typed: "ada", Account: []string{enforced}, Method: MethodPassword, BreakGlass: true}, "allowed g1 enforced " + enforced,
			[]string{used("enforced", "enforced.test", MethodPassword, "g1")}},
		{"a routed address before it", by(MethodPassword, "ada@routed.test", enforced), "allowed g1 enforced " + enforced, []string{used("enforced", "enforced.test", MethodPassword, "g1")}},
		{"a report-only address behind it", by(MethodPassword, enforced, "ada@report-only.test"), "allowed g1 enforced " + enforced,
			[]string{used("enforced", "enforced.test", MethodPassword, "g1"), reported("report-only", "report-only.test", MethodPassword)}},
		{"nothing to open", by(MethodPassword, "ada@free.test"), "allowed ", nil},
		{"nothing to open in a routed domain", by(MethodPassword, "ada@routed.test"), "allowed  routed ada@routed.test", nil},

		// Who did not ask for it, in words, has none.
		{"not asked for", Attempt{Account: []string{enforced}, Method: MethodPassword}, "stopped enforced " + enforced, nil},
		{"a session, not asked for", Attempt{Account: []string{enforced}, Method: MethodSession}, "stopped enforced " + enforced, nil},
		{"nobody was found: only an address was typed", Attempt{Typed: enforced, Method: MethodPassword, BreakGlass: true}, "stopped enforced " + enforced, nil},
		{"the account has no address", Attempt{Typed: enforced, Account: []string{""}, Method: MethodPassword, BreakGlass: true}, "stopped enforced " + enforced, nil},

		// It makes no credential, and comes by no mail.
		{"new password", by(MethodPasswordReset, enforced), "stopped enforced " + enforced, nil},
		{"mailed link", by(MethodMagicLink, enforced), "stopped enforced " + enforced, nil},
		{"mailed link to the mailbox of a frozen domain", by(MethodMagicLink, frozen), "stopped frozen " + frozen, nil},
		{"new password by the mailbox of a frozen domain", by(MethodPasswordReset, frozen), "stopped frozen " + frozen, nil},
		{"an address entered, to find out how to sign in", by(MethodIdentify, enforced), "stopped enforced " + enforced, nil},
		{"registration", by(MethodRegistration, enforced), "stopped enforced " + enforced, nil},
		{"invitation", by(MethodInvitation, enforced), "stopped enforced " + enforced, nil},
		{"API token", by(MethodAPIToken, enforced), "stopped enforced " + enforced, nil},
		{"another address", Attempt{Typed: "ada@free.test", Account: []string{enforced}, Method: MethodAddressChange, BreakGlass: true}, "stopped enforced " + enforced, nil},
		{"to an address with an exception", Attempt{Typed: enforced, Account: []string{"ada@free.test"}, Method: MethodAddressChange, BreakGlass: true}, "stopped enforced " + enforced, nil},
		{"a method of the backend's own, which might do anything", by("recovery_code", enforced), "stopped enforced " + enforced, nil},
		{"a method in another case", by("Password", enforced), "stopped enforced " + enforced, nil},
		{"a method that is not said", by("", enforced), "stopped enforced " + enforced, nil},

		// It is for one address.
		{"another person", by(MethodPassword, "eve@enforced.test"), "stopped enforced eve@enforced.test", nil},
		{"a tag behind the name", by(MethodPassword, "ada+x@enforced.test"), "stopped enforced ada+x@enforced.test", nil},
		{"the same name elsewhere", by(MethodPassword, "ada@eu.enforced.test"), "stopped enforced ada@eu.enforced.test", nil},
		{"a second address without one", by(MethodPassword, enforced, "ada@eu.enforced.test"), "stopped enforced ada@eu.enforced.test", nil},
		{"a second address of the same domain without one", by(MethodPassword, enforced, "a.l@enforced.test"), "stopped enforced a.l@enforced.test", nil},
		{"another company's address without one", by(MethodPassword, asserted, "ada@off-frozen.test"), "stopped off-frozen ada@off-frozen.test", nil},
		{"the one of who is typed, for another account", Attempt{Typed: enforced, Account: []string{"eve@enforced.test"}, Method: MethodPassword, BreakGlass: true}, "stopped enforced eve@enforced.test", nil},
		{"the account's, for another who is typed", Attempt{Typed: "eve@enforced.test", Account: []string{enforced}, Method: MethodPassword, BreakGlass: true}, "stopped enforced eve@enforced.test", nil},
		{"quoted, which is another mailbox", by(MethodPassword, `"ada"@enforced.test`), `stopped enforced "ada"@enforced.test`, nil},
		{"a malformed address behind it", by(MethodPassword, enforced, "ada@"), string(CodeAddressInvalid), nil},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			source := newGrants(t)
			wantDecision(t, source, row.attempt, row.want)
			if told := source.told(); !slices.Equal(told, row.told) {
				t.Errorf("told %q, want %q", told, row.told)
			}
		})
	}
}

// The Kelvin sign folds to a "k": its mailbox is another one, and nobody is asked about it.
func TestBreakGlassForALookalike(t *testing.T) {
	t.Parallel()
	source := newGrants(t)
	source.grants["enforced kim@enforced.test"] = "g9"
	wantDecision(t, source, Attempt{Account: []string{"\u212aim@enforced.test"}, Method: MethodPassword, BreakGlass: true}, "stopped enforced \u212aim@enforced.test")
	wantDecision(t, source, Attempt{Account: []string{"Kim@enforced.test"}, Method: MethodPassword, BreakGlass: true}, "allowed g9 enforced Kim@enforced.test")
	if want := []string{"enforced kim@enforced.test password"}; !slices.Equal(source.asked, want) {
		t.Errorf("asked %q, want %q", source.asked, want)
	}
}

// Each address is asked about once, in one form; where nothing can be opened, nobody is asked.
func TestBreakGlassAsksOnce(t *testing.T) {
	t.Parallel()
	source := newGrants(t)
	for _, a := range []Attempt{
		{Account: []string{"ada@enforced.test"}, Method: MethodPassword},
		{Account: []string{"ada@enforced.test"}, Method: MethodMagicLink, BreakGlass: true},
		{Account: []string{"ada@routed.test", "ada@free.test"}, Method: MethodPassword, BreakGlass: true},
	} {
		if _, err := Decide(t.Context(), source, a); err != nil || source.asked != nil {
			t.Errorf("%+v: asked %q, %v", a, source.asked, err)
		}
	}
	wantDecision(t, source, Attempt{Typed: "ADA@enforced.test", Account: []string{"Ada@Enforced.test", "ada@ASSERTED.test.", "ada@enforced.test"}, Method: MethodPasskey, BreakGlass: true},
		"allowed g1 enforced ADA@enforced.test")
	if want := []string{"enforced ada@enforced.test passkey", "asserted ada@asserted.test passkey"}; !slices.Equal(source.asked, want) {
		t.Errorf("asked %q, want %q", source.asked, want)
	}
}

// The exception ends: so does the session that began with it, and the next attempt is stopped.
func TestBreakGlassEnds(t *testing.T) {
	t.Parallel()
	source := newGrants(t)
	session := Attempt{Account: []string{"ada@enforced.test"}, Method: MethodSession, BreakGlass: true}
	wantDecision(t, source, session, "allowed g1 enforced ada@enforced.test")
	clear(source.grants)
	wantDecision(t, source, session, "stopped enforced ada@enforced.test")
	session.Method = MethodPassword
	wantDecision(t, source, session, "stopped enforced ada@enforced.test")
}

// Without exceptions, or where it can't be known whether there is one, nobody gets in.
func TestBreakGlassUnavailable(t *testing.T) {
	t.Parallel()
	down := errors.New("database is down")
	attempt := Attempt{Account: []string{"ada@enforced.test"}, Method: MethodPassword, BreakGlass: true}
	for _, row := range []struct {
		name   string
		answer func() (string, error)
		cause  error
	}{
		{"it fails", func() (string, error) { return "", down }, down},
		{"an ID and an error", func() (string, error) { return "g1", down }, down},
		{"an ID beside not found, and down", func() (string, error) { return "g1", errors.Join(ErrNotFound, down) }, down},
		{"neither an ID nor an error", func() (string, error) { return "", nil }, nil},
		{"time-out", func() (string, error) { return "", context.DeadlineExceeded }, context.DeadlineExceeded},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			source := newGrants(t)
			source.answer = row.answer
			d, err := Decide(t.Context(), source, attempt)
			e := wantErrorCode(t, err, CodeUnavailable)
			if d != (Decision{}) || e.Connector != "enforced" || row.cause != nil && !errors.Is(err, row.cause) {
				t.Errorf("got %+v, %v", d, err)
			}
			if told := source.told(); told != nil {
				t.Errorf("told %q", told)
			}
		})
	}
	t.Run("the search was broken off", func(t *testing.T) {
		t.Parallel()
		ctx, cancel := context.WithCancel(t.Context())
		source := newGrants(t)
		source.answer = func() (string, error) { cancel(); return "", ErrNotFound }
		d, err := Decide(ctx, source, attempt)
		if wantErrorCode(t, err, CodeUnavailable); d != (Decision{}) || !errors.Is(err, context.Canceled) {
			t.Errorf("got %+v, %v", d, err)
		}
	})
	t.Run("not found, with an ID", func(t *testing.T) {
		t.Parallel()
		source := newGrants(t)
		source.answer = func() (string, error) { return "g1", ErrNotFound }
		wantDecision(t, source, attempt, "stopped enforced ada@enforced.test")
	})
	t.Run("a Source that knows none", func(t *testing.T) {
		t.Parallel()
		wantDecision(t, statesRouter(t), attempt, "stopped enforced ada@enforced.test")
	})
	t.Run("the second of two fails", func(t *testing.T) {
		t.Parallel()
		source := newGrants(t)
		asked := 0
		source.answer = func() (string, error) {
			if asked++; asked == 1 {
				return "g1", nil
			}
			return "", down
		}
		d, err := Decide(t.Context(), source, Attempt{Account: []string{"ada@enforced.test", "ada@asserted.test"}, Method: MethodPassword, BreakGlass: true})
		if wantErrorCode(t, err, CodeUnavailable); d != (Decision{}) || source.told() != nil {
			t.Errorf("got %+v, %v, told %q", d, err, source.told())
		}
	})
}
