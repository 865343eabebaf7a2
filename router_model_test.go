package oidcsso

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// routerModel says in the simplest way what a Router must answer: a list of what has been put.
type routerModel map[string]modelled

// modelled is one ID's connector. That of one out of order names its domains and the last healthy one's.
type modelled struct {
	healthy  bool
	domains  []string // owned: "acme.test", "*.acme.test"
	redirect string
	last     []string // the domains of the last healthy one
}

func modelOf(cfg Config) modelled {
	m := modelled{healthy: cfg.Issuer != "" && cfg.ID != "NO ID", redirect: cfg.RedirectURL}
	for _, d := range cfg.Domains {
		if d.State != DomainClaimed {
			m.domains = append(m.domains, d.String())
		}
	}
	return m
}

// excludes says whether two can't both be healthy.
func (a modelled) excludes(b modelled) bool {
	return a.redirect != "" && a.redirect == b.redirect ||
		slices.ContainsFunc(a.domains, func(d string) bool { return slices.Contains(b.domains, d) })
}

// fits says whether a connector can be healthy beside those that are, but for the one with its own ID.
func (m routerModel) fits(id string, c modelled) bool {
	for other, o := range m {
		if other != id && o.healthy && c.excludes(o) {
			return false
		}
	}
	return c.healthy
}

func (m routerModel) put(cfg Config) (ok bool) {
	if ok = m.fits(cfg.ID, modelOf(cfg)); ok {
		m[cfg.ID] = modelOf(cfg)
	}
	return ok
}

func (m routerModel) replace(cfgs []Config) (ok bool) {
	next := routerModel{}
	for _, cfg := range cfgs {
		if _, twice := next[cfg.ID]; twice || !next.put(cfg) {
			return false
		}
	}
	clear(m)
	maps.Copy(m, next)
	return true
}

// sync gives the IDs that are out of order.
func (m routerModel) sync(put []Config, remove []string) (broken []string) {
	step, last := routerModel{}, map[string][]string{}
	for _, cfg := range put {
		c := modelOf(cfg)
		if first, twice := step[cfg.ID]; twice {
			c = modelled{domains: append(first.domains, c.domains...)}
		}
		step[cfg.ID] = c
	}
	for id := range step {
		if last[id] = m[id].last; m[id].healthy {
			last[id] = m[id].domains
		}
		delete(m, id)
	}
	for _, id := range remove {
		delete(m, id)
	}
	maps.DeleteFunc(step, func(id string, c modelled) bool {
		if !m.fits(id, c) {
			broken = append(broken, id)
		}
		return !m.fits(id, c)
	})
	for id, c := range step {
		if !step.fits(id, c) {
			broken = append(broken, id)
		}
	}
	for id, c := range step {
		if !slices.Contains(broken, id) {
			m[id] = c
		}
	}
	for _, id := range broken {
		c := modelled{last: last[id], domains: last[id]}
		for _, cfg := range put {
			if cfg.ID == id {
				c.domains = append(slices.Clip(c.domains), modelOf(cfg).domains...)
			}
		}
		m[id] = c
	}
	return slices.Sorted(slices.Values(broken))
}

// connector and route answer in the words of routedOr.
func (m routerModel) connector(id string) string {
	switch c, ok := m[id]; {
	case !ok:
		return "nobody"
	case !c.healthy:
		return "unavailable by " + id
	}
	return id
}

func (m routerModel) route(domain string) string {
	for entry, parent := domain, domain; ; entry = "*." + parent {
		for _, healthy := range []bool{true, false} {
			for _, id := range slices.Sorted(maps.Keys(m)) {
				if c := m[id]; c.healthy == healthy && slices.Contains(c.domains, entry) {
					return m.connector(id)
				}
			}
		}
		var below bool
		if _, parent, below = strings.Cut(parent, "."); !below {
			return "nobody"
		}
	}
}

// Any sequence of changes leaves the Router and the model with the same answers. A seed is a sequence; those that are odd have
// a table so large that recent changes stand beside it.
func FuzzRouterLikeTheModel(f *testing.F) {
	for seed := range uint64(100) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, seed uint64) {
		s := &routerSequence{T: t, random: rand.New(rand.NewPCG(seed, 0)), model: routerModel{}}
		opts := routerOptions()
		opts.ExclusiveRedirectURLs = []string{"https://app.test/exclusive"}
		s.router = NewRouter(opts)
		if seed%2 == 1 {
			for _, id := range []string{"many", "more"} {
				names := make([]string, maxDomains)
				for i := range names {
					names[i] = fmt.Sprintf("%s%d.test", id, i)
				}
				s.large = append(s.large, routedConfig(id, names...))
			}
			if err := s.router.Sync(s.large, nil); err != nil {
				t.Fatal(err)
			}
		}
		for step := range 60 {
			if what := s.change(); !s.agrees() {
				t.Fatalf("seed %d, step %d: %s", seed, step, what)
			}
		}
	})
}

type routerSequence struct {
	*testing.T
	random *rand.Rand
	router *Router
	model  routerModel
	large  []Config
}

var (
	modelIDs     = []string{"a", "b", "c", "d", "e", "NO ID"}
	modelEntries = []string{"a.test", "b.test", "c.test", "x.a.test", "*.a.test", "*.b.test", "*.x.a.test"}
	modelStates  = []DomainState{DomainClaimed, DomainVerified, DomainRouted, DomainReportOnly, DomainEnforced, DomainAsserted, DomainFrozen}
	modelDomains = []string{"a.test", "b.test", "c.test", "x.a.test", "y.a.test", "z.y.a.test", "y.x.a.test", "y.b.test", "y.c.test", "many7.test"}
)

func (s *routerSequence) id() string { return modelIDs[s.random.IntN(len(modelIDs))] }

func (s *routerSequence) config() Config {
	cfg := routedConfig(s.id())
	for _, i := range s.random.Perm(len(modelEntries))[:s.random.IntN(3)] {
		cfg.Domains = append(cfg.Domains, AssertDomains(modelEntries[i])...)
		cfg.Domains[len(cfg.Domains)-1].State = modelStates[s.random.IntN(len(modelStates))]
	}
	if s.random.IntN(5) == 0 {
		cfg.Issuer = ""
	}
	if s.random.IntN(6) == 0 {
		cfg.RedirectURL = "https://app.test/exclusive"
	}
	return cfg
}

func (s *routerSequence) configs() []Config {
	cfgs := make([]Config, s.random.IntN(4))
	for i := range cfgs {
		cfgs[i] = s.config()
	}
	return cfgs
}

// change does the same to both, compares what they say to it, and tells what it was.
func (s *routerSequence) change() string {
	s.Helper()
	switch s.random.IntN(8) {
	case 0:
		cfgs := s.configs()
		if got := s.router.Replace(append(cfgs, s.large...)) == nil; got != s.model.replace(cfgs) {
			s.Errorf("Replace gives %v", got)
		}
		return fmt.Sprintf("Replace(%+v)", cfgs)
	case 1, 2:
		cfg := s.config()
		if got := s.router.Put(cfg) == nil; got != s.model.put(cfg) {
			s.Errorf("Put gives %v", got)
		}
		return fmt.Sprintf("Put(%+v)", cfg)
	case 3:
		id := s.id()
		if err := s.router.Remove(id); (err == nil) != (s.model.connector(id) != "nobody") {
			s.Errorf("Remove: %v", err)
		}
		delete(s.model, id)
		return fmt.Sprintf("Remove(%s)", id)
	}
	put, remove := s.configs(), []string{}
	for range s.random.IntN(3) {
		remove = append(remove, s.id())
	}
	var got []string
	for _, problem := range syncProblems(s, s.router.Sync(put, remove)) {
		got = append(got, problem[:strings.LastIndexByte(problem, ' ')])
	}
	slices.Sort(got)
	if want := s.model.sync(put, remove); !slices.Equal(slices.Compact(got), want) {
		s.Errorf("Sync says that %q are out of order, not %q", got, want)
	}
	return fmt.Sprintf("Sync(%+v, %q)", put, remove)
}

// agrees compares every answer.
func (s *routerSequence) agrees() bool {
	s.Helper()
	var healthy []string
	for _, id := range modelIDs {
		want, got := s.model.connector(id), "nobody"
		c, err := s.router.Connector(s.Context(), id)
		if err == nil {
			got = c.ID()
			healthy = append(healthy, id)
		} else if e := new(Error); errors.As(err, &e) && errors.Is(err, CodeUnavailable) {
			got = "unavailable by " + e.Connector
		}
		if got != want {
			s.Errorf("Connector(%s) is %q, want %q", id, got, want)
		}
	}
	for _, domain := range modelDomains {
		want := s.model.route(domain)
		if s.large != nil && strings.HasPrefix(domain, "many") {
			want = "many"
		}
		if got := routedOr(s, s.router, domain); got != want {
			s.Errorf("Route(%s) is %q, want %q", domain, got, want)
		}
	}
	for _, cfg := range s.large {
		healthy = append(healthy, cfg.ID)
	}
	if got := connectorIDs(s.router); got != fmt.Sprint(healthy) {
		s.Errorf("Connectors gives %s, want %s", got, healthy)
	}
	return !s.Failed()
}
