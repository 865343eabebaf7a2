package storetest

import (
	"errors"
	"reflect"
	"testing"

	"github.com/oidcsso/oidcsso"
	"github.com/oidcsso/oidcsso/connectorstore"
)

// tenants: who asks for one tenant finds nothing of another, and a connector changes its tenant by a call of its own alone.
func (s suite) tenants(t *testing.T) {
	w, ctx := s.start(t), t.Context()
	acme, globex := w.Tenant("acme"), w.Tenant("globex")
	c := must(acme.Create(ctx, withSecrets()))(t)
	claim := must(acme.Claim(ctx, c.ID, "acme.example"))(t)
	if c.Tenant != "acme" || claim.Connector != c.ID {
		t.Errorf("made: %+v, %+v", c, claim)
	}
	answers := func(view *connectorstore.Tenant, id, claimID string) []error {
		named := c
		named.ID, named.Config.ID = id, id
		_, read := view.Connector(ctx, id)
		_, updated := view.Update(ctx, named)
		_, claimed := view.Claim(ctx, id, "other.example")
		_, listed := view.Claims(ctx, id)
		_, grants := view.Grants(ctx, id)
		_, one := view.ClaimByID(ctx, claimID)
		_, set := view.SetDomainState(ctx, claimID, oidcsso.DomainClaimed, oidcsso.DomainVerified)
		return []error{read, updated, claimed, listed, grants, one, set, view.Release(ctx, claimID), view.Delete(ctx, id, c.Revision)}
	}
	never := answers(globex, "aaaaaaaaaaaaaaaa", "aaaaaaaaaaaaaaaa")
	for _, err := range never {
		wantCode(t, err, connectorstore.CodeNotFound)
	}
	if got := answers(globex, c.ID, claim.ID); !reflect.DeepEqual(got, never) {
		t.Errorf("another tenant's: %v; want %v", got, never)
	}
	for _, err := range answers(w.Tenant(""), c.ID, claim.ID) {
		wantCode(t, err, connectorstore.CodeInvalid)
	}
	if got := must(acme.Connector(ctx, c.ID))(t); !reflect.DeepEqual(got, c) {
		t.Errorf("another tenant has changed %+v into %+v", c, got)
	}

	c.Tenant = "globex"
	_, err := w.Update(ctx, c)
	wantCode(t, err, connectorstore.CodeInvalid)
	moved := must(w.SetTenant(ctx, c.ID, c.Revision, "globex"))(t)
	if moved.Tenant != "globex" || moved.Revision <= c.Revision {
		t.Errorf("moved: %+v", moved)
	}
	if got := must(globex.Connectors(ctx, connectorstore.Filter{}))(t); len(got) != 1 || got[0].ID != c.ID {
		t.Errorf("the new tenant has %+v", got)
	}
	w.wantSecrets(t, moved, "current-hunter2", "next-hunter3")
	must(globex.ClaimByID(ctx, claim.ID))(t)
	if _, err := acme.ClaimByID(ctx, claim.ID); !errors.Is(err, connectorstore.CodeNotFound) {
		t.Errorf("for the old tenant: %v", err)
	}
}
