package dbtest

import (
	"database/sql"
	"slices"
	"testing"

	"github.com/oidcsso/oidcsso"
	"github.com/oidcsso/oidcsso/connectorstore"
	"github.com/oidcsso/oidcsso/connectorstore/storetest"
)

func TestLiveIsASource(t *testing.T) {
	t.Parallel()
	Each(t, func(t *testing.T, e Engine) {
		storetest.Source(t, func(t testing.TB, cfgs []oidcsso.Config) storetest.Subject {
			open := e.New(t)
			s := &liveSubject{ids: map[string]string{}, db: open(t)}
			s.Store = storeOver(t, e, s.db)
			if err := s.Migrate(t.Context()); err != nil {
				t.Fatal(err)
			}
			s.live = storeOver(t, e, open(t)).NewLive(nil)
			s.change(t, cfgs)
			return storetest.Subject{
				Source: s.live, Change: s.change, Break: s.breakTables, Mend: s.mendTables,
				States: []oidcsso.DomainState{oidcsso.DomainVerified, oidcsso.DomainRouted, oidcsso.DomainReportOnly, oidcsso.DomainEnforced, oidcsso.DomainFrozen, oidcsso.DomainLapsed},
				ID: func(id string) string {
					if stored, ok := s.ids[id]; ok {
						return stored
					}
					return id
				},
			}
		})
	})
}

// liveSubject brings the content of a store to what a suite wants, by its calls alone; the replica looks after each step.
type liveSubject struct {
	*connectorstore.Store
	db   *sql.DB
	live *connectorstore.Live
	ids  map[string]string // the store's, by the suite's
}

func (s *liveSubject) step(t testing.TB, err error) {
	t.Helper()
	if err == nil {
		err = s.live.Sync(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
}

// claims gives the claims of a connector.
func (s *liveSubject) claims(t testing.TB, id string) []connectorstore.Claim {
	t.Helper()
	claims, err := s.Claims(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return claims
}

func (s *liveSubject) change(t testing.TB, cfgs []oidcsso.Config) {
	t.Helper()
	ctx := t.Context()
	for _, cfg := range cfgs {
		s.connector(t, cfg)
	}
	wanted := map[string]bool{} // claims
	for _, cfg := range cfgs {
		for _, d := range cfg.Domains {
			wanted[s.domain(t, s.ids[cfg.ID], d)] = true
		}
	}
	for name, id := range s.ids {
		if _, err := s.Connector(ctx, id); err != nil {
			continue // deleted
		}
		for _, claim := range s.claims(t, id) {
			if !wanted[claim.ID] {
				s.step(t, s.Release(ctx, claim.ID))
			}
		}
		if !slices.ContainsFunc(cfgs, func(cfg oidcsso.Config) bool { return cfg.ID == name }) {
			c, err := s.Connector(ctx, id)
			s.step(t, err)
			s.step(t, s.Delete(ctx, id, c.Revision))
		}
	}
}

// connector makes one as the Config says, without its domains.
func (s *liveSubject) connector(t testing.TB, cfg oidcsso.Config) {
	t.Helper()
	ctx := t.Context()
	entered := cfg
	entered.ID, entered.Domains, entered.Disabled = "", nil, false
	state := connectorstore.StateActive
	if cfg.Disabled {
		state = connectorstore.StateDisabled
	}
	var c connectorstore.Connector
	var err error
	if id, ok := s.ids[cfg.ID]; !ok {
		c, err = s.Create(ctx, "", entered)
		s.ids[cfg.ID] = c.ID
	} else if c, err = s.Connector(ctx, id); err == nil {
		entered.ID = id
		c.Config = entered
		c, err = s.Update(ctx, c)
	}
	s.step(t, err)
	if c.State != state {
		_, err = s.SetState(ctx, c.ID, c.Revision, state)
		s.step(t, err)
	}
}

// domain makes a domain the connector's, in the state, and gives the claim.
func (s *liveSubject) domain(t testing.TB, id string, d oidcsso.Domain) string {
	t.Helper()
	ctx := t.Context()
	claim, err := s.Claim(ctx, id, d.String())
	s.step(t, err)
	state := d.State
	if state == oidcsso.DomainClaimed {
		return claim.ID
	}
	if !claim.Owned {
		claim = s.own(t, claim)
	}
	// What the proof was lost of was something else before.
	before := map[oidcsso.DomainState]oidcsso.DomainState{oidcsso.DomainAsserted: oidcsso.DomainEnforced,
		oidcsso.DomainFrozen: oidcsso.DomainEnforced, oidcsso.DomainLapsed: oidcsso.DomainRouted}
	if first, ok := before[state]; ok {
		_, err = s.SetDomainState(ctx, claim.ID, claim.State, first)
		s.step(t, err)
		if state != oidcsso.DomainAsserted {
			_, err = s.Freeze(ctx, claim.ID)
			s.step(t, err)
		}
		return claim.ID
	}
	_, err = s.SetDomainState(ctx, claim.ID, claim.State, state)
	s.step(t, err)
	return claim.ID
}

// own asserts the domain, or moves it from another connector, where it leaves no gap.
func (s *liveSubject) own(t testing.TB, claim connectorstore.Claim) connectorstore.Claim {
	t.Helper()
	ctx := t.Context()
	for _, other := range s.ids {
		if _, err := s.Connector(ctx, other); err != nil {
			continue
		}
		for _, held := range s.claims(t, other) {
			if held.Owned && held.Domain() == claim.Domain() {
				moved, err := s.TransferAsserted(ctx, held.ID, claim.ID)
				s.step(t, err)
				return moved
			}
		}
	}
	asserted, err := s.Assert(ctx, claim.Connector, claim.Domain())
	s.step(t, err)
	return asserted
}

func (s *liveSubject) breakTables(t testing.TB) {
	s.exec(t, "ALTER TABLE oidcsso_meta RENAME TO away")
	if err := s.live.Sync(t.Context()); err == nil {
		t.Error("the tables are not broken")
	}
}

func (s *liveSubject) mendTables(t testing.TB) {
	s.exec(t, "ALTER TABLE away RENAME TO oidcsso_meta")
	s.step(t, nil)
}

func (s *liveSubject) exec(t testing.TB, query string) {
	t.Helper()
	if _, err := s.db.ExecContext(t.Context(), query); err != nil {
		t.Fatal(err)
	}
}
