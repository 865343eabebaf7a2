package oidcsso

import "testing"

// inState is a valid Config whose domains are in that state.
func inState(id string, state DomainState, domains ...string) Config {
	cfg := routedConfig(id, domains...)
	for i := range cfg.Domains {
		cfg.Domains[i].State = state
	}
	return cfg
}

// Of two connectors one has a domain, whatever states the two say; a claim takes nothing from anybody and gives nothing up.
func TestRouterGivesADomainToOneConnector(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"acme.test", "*.acme.test"} {
		for _, held := range ownedStates {
			for _, wanted := range append(ownedStates, DomainClaimed) {
				r := routerWith(t, inState("first", held, name))
				err := r.Put(inState("second", wanted, name))
				if wanted == DomainClaimed {
					if err != nil {
						t.Errorf("%s, %q and a claim: %v", name, held, err)
					}
				} else {
					wantErrorCode(t, err, CodeDomainConflict)
				}
				if id := routedTo(t, r, "acme.test") + routedTo(t, r, "eu.acme.test"); id != "first" {
					t.Errorf("%s, %q and %q: it is %q's now", name, held, wanted, id)
				}
				wantErrorCode(t, r.Replace([]Config{inState("first", held, name), inState("second", DomainVerified, name)}), CodeDomainConflict)
			}
		}
	}
}

// A domain of every owned state is found, in the state that it has, changes its state, and is released.
func TestRouterRoutesEveryOwnedState(t *testing.T) {
	t.Parallel()
	for _, state := range ownedStates {
		r := routerWith(t, inState("acme", state, "acme.test", "*.acme.test"))
		for _, domain := range []string{"acme.test", "eu.acme.test"} {
			if route, err := r.Route(t.Context(), domain); err != nil || route.Domain.State != state || route.Connector.ID() != "acme" {
				t.Errorf("%q: Route(%q) = %+v, %v", state, domain, route, err)
			}
		}
		for _, next := range ownedStates {
			if err := r.Put(inState("acme", next, "acme.test", "*.acme.test")); err != nil {
				t.Fatal(err)
			}
			if route, err := r.Route(t.Context(), "acme.test"); err != nil || route.Domain.State != next {
				t.Errorf("%q to %q: %+v, %v", state, next, route, err)
			}
		}
		if err := r.Put(inState("acme", DomainClaimed, "acme.test", "*.acme.test")); err != nil {
			t.Fatal(err)
		}
		if id := routedTo(t, r, "acme.test") + routedTo(t, r, "eu.acme.test"); id != "" {
			t.Errorf("%q: a claim is routed to %s", state, id)
		}
		if err := r.Put(inState("other", state, "acme.test", "*.acme.test")); err != nil {
			t.Errorf("%q: not released: %v", state, err)
		}
		if err := r.Remove("other"); err != nil || routedTo(t, r, "acme.test") != "" {
			t.Errorf("%q: not released with its connector, %v", state, err)
		}
	}
}
