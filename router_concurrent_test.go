package oidcsso

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
)

// While a domain moves to and fro, it is always one of the two's, and the Domain that comes with it belongs to the connector.
func TestRouterIsNeverWithoutADomainThatMoves(t *testing.T) {
	t.Parallel()
	r := NewRouter(routerOptions())
	sides := [][]Config{
		{routedConfig("a", "acme.test", "*.acme.test"), routedConfig("b", "b.test")},
		{routedConfig("a", "a.test"), routedConfig("b", "acme.test", "*.acme.test")},
	}
	if err := r.Replace(sides[0]); err != nil {
		t.Fatal(err)
	}
	stop := make(chan struct{})
	var readers, started sync.WaitGroup
	for _, domain := range []string{"acme.test", "ACME.test.", "sub.acme.test", "a.b.acme.test"} {
		readers.Add(1)
		started.Add(1)
		go func() {
			defer readers.Done()
			for first := true; ; first = false {
				route, err := r.Route(t.Context(), domain)
				if first {
					started.Done()
				}
				if err != nil {
					t.Errorf("%s is nobody's for a moment: %v", domain, err)
					return
				}
				if !slices.Contains(route.Connector.Config().Domains, route.Domain) {
					t.Errorf("%s: the domain is not of connector %s", domain, route.Connector.ID())
					return
				}
				if c, err := r.Connector(t.Context(), route.Connector.ID()); err != nil || c == nil {
					t.Errorf("connector %s is gone: %v", route.Connector.ID(), err)
					return
				}
				r.Connectors()
				select {
				case <-stop:
					return
				default:
				}
			}
		}()
	}
	started.Wait()
	for i := range 100 {
		var err error
		if i%4 < 2 {
			err = r.Replace(sides[i%2])
		} else {
			err = r.Sync(sides[i%2], []string{"nobody"})
		}
		if err != nil {
			t.Error(err)
		}
		if err := r.Put(routedConfig("extra", fmt.Sprintf("extra%d.test", i))); err != nil {
			t.Error(err)
		}
		// The one who does not have it can't take it meanwhile.
		if err := r.Put(sides[(i+1)%2][(i+1)%2]); !errors.Is(err, CodeDomainConflict) {
			t.Errorf("error is %v", err)
		}
		if err := r.Remove("extra"); err != nil {
			t.Error(err)
		}
	}
	close(stop)
	readers.Wait()
}

// Of many who want one domain at the same time, one gets it.
func TestRouterConcurrentPutsOfOneDomain(t *testing.T) {
	t.Parallel()
	r := NewRouter(routerOptions())
	errs := make([]error, 20)
	var writers sync.WaitGroup
	for i := range errs {
		writers.Add(1)
		go func() {
			defer writers.Done()
			errs[i] = r.Put(routedConfig(fmt.Sprintf("c%d", i), "acme.test"))
		}()
	}
	writers.Wait()
	winner := ""
	for i, err := range errs {
		if err == nil {
			winner += fmt.Sprintf("c%d", i)
		} else if !errors.Is(err, CodeDomainConflict) {
			t.Errorf("error is %v", err)
		}
	}
	if got := routedTo(t, r, "acme.test"); got != winner || len(r.Connectors()) != 1 {
		t.Errorf("%q won, but the domain is %q's", winner, got)
	}
}

func TestRouteAllocatesNothing(t *testing.T) {
	r := routerWith(t, routedConfig("acme", "acme.test", "*.acme.test"))
	for _, domain := range []string{"acme.test", "a.b.acme.test", "free.test"} {
		if n := testing.AllocsPerRun(100, func() { _, _ = r.Route(t.Context(), domain) }); n != 0 {
			t.Errorf("%s: %v allocations", domain, n)
		}
	}
}

// BenchmarkRoute compares a look-up with that of a plain map of the same size.
func BenchmarkRoute(b *testing.B) {
	const size = 10_000
	cfgs := make([]Config, size)
	for i := range cfgs {
		id := fmt.Sprintf("c%d", i)
		cfgs[i] = routedConfig(id, id+".test")
	}
	cfgs[0].Domains = AssertDomains("c0.test", "*.wild.test")
	r := NewRouter(routerOptions())
	if err := r.Replace(cfgs); err != nil {
		b.Fatal(err)
	}
	plain := make(map[string]*Connector, size)
	for _, c := range r.Connectors() {
		plain[c.cfg.Domains[0].Name] = c
	}
	b.Run("map", func(b *testing.B) {
		for b.Loop() {
			if plain["c5000.test"] == nil {
				b.Fatal("not found")
			}
		}
	})
	for name, domain := range map[string]string{"exact": "c5000.test", "wildcard": "a.b.wild.test", "nobody": "mail.free.test", "upper": "C5000.test"} {
		b.Run(name, func(b *testing.B) {
			ctx := b.Context()
			for b.Loop() {
				if _, err := r.Route(ctx, domain); (err == nil) == (name == "nobody") {
					b.Fatal(err)
				}
			}
		})
	}
}
