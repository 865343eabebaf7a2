package oidcsso

import (
	"cmp"
	"slices"

	"github.com/oidcsso/oidcsso/internal/cow"
)

// outOfOrder is what a Router has in the place of a connector that can't be made: see [Router.Sync].
type outOfOrder struct {
	id      string
	problem error
	domains []Domain   // owned, canonical; none is there twice
	last    *Connector // the last healthy one with this ID, nil if there was none
}

// newOutOfOrder is the entry for all Configs of one ID. The domains of the last healthy connector stay with it: whoever breaks
// a row must not open a domain by taking it out of the row.
func newOutOfOrder(id string, cfgs []Config, problem error, last *Connector, allow func(string) bool) *outOfOrder {
	o := &outOfOrder{id: id, problem: problem, last: last}
	var named []Domain
	for _, cfg := range cfgs {
		named = append(named, cfg.Domains...)
	}
	if last != nil { //check:out-of-order-last
		named = append(named, last.domains()...)
	}
	seen := map[string]bool{}
	for _, d := range named {
		d.readWildcard()
		name, err := canonicalDomain(d.Name)
		d.Name = name
		switch {
		case d.State == DomainClaimed || err != nil || seen[d.String()]:
		case isPublicSuffix(name) || !allow(name): //check:out-of-order-names
			// No connector can have it. A row that names "*.com", or a mailbox provider, must not keep everybody out.
		default:
			seen[d.String()] = true
			o.domains = append(o.domains, d)
		}
	}
	return o
}

// unavailable is the answer for the connector and its domains.
func (o *outOfOrder) unavailable() *Error {
	return newError(CodeUnavailable, o.id, o.problem).
		withRemedy("The connector is out of order; the cause says why. Correct its configuration. To let its people in another way, remove it.")
}

// last is the last healthy connector with this ID; nil if there is none.
func (t *routerTable) last(id string) *Connector {
	if c, ok := t.byID.Get(id); ok {
		return c
	}
	if o, ok := t.broken.Get(id); ok {
		return o.last
	}
	return nil
}

// setBroken enters what is out of order, beside whoever holds or names its domains.
func (e *routerEdit) setBroken(o *outOfOrder) {
	e.broken.Set(o.id, o)
	for i := range o.domains {
		d := &o.domains[i]
		all, _ := e.brokenRoutes(d).Get(d.Name)
		at, _ := slices.BinarySearchFunc(all, o, byID)
		e.brokenRoutes(d).Set(d.Name, slices.Insert(slices.Clip(all), at, o)) // into a copy: readers have the old one
	}
}

func (e *routerEdit) removeBroken(o *outOfOrder) {
	e.broken.Delete(o.id)
	for i := range o.domains {
		d := &o.domains[i]
		all, _ := e.brokenRoutes(d).Get(d.Name)
		if len(all) == 1 {
			e.brokenRoutes(d).Delete(d.Name)
			continue
		}
		at := slices.Index(all, o)
		e.brokenRoutes(d).Set(d.Name, slices.Concat(all[:at], all[at+1:]))
	}
}

func (e *routerEdit) brokenRoutes(d *Domain) *cow.Edit[[]*outOfOrder] {
	if d.Wildcard {
		return e.brokenWildcard
	}
	return e.brokenExact
}

func byID(a, b *outOfOrder) int { return cmp.Compare(a.id, b.id) }
