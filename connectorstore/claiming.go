package connectorstore

import (
	"context"
	"slices"
	"time"

	"github.com/oidcsso/oidcsso"
)

const (
	claimLife = 14 * 24 * time.Hour // in which a domain can be proven
	claimKept = 7 * 24 * time.Hour  // after that, so that the administrator reads why it can't any more

	maxClaims     = 100  // of a connector, by Claim
	maxAsserted   = 1000 // of a connector, by Assert: as many as a Config may have
	maxOpenClaims = 500  // of a tenant: not owned, and not expired
)

// Claim says that a domain is the connector's: "acme.example", or "*.acme.example" for every name below it. It changes
// nothing for anybody, whoever else claims the domain or owns it, until [Store.Verify] has found the record that it names.
// That can be done for 14 days. A connector's second claim to a domain gives the first one, unless it has expired: then there
// is a new one, with another record, so that what was once published and forgotten proves nothing.
//
// Errors: CodeNotFound, CodeTampered; CodeTooMany beyond 100 claims of a connector, or 500 open ones of a tenant that has a
// name; CodeInvalid where no record can be made of the name; an [oidcsso.ConfigError] for a name that no connector can
// have, such as a public suffix, or a mailbox provider's.
func (s *Store) Claim(ctx context.Context, connectorID, domain string) (Claim, error) {
	return s.claimed(ctx, connectorID, domain, maxClaims, func(*writer, *holding) error { return nil })
}

// Assert makes a domain the connector's on an operator's word: nobody looks for a record, now or later. Whoever calls it
// takes the domain for the connector, which can then sign in everybody with an address in it. It is for domains that the
// operator knows to be the tenant's by other means, and never for a tenant to call, with whatever name.
//
// The domain is then verified, as by [Store.Verify]. One that is already the connector's stays as it is. A name below another
// tenant's wildcard, which Verify refuses, may be asserted: it too enters as enforced as the wildcard is, but its connector may
// then choose any state, and so open other ways in for the people there.
//
// Errors are those of Claim, with up to 1000 claims of a connector; CodeDomainOwned; CodeStateRefused for a draft, where the
// domain is below another connector's wildcard.
func (s *Store) Assert(ctx context.Context, connectorID, domain string) (Claim, error) {
	return s.claimed(ctx, connectorID, domain, maxAsserted, func(w *writer, h *holding) error {
		if h.owned {
			return nil
		}
		return w.own(ctx, h, proofAsserted)
	})
}

// claimed finds the connector's claim to the domain, or makes it, and goes on with fn in the same transaction.
func (s *Store) claimed(ctx context.Context, connectorID, domain string, most int, fn func(*writer, *holding) error) (Claim, error) {
	var h *holding
	err := s.write(ctx, func(w *writer) error {
		r, err := w.verified(ctx, w.tx, connectorID)
		if err != nil {
			return err
		}
		d, err := s.canonical(r, domain)
		if err != nil {
			return err
		}
		if h, err = w.findClaim(ctx, r, d); err != nil {
			return err
		}
		if h == nil || h.expired(w.now) {
			if h, err = w.newClaim(ctx, r, d, most); err != nil {
				return err
			}
		}
		return fn(w, h)
	})
	if err != nil {
		return Claim{}, err
	}
	return h.claim(s.options.ProofLabel), nil
}

// canonical reads a domain as the replicas will, and refuses what can't be a connector's.
func (s *Store) canonical(r *row, domain string) (oidcsso.Domain, error) {
	cfg, err := r.configuration()
	if err != nil {
		return oidcsso.Domain{}, err
	}
	// Without all that is no matter of the domain, such as secrets.
	cfg = oidcsso.Config{ID: cfg.ID, Issuer: cfg.Issuer, ClientID: cfg.ClientID, RedirectURL: cfg.RedirectURL, Domains: []oidcsso.Domain{{Name: domain}}}
	c, err := oidcsso.NewConnector(withStandIns(cfg), s.sso)
	if err != nil { //check:claim-domain
		return oidcsso.Domain{}, err
	}
	d := c.Config().Domains[0]
	if _, _, err := proofRecord(s.options.ProofLabel, d.Name, ""); err != nil { //check:claim-record
		return oidcsso.Domain{}, refuse(CodeInvalid, "Claim a shorter name above it, as a wildcard.", "No DNS record can prove the name: it is too long for one.")
	}
	return d, nil
}

func (w *writer) findClaim(ctx context.Context, r *row, d oidcsso.Domain) (*holding, error) {
	claims, err := w.readClaims(ctx, w.tx, "connector = ? AND name = ? AND wildcard = ?", r.id, d.Name, number(d.Wildcard))
	if err != nil || len(claims) == 0 {
		return nil, err
	}
	if err := w.verifyClaim(claims[0]); err != nil {
		return nil, err
	}
	return w.hold(r, claims[0])
}

func (w *writer) newClaim(ctx context.Context, r *row, d oidcsso.Domain, most int) (*holding, error) {
	// Those of this connector that can't be proven any more make room.
	if _, err := w.options.Dialect.exec(ctx, w.tx, "DELETE FROM oidcsso_claims WHERE connector = ? AND owned = 0 AND expires <= ?", r.id, millis(w.now)); err != nil {
		return nil, err
	}
	if err := w.roomForClaim(ctx, r, most); err != nil {
		return nil, err
	}
	c := &claimRow{id: newID(), connector: r.id, name: d.Name, wildcard: d.Wildcard, token: newProofToken(), created: millis(w.now),
		expires:   millis(w.now.Add(claimLife)),
		nextCheck: millis(w.now.Add(claimLife + claimKept))} // when it is forgotten
	if err := w.insertClaim(ctx, c); err != nil {
		return nil, err
	}
	h, err := w.hold(r, c)
	if err == nil {
		w.toldOf(ctx, h, EventDomainClaimed)
	}
	return h, err
}

func (w *writer) roomForClaim(ctx context.Context, r *row, most int) error {
	var own, open int
	if err := w.count(ctx, &own, "SELECT COUNT(*) FROM oidcsso_claims WHERE connector = ?", r.id); err != nil {
		return err
	}
	if own >= most { //check:claims-connector
		return refuse(CodeTooMany, "Release claims that are not needed, or claim a wildcard.", "The connector has %d claims.", own)
	}
	if r.tenant == "" { // a backend that names none has one for all of its customers
		return nil
	}
	err := w.count(ctx, &open, "SELECT COUNT(*) FROM oidcsso_claims WHERE owned = 0 AND expires > ? AND connector IN "+
		"(SELECT id FROM oidcsso_connectors WHERE tenant = ?)", millis(w.now), r.tenant)
	if err == nil && open >= maxOpenClaims { //check:claims-tenant
		err = refuse(CodeTooMany, "Prove those that are open, or release them.", "The tenant has %d claims that are not proven.", open)
	}
	return err
}

func (w *writer) count(ctx context.Context, n *int, query string, args ...any) error {
	return w.tx.QueryRowContext(ctx, w.options.Dialect.query(query), args...).Scan(n)
}

// expired says whether it is too late to prove the claim.
func (c *claimRow) expired(now time.Time) bool { return !c.owned && c.expires <= millis(now) }

// own makes an open claim the owner's.
func (w *writer) own(ctx context.Context, h *holding, proof string) error {
	var owners int
	if err := w.count(ctx, &owners, "SELECT COUNT(*) FROM oidcsso_claims WHERE name = ? AND wildcard = ? AND owned = 1", h.name, number(h.wildcard)); err != nil {
		return err
	}
	if owners > 0 { //check:domain-owned-by-another
		return errOwned()
	}
	state, err := w.stateBelow(ctx, h, proof)
	if err != nil {
		return err
	}
	if err := w.become(ctx, h, proof, state); err != nil {
		return err
	}
	w.toldOf(ctx, h, EventDomainVerified, proofAttr(h))
	return nil
}

// errOwned says nothing of who owns it.
func errOwned() error {
	return refuse(CodeDomainOwned, "If it is yours, ask the operator of this service.", "The domain is owned already.")
}

// become writes that the claim owns its domain, in both rows. The unique index refuses a second owner.
func (w *writer) become(ctx context.Context, h *holding, proof string, state oidcsso.DomainState) error {
	if _, err := w.canonical(h.r, h.domain()); err != nil { // what is allowed may have changed since it was claimed
		return err
	}
	h.owned, h.proof, h.expires, h.verified = true, proof, 0, millis(w.now)
	h.checked, h.nextCheck = millis(w.now), millis(w.now.Add(jittered(checkEvery)))
	if proof == proofAsserted {
		h.checked, h.nextCheck = 0, 0
	}
	h.domains = append(slices.Clone(h.domains), oidcsso.Domain{Name: h.name, Wildcard: h.wildcard, State: state, ClaimID: h.id, Since: w.now})
	if err := w.saveClaim(ctx, h.claimRow); err != nil {
		return err
	}
	return w.saveDomains(ctx, h)
}
