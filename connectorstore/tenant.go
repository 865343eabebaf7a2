package connectorstore

import (
	"context"

	"github.com/oidcsso/oidcsso"
)

// Tenant is what a tenant's administrator may do with a [Store]: see and change what is that tenant's. Whatever is another tenant's
// does not exist: a connector or a claim with an ID that came with a request is CodeNotFound, in the same words as one that was
// deleted or never was, and stays as it is. That is decided in the transaction of the call itself.
//
// What takes somebody's word for a proof, moves something between tenants, or reads a secret is the operator's, and not here.
// Everything else is as the Store's method of the same name says.
type Tenant struct{ own *Store } // nil if there is no tenant

// Tenant gives the view of one tenant, which the backend has authenticated: never what a request says that it is. Making one
// costs nothing; each request may have its own. If tenant is empty, longer than 200 bytes or no text, every method of the view is
// CodeInvalid: connectors without a tenant are nobody's but the operator's. So is every method of a Tenant that is not from here.
func (s *Store) Tenant(tenant string) *Tenant {
	if tenant == "" || checkTenant(tenant) != nil { //check:tenant-none
		return new(Tenant)
	}
	own := *s
	own.tenant = tenant
	return &Tenant{&own}
}

// store is the Store that sees what is the tenant's alone.
func (t *Tenant) store() (*Store, error) {
	if t == nil || t.own == nil {
		return nil, refuse(CodeInvalid, "Name the tenant that was authenticated.", "There is no tenant to act for.")
	}
	return t.own, nil
}

// sees says whether the row is there for the one who asks. The tenant of a row is signed: verify comes after it.
func (s *Store) sees(r *row) bool { return s.tenant == "" || r.tenant == s.tenant }

// Create is [Store.Create], without RedirectURL: that is the developer's.
func (t *Tenant) Create(ctx context.Context, cfg oidcsso.Config) (Connector, error) {
	s, err := t.store()
	if err != nil {
		return Connector{}, err
	}
	if cfg.RedirectURL != "" { //check:tenant-redirect
		return Connector{}, refuse(CodeInvalid, "Leave it out. It is for the developer to set, by SetRedirectURL.", "The configuration has a redirect URL.")
	}
	return s.Create(ctx, s.tenant, cfg)
}

// Connector is [Store.Connector].
func (t *Tenant) Connector(ctx context.Context, id string) (Connector, error) {
	s, err := t.store()
	if err != nil {
		return Connector{}, err
	}
	return s.Connector(ctx, id)
}

// Connectors is [Store.Connectors]. A Filter that names another tenant finds nothing.
func (t *Tenant) Connectors(ctx context.Context, f Filter) ([]Listed, error) {
	s, err := t.store()
	if err != nil {
		return nil, err
	}
	return s.Connectors(ctx, f)
}

// CallbackURLs is [Store.CallbackURLs] of the connector as it is now. Errors are also those of Connector.
func (t *Tenant) CallbackURLs(ctx context.Context, id string) ([]string, error) {
	c, err := t.Connector(ctx, id)
	if err != nil {
		return nil, err
	}
	return t.own.CallbackURLs(c)
}

// Update is [Store.Update].
func (t *Tenant) Update(ctx context.Context, c Connector) (Connector, error) {
	s, err := t.store()
	if err != nil {
		return Connector{}, err
	}
	return s.Update(ctx, c)
}

// SetState is [Store.SetState].
func (t *Tenant) SetState(ctx context.Context, id string, revision int64, state State) (Connector, error) {
	s, err := t.store()
	if err != nil {
		return Connector{}, err
	}
	return s.SetState(ctx, id, revision, state)
}

// PromoteNextSecret is [Store.PromoteNextSecret].
func (t *Tenant) PromoteNextSecret(ctx context.Context, id string, revision int64) (Connector, error) {
	s, err := t.store()
	if err != nil {
		return Connector{}, err
	}
	return s.PromoteNextSecret(ctx, id, revision)
}

// DropSecrets is [Store.DropSecrets].
func (t *Tenant) DropSecrets(ctx context.Context, id string, revision int64, nextOnly bool) (Connector, error) {
	s, err := t.store()
	if err != nil {
		return Connector{}, err
	}
	return s.DropSecrets(ctx, id, revision, nextOnly)
}

// Delete is [Store.Delete].
func (t *Tenant) Delete(ctx context.Context, id string, revision int64) error {
	s, err := t.store()
	if err != nil {
		return err
	}
	return s.Delete(ctx, id, revision)
}

// Claim is [Store.Claim].
func (t *Tenant) Claim(ctx context.Context, connectorID, domain string) (Claim, error) {
	s, err := t.store()
	if err != nil {
		return Claim{}, err
	}
	return s.Claim(ctx, connectorID, domain)
}

// ClaimByID is [Store.ClaimByID].
func (t *Tenant) ClaimByID(ctx context.Context, claimID string) (Claim, error) {
	s, err := t.store()
	if err != nil {
		return Claim{}, err
	}
	return s.ClaimByID(ctx, claimID)
}

// Claims is [Store.Claims].
func (t *Tenant) Claims(ctx context.Context, connectorID string) ([]Claim, error) {
	s, err := t.store()
	if err != nil {
		return nil, err
	}
	return s.Claims(ctx, connectorID)
}

// Verify is [Store.Verify].
func (t *Tenant) Verify(ctx context.Context, claimID string) (Claim, error) {
	s, err := t.store()
	if err != nil {
		return Claim{}, err
	}
	return s.Verify(ctx, claimID)
}

// SetDomainState is [Store.SetDomainState].
func (t *Tenant) SetDomainState(ctx context.Context, claimID string, from, to oidcsso.DomainState) (Claim, error) {
	s, err := t.store()
	if err != nil {
		return Claim{}, err
	}
	return s.SetDomainState(ctx, claimID, from, to)
}

// Release is [Store.Release]. A domain that an operator has frozen, see [Store.Freeze], is CodeStateRefused: whoever has its zone
// could prove it anew.
func (t *Tenant) Release(ctx context.Context, claimID string) error {
	s, err := t.store()
	if err != nil {
		return err
	}
	return s.Release(ctx, claimID)
}

// Grants is [Store.Grants], and CodeNotFound where there is no such connector.
func (t *Tenant) Grants(ctx context.Context, connectorID string) ([]Grant, error) {
	s, err := t.store()
	if err != nil {
		return nil, err
	}
	return s.Grants(ctx, connectorID)
}
