package storetest_test

import (
	"context"
	"errors"
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

func (b *table) find(match func(oidcsso.Config) bool) (oidcsso.Config, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.broken {
		return oidcsso.Config{}, errDown
	}
	for _, cfg := range b.cfgs {
		if match(cfg) {
			return cfg, nil
		}
	}
	return oidcsso.Config{}, oidcsso.ErrNotFound
}

func (b *table) byID(_ context.Context, id string) (oidcsso.Config, error) {
	return b.find(func(cfg oidcsso.Config) bool { return cfg.ID == id })
}

func (b *table) byDomain(_ context.Context, name string) (oidcsso.Config, error) {
	return b.find(func(cfg oidcsso.Config) bool {
		for _, d := range cfg.Domains {
			if d.String() == name && d.State != oidcsso.DomainClaimed {
				return true
			}
		}
		return false
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
