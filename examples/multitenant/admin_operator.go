package main

import (
	"context"
	"net/http"
	"time"

	"github.com/oidcsso/oidcsso/connectorstore"
)

// addGrant makes an exception for one person. Who gives it must be somebody else; here the caller says who that is.
func (a *admin) addGrant(r *http.Request) (any, error) {
	var body struct {
		Address string    `json:"address"`
		By      string    `json:"by"`
		Reason  string    `json:"reason"`
		Until   time.Time `json:"until"` // default: in 24 hours
	}
	if err := read(r, &body); err != nil {
		return nil, err
	}
	return a.store.AddGrant(r.Context(), connectorstore.GrantParams{
		Connector: r.PathValue("id"), Address: body.Address, By: body.By, Reason: body.Reason, Until: body.Until,
	})
}

func (a *admin) grants(r *http.Request) (any, error) {
	list, err := a.store.Grants(r.Context(), r.PathValue("id"))
	return map[string]any{"grants": list}, err
}

func (a *admin) revokeGrant(r *http.Request) (any, error) {
	return nil, a.store.RevokeGrant(r.Context(), r.PathValue("grant"))
}

// setTenant gives a connector to another tenant, with all that it has.
func (a *admin) setTenant(r *http.Request) (any, error) {
	var body struct {
		Tenant string `json:"tenant"`
	}
	revision, err := revisionOf(r)
	if err == nil {
		err = read(r, &body)
	}
	if err != nil {
		return nil, err
	}
	c, err := a.store.SetTenant(r.Context(), r.PathValue("id"), revision, body.Tenant)
	return a.viewed(r, c, err)
}

// rekey changes the issuer of a connector that has been in use, and files its accounts anew: only for a new issuer that has
// the same people under the same subjects, since it can become any of them. An operator disables the connector before, and
// activates it afterwards: whoever comes in between would be a stranger.
func (a *admin) rekey(r *http.Request) (any, error) {
	c, err := a.edit(r)
	if err != nil {
		return nil, err
	}
	c, _, err = a.store.Rekey(r.Context(), c) // the change is the last of c.Rekeyings
	if err != nil {
		return nil, err
	}
	return a.moveAccounts(r.Context(), c)
}

// rekeyAccounts files the accounts again, where that did not come to its end after rekey. Where it did, nothing changes.
func (a *admin) rekeyAccounts(r *http.Request) (any, error) {
	c, err := a.store.Connector(r.Context(), r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	return a.moveAccounts(r.Context(), c)
}

func (a *admin) moveAccounts(ctx context.Context, c connectorstore.Connector) (any, error) {
	moved := 0
	for _, change := range c.Rekeyings() {
		n, err := a.people.rekey(ctx, change)
		if err != nil {
			return nil, err
		}
		moved += n
	}
	return map[string]any{"revision": c.Revision, "issuer": c.Config.Issuer, "accounts": moved}, nil
}

// readmit takes a row as it stands that somebody changed behind the store's back, after an operator has looked at it.
func (a *admin) readmit(r *http.Request) (any, error) {
	c, err := a.store.Readmit(r.Context(), r.PathValue("id"))
	return a.viewed(r, c, err)
}

func (a *admin) integrity(r *http.Request) (any, error) {
	faults, err := a.store.Integrity(r.Context())
	return map[string]any{"faults": faults}, err
}

// status is how well this replica knows the store, with everything that an operator may read.
func (a *admin) status(*http.Request) (any, error) { return a.live.Status(), nil }

// maxAge is when somebody should look: a connector that was disabled a minute ago may still let people in here.
const maxAge = time.Minute

// ready is for a load balancer: a replica that has loaded once can serve, also while the database is away.
func (a *admin) ready(w http.ResponseWriter, _ *http.Request) {
	status := http.StatusOK
	if a.live.Status().LastSync.IsZero() {
		status = http.StatusServiceUnavailable
	}
	writeJSON(w, status, map[string]bool{"ready": status == http.StatusOK})
}

// health is for an alarm. It is open to everybody, so it says no more than how many.
func (a *admin) health(w http.ResponseWriter, _ *http.Request) {
	s := a.live.Status()
	age := time.Since(s.LastSync)
	stale := s.LastSync.IsZero() || age > maxAge
	status := http.StatusOK
	if stale || len(s.Quarantined) > 0 {
		status = http.StatusServiceUnavailable
	}
	writeJSON(w, status, map[string]any{"stale": stale, "quarantined": len(s.Quarantined), "revision": s.Revision})
}
