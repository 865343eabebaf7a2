package oidcsso

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
)

// One question for all names: the domain itself, then the wildcards above it, the longest first; what no connector can have is not
// asked for.
func TestLoaderAsksForNames(t *testing.T) {
	t.Parallel()
	tables := newTables(routedConfig("wild", "*.wild.test"))
	loader := tables.loader()
	for domain, want := range map[string]string{
		"acme.test":            "acme.test",
		"A.B.Acme.Test.":       "a.b.acme.test,*.b.acme.test,*.acme.test",
		"x.y.wild.test":        "x.y.wild.test,*.y.wild.test,*.wild.test",
		"co.uk":                "",
		"acme.co.uk":           "acme.co.uk",
		"mail.acme.co.uk":      "mail.acme.co.uk,*.acme.co.uk",
		"me.github.io":         "me.github.io",
		"kawasaki.jp":          "",
		"a.b.city.kawasaki.jp": "a.b.city.kawasaki.jp,*.b.city.kawasaki.jp,*.city.kawasaki.jp",
		strings.Repeat("a.", 14) + "acme.test": strings.Repeat("a.", 14) + "acme.test" + func() (names string) {
			for i := 13; i >= 0; i-- {
				names += ",*." + strings.Repeat("a.", i) + "acme.test"
			}
			return names
		}(),
	} {
		if _, err := loader.Route(t.Context(), domain); err != nil && err != ErrNotFound {
			t.Errorf("%s: %v", domain, err)
		}
		if got := tables.questions(); got != want {
			t.Errorf("%s: asked for %q, want %q", domain, got, want)
		}
	}
	// A hundred names by one line in a login form would be a storm.
	_, err := loader.Route(t.Context(), strings.Repeat("a.", 15)+"acme.test")
	wantErrorCode(t, err, CodeAddressInvalid)
	if got := tables.questions(); got != "" {
		t.Errorf("asked for %q", got)
	}
}

// Nothing that can't be right may be taken for "nobody's", and nothing of it is remembered.
func TestLoaderDoubtsTheFunctions(t *testing.T) {
	t.Parallel()
	type byID = func(context.Context, string) (Config, error)
	type byDomain = func(context.Context, []string) ([]Config, error)
	gives := func(cfg Config, err error) byID {
		return func(context.Context, string) (Config, error) { return cfg, err }
	}
	lists := func(err error, cfgs ...Config) byDomain {
		return func(context.Context, []string) ([]Config, error) { return cfgs, err }
	}
	claimed := routedConfig("acme", "other.test")
	claimed.Domains = append(claimed.Domains, Domain{Name: "mail.acme.test"})
	noIssuer := routedConfig("acme", "mail.acme.test")
	noIssuer.Issuer = ""
	down := errors.New("down")
	// Questions about mail.acme.test are for two names.
	exact, wild, stranger := routedConfig("exact", "mail.acme.test"), routedConfig("wild", "*.acme.test"), routedConfig("stranger", "acme.test")
	renamed, brokenWild := exact.clone(), wild.clone()
	renamed.Name, brokenWild.Issuer = "Renamed", ""
	for name, row := range map[string]struct {
		byID     byID
		byDomain byDomain
	}{
		"no function":            {},
		"one function":           {gives(noIssuer, nil), nil},
		"the other function":     {nil, lists(nil)},
		"an error":               {gives(Config{}, down), lists(down)},
		"an error beside":        {gives(routedConfig("acme", "acme.test"), down), lists(down, exact)},
		"not found, or an error": {gives(Config{}, errors.Join(ErrNotFound, down)), lists(errors.Join(ErrNotFound, down))},
		"found, and not found":   {gives(noIssuer, nil), lists(ErrNotFound, exact)},
		"nothing":                {gives(Config{}, nil), lists(nil, Config{})},
		"another connector":      {gives(routedConfig("acme2"), nil), lists(nil, routedConfig("acme2"))},
		"another domain":         {gives(noIssuer, nil), lists(nil, routedConfig("acme", "acme2.test", "*.mail.acme.test", "sub.mail.acme.test"))},
		"a claim":                {gives(noIssuer, nil), lists(nil, claimed)},
		"no issuer":              {gives(noIssuer, nil), lists(nil, noIssuer)},
		"a stranger behind":      {gives(noIssuer, nil), lists(nil, exact, stranger)},
		"a stranger before":      {gives(noIssuer, nil), lists(nil, stranger, exact)},
		"two owners":             {gives(noIssuer, nil), lists(nil, exact, routedConfig("rival", "mail.acme.test"))},
		"two owners of less":     {gives(noIssuer, nil), lists(nil, wild, routedConfig("rival", "mail.acme.test", "*.acme.test"))},
		"twice, and they differ": {gives(noIssuer, nil), lists(nil, exact, wild, renamed)},
		"a broken one beside":    {gives(noIssuer, nil), lists(nil, exact, brokenWild)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			loader := &Loader{Options: routerOptions(), ByID: row.byID, ByDomain: row.byDomain}
			if c, err := loader.Connector(t.Context(), "acme"); c != nil || err == nil || isNotFound(err) {
				t.Errorf("Connector gives %v, %v", c, err)
			}
			route, err := loader.Route(t.Context(), "mail.acme.test")
			if route != nil || err == nil || isNotFound(err) {
				t.Errorf("Route gives %v, %v", route, err)
			}
			d, err := Decide(t.Context(), loader, Attempt{Typed: "ada@mail.acme.test"})
			wantErrorCode(t, err, CodeUnavailable)
			if d.Allowed() {
				t.Error("it lets people in")
			}
			good := newTables(routedConfig("acme", "mail.acme.test"))
			loader.ByID, loader.ByDomain = good.byID, good.byDomain
			if _, err := loader.Connector(t.Context(), "acme"); err != nil {
				t.Errorf("mended: %v", err)
			}
			if _, err := loader.Route(t.Context(), "mail.acme.test"); err != nil {
				t.Errorf("mended: %v", err)
			}
		})
	}
}

// A function that forgets its condition gives the whole table. None of it is made, and what was kept stays.
func TestLoaderOfTheWholeTable(t *testing.T) {
	t.Parallel()
	tables := newTables(routedConfig("acme", "mail.acme.test"))
	loader := tables.loader()
	loader.Size = 2
	want, err := loader.Connector(t.Context(), "acme")
	if err != nil {
		t.Fatal(err)
	}
	for i := range 100 {
		id := fmt.Sprintf("c%d", i)
		tables.put(routedConfig(id, id+".test"))
	}
	loader.ByDomain = func(context.Context, []string) ([]Config, error) {
		return slices.Collect(maps.Values(tables.configs)), nil
	}
	if route, err := loader.Route(t.Context(), "mail.acme.test"); route != nil || err == nil || isNotFound(err) {
		t.Errorf("got %v, %v", route, err)
	}
	if kept, ok := loader.kept("acme"); !ok || kept.connector != want || loader.made.Len() != 1 {
		t.Errorf("%d connectors are kept, the right one %t", loader.made.Len(), kept.connector == want)
	}
}

// The best name decides, in whatever order the Configs come, and however often.
func TestLoaderPicksTheBestName(t *testing.T) {
	t.Parallel()
	exact, long, short := routedConfig("exact", "a.b.acme.test"), routedConfig("long", "*.b.acme.test"), routedConfig("short", "*.acme.test", "b.acme.test")
	all := routedConfig("all", "*.acme.test", "a.b.acme.test", "*.b.acme.test")
	for _, row := range []struct {
		found []Config
		want  string
	}{
		{[]Config{exact, long, short}, "a.b.acme.test of exact"}, {[]Config{short, long, exact}, "a.b.acme.test of exact"},
		{[]Config{short, exact}, "a.b.acme.test of exact"}, {[]Config{short, long}, "*.b.acme.test of long"}, {[]Config{short}, "*.acme.test of short"},
		{[]Config{all}, "a.b.acme.test of all"}, {[]Config{all, all.clone(), all, all, all}, "a.b.acme.test of all"},
		{[]Config{short, long, short, short, long.clone()}, "*.b.acme.test of long"},
	} {
		loader := newTables().loader()
		loader.Size = 1 // fewer than one answer needs
		loader.ByDomain = func(context.Context, []string) ([]Config, error) { return row.found, nil }
		route, err := loader.Route(t.Context(), "a.b.acme.test")
		if err != nil {
			t.Errorf("%s: %v", row.want, err)
		} else if got := route.Domain.String() + " of " + route.Connector.ID(); got != row.want {
			t.Errorf("got %s, want %s", got, row.want)
		}
	}
}

// None is an empty list, or ErrNotFound.
func TestLoaderFindsNobody(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]struct {
		cfgs []Config
		err  error
	}{"nil": {}, "empty": {[]Config{}, nil}, "not found": {nil, ErrNotFound}, "wrapped": {[]Config{}, fmt.Errorf("domain: %w", ErrNotFound)}} {
		asked := 0
		loader := newTables().loader()
		loader.ByDomain = func(context.Context, []string) ([]Config, error) {
			asked++
			return answer.cfgs, answer.err
		}
		for range 2 {
			if route, err := loader.Route(t.Context(), "acme.test"); route != nil || err != ErrNotFound {
				t.Errorf("%s: got %v, %v", name, route, err)
			}
		}
		if asked != 1 {
			t.Errorf("%s: asked %d times", name, asked)
		}
	}
}

// The names are the function's own: what it does with them changes no later question.
func TestLoaderHandsOutItsNames(t *testing.T) {
	t.Parallel()
	loader := newTables().loader()
	loader.MissTTL = -1
	var last []string
	loader.ByDomain = func(_ context.Context, names []string) ([]Config, error) {
		if !slices.Equal(names, []string{"mail.acme.test", "*.acme.test"}) {
			t.Errorf("asked for %q", names)
		}
		for i := range last {
			if &last[i] == &names[i] {
				t.Error("the slice is that of the question before")
			}
		}
		clear(names)
		last = names
		return nil, nil
	}
	for range 3 {
		if _, err := loader.Route(t.Context(), "mail.acme.test"); err != ErrNotFound {
			t.Error(err)
		}
	}
}

// A domain that moves between a wildcard and a name of its own whenever the database is asked is at no moment nobody's: the names are
// asked for at once.
func TestLoaderWhileADomainMoves(t *testing.T) {
	t.Parallel()
	tables := newTables()
	loader := tables.loader()
	moves := 0
	tables.before = func(context.Context, string) {
		tables.mu.Lock()
		defer tables.mu.Unlock()
		moves++
		tables.configs["wild"], tables.configs["own"] = routedConfig("wild", "*.acme.test"), routedConfig("own")
		if moves%2 == 0 {
			tables.configs["wild"], tables.configs["own"] = routedConfig("wild"), routedConfig("own", "mail.acme.test")
		}
	}
	for i := range 10 {
		want := []string{"wild", "own"}[i%2]
		if route, err := loader.Route(t.Context(), "mail.acme.test"); err != nil || route.Connector.ID() != want {
			t.Errorf("%d: got %+v, %v, want %s", i, route, err, want)
		}
	}
}
