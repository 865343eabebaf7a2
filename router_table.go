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

	// What is out of order stands beside, and is looked at only where there is nothing healthy.
	broken         cow.Map[*outOfOrder]
	brokenExact    cow.Map[[]*outOfOrder] // by the domains that they name, sorted by ID
	brokenWildcard cow.Map[[]*outOfOrder]
}

var emptyRouterTable routerTable

// edit begins a change that ends with about as many connectors as expected; 0 means as many as now.
func (t *routerTable) edit(expected int) *routerEdit {
	return &routerEdit{
		byID: t.byID.Edit(expected), exact: t.exact.Edit(expected), wildcard: t.wildcard.Edit(0), redirect: t.redirect.Edit(0),
		broken: t.broken.Edit(0), brokenExact: t.brokenExact.Edit(0), brokenWildcard: t.brokenWildcard.Edit(0),
	}
}

// routerEdit is a table that is being changed.
type routerEdit struct {
	byID     *cow.Edit[*Connector]
	exact    *cow.Edit[*Route]
	wildcard *cow.Edit[*Route]
	redirect *cow.Edit[int]

	broken         *cow.Edit[*outOfOrder]
	brokenExact    *cow.Edit[[]*outOfOrder]
	brokenWildcard *cow.Edit[[]*outOfOrder]
}

func (e *routerEdit) done() *routerTable {
	return &routerTable{
		byID: e.byID.Done(), exact: e.exact.Done(), wildcard: e.wildcard.Done(), redirect: e.redirect.Done(),
		broken: e.broken.Done(), brokenExact: e.brokenExact.Done(), brokenWildcard: e.brokenWildcard.Done(),
	}
}

// add enters a connector. Of two that want the same thing, the later one is at fault; after a problem the edit is of no use.
func (e *routerEdit) add(c *Connector) []error {
	problems := e.conflicts(c)
	if _, ok := e.byID.Get(c.ID()); ok { //check:connector-twice
		problems = append(problems, connectorTwice(c.ID()))
	}
	e.set(c)
	return problems
}

// conflicts says what c wants that another connector in the table has.
func (e *routerEdit) conflicts(c *Connector) (problems []error) {
	if e.takesRedirectURI(c) { //check:redirect-exclusive
		problems = append(problems, redirectTaken(c))
	}
	for i := range c.routes {
		d := &c.routes[i].Domain
		if !d.State.owned() { //check:domain-owned
			continue
		}
		if holder, ok := e.routes(d).Get(d.Name); ok && holder.Connector != c { //check:domain-conflict
			problems = append(problems, domainConflict(c, *d, holder.Connector))
		}
	}
	return problems
}

// set enters a connector. A domain that has a holder stays the holder's.
func (e *routerEdit) set(c *Connector) {
	e.byID.Set(c.ID(), c)
	if uri := c.cfg.RedirectURL; uri != "" {
		users, _ := e.redirect.Get(uri)
		e.redirect.Set(uri, users+1)
	}
	for i := range c.routes {
		d := &c.routes[i].Domain
		if !d.State.owned() {
			continue
		}
		if _, held := e.routes(d).Get(d.Name); !held {
			e.routes(d).Set(d.Name, &c.routes[i])
		}
	}
}

// takeOut takes out the connector with this ID, healthy or out of order, and gives the last healthy one; nil if there is none.
func (e *routerEdit) takeOut(id string) (last *Connector, found bool) {
	if c, ok := e.byID.Get(id); ok {
		e.remove(c)
		return c, true
	}
	if o, ok := e.broken.Get(id); ok {
		e.removeBroken(o)
		return o.last, true
	}
	return nil, false
}

// remove takes out a connector that is in the table, with the domains that it holds.
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
		d := &c.routes[i].Domain
		if holder, _ := e.routes(d).Get(d.Name); holder == &c.routes[i] {
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

// takesRedirectURI says whether a redirect URI of c is another connector's, and one of the two must have it alone. It is so for
// both or for neither. c may be in the table or not. The default ones are not in an index: each names its connector.
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
	others, _ := e.redirect.Get(own)
	if entered, _ := e.byID.Get(c.ID()); entered == c {
		others--
	}
	if others > 0 && c.exclusive {
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

func connectorTwice(id string) error {
	e := &ConfigError{Connector: id}
	e.add("id", "is there twice", "give each connector an ID of its own")
	return e
}

func redirectTaken(c *Connector) error {
	e := &ConfigError{Connector: c.ID()}
	e.add("redirect_url", "belongs to another connector alone", "give a redirect URI of its own, or take this one out of Options.ExclusiveRedirectURLs")
	return e
}

// domainConflict names the holder in the cause alone, which is for the log: a tenant need not know who else is a customer.
func domainConflict(c *Connector, d Domain, holder *Connector) error {
	cause := fmt.Errorf("the domain %s is held by connector %q", d, holder.ID())
	return newError(CodeDomainConflict, c.ID(), cause).
		withRemedy("The domain %s belongs to another connector; release it there first, or move it in one step with Sync.", d)
}
