package storetest

import (
	"context"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/oidcsso/oidcsso"
)

func cancelled(t testing.TB) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	return ctx, cancel
}

// wantNoLies expects right answers for connector acme, or errors that say that it could not be looked up.
func (s Subject) wantNoLies(t testing.TB, ctx context.Context) {
	t.Helper()
	route, err := s.Source.Route(ctx, "acme.example")
	if isNotFound(err) || (err == nil) != (route != nil) || err == nil && route.Connector.ID() != s.ID("acme") {
		t.Errorf("Route = %+v, %v; want the connector, or an error that is not ErrNotFound", route, err)
	}
	c, err := s.Source.Connector(ctx, s.ID("acme"))
	if isNotFound(err) || (err == nil) != (c != nil) || err == nil && c.ID() != s.ID("acme") {
		t.Errorf("Connector = %+v, %v; want the connector, or an error that is not ErrNotFound", c, err)
	}
	if route, err := s.Source.Route(ctx, "nobody.example"); err == nil || route != nil {
		t.Errorf("Route of nobody's domain = %+v, %v", route, err)
	}
	if c, err := s.Source.Connector(ctx, "nobody"); err == nil || c != nil {
		t.Errorf("Connector of nobody's ID = %+v, %v", c, err)
	}
}

func sourceBroken(t *testing.T, make NewSubject) {
	s := make.start(t, asserted("acme", "acme.example"))
	if s.Break == nil || s.Mend == nil {
		t.Skip("the storage of this Source can't fail")
	}
	for range 2 {
		s.Break(t)
		for range 3 {
			s.wantNoLies(t, t.Context())
		}
		s.Mend(t)
		s.wantRoute(t, "acme.example", "acme", "acme.example")
		s.wantConnector(t, "acme")
		s.wantNobody(t, "nobody.example")
		s.wantNoConnector(t, "nobody")
	}
}

func sourceChanges(t *testing.T, make NewSubject) {
	acme, other := asserted("acme", "acme.example", "shared.example"), asserted("other", "other.example")
	s := make.start(t, acme, other)
	s.wantNobody(t, "new.example") // a Source may remember that, but not past a change

	acme.Domains, other.Domains = oidcsso.AssertDomains("acme.example"), oidcsso.AssertDomains("other.example", "shared.example", "new.example")
	s.change(t, acme, other)
	s.wantRoute(t, "shared.example", "other", "shared.example")
	s.wantRoute(t, "new.example", "other", "new.example")
	s.wantRoute(t, "acme.example", "acme", "acme.example")

	acme.Domains[0].State = oidcsso.DomainRouted
	s.change(t, acme, other)
	if route, err := s.Source.Route(t.Context(), "acme.example"); err != nil || route.Domain.State != oidcsso.DomainRouted {
		t.Errorf("after a change of state: %+v, %v", route, err)
	}

	acme.Disabled, acme.Name = true, "Renamed"
	s.change(t, acme, other)
	if c := s.wantConnector(t, "acme"); !c.Disabled() || c.Name() != "Renamed" {
		t.Errorf("after a change: %+v", c.Config())
	}
	if route, err := s.Source.Route(t.Context(), "acme.example"); err != nil || !route.Connector.Disabled() {
		t.Errorf("after it was disabled: %+v, %v", route, err)
	}

	id := s.ID("acme")
	s.change(t, other)
	s.wantNoConnector(t, id)
	s.wantNobody(t, "acme.example")
	s.wantConnector(t, "other")

	third := asserted("third", "acme.example")
	s.change(t, other, third)
	s.wantRoute(t, "acme.example", "third", "acme.example")
	s.wantNoConnector(t, id)
}

// A domain moves to and fro, to another connector, and between a wildcard and a name of its own. Nobody who asks meanwhile may
// hear that it is nobody's.
func sourceMove(t *testing.T, make NewSubject) {
	for name, entries := range map[string][2]string{"to another connector": {"x.moved.example", "x.moved.example"}, "from a wildcard to an exact name": {"*.moved.example", "x.moved.example"}} {
		t.Run(name, func(t *testing.T) {
			at := func(id string) []oidcsso.Config {
				a, b := company("a", oidcsso.DomainEnforced, entries[0]), company("b", oidcsso.DomainEnforced, entries[1])
				if id == "a" {
					b.Domains = nil
				} else {
					a.Domains = nil
				}
				return []oidcsso.Config{a, b}
			}
			s := make.start(t, at("a")...)
			if s.Change == nil {
				t.Skip("the content of this Source can't change")
			}
			done := while(t, func() {
				route, err := s.Source.Route(t.Context(), "x.moved.example")
				if err != nil || route.Connector.ID() != s.ID("a") && route.Connector.ID() != s.ID("b") {
					t.Errorf("while it moved: %+v, %v", route, err)
				}
			})
			for range 5 {
				for i, id := range []string{"b", "a"} {
					s.Change(t, at(id))
					s.wantRoute(t, "x.moved.example", id, entries[1-i])
				}
			}
			done()
		})
	}
}

// while runs fn over and over in two goroutines, until what it returns is called.
func while(t testing.TB, fn func()) (stop func()) {
	quit := make(chan bool)
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			for {
				select {
				case <-quit:
					return
				case <-time.After(100 * time.Microsecond): // leaves the machine to what it watches
					fn()
				}
				if t.Failed() {
					return
				}
			}
		})
	}
	return func() { close(quit); wg.Wait() }
}

// Under the race detector: what callers read of answers is not written by anybody, and what they do with copies is theirs.
func sourceShared(t *testing.T, make NewSubject) {
	cfg := asserted("acme", "acme.example", "*.acme.example")
	cfg.Scopes, cfg.ACRValues, cfg.AuthParams = []string{"groups"}, []string{"urn:mfa"}, map[string]string{"domain_hint": "acme.example"}
	s := make.start(t, cfg, asserted("other", "other.example"))
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 20 {
				for _, domain := range []string{"acme.example", "sub.acme.example"} {
					s.wantRoute(t, domain, "acme", map[string]string{"acme.example": "acme.example", "sub.acme.example": "*.acme.example"}[domain])
				}
				s.wantNobody(t, "nobody.example")
				c, err := s.Source.Connector(t.Context(), s.ID("acme"))
				if err != nil {
					t.Error(err)
					return
				}
				mine := c.Config()
				if !slices.Equal(mine.Scopes, []string{"groups"}) || !maps.Equal(mine.AuthParams, cfg.AuthParams) || len(mine.Domains) != 2 {
					t.Errorf("%+v", mine)
				}
				mine.Scopes[0], mine.ACRValues[0], mine.AuthParams["domain_hint"], mine.Domains[0].Name = "x", "x", "x", "x"
			}
		})
	}
	wg.Wait()
}
