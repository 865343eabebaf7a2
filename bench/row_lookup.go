package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/oidcsso/oidcsso"
)

const (
	domainsEach = 100 // of a connector
	lookedUp    = 1 << 16
	writeEvery  = 250 * time.Millisecond
)

// lookupRow is the connector of an email domain, beside a plain map from the domain to it.
func lookupRow(p plan) ([]*section, error) {
	s := &section{
		title: "Domain look-up",
		about: fmt.Sprintf("Router.Route beside a plain map[string]*Connector of the same domains, %d of each connector, in random order. "+
			"With writers, a Put changes one connector every %s; the plain map has none. Bytes are all that each domain adds to the Router, with its entry in the connector.", domainsEach, writeEvery),
		header: []string{"domains", "plain map", "Route", "x map", "Route, with writers", "x map", "a Put", "bytes a domain"},
	}
	for _, n := range []int{1000, 100_000, 1_000_000} {
		if err := lookupOf(s, p, n); err != nil {
			return nil, err
		}
	}
	return []*section{s}, nil
}

func lookupOf(s *section, p plan, n int) error {
	configs := make([]oidcsso.Config, n/domainsEach)
	for i := range configs {
		configs[i] = domainConfig(i)
	}
	router := oidcsso.NewRouter(newOptions())
	if err := router.Replace(configs); err != nil {
		return err
	}
	bytes, err := tableBytes(configs, n)
	if err != nil {
		return err
	}
	plain := map[string]*oidcsso.Connector{}
	for _, c := range router.Connectors() {
		for _, d := range c.Config().Domains {
			plain[d.Name] = c
		}
	}
	if len(plain) != n {
		return fmt.Errorf("%d domains, want %d", len(plain), n)
	}
	asked := make([]string, lookedUp)
	for i := range asked {
		asked[i] = strings.Clone(domainName(rand.IntN(n))) // as a request brings it, elsewhere in memory
	}
	works := lookups(router, plain, asked)
	quiet, err := p.measure(works)
	if err != nil {
		return err
	}
	stop := writeTo(router)
	busy, err := p.measure(works)
	put, failure := stop()
	if err := errors.Join(err, failure); err != nil {
		return err
	}
	// With writers, processor time would be theirs as well.
	calm, contended := ratio(quiet[1].cpu, quiet[0].cpu), ratio(busy[1].wall, busy[0].wall)
	s.rows = append(s.rows, []string{strconv.Itoa(n), duration(median(quiet[0].cpu)), duration(median(quiet[1].cpu)), fmt.Sprintf("%.2f", calm),
		duration(median(busy[1].wall)), fmt.Sprintf("%.2f", contended), duration(float64(put)), number(bytes)})
	s.targets = append(s.targets, target{fmt.Sprintf("look-up in %d domains", n), 1.15, calm, "times"},
		target{fmt.Sprintf("look-up in %d domains, with writers", n), 1.15, contended, "times"},
		target{fmt.Sprintf("table of %d domains", n), 130, bytes, "bytes a domain"})
	return nil
}

func domainName(i int) string { return "customer-" + strconv.Itoa(i) + ".example" }

func domainConfig(i int) oidcsso.Config {
	cfg := newConfig("https://idp-" + strconv.Itoa(i) + ".example")
	cfg.ID = "c" + strconv.Itoa(i)
	names := make([]string, domainsEach)
	for j := range names {
		names[j] = domainName(i*domainsEach + j)
	}
	cfg.Domains = oidcsso.AssertDomains(names...)
	return cfg
}

// lookups have loops of their own: a call for each look-up would be a good part of what is measured.
func lookups(router *oidcsso.Router, plain map[string]*oidcsso.Connector, asked []string) []work {
	ctx := context.Background()
	return []work{
		{name: "plain map", ready: func(n int) (func(*stopwatch) error, error) {
			return func(*stopwatch) error {
				for i := range n {
					if plain[asked[i%lookedUp]] == nil {
						return oidcsso.ErrNotFound
					}
				}
				return nil
			}, nil
		}},
		{name: ourName, ready: func(n int) (func(*stopwatch) error, error) {
			return func(*stopwatch) error {
				for i := range n {
					if _, err := router.Route(ctx, asked[i%lookedUp]); err != nil {
						return err
					}
				}
				return nil
			}, nil
		}},
	}
}

// writeTo changes a connector now and then. stop gives how long a change took, on average.
func writeTo(router *oidcsso.Router) (stop func() (time.Duration, error)) {
	done := make(chan struct{})
	var writer sync.WaitGroup
	var took time.Duration
	var failure error
	puts := 0
	writer.Go(func() {
		for tick := time.Tick(writeEvery); failure == nil; {
			cfg := domainConfig(0)
			cfg.Name = "Customer " + strconv.Itoa(puts)
			start := time.Now()
			failure = router.Put(cfg)
			took += time.Since(start)
			puts++
			select {
			case <-done:
				return
			case <-tick:
			}
		}
	})
	return func() (time.Duration, error) {
		close(done)
		writer.Wait()
		return took / time.Duration(puts), failure
	}
}

// tableBytes is what each domain adds to a Router, with its entry in the connector; the names are the caller's.
func tableBytes(configs []oidcsso.Config, domains int) (float64, error) {
	opts := newOptions()
	before := heap()
	alone := make([]*oidcsso.Connector, len(configs))
	for i, cfg := range configs {
		var err error
		cfg.Domains = nil
		if alone[i], err = oidcsso.NewConnector(cfg, opts); err != nil {
			return 0, err
		}
	}
	plain := heap() - before
	runtime.KeepAlive(alone)
	alone = nil
	before = heap()
	router := oidcsso.NewRouter(opts)
	if err := router.Replace(configs); err != nil {
		return 0, err
	}
	used := heap() - before
	runtime.KeepAlive(router)
	return (used - plain) / float64(domains), nil
}
