package main

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"github.com/oidcsso/oidcsso/bench/internal/steady"
	"github.com/oidcsso/oidcsso/internal/benchwork"
)

// memoryRow is what many clients, each of an identity provider of its own, keep: on the heap after a collection, and in
// goroutines.
func memoryRow(plan) ([]*section, error) {
	s := &section{
		title: "Memory and goroutines",
		about: "Bytes of heap for each client, after a collection: when it is made, when it has discovered, and when it has a key set of one RSA key. " +
			"Goroutines are those of all clients together.",
		header: []string{"", "clients", "unused", "discovered", "with keys", "goroutines", ""},
	}
	for _, c := range contenders() {
		if c.name == bareName {
			continue
		}
		for _, n := range []int{1000, 10_000} {
			m, err := memoryOf(c, n)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", c.name, err)
			}
			s.rows = append(s.rows, m.row(c, n))
			if c.name == ourName && n == 10_000 {
				s.targets = []target{{"unused", 1000, m.unused, "bytes"}, {"discovered", 2000, m.discovered, "bytes"},
					{"with keys", 3000, m.keyed, "bytes"}, {"goroutines", 0, float64(m.goroutines), "goroutines"}}
			}
		}
	}
	unused, err := unusedMemory(100_000)
	if err != nil {
		return nil, err
	}
	s.rows = slices.Insert(s.rows, 2, []string{ourName, "100000", number(unused), "", "", "", ""})
	return []*section{s}, nil
}

type memory struct {
	lazy                      bool // it has a stage before discovery
	unused, discovered, keyed float64
	keyless                   bool // it never fetches keys
	goroutines                int
}

func (m memory) row(c contender, n int) []string {
	unused, keyed, note := "-", number(m.keyed), c.lacks
	if m.lazy {
		unused = number(m.unused)
	} else {
		note = strings.TrimPrefix(note+"; discovers in its constructor", "; ")
	}
	if m.keyless {
		keyed = "-"
	}
	return []string{c.name, strconv.Itoa(n), unused, number(m.discovered), keyed, strconv.Itoa(m.goroutines), note}
}

// discoverer is a client that its constructor leaves without metadata.
type discoverer interface {
	discover(ctx context.Context) error
}

func memoryOf(c contender, n int) (memory, error) {
	provider, err := newIDP(basicOnly, rsaKey())
	if err != nil {
		return memory{}, err
	}
	defer provider.close()
	ctx := context.Background()
	// One more client warms up what all share: connections, each of which has goroutines, and what packages keep.
	warm, err := c.open(ctx, provider.issuer(n))
	if err != nil {
		return memory{}, err
	}
	defer warm.close()
	if err := batch(provider, provider.issuer(n), warm); err != nil {
		return memory{}, err
	}

	clients := make([]client, n)
	goroutines, before := steady.Goroutines(), heap()
	perClient := func() float64 { return (heap() - before) / float64(n) }
	var m memory
	for i := range clients {
		if clients[i], err = c.open(ctx, provider.issuer(i)); err != nil {
			return m, err
		}
	}
	m.unused = perClient()
	for _, opened := range clients {
		if d, ok := opened.(discoverer); ok {
			m.lazy = true
			if err := d.discover(ctx); err != nil {
				return m, err
			}
		}
	}
	m.discovered = perClient()
	asked := provider.jwks.Load()
	for i, opened := range clients {
		if err := fetchKeys(ctx, c, provider, opened, provider.issuer(i)); err != nil {
			return m, err
		}
	}
	m.keyless = provider.jwks.Load() == asked
	m.keyed = perClient()
	m.goroutines = steady.Goroutines() - goroutines
	for _, opened := range clients {
		opened.close()
	}
	return m, nil
}

// fetchKeys has a client fetch its keys: by beginning a sign-in, or by a token with a wrong signature.
func fetchKeys(ctx context.Context, c contender, provider *idp, opened client, issuer string) error {
	if !c.prefetches {
		token := rsaKey().Forge(benchwork.NewClaims(issuer, clientID, "nonce"))
		opened.verifier(rsaKey(), "nonce")(ctx, token) // refused, as it should be, or believed by who asks for no keys
		return nil
	}
	asked := provider.jwks.Load()
	_, _, err := opened.begin(ctx)
	for provider.jwks.Load() == asked && err == nil {
		runtime.Gosched()
	}
	return err
}

func unusedMemory(n int) (float64, error) {
	c := oidcssoContender()
	clients := make([]client, n)
	before := heap()
	for i := range clients {
		var err error
		if clients[i], err = c.open(context.Background(), "https://idp-"+strconv.Itoa(i)+".example"); err != nil {
			return 0, err
		}
	}
	used := heap() - before
	runtime.KeepAlive(clients)
	return used / float64(n), nil
}

func heap() float64 { return float64(steady.Heap()) }
