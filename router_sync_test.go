package oidcsso

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"
	"weak"
)

// brokenConfig is what a caller puts for a connector that it can't read.
func brokenConfig(id string, domains ...string) Config {
	return Config{ID: id, Domains: AssertDomains(domains...)}
}

// routedOr is routedTo, with "unavailable by ID" where the connector is out of order.
func routedOr(t testing.TB, r *Router, domain string) string {
	t.Helper()
	route, err := r.Route(t.Context(), domain)
	var e *Error
	switch {
	case err == nil:
		return route.Connector.ID()
	case err == ErrNotFound:
		return "nobody"
	case errors.As(err, &e) && e.Code == CodeUnavailable && route == nil && !errors.Is(err, ErrNotFound):
		return "unavailable by " + e.Connector
	}
	t.Fatalf("Route(%q): %v", domain, err)
	return ""
}

// syncProblems are the errors of a Sync, each as "ID code" or "ID field".
func syncProblems(t testing.TB, err error) []string {
	t.Helper()
	if err == nil {
		return nil
	}
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		t.Fatalf("not joined: %v", err)
	}
	var found []string
	for _, err := range joined.Unwrap() {
		switch e := err.(type) {
		case *ConfigError:
			found = append(found, e.Connector+" "+e.Fields[0].Field)
		case *Error:
			found = append(found, e.Connector+" "+string(e.Code))
		default:
			t.Fatalf("unexpected type %T", err)
		}
	}
	return found
}

// Each row is what a Router with the connectors acme (acme.test), wild (*.wild.test) and old (old.test, older.test) does with one
// Sync: the problems, what domains are routed to, and which connectors are healthy.
func TestSync(t *testing.T) {
	t.Parallel()
	noIssuer := func(id string, domains ...string) Config {
		cfg := routedConfig(id, domains...)
		cfg.Issuer = ""
		return cfg
	}
	at := func(uri string, cfg Config) Config {
		cfg.RedirectURL = uri
		return cfg
	}
	const exclusive = "https://app.test/exclusive"
	for _, row := range []struct {
		name     string
		put      []Config
		remove   []string
		problems []string
		routes   map[string]string
		healthy  string
	}{
		{name: "nothing", healthy: "acme old wild"},
		{name: "unknown IDs to remove", remove: []string{"nobody", ""}, healthy: "acme old wild"},
		{name: "add, change and remove", put: []Config{routedConfig("fresh", "new.test"), routedConfig("old", "old.test")}, remove: []string{"acme"},
			routes: map[string]string{"new.test": "fresh", "old.test": "old", "older.test": "nobody", "acme.test": "nobody"}, healthy: "fresh old wild"},
		{name: "in put and in remove", put: []Config{routedConfig("acme", "acme.test", "more.test")}, remove: []string{"acme"},
			routes: map[string]string{"acme.test": "acme", "more.test": "acme"}, healthy: "acme old wild"},
		{name: "a domain moves", put: []Config{routedConfig("acme", "acme.test", "older.test"), routedConfig("old", "old.test")},
			routes: map[string]string{"older.test": "acme", "old.test": "old"}, healthy: "acme old wild"},
		{name: "two swap", put: []Config{routedConfig("acme", "old.test"), routedConfig("old", "acme.test")},
			routes: map[string]string{"old.test": "acme", "acme.test": "old", "older.test": "nobody"}, healthy: "acme old wild"},
		{name: "a domain of one that is removed", put: []Config{routedConfig("fresh", "acme.test")}, remove: []string{"acme"},
			routes: map[string]string{"acme.test": "fresh"}, healthy: "fresh old wild"},

		{name: "an invalid Config among others", put: []Config{noIssuer("bad", "bad.test", "*.bad.test"), routedConfig("fresh", "new.test")},
			problems: []string{"bad issuer"},
			routes:   map[string]string{"bad.test": "unavailable by bad", "a.b.bad.test": "unavailable by bad", "new.test": "fresh"}, healthy: "acme fresh old wild"},
		{name: "what can't be read", put: []Config{brokenConfig("lost", "lost.test")}, problems: []string{"lost issuer"},
			routes: map[string]string{"lost.test": "unavailable by lost"}, healthy: "acme old wild"},
		{name: "a claim of what can't be read", put: []Config{{ID: "lost", Domains: []Domain{{Name: "lost.test"}}}}, problems: []string{"lost issuer"},
			routes: map[string]string{"lost.test": "nobody"}, healthy: "acme old wild"},
		{name: "a state that is unknown", put: []Config{{ID: "lost", Issuer: "https://idp.test", ClientID: "client", Domains: []Domain{{Name: "lost.test", State: "new"}}}},
			problems: []string{"lost domains[0]"}, routes: map[string]string{"lost.test": "unavailable by lost"}, healthy: "acme old wild"},
		{name: "names that are none, and other notations", put: []Config{brokenConfig("lost", "not a name", "", "LOST.test.", "lost.TEST")}, problems: []string{"lost issuer"},
			routes: map[string]string{"lost.test": "unavailable by lost"}, healthy: "acme old wild"},
		{name: "names that nobody may have", put: []Config{brokenConfig("lost", "*.com", "*.co.uk", "github.io", "gmail.com", "*.okta.com")}, problems: []string{"lost issuer"},
			routes: map[string]string{"free.com": "nobody", "free.co.uk": "nobody", "github.io": "nobody", "gmail.com": "nobody", "x.okta.com": "nobody"}, healthy: "acme old wild"},
		{name: "a wildcard in its name, in another notation", put: []Config{{ID: "lost", Domains: []Domain{{Name: "*.LOST.test.", State: DomainEnforced}}}}, problems: []string{"lost issuer"},
			routes: map[string]string{"eu.lost.test": "unavailable by lost", "lost.test": "nobody"}, healthy: "acme old wild"},
		{name: "a broken row no longer names its domain", put: []Config{brokenConfig("old", "old.test")}, problems: []string{"old issuer"},
			routes: map[string]string{"old.test": "unavailable by old", "older.test": "unavailable by old"}, healthy: "acme wild"},
		{name: "a domain moves away from a broken row", put: []Config{brokenConfig("old", "old.test"), routedConfig("acme", "older.test")}, problems: []string{"old issuer"},
			routes: map[string]string{"older.test": "acme", "acme.test": "nobody"}, healthy: "acme wild"},
		{name: "an invalid ID", put: []Config{routedConfig("NO ID", "lost.test"), routedConfig("", "lost2.test")}, problems: []string{"NO ID id", " id"},
			routes: map[string]string{"lost.test": "unavailable by NO ID", "lost2.test": "unavailable by "}, healthy: "acme old wild"},

		{name: "an exact name below another's wildcard", put: []Config{brokenConfig("lost", "eu.wild.test")}, problems: []string{"lost issuer"},
			routes: map[string]string{"eu.wild.test": "unavailable by lost", "us.wild.test": "wild"}, healthy: "acme old wild"},
		{name: "a longer wildcard below another's", put: []Config{brokenConfig("lost", "*.eu.wild.test")}, problems: []string{"lost issuer"},
			routes: map[string]string{"a.eu.wild.test": "unavailable by lost", "eu.wild.test": "wild", "a.us.wild.test": "wild"}, healthy: "acme old wild"},
		{name: "a wildcard above others' names", put: []Config{brokenConfig("lost", "*.test")}, problems: []string{"lost issuer"},
			routes: map[string]string{"acme.test": "acme", "a.wild.test": "wild"}, healthy: "acme old wild"},

		{name: "another's domain", put: []Config{routedConfig("eve", "eve.test", "acme.test", "*.wild.test")},
			problems: []string{"eve domain_conflict", "eve domain_conflict"},
			routes:   map[string]string{"acme.test": "acme", "a.wild.test": "wild", "eve.test": "unavailable by eve"}, healthy: "acme old wild"},
		{name: "another's redirect URI", put: []Config{at("https://app.test/sso/callback/acme", routedConfig("eve", "eve.test"))}, problems: []string{"eve redirect_url"},
			routes: map[string]string{"acme.test": "acme", "eve.test": "unavailable by eve"}, healthy: "acme old wild"},
		{name: "two rivals", put: []Config{routedConfig("a", "both.test", "a.test"), routedConfig("b", "b.test", "both.test")},
			problems: []string{"a domain_conflict", "b domain_conflict"},
			routes:   map[string]string{"both.test": "unavailable by a", "a.test": "unavailable by a", "b.test": "unavailable by b"}, healthy: "acme old wild"},
		{name: "a chain of rivals", put: []Config{routedConfig("c", "bc.test"), routedConfig("a", "ab.test"), routedConfig("b", "ab.test", "bc.test")},
			problems: []string{"c domain_conflict", "a domain_conflict", "b domain_conflict", "b domain_conflict"},
			routes:   map[string]string{"ab.test": "unavailable by a", "bc.test": "unavailable by b"}, healthy: "acme old wild"},
		{name: "a rival that is out of order anyway", put: []Config{routedConfig("eve", "acme.test", "new.test"), noIssuer("mallory", "new.test"), routedConfig("fresh", "new.test")},
			problems: []string{"eve domain_conflict", "mallory issuer"},
			routes:   map[string]string{"acme.test": "acme", "new.test": "fresh"}, healthy: "acme fresh old wild"},
		{name: "a rival of what has just been theirs", put: []Config{routedConfig("acme", "acme.test"), routedConfig("eve", "acme.test")},
			problems: []string{"acme domain_conflict", "eve domain_conflict"},
			routes:   map[string]string{"acme.test": "unavailable by acme"}, healthy: "old wild"},
		{name: "an ID that is there twice", put: []Config{routedConfig("a", "a.test"), routedConfig("b", "b.test"), routedConfig("a", "a2.test"), noIssuer("a", "a3.test")},
			problems: []string{"a id"},
			routes:   map[string]string{"a.test": "unavailable by a", "a2.test": "unavailable by a", "a3.test": "unavailable by a", "b.test": "b"}, healthy: "acme b old wild"},
		{name: "rivals of an exclusive redirect URI", put: []Config{at(exclusive, routedConfig("a", "a.test")), at(exclusive, routedConfig("b", "b.test"))},
			problems: []string{"a redirect_url", "b redirect_url"},
			routes:   map[string]string{"a.test": "unavailable by a", "b.test": "unavailable by b"}, healthy: "acme old wild"},
		{name: "rivals of a default redirect URI", put: []Config{at("https://app.test/sso/callback/b", routedConfig("a", "a.test")), routedConfig("b", "b.test")},
			problems: []string{"a redirect_url", "b redirect_url"},
			routes:   map[string]string{"a.test": "unavailable by a", "b.test": "unavailable by b"}, healthy: "acme old wild"},
		{name: "a redirect URI that several may have", put: []Config{at("https://app.test/shared", routedConfig("a", "a.test")), at("https://app.test/shared", routedConfig("b", "b.test"))},
			routes: map[string]string{"a.test": "a", "b.test": "b"}, healthy: "a acme b old wild"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			for _, order := range []string{"as written", "reversed"} {
				opts := routerOptions()
				opts.ExclusiveRedirectURLs = []string{exclusive}
				r := NewRouter(opts)
				if err := r.Sync([]Config{routedConfig("acme", "acme.test"), routedConfig("wild", "*.wild.test"), routedConfig("old", "old.test", "older.test")}, nil); err != nil {
					t.Fatal(err)
				}
				put, want := slices.Clone(row.put), slices.Clone(row.problems)
				if order == "reversed" { // nothing but the order of the problems is another
					slices.Reverse(put)
					slices.Sort(want)
				}
				got := syncProblems(t, r.Sync(put, row.remove))
				if order == "reversed" {
					slices.Sort(got)
				}
				if !slices.Equal(got, want) {
					t.Errorf("%s: the problems are %q, want %q", order, got, want)
				}
				for domain, want := range row.routes {
					if got := routedOr(t, r, domain); got != want {
						t.Errorf("%s: %s is routed to %q, want %q", order, domain, got, want)
					}
				}
				if got := strings.Trim(connectorIDs(r), "[]"); got != row.healthy {
					t.Errorf("%s: healthy are %s, want %s", order, got, row.healthy)
				}
			}
		})
	}
}

// What is out of order is neither known nor unknown, says why, and shows the person nothing of it.
func TestOutOfOrderIsUnavailable(t *testing.T) {
	t.Parallel()
	r := routerWith(t, routedConfig("acme", "acme.test"))
	if err := r.Sync([]Config{routedConfig("eve", "eve.test", "acme.test")}, nil); err == nil {
		t.Fatal("no error")
	}
	_, byID := r.Connector(t.Context(), "eve")
	_, byDomain := r.Route(t.Context(), "EVE.test.")
	for _, err := range []error{byID, byDomain} {
		e := wantErrorCode(t, err, CodeUnavailable)
		var cause *Error
		if errors.Is(err, ErrNotFound) || !errors.As(e.Unwrap(), &cause) || cause.Code != CodeDomainConflict || e.Connector != "eve" {
			t.Errorf("error is %v", err)
		}
		if strings.Contains(e.Public, "acme") || strings.Contains(e.Public, "eve") || e.Kind() != KindUnavailable {
			t.Errorf("the person reads %q", e.Public)
		}
	}
	if byID.(*Error).ID == byDomain.(*Error).ID {
		t.Error("two errors have one correlation id")
	}
	if d, err := Decide(t.Context(), r, Attempt{Typed: "ada@eve.test", Method: MethodPassword}); d.Allowed() || !errors.Is(err, CodeUnavailable) {
		t.Errorf("a password gets in: %+v, %v", d, err)
	} else if e := AsError(err); e.Connector != "eve" || e.Remedy != AsError(byID).Remedy || strings.Count(e.Error(), "unavailable") != 1 {
		t.Errorf("the log reads %v", err) // of a Source's own Error nothing is lost
	}
}

func TestOutOfOrderIsMended(t *testing.T) {
	t.Parallel()
	for name, mend := range map[string]func(*Router, Config) error{
		"Sync":    func(r *Router, cfg Config) error { return r.Sync([]Config{cfg}, nil) },
		"Put":     (*Router).Put,
		"Replace": func(r *Router, cfg Config) error { return r.Replace([]Config{cfg}) },
	} {
		r := routerWith(t, routedConfig("acme", "acme.test", "old.test"))
		before, _ := r.Connector(t.Context(), "acme")
		discovered := before.provider()
		for range 2 { // also when it is broken twice
			if err := r.Sync([]Config{brokenConfig("acme", "acme.test", "other.test")}, nil); err == nil {
				t.Fatal("no error")
			}
		}
		if err := mend(r, routedConfig("acme", "acme.test")); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		after, err := r.Connector(t.Context(), "acme")
		if err != nil || after.provider() != discovered {
			t.Errorf("%s: what was discovered is lost, %v", name, err)
		}
		for domain, want := range map[string]string{"acme.test": "acme", "old.test": "nobody", "other.test": "nobody"} {
			if got := routedOr(t, r, domain); got != want {
				t.Errorf("%s: %s is routed to %q, want %q", name, domain, got, want)
			}
		}
	}
}

// A broken row is changed again and again. What its last healthy connector had stays closed; what only broken ones named does not
// pile up.
func TestOutOfOrderDoesNotPileUp(t *testing.T) {
	t.Parallel()
	r := routerWith(t, routedConfig("acme", "acme.test"))
	for i := range 100 {
		if err := r.Sync([]Config{brokenConfig("acme", fmt.Sprintf("n%d.test", i))}, nil); err == nil {
			t.Fatal("no error")
		}
	}
	if n := r.load().brokenExact.Len(); n != 2 || routedOr(t, r, "n99.test") != "unavailable by acme" || routedOr(t, r, "acme.test") != "unavailable by acme" {
		t.Errorf("%d domains are kept, want the last one and the healthy one's", n)
	}
}

// Readers have the table before while one more that is out of order names the same domain.
func TestOutOfOrderReachesNoReader(t *testing.T) {
	t.Parallel()
	r := routerWith(t)
	ids := "gfedcba" // each of them before all others
	for i := range ids {
		before, first := r.load(), "nobody"
		if i > 0 {
			first = ids[i-1 : i]
		}
		if err := r.Sync([]Config{brokenConfig(ids[i:i+1], "lost.test", "*.lost.test")}, nil); err == nil {
			t.Fatal("no error")
		}
		for _, domain := range []string{"lost.test", "eu.lost.test"} {
			_, err := before.route(domain)
			if e := AsError(err); e.Connector != first && (first != "nobody" || err != ErrNotFound) {
				t.Errorf("with %c the table before says of %s: %v", ids[i], domain, err)
			}
		}
	}
}

// A domain that two broken rows name, and a healthy connector holds, goes from one to the other and ends as nobody's.
func TestOutOfOrderDomainOutlivesItsHolder(t *testing.T) {
	t.Parallel()
	r := routerWith(t, routedConfig("acme", "acme.test"))
	for _, step := range []struct {
		put    []Config
		remove []string
		want   string
	}{
		{[]Config{brokenConfig("x", "acme.test")}, nil, "acme"},
		{[]Config{brokenConfig("a", "acme.test")}, nil, "acme"},
		{nil, []string{"acme"}, "unavailable by a"},
		{[]Config{routedConfig("heir", "acme.test")}, nil, "heir"},
		{[]Config{routedConfig("heir")}, nil, "unavailable by a"},
		{nil, []string{"a"}, "unavailable by x"},
		{nil, []string{"x", "heir"}, "nobody"},
	} {
		_ = r.Sync(step.put, step.remove) // the problems are another test's
		if got := routedOr(t, r, "acme.test"); got != step.want {
			t.Fatalf("after %v and %v it is %q, want %q", step.put, step.remove, got, step.want)
		}
	}
	if err := r.Remove("x"); err != ErrNotFound {
		t.Errorf("it is still there: %v", err)
	}
	_ = r.Sync([]Config{brokenConfig("x", "acme.test")}, nil)
	if err := r.Put(routedConfig("eve", "acme.test")); err != nil || routedOr(t, r, "acme.test") != "eve" {
		t.Errorf("what is out of order keeps a healthy connector out: %v", err)
	}
	if err := r.Remove("x"); err != nil {
		t.Errorf("Remove: %v", err)
	}
	if _, err := r.Connector(t.Context(), "x"); err != ErrNotFound {
		t.Errorf("Connector: %v", err)
	}
}

// Many want one domain, and all are out of order, each with one problem: the errors don't grow with the square of their number.
func TestSyncOfManyRivals(t *testing.T) {
	t.Parallel()
	cfgs := make([]Config, 500)
	for i := range cfgs {
		cfgs[i] = routedConfig(fmt.Sprintf("c%03d", i), "acme.test")
	}
	r := NewRouter(routerOptions())
	if got := syncProblems(t, r.Sync(cfgs, nil)); len(got) != len(cfgs) {
		t.Errorf("%d problems", len(got))
	}
	for i := range cfgs { // the first of those that are left is named
		if got := routedOr(t, r, "acme.test"); got != "unavailable by "+cfgs[i].ID {
			t.Fatalf("after %d are gone it is %q", i, got)
		}
		if err := r.Remove(cfgs[i].ID); err != nil {
			t.Fatal(err)
		}
	}
	if got := routedOr(t, r, "acme.test"); got != "nobody" {
		t.Errorf("it is %q", got)
	}
}

// A connector that names its own default redirect URI is no rival of itself.
func TestSyncOfTheDefaultRedirectURI(t *testing.T) {
	t.Parallel()
	cfg := routedConfig("acme", "acme.test")
	cfg.RedirectURL = "https://app.test/sso/callback/acme"
	r := routerWith(t)
	for range 2 {
		if err := r.Sync([]Config{cfg}, nil); err != nil {
			t.Error(err)
		}
	}
}

// Even bad Options leave no domain open.
func TestSyncWithBadOptions(t *testing.T) {
	t.Parallel()
	r := NewRouter(&Options{BaseURL: "http://app.test"})
	if got := syncProblems(t, r.Sync([]Config{routedConfig("acme", "acme.test")}, nil)); fmt.Sprint(got) != "[acme base_url]" {
		t.Errorf("the problems are %q", got)
	}
	if got := routedOr(t, r, "acme.test"); got != "unavailable by acme" {
		t.Errorf("it is %q", got)
	}
}

// Old connectors and tables are garbage, but for the few that recent changes stand beside.
func TestRouterKeepsNothingOfOldConnectors(t *testing.T) {
	t.Parallel()
	const connectors, changes = 3000, 10_000
	cfgs := make([]Config, connectors)
	for i := range cfgs {
		cfgs[i] = routedConfig(fmt.Sprintf("c%d", i), fmt.Sprintf("c%d.test", i), fmt.Sprintf("*.c%d.test", i))
	}
	r := NewRouter(routerOptions())
	if err := r.Sync(cfgs, nil); err != nil {
		t.Fatal(err)
	}
	old := make([]weak.Pointer[Connector], changes)
	for i := range old {
		cfg := cfgs[i*7%connectors]
		c, err := r.Connector(t.Context(), cfg.ID)
		if err != nil {
			t.Fatal(err)
		}
		old[i] = weak.Make(c)
		if i%10 == 0 {
			_ = r.Sync([]Config{brokenConfig(cfg.ID)}, nil)
		}
		if err := r.Sync([]Config{cfg}, nil); err != nil {
			t.Fatal(err)
		}
	}
	runtime.GC()
	kept := 0
	for _, c := range old {
		if c.Value() != nil {
			kept++
		}
	}
	if kept > 500 {
		t.Errorf("%d of %d old connectors are still there", kept, changes)
	}
	if got := routedOr(t, r, "c7.test"); got != "c7" {
		t.Errorf("c7.test is %s", got)
	}
}
