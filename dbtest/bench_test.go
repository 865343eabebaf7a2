package dbtest

import (
	"context"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"
	"time"

	"github.com/oidcsso/oidcsso"
	"github.com/oidcsso/oidcsso/connectorstore"
)

const (
	benchConnectors = 100_000
	benchDomains    = 2 * benchConnectors
)

func benchID(i int) string { return fmt.Sprintf("c%015d", i) }

// benchWorld is a database with all of them, each with a secret.
func benchWorld(b *testing.B, e Engine) *world {
	b.Helper()
	w := newWorld(b, e)
	rows := make([][]any, benchConnectors)
	for i := range rows {
		r := row(benchID(i), int64(i+1), fmt.Sprintf("company-%d.example", i), fmt.Sprintf("www.company-%d.example", i))
		r.Config.Name = fmt.Sprintf("Company number %d", i)
		r.Config.Scopes = []string{"groups"}
		rows[i] = r.Values(b, w.ring)
	}
	Insert(b, e, w.db, "oidcsso_connectors", RowColumns, rows)
	if e.Dialect == connectorstore.PostgreSQL {
		w.exec(b, "ANALYZE oidcsso_connectors")
	}
	return w
}

func heap() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// BenchmarkLive measures a replica with 100,000 connectors and 200,000 domains: what it costs to start, to hear of one change, to
// find that nothing has changed, and to answer while others change ten connectors a second.
func BenchmarkLive(b *testing.B) {
	for _, e := range Engines(b) {
		b.Run(e.Name, func(b *testing.B) {
			w := benchWorld(b, e)
			b.Run("scan", func(b *testing.B) { benchScan(b, w.db) })
			b.Run("load", func(b *testing.B) { benchLoad(b, w) })
			l := w.live(b)
			revision := int64(benchConnectors)
			change := func() {
				revision++
				i := rand.IntN(benchConnectors)
				r := row(benchID(i), revision, fmt.Sprintf("company-%d.example", i), fmt.Sprintf("www.company-%d.example", i))
				w.replace(b, r)
			}
			b.Run("idle", func(b *testing.B) {
				for b.Loop() {
					sync1(b, l)
				}
			})
			b.Run("change", func(b *testing.B) {
				for b.Loop() {
					b.StopTimer()
					change()
					b.StartTimer()
					sync1(b, l)
				}
			})
			b.Run("full", func(b *testing.B) {
				for b.Loop() {
					w.later(3 * time.Hour)
					sync1(b, l)
				}
			})
			benchLookups(b, l, func() {
				change()
				sync1(b, l)
			})
		})
	}
}

// benchScan reads the rows and does nothing with them.
func benchScan(b *testing.B, db *sql.DB) {
	for b.Loop() {
		rows, err := db.Query("SELECT id, tenant, state, revision, config, secret, next_secret, domains, former_issuers, signed_in, created, updated, mac FROM oidcsso_connectors")
		if err != nil {
			b.Fatal(err)
		}
		n := 0
		for rows.Next() {
			var t [9]string
			var i [4]int64
			if err := rows.Scan(&t[0], &t[1], &t[2], &i[0], &t[3], &t[4], &t[5], &t[6], &t[7], &i[1], &i[2], &i[3], &t[8]); err != nil {
				b.Fatal(err)
			}
			n++
		}
		if err := rows.Close(); err != nil || n != benchConnectors {
			b.Fatal(n, err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/benchConnectors, "ns/connector")
}

func benchLoad(b *testing.B, w *world) {
	var used uint64
	var kept *connectorstore.Live
	for b.Loop() {
		b.StopTimer()
		kept = nil
		store := w.newStore(b, nil)
		before := heap()
		b.StartTimer()
		kept = store.NewLive(nil)
		sync1(b, kept)
		b.StopTimer()
		if s := kept.Status(); s.Connectors != benchConnectors || len(s.Quarantined) > 0 {
			b.Fatalf("there are %d, %d of them in quarantine", s.Connectors, len(s.Quarantined))
		}
		used = heap() - before
		b.StartTimer()
	}
	runtime.KeepAlive(kept)
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/benchConnectors, "ns/connector")
	b.ReportMetric(float64(used)/benchConnectors, "B/connector")
}

// benchLookups compares Route with a map that never changes, in turns, so that both have the same machine: while nothing changes, and
// while ten connectors a second do.
func benchLookups(b *testing.B, l *connectorstore.Live, change func()) {
	ctx := context.Background()
	plain := make(map[string]*oidcsso.Route, benchDomains)
	names := make([]string, 0, benchDomains)
	for i := range benchConnectors {
		for _, name := range []string{fmt.Sprintf("company-%d.example", i), fmt.Sprintf("www.company-%d.example", i)} {
			route, err := l.Route(ctx, name)
			if err != nil {
				b.Fatal(err)
			}
			plain[route.Domain.Name] = route // the same keys as in the Router, at the same places in memory
			names = append(names, name)
		}
	}
	rand.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
	compare := func(b *testing.B) {
		var mine, its time.Duration
		n := 0
		for b.Loop() {
			first, second := names[n:][:4096], names[n+4096:][:4096] // none twice in a row: it would be in a cache
			n = (n + 8192) % (len(names) - 8192)
			began := time.Now()
			for _, name := range first {
				if plain[name] == nil {
					b.Fatal("it is not there")
				}
			}
			between := time.Now()
			for _, name := range second {
				if _, err := l.Route(ctx, name); err != nil {
					b.Fatal(err)
				}
			}
			its += between.Sub(began)
			mine += time.Since(between)
		}
		b.ReportMetric(float64(its.Nanoseconds())/float64(b.N)/4096, "ns/plain")
		b.ReportMetric(float64(mine.Nanoseconds())/float64(b.N)/4096, "ns/route")
		b.ReportMetric(float64(mine)/float64(its), "x-plain")
	}
	b.Run("route", compare)
	for _, pause := range []time.Duration{time.Second, 100 * time.Millisecond} {
		b.Run(fmt.Sprintf("route, a change every %v", pause), func(b *testing.B) {
			stop, done := make(chan struct{}), make(chan struct{})
			go func() {
				defer close(done)
				tick := time.NewTicker(pause)
				defer tick.Stop()
				for {
					select {
					case <-stop:
						return
					case <-tick.C:
						change()
					}
				}
			}()
			compare(b)
			close(stop)
			<-done
		})
	}
}
