package storetest

import (
	"errors"
	"testing"

	"github.com/oidcsso/oidcsso"
)

// Subject is a [oidcsso.Source] under test, and what can be done to its storage.
type Subject struct {
	// Source is what is tested. Required.
	Source oidcsso.Source

	// Change replaces the whole content of the storage. When it returns, the Source must answer by the new content; meanwhile,
	// by the old or the new one. Default: the content can't change, and what is about changes is skipped.
	Change func(t testing.TB, cfgs []oidcsso.Config)

	// Break makes the storage fail, Mend makes it work again. Default: it can't fail, and what is about that is skipped.
	Break, Mend func(t testing.TB)

	// States are the owned states that a domain can have in the storage. Where it lacks DomainAsserted, it takes
	// DomainEnforced for that. Default: all.
	States []oidcsso.DomainState

	// ID gives the ID under which the storage has the connector that a Config calls id. Default: id itself.
	ID func(id string) string
}

// NewSubject makes a Subject with these connectors, which are valid under [Options], each with an ID of its own. Nothing else
// knows of it: several are tested at once.
type NewSubject func(t testing.TB, cfgs []oidcsso.Config) Subject

// Source runs the contract of [oidcsso.Source]. Whatever implements it should pass: a Source that answers "not found" where it
// could not look, or gives one company's people to another, lets people in who must stay out.
func Source(t *testing.T, make NewSubject) {
	for _, test := range []struct {
		name string
		run  func(*testing.T, NewSubject)
	}{
		{"routes by the whole name", sourceMatch},
		{"answers for each owned state", sourceStates},
		{"gives connectors by their exact ID", sourceConnectors},
		{"is not confused by hostile names", sourceHostile},
		{"gives answers that fit each other", sourceConsistent},
		{"gives answers that callers may share", sourceShared},
		{"follows changes", sourceChanges},
		{"never leaves a moving domain to nobody", sourceMove},
		{"says unavailable and not not-found when it can't look", sourceBroken},
		{"does not take a cancelled question for not found", sourceCancelled},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			test.run(t, make)
		})
	}
}

// start makes the Subject that a part of the suite works on.
func (make NewSubject) start(t testing.TB, cfgs ...oidcsso.Config) Subject {
	t.Helper()
	s := make(t, cfgs)
	if s.Source == nil {
		t.Fatal("the Subject has no Source")
	}
	if s.States == nil {
		s.States = ownedStates
	}
	if s.ID == nil {
		s.ID = func(id string) string { return id }
	}
	return s
}

func (s Subject) change(t testing.TB, cfgs ...oidcsso.Config) {
	t.Helper()
	if s.Change == nil {
		t.Skip("the content of this Source can't change")
	}
	s.Change(t, cfgs)
}

// company is a Config with domains in a state.
func company(id string, state oidcsso.DomainState, names ...string) oidcsso.Config {
	domains := oidcsso.AssertDomains(names...)
	for i := range domains {
		domains[i].State = state
	}
	return oidcsso.Config{ID: id, Name: "Company " + id, Issuer: "https://" + id + ".idp.example", ClientID: "client-" + id, Domains: domains}
}

// asserted is a Config with domains that people must use it for.
func asserted(id string, names ...string) oidcsso.Config {
	return company(id, oidcsso.DomainAsserted, names...)
}

// wantRoute expects that a domain is a connector's, by the entry.
func (s Subject) wantRoute(t testing.TB, domain, id, entry string) {
	t.Helper()
	route, err := s.Source.Route(t.Context(), domain)
	switch {
	case err != nil || route == nil || route.Connector == nil:
		t.Errorf("Route(%.40q) = %v, %v; want connector %s by %s", domain, route, err, id, entry)
	case route.Connector.ID() != s.ID(id) || route.Domain.String() != entry:
		t.Errorf("Route(%.40q) = %s by %s; want %s by %s", domain, route.Connector.ID(), route.Domain, s.ID(id), entry)
	}
}

// wantNobody expects that a domain is nobody's.
func (s Subject) wantNobody(t testing.TB, domain string) {
	t.Helper()
	if route, err := s.Source.Route(t.Context(), domain); route != nil || !errors.Is(err, oidcsso.ErrNotFound) {
		t.Errorf("Route(%.40q) = %+v, %v; want ErrNotFound", domain, route, err)
	}
}

func (s Subject) wantConnector(t testing.TB, id string) *oidcsso.Connector {
	t.Helper()
	c, err := s.Source.Connector(t.Context(), s.ID(id))
	if err != nil || c == nil || c.ID() != s.ID(id) {
		t.Fatalf("Connector(%q) = %v, %v", s.ID(id), c, err)
	}
	return c
}

func (s Subject) wantNoConnector(t testing.TB, id string) {
	t.Helper()
	if c, err := s.Source.Connector(t.Context(), id); c != nil || !errors.Is(err, oidcsso.ErrNotFound) {
		t.Errorf("Connector(%.40q) = %v, %v; want ErrNotFound", id, c, err)
	}
}
