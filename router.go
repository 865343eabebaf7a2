package oidcsso

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
)

// Router is a [Source] in memory. It answers by the domain in whole, never by a part of it: "acme.example" covers neither
// "sub.acme.example" nor "notacme.example".
//
// Connector and Route take no lock; changes are made on a copy and become visible in one step. So each Put costs time in
// proportion to all connectors, and [Router.Replace] is the way to load thousands.
//
// The zero Router is empty and has the default Options.
type Router struct {
	opts  *Options
	write sync.Mutex
	table atomic.Pointer[routerTable]
}

var _ Source = (*Router)(nil)

// NewRouter makes an empty Router. opts may be nil. It never fails: bad Options are an error of Put and Replace.
func NewRouter(opts *Options) *Router { return &Router{opts: opts} }

// routerTable is never changed once it is stored. Its routes are of asserted domains only.
type routerTable struct {
	connectors []*Connector // sorted by ID
	byID       map[string]*Connector
	exact      map[string]Route
	wildcard   map[string]Route
}

var emptyRouterTable routerTable

func (r *Router) load() *routerTable {
	if t := r.table.Load(); t != nil {
		return t
	}
	return &emptyRouterTable
}

// Put adds a connector, or changes the one with the same ID. A changed one keeps what it has discovered if issuer, client ID
// and redirect URI are the same; sign-ins under way then go on as well.
//
// The error is a [*ConfigError], an [*Error] with CodeDomainConflict where an asserted domain is another connector's, or
// several of them joined. Nothing has changed then. An exact domain of one connector below a wildcard of another is no
// conflict: the longest match wins.
func (r *Router) Put(cfg Config) error {
	next, err := NewConnector(cfg, r.opts)
	if err != nil {
		return err
	}
	r.write.Lock()
	defer r.write.Unlock()
	old := r.load()
	// The new one comes last, so that it is the one to be refused.
	return r.publish(append(old.without(next.ID()), next))
}

// Replace swaps the whole table in one step, so that a domain can move from one connector to another without a moment in
// which it is nobody's. It is all or nothing: the error joins all problems of all Configs, of the kinds that [Router.Put]
// returns.
func (r *Router) Replace(cfgs []Config) error {
	if _, err := r.opts.environment(); err != nil {
		return err
	}
	connectors := make([]*Connector, 0, len(cfgs))
	ids := make(map[string]bool, len(cfgs))
	var problems []error
	for _, cfg := range cfgs {
		c, err := NewConnector(cfg, r.opts)
		if err != nil {
			problems = append(problems, err)
			continue
		}
		if ids[c.ID()] { //check:connector-twice
			invalid := &ConfigError{Connector: c.ID()}
			invalid.add("id", "is there twice", "give each connector an ID of its own")
			problems = append(problems, invalid)
			continue
		}
		ids[c.ID()] = true
		connectors = append(connectors, c)
	}
	r.write.Lock()
	defer r.write.Unlock()
	return r.publish(connectors, problems...)
}

// Remove takes a connector out and releases its domains: their people sign in without single sign-on from then on. To stop
// sign-ins and keep the domains enforced, Put the connector with Config.Disabled. An unknown ID is [ErrNotFound].
func (r *Router) Remove(id string) error {
	r.write.Lock()
	defer r.write.Unlock()
	old := r.load()
	if old.byID[id] == nil {
		return ErrNotFound
	}
	return r.publish(old.without(id))
}

// publish makes the connectors the table, unless there are problems. The caller holds the lock.
func (r *Router) publish(connectors []*Connector, problems ...error) error {
	next, conflicts := newRouterTable(connectors)
	if problems = append(problems, conflicts...); len(problems) == 1 {
		return problems[0]
	} else if len(problems) > 1 {
		return errors.Join(problems...)
	}
	old := r.load()
	for _, c := range connectors {
		if before := old.byID[c.ID()]; before != c {
			c.adopt(before)
		}
	}
	r.table.Store(next)
	return nil
}

func (t *routerTable) without(id string) []*Connector {
	return slices.DeleteFunc(slices.Clone(t.connectors), func(c *Connector) bool { return c.ID() == id })
}

// newRouterTable indexes the connectors. Of two that want the same thing, the later one is at fault.
func newRouterTable(connectors []*Connector) (*routerTable, []error) {
	t := &routerTable{
		connectors: slices.Clone(connectors),
		byID:       make(map[string]*Connector, len(connectors)),
		exact:      make(map[string]Route, len(connectors)),
		wildcard:   map[string]Route{},
	}
	slices.SortFunc(t.connectors, func(a, b *Connector) int { return strings.Compare(a.ID(), b.ID()) })
	var problems []error
	redirects := make(map[string]*Connector, len(connectors)) // who was first on a redirect URI
	for _, c := range connectors {
		t.byID[c.ID()] = c
		for uri := range c.redirectURIs() {
			if first := redirects[uri]; first == nil {
				redirects[uri] = c
			} else if c.exclusive || first.exclusive { //check:redirect-exclusive
				invalid := &ConfigError{Connector: c.ID()}
				invalid.add("redirect_url", "belongs to another connector alone", "give a redirect URI of its own, or take this one out of Options.ExclusiveRedirectURLs")
				problems = append(problems, invalid)
			}
		}
		for _, d := range c.cfg.Domains {
			if d.State != DomainAsserted { //check:domain-asserted
				continue
			}
			routes := t.exact
			if d.Wildcard {
				routes = t.wildcard
			}
			if holder, ok := routes[d.Name]; ok { //check:domain-conflict
				problems = append(problems, domainConflict(c, d, holder.Connector))
				continue
			}
			routes[d.Name] = Route{c, d}
		}
	}
	return t, problems
}

// domainConflict names the holder in the cause alone, which is for the log: a tenant need not know who else is a customer.
func domainConflict(c *Connector, d Domain, holder *Connector) error {
	cause := fmt.Errorf("the domain %s is held by connector %q", d, holder.ID())
	return newError(CodeDomainConflict, c.ID(), cause).
		withRemedy("The domain %s belongs to another connector; release it there first, or swap the whole table with Replace.", d)
}

// Connector gives the connector with this ID, also a disabled one, or [ErrNotFound].
func (r *Router) Connector(_ context.Context, id string) (*Connector, error) {
	if c := r.load().byID[id]; c != nil {
		return c, nil
	}
	return nil, ErrNotFound
}

// Route gives the connector that people of the domain must use: by the exact domain, else by the longest wildcard. A name in
// another notation ("ACME.example") is made canonical first; one that is no domain name is an [*Error] with
// CodeAddressInvalid. Only [ErrNotFound] means that the domain is nobody's.
func (r *Router) Route(_ context.Context, domain string) (Route, error) {
	t := r.load()
	if route, ok := t.exact[domain]; ok {
		return route, nil
	}
	name, err := canonicalDomain(domain)
	if err != nil {
		return Route{}, newError(CodeAddressInvalid, "", err)
	}
	if route, ok := t.exact[name]; ok {
		return route, nil
	}
	if len(t.wildcard) > 0 {
		for _, parent, ok := strings.Cut(name, "."); ok; _, parent, ok = strings.Cut(parent, ".") {
			if route, ok := t.wildcard[parent]; ok {
				return route, nil
			}
		}
	}
	return Route{}, ErrNotFound
}

// Connectors gives all connectors, sorted by ID.
func (r *Router) Connectors() []*Connector { return slices.Clone(r.load().connectors) }
