package oidcsso

import (
	"fmt"
	"strings"

	"github.com/oidcsso/oidcsso/internal/cow"
)

// routerTable is what a Router answers from. It is never changed once it is stored. Its routes are of owned domains only.
type routerTable struct {
	byID     cow.Map[*Connector]
	exact    cow.Map[*Route]
	wildcard cow.Map[*Route]
	redirect cow.Map[int] // how many connectors have this Config.RedirectURL
}

var emptyRouterTable routerTable

// edit begins a change that ends with about as many connectors as expected; 0 means as many as now.
func (t *routerTable) edit(expected int) *routerEdit {
	return &routerEdit{
		byID: t.byID.Edit(expected), exact: t.exact.Edit(expected), wildcard: t.wildcard.Edit(0), redirect: t.redirect.Edit(0),
	}
}

// routerEdit is a table that is being changed.
type routerEdit struct {
	byID     *cow.Edit[*Connector]
	exact    *cow.Edit[*Route]
	wildcard *cow.Edit[*Route]
	redirect *cow.Edit[int]
}

func (e *routerEdit) done() *routerTable {
	return &routerTable{byID: e.byID.Done(), exact: e.exact.Done(), wildcard: e.wildcard.Done(), redirect: e.redirect.Done()}
}

// add enters a connector. Of two that want the same thing, the later one is at fault; after a problem the edit is of no use.
func (e *routerEdit) add(c *Connector) (problems []error) {
	invalid := &ConfigError{Connector: c.ID()}
	if _, ok := e.byID.Get(c.ID()); ok { //check:connector-twice
		invalid.add("id", "is there twice", "give each connector an ID of its own")
	}
	if e.takesRedirectURI(c) { //check:redirect-exclusive
		invalid.add("redirect_url", "belongs to another connector alone", "give a redirect URI of its own, or take this one out of Options.ExclusiveRedirectURLs")
	}
	if err := invalid.orNil(); err != nil {
		problems = append(problems, err)
	}
	e.byID.Set(c.ID(), c)
	if uri := c.cfg.RedirectURL; uri != "" {
		users, _ := e.redirect.Get(uri)
		e.redirect.Set(uri, users+1)
	}
	for i := range c.routes {
		route := &c.routes[i]
		d := &route.Domain
		if !d.State.owned() { //check:domain-owned
			continue
		}
		routes := e.routes(d)
		if holder, ok := routes.Get(d.Name); ok { //check:domain-conflict
			problems = append(problems, domainConflict(c, *d, holder.Connector))
			continue
		}
		routes.Set(d.Name, route)
	}
	return problems
}

// remove takes out a connector that is in the table.
func (e *routerEdit) remove(c *Connector) {
	e.byID.Delete(c.ID())
	if uri := c.cfg.RedirectURL; uri != "" {
		if users, _ := e.redirect.Get(uri); users > 1 {
			e.redirect.Set(uri, users-1)
		} else {
			e.redirect.Delete(uri)
		}
	}
	for i := range c.routes {
		if d := &c.routes[i].Domain; d.State.owned() {
			e.routes(d).Delete(d.Name)
		}
	}
}

func (e *routerEdit) routes(d *Domain) *cow.Edit[*Route] {
	if d.Wildcard {
		return e.wildcard
	}
	return e.exact
}

// takesRedirectURI says whether a redirect URI of c is another connector's, and one of the two must have it alone. The
// default ones are not in an index: each names its connector.
func (e *routerEdit) takesRedirectURI(c *Connector) bool {
	own := c.cfg.RedirectURL
	if own == "" {
		for uri := range c.redirectURIs() {
			if users, _ := e.redirect.Get(uri); users > 0 {
				return true
			}
		}
		return false
	}
	if users, _ := e.redirect.Get(own); users > 0 && c.exclusive {
		return true
	}
	for _, base := range c.env.bases {
		id, ok := strings.CutPrefix(own, base.callback(""))
		if !ok {
			continue
		}
		if other, ok := e.byID.Get(id); ok && other != c && other.usesRedirectURI(own) {
			return true
		}
	}
	return false
}

// domainConflict names the holder in the cause alone, which is for the log: a tenant need not know who else is a customer.
func domainConflict(c *Connector, d Domain, holder *Connector) error {
	cause := fmt.Errorf("the domain %s is held by connector %q", d, holder.ID())
	return newError(CodeDomainConflict, c.ID(), cause).
		withRemedy("The domain %s belongs to another connector; release it there first, or swap the whole table with Replace.", d)
}
