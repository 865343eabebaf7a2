package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/oidcsso/oidcsso"
)

const (
	domainsEach = 100 // of a connector
	lookedUp    = 1 << 16
)

var writeEvery = []time.Duration{time.Second, 100 * time.Millisecond}

// lookupRow is the connector of an email domain, beside a plain map from the domain to it.
func lookupRow(p plan) ([]*section, error) {
	s := &section{
		title: "Domain look-up",
		about: fmt.Sprintf("Router.Route beside a plain map[string]*Connector of the same domains, %d of each connector, in random "+
			"order; processor time of the reader alone. Meanwhile a Sync changes one connector after the other with its domains: "+
			"never, each second, ten times a second. Bytes are all that each domain adds, with its entry in the connector.", domainsEach),
		header: []string{"domains", "plain map", "Route", "x map", "x map, 1 Sync/s", "x map, 10 Sync/s", "a Sync", "bytes a domain"},
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
	plain := make(map[string]*oidcsso.Connector, n)
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
	row := []string{strconv.Itoa(n), duration(median(quiet[0].cpu)), duration(median(quiet[1].cpu))}
	note := func(when string, results []result) {
		measured := ratio(results[1].cpu, results[0].cpu)
		row = append(row, fmt.Sprintf("%.2f", measured))
		s.targets = append(s.targets, target{fmt.Sprintf("look-up in %d domains%s", n, when), 1.15, measured, "times"})
	}
	note("", quiet)
	var took time.Duration
	for _, every := range writeEvery {
		stop := writeTo(router, n/domainsEach, every)
		busy, err := p.measure(works)
		average, failure := stop()
		if err := errors.Join(err, failure); err != nil {
			return err
		}
		note(fmt.Sprintf(", a Sync every %s", every), busy)
		took = average
	}
	s.rows = append(s.rows, append(row, duration(float64(took)), number(bytes)))
	s.targets = append(s.targets, target{fmt.Sprintf("table of %d domains", n), 130, bytes, "bytes a domain"})
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
		{name: "plain map", alone: true, ready: func(n int) (func(*stopwatch) error, error) {
			return func(*stopwatch) error {
				for i := range n {
					if plain[asked[i%lookedUp]] == nil {
						return oidcsso.ErrNotFound
					}
				}
				return nil
			}, nil
		}},
		{name: ourName, alone: true, ready: func(n int) (func(*stopwatch) error, error) {
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

// writeTo changes one connector after the other, now and then. stop gives how long a change took, on average.
func writeTo(router *oidcsso.Router, connectors int, every time.Duration) (stop func() (time.Duration, error)) {
	done := make(chan struct{})
	var writer sync.WaitGroup
	var took time.Duration
	var failure error
	changes := 0
	writer.Go(func() {
		for tick := time.Tick(every); failure == nil; {
			cfg := domainConfig(changes % connectors)
			cfg.Name = "Customer " + strconv.Itoa(changes)
			start := time.Now()
			failure = router.Sync([]oidcsso.Config{cfg}, nil)
			took += time.Since(start)
			changes++
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
		return took / time.Duration(changes), failure
	}
}

// tableBytes is what each domain adds to a Router, with its entry in the connector; the names are the caller's.
func tableBytes(configs []oidcsso.Config, domains int) (float64, error) {
	bare := slices.Clone(configs)
	for i := range bare {
		bare[i].Domains = nil
	}
	with, err := routerBytes(configs)
	if err != nil {
		return 0, err
	}
	without, err := routerBytes(bare)
	runtime.KeepAlive(configs)
	return (with - without) / float64(domains), err
}

// routerBytes is what is free once a Router is gone.
func routerBytes(configs []oidcsso.Config) (float64, error) {
	router := oidcsso.NewRouter(newOptions())
	if err := router.Replace(configs); err != nil {
		return 0, err
	}
	with := heap()
	runtime.KeepAlive(router)
	return with - heap(), nil
}
