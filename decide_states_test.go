package oidcsso

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
)

// recorder is an Events that writes down what it is told.
type recorder struct {
	mu     sync.Mutex
	events []string
}

func (r *recorder) Event(_ context.Context, name string, attrs ...slog.Attr) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events = append(r.events, fmt.Sprintf("%s %v", name, attrs))
}

func (r *recorder) told() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.events)
}

// tellingRouter is a Source that is an Events.
type tellingRouter struct {
	*Router
	*recorder
}

// statesRouter has a connector for each state: "report-only" has report-only.test, and so on; some are disabled.
func statesRouter(t testing.TB) *tellingRouter {
	t.Helper()
	var cfgs []Config
	for _, state := range ownedStates {
		name := strings.ReplaceAll(string(state), "_", "-")
		cfgs = append(cfgs, inState(name, state, name+".test", "*."+name+".test"))
	}
	for _, state := range []DomainState{DomainRouted, DomainReportOnly, DomainEnforced, DomainFrozen} {
		name := "off-" + strings.ReplaceAll(string(state), "_", "-")
		off := inState(name, state, name+".test")
		off.Disabled = true
		cfgs = append(cfgs, off)
	}
	return &tellingRouter{routerWith(t, append(cfgs, inState("claims", DomainClaimed, "claimed.test"))...), &recorder{}}
}

func reported(connector, domain string, m Method) string {
	return fmt.Sprintf("report_only [connector=%s domain=%s method=%s]", connector, domain, m)
}

func TestDecideByState(t *testing.T) {
	t.Parallel()
	const verified, routed, reports, enforced, frozen = "ada@verified.test", "ada@routed.test", "ada@report-only.test", "ada@enforced.test", "ada@frozen.test"
	account := func(addresses ...string) Attempt { return Attempt{Account: addresses, Method: MethodPassword} }
	report := reported("report-only", "report-only.test", MethodPassword)
	for _, row := range []struct {
		name    string
		attempt Attempt
		want    string // whether it is allowed, the connector and the address
		told    []string
	}{
		{"enforced", account(enforced), "stopped enforced " + enforced, nil},
		{"asserted", account("ada@asserted.test"), "stopped asserted ada@asserted.test", nil},
		{"frozen", account(frozen), "stopped frozen " + frozen, nil},
		{"enforced, connector disabled", account("ada@off-enforced.test"), "stopped off-enforced ada@off-enforced.test", nil},
		{"frozen, connector disabled", account("ada@off-frozen.test"), "stopped off-frozen ada@off-frozen.test", nil},
		{"below a frozen wildcard", account("ada@eu.frozen.test"), "stopped frozen ada@eu.frozen.test", nil},

		{"verified", account(verified), "allowed", nil},
		{"lapsed", account("ada@lapsed.test"), "allowed", nil},
		{"enforced behind lapsed", account("ada@lapsed.test", enforced), "stopped enforced " + enforced, nil},
		{"claimed", account("ada@claimed.test"), "allowed", nil},
		{"routed", account(routed), "allowed routed " + routed, nil},
		{"routed, typed", Attempt{Typed: "Ada@ROUTED.test"}, "allowed routed Ada@routed.test", nil},
		{"routed, connector disabled", account("ada@off-routed.test"), "allowed", nil},
		{"the second routed one is enabled", account("ada@off-routed.test", routed), "allowed routed " + routed, nil},
		{"the first routed one is offered", account("ada@free.test", verified, routed, reports), "allowed routed " + routed, []string{report}},

		{"report only", account(reports), "allowed report-only " + reports, []string{report}},
		{"report only, below a wildcard", account("ada@eu.report-only.test"), "allowed report-only ada@eu.report-only.test", []string{reported("report-only", "*.report-only.test", MethodPassword)}},
		{"report only, connector disabled", account("ada@off-report-only.test"), "allowed", []string{reported("off-report-only", "off-report-only.test", MethodPassword)}},
		{"report only, two addresses and what was typed", Attempt{Typed: reports, Account: []string{reports, "a.l@report-only.test"}, Method: MethodPassword}, "allowed report-only " + reports, []string{report}},
		{"report only, of two connectors", account(reports, "ada@off-report-only.test"), "allowed report-only " + reports,
			[]string{report, reported("off-report-only", "off-report-only.test", MethodPassword)}},
		{"report only, method not said", Attempt{Typed: reports}, "allowed report-only " + reports, []string{reported("report-only", "report-only.test", "")}},
		{"report only, an API token", Attempt{Account: []string{reports}, Method: MethodAPIToken}, "allowed report-only " + reports, []string{reported("report-only", "report-only.test", MethodAPIToken)}},
		{"report only, nothing but an address entered", Attempt{Typed: reports, Account: []string{reports}, Method: MethodIdentify}, "allowed report-only " + reports, nil},
		{"routed, nothing but an address entered", Attempt{Typed: routed, Method: MethodIdentify}, "allowed routed " + routed, nil},
		{"enforced, nothing but an address entered", Attempt{Typed: enforced, Method: MethodIdentify}, "stopped enforced " + enforced, nil},
		{"report only, a session goes on", Attempt{Account: []string{reports}, Method: MethodSession}, "allowed report-only " + reports, nil},

		// What does not enforce never opens what does.
		{"enforced behind routed", account(routed, enforced), "stopped enforced " + enforced, nil},
		{"enforced behind report only", account(reports, enforced), "stopped enforced " + enforced, nil},
		{"enforced behind verified", account(verified, enforced), "stopped enforced " + enforced, nil},
		{"frozen behind routed", account(routed, frozen), "stopped frozen " + frozen, nil},
		{"enforced before routed", account(enforced, routed), "stopped enforced " + enforced, nil},
		{"typed is routed, the account enforced", Attempt{Typed: routed, Account: []string{enforced}, Method: MethodPassword}, "stopped enforced " + enforced, nil},
		{"typed is enforced, the account routed", Attempt{Typed: enforced, Account: []string{routed}, Method: MethodPassword}, "stopped enforced " + enforced, nil},
		{"change of address from routed to enforced", Attempt{Typed: enforced, Account: []string{routed}, Method: MethodAddressChange}, "stopped enforced " + enforced, nil},
		{"last of a hundred", account(append(slices.Repeat([]string{routed, reports, verified}, 33), enforced)...), "stopped enforced " + enforced, nil},
		// Nor does it open what nobody can know.
		{"malformed behind routed", account(routed, "ada@"), string(CodeAddressInvalid), nil},
		{"malformed behind report only", account(reports, "ada@"), string(CodeAddressInvalid), nil},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			source := statesRouter(t)
			d, err := Decide(t.Context(), source, row.attempt)
			got := "stopped"
			switch {
			case err != nil:
				got = string(AsError(err).Code)
				if d != (Decision{}) {
					t.Errorf("with the error comes %+v", d)
				}
			case d.Allowed():
				got = "allowed"
			}
			if d.Connector != nil {
				got += " " + d.Connector.ID() + " " + d.Address
				if address, err := storedAddress(d.Address); err != nil || !d.Domain.matches(address.Domain) || !d.Domain.State.routes() {
					t.Errorf("the address %q does not fit the domain %+v", d.Address, d.Domain)
				}
			}
			if got != row.want || d.Grant != "" {
				t.Errorf("got %q, grant %q, %v, want %q", got, d.Grant, err, row.want)
			}
			if told := source.told(); !slices.Equal(told, row.told) {
				t.Errorf("told %q, want %q", told, row.told)
			}
		})
	}
}

// A state that nobody knows, from a Source that does not check: neither "allowed" nor anybody's connector.
func TestDecideDoubtsStrangeStates(t *testing.T) {
	t.Parallel()
	acme, err := NewConnector(routedConfig("acme", "acme.test"), routerOptions())
	if err != nil {
		t.Fatal(err)
	}
	for _, state := range append(strangeStates, DomainClaimed) {
		source := sourceFunc(func(domain string) (*Route, error) { return &Route{acme, Domain{Name: domain, State: state}}, nil })
		d, err := Decide(t.Context(), source, Attempt{Typed: "ada@acme.test"})
		if wantErrorCode(t, err, CodeUnavailable); d != (Decision{}) {
			t.Errorf("%q: %+v", state, d)
		}
	}
}

// The Source is told first, Options.Events second, each once; either may be missing.
func TestTell(t *testing.T) {
	t.Parallel()
	var order []string
	first := eventsFunc(func(name string, attrs []slog.Attr) { order = append(order, fmt.Sprintf("source %s %v", name, attrs)) })
	second := eventsFunc(func(name string, attrs []slog.Attr) { order = append(order, fmt.Sprintf("options %s %v", name, attrs)) })
	for _, row := range []struct {
		source Source
		events Events
		want   string
	}{
		{nil, nil, ""},
		{&Router{}, nil, ""},
		{&Router{}, second, "options x [k=v]"},
		{nil, second, "options x [k=v]"},
		{sourceWithEvents{&Router{}, first}, nil, "source x [k=v]"},
		{sourceWithEvents{&Router{}, first}, second, "source x [k=v], options x [k=v]"},
	} {
		order = nil
		tell(t.Context(), row.source, row.events, "x", slog.String("k", "v"))
		if got := strings.Join(order, ", "); got != row.want {
			t.Errorf("%T, %T: told %q, want %q", row.source, row.events, got, row.want)
		}
	}
}

type eventsFunc func(name string, attrs []slog.Attr)

func (f eventsFunc) Event(_ context.Context, name string, attrs ...slog.Attr) { f(name, attrs) }

type sourceWithEvents struct {
	Source
	Events
}
