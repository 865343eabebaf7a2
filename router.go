package oidcsso

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
)

// Router is a [Source] in memory. It answers by the domain in whole, never by a part of it: "acme.example" covers neither
// "sub.acme.example" nor "notacme.example".
//
// Connector and Route take no lock; changes are made on a copy and become visible in one step. A Put copies the
// recent changes, and only now and then all entries; [Router.Replace] loads thousands at once.
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

func (r *Router) load() *routerTable {
	if t := r.table.Load(); t != nil {
		return t
	}
	return &emptyRouterTable
}

// Put adds a connector, or changes the one with the same ID. A changed one keeps what it has discovered if issuer, client ID
// and redirect URI are the same; sign-ins under way then go on as well.
//
// The error is a [*ConfigError], an [*Error] with CodeDomainConflict where a domain is another connector's, or several of
// them joined. Claimed domains conflict with nothing; in every other state one connector has the domain alone. Nothing has changed then. An exact domain of one connector below a wildcard of another is no
// conflict: the longest match wins.
func (r *Router) Put(cfg Config) error {
	next, err := NewConnector(cfg, r.opts)
	if err != nil {
		return err
	}
	r.write.Lock()
	defer r.write.Unlock()
	edit := r.load().edit(0)
	last, _ := edit.takeOut(next.ID())
	if err := joinedOrOne(edit.add(next)); err != nil {
		return err
	}
	next.adopt(last)
	r.table.Store(edit.done())
	return nil
}

// Replace swaps the whole table in one step, so that a domain can move from one connector to another without a moment in
// which it is nobody's. It is all or nothing: the error joins all problems of all Configs, of the kinds that [Router.Put]
// returns.
func (r *Router) Replace(cfgs []Config) error {
	if _, err := r.opts.environment(); err != nil {
		return err
	}
	edit := emptyRouterTable.edit(len(cfgs))
	var problems []error
	for _, cfg := range cfgs {
		c, err := NewConnector(cfg, r.opts)
		if err != nil {
			problems = append(problems, err)
			continue
		}
		problems = append(problems, edit.add(c)...)
	}
	if err := joinedOrOne(problems); err != nil {
		return err
	}
	next := edit.done()
	r.write.Lock()
	defer r.write.Unlock()
	old := r.load()
	for id, c := range next.byID.All() {
		c.adopt(old.last(id))
	}
	r.table.Store(next)
	return nil
}

func joinedOrOne(problems []error) error {
	if len(problems) == 1 {
		return problems[0]
	}
	return errors.Join(problems...)
}

// Remove takes a connector out and releases its domains: their people sign in without single sign-on from then on. To stop
// sign-ins and keep the domains enforced, Put the connector with Config.Disabled. An unknown ID is [ErrNotFound].
func (r *Router) Remove(id string) error {
	r.write.Lock()
	defer r.write.Unlock()
	edit := r.load().edit(0)
	if _, found := edit.takeOut(id); !found {
		return ErrNotFound
	}
	r.table.Store(edit.done())
	return nil
}

// Connector gives the connector with this ID, also a disabled one, or [ErrNotFound]; one that is out of order is an [*Error]
// with CodeUnavailable: see [Router.Sync].
func (r *Router) Connector(_ context.Context, id string) (*Connector, error) {
	t := r.load()
	if c, ok := t.byID.Get(id); ok {
		return c, nil
	}
	if o, ok := t.broken.Get(id); ok { //check:out-of-order
		return nil, o.unavailable()
	}
	return nil, ErrNotFound
}

// Route gives the connector whose the domain is, in whatever state: by the exact domain, else by the longest wildcard. A name in
// another notation ("ACME.example") is made canonical first; one that is no domain name is an [*Error] with
// CodeAddressInvalid, and a domain whose connector is out of order one with CodeUnavailable. Only [ErrNotFound] means that the
// domain is nobody's.
func (r *Router) Route(_ context.Context, domain string) (*Route, error) {
	t := r.load()
	if route, ok := t.exact.Get(domain); ok {
		return route, nil
	}
	return t.route(domain)
}

// route is Route for what is no exact domain as it is written.
func (t *routerTable) route(domain string) (*Route, error) {
	name, err := canonicalDomain(domain)
	if err != nil {
		return nil, newError(CodeAddressInvalid, "", err)
	}
	if route, ok := t.exact.Get(name); ok {
		return route, nil
	}
	// Also where another connector's wildcard would match: that one has no say in this name.
	if all, ok := t.brokenExact.Get(name); ok { //check:out-of-order-exact
		return nil, all[0].unavailable()
	}
	if t.wildcard.Len() > 0 || t.brokenWildcard.Len() > 0 {
		for _, parent, ok := strings.Cut(name, "."); ok; _, parent, ok = strings.Cut(parent, ".") {
			if route, ok := t.wildcard.Get(parent); ok {
				return route, nil
			}
			if all, ok := t.brokenWildcard.Get(parent); ok { //check:out-of-order-wildcard
				return nil, all[0].unavailable()
			}
		}
	}
	return nil, ErrNotFound
}

// Connectors gives all connectors, sorted by ID; not those that are out of order.
func (r *Router) Connectors() []*Connector {
	t := r.load()
	all := make([]*Connector, 0, t.byID.Len())
	for _, c := range t.byID.All() {
		all = append(all, c)
	}
	slices.SortFunc(all, func(a, b *Connector) int { return strings.Compare(a.ID(), b.ID()) })
	return all
}
