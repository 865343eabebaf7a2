package storetest_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/oidcsso/oidcsso"
	"github.com/oidcsso/oidcsso/connectorstore/storetest"
)

// table is a backend's own: what a Loader's functions ask.
type table struct {
	mu     sync.Mutex
	cfgs   []oidcsso.Config
	broken bool
	now    time.Time
}

var errDown = errors.New("connection refused")

func (b *table) find(match func(oidcsso.Config) bool) (found []oidcsso.Config, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.broken {
		return nil, errDown
	}
	for _, cfg := range b.cfgs {
		if match(cfg) {
			found = append(found, cfg)
		}
	}
	return found, nil
}

func (b *table) byID(_ context.Context, id string) (oidcsso.Config, error) {
	found, err := b.find(func(cfg oidcsso.Config) bool { return cfg.ID == id })
	if err != nil {
		return oidcsso.Config{}, err
	}
	if len(found) == 0 {
		return oidcsso.Config{}, oidcsso.ErrNotFound
	}
	return found[0], nil
}

func (b *table) byDomain(_ context.Context, names []string) ([]oidcsso.Config, error) {
	return b.find(func(cfg oidcsso.Config) bool {
		return slices.ContainsFunc(cfg.Domains, func(d oidcsso.Domain) bool {
			return d.State != oidcsso.DomainClaimed && slices.Contains(names, d.String())
		})
	})
}

// set runs fn, and lets so much time go by that a Loader asks again for what was not there.
func (b *table) set(fn func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	fn()
	b.now = b.now.Add(3 * time.Second)
}

func (b *table) clock() time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.now
}

func TestLoaderIsASource(t *testing.T) {
	t.Parallel()
	storetest.Source(t, func(t testing.TB, cfgs []oidcsso.Config) storetest.Subject {
		b := &table{cfgs: cfgs, now: time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)}
		o := storetest.Options()
		o.Now = b.clock
		return storetest.Subject{
			Source: &oidcsso.Loader{Options: o, ByID: b.byID, ByDomain: b.byDomain},
			Change: func(t testing.TB, cfgs []oidcsso.Config) { b.set(func() { b.cfgs = cfgs }) },
			Break:  func(t testing.TB) { b.set(func() { b.broken = true }) },
			Mend:   func(t testing.TB) { b.set(func() { b.broken = false }) },
		}
	})
}
