package connectorstore

import (
	"context"
	"errors"
	"fmt"
)

// maxFaults bounds what Integrity lists: where the ring is the wrong one, every row is a fault.
const maxFaults = 1000

var errFaults = errors.New("enough")

// Integrity reads everything, in one state of the database, and gives a sentence for each thing that is wrong, for an operator,
// up to 1000: rows that can't be trusted or read, secrets that do not open, connectors that are not valid, domains whose owner
// the rows do not agree on. Empty, and not nil, if all is well. The error is of what kept it from looking.
//
// It takes a while, and a look at every secret; nobody who writes waits for it.
func (s *Store) Integrity(ctx context.Context) ([]string, error) {
	audit := &audit{Store: s, faults: []string{}}
	err := s.snapshot(ctx, func(q queryer) error {
		audit.queryer = q
		return audit.all(ctx)
	})
	if errors.Is(err, errFaults) {
		err = nil
	}
	return audit.faults, err
}

type audit struct {
	*Store
	queryer
	faults []string
}

func (a *audit) fault(format string, args ...any) error {
	a.faults = append(a.faults, fmt.Sprintf(format, args...))
	if len(a.faults) >= maxFaults {
		return errFaults
	}
	return nil
}

func (a *audit) all(ctx context.Context) error {
	var revision, ahead int64
	if err := a.QueryRowContext(ctx, "SELECT revision FROM oidcsso_meta").Scan(&revision); err != nil {
		return fmt.Errorf("connectorstore: %w", err)
	}
	if err := a.QueryRowContext(ctx, a.options.Dialect.query("SELECT COUNT(*) FROM oidcsso_connectors WHERE revision > ?"), revision).Scan(&ahead); err != nil {
		return fmt.Errorf("connectorstore: %w", err)
	}
	if ahead > 0 {
		if err := a.fault("The store is at revision %d, and behind that of connectors: %d.", revision, ahead); err != nil {
			return err
		}
	}
	if err := a.each(ctx, "oidcsso_connectors", a.connector); err != nil {
		return err
	}
	if err := a.each(ctx, "oidcsso_claims", a.claim); err != nil {
		return err
	}
	return a.each(ctx, "oidcsso_grants", a.grant)
}

// each visits all IDs of a table, page by page: a transaction reads one thing at a time.
func (a *audit) each(ctx context.Context, table string, visit func(ctx context.Context, id string) error) error {
	var blobs int
	if err := a.QueryRowContext(ctx, "SELECT COUNT(*) FROM "+table+" WHERE NOT ("+textID+")").Scan(&blobs); err != nil {
		return fmt.Errorf("connectorstore: %w", err)
	}
	if blobs > 0 {
		if err := a.fault("The table %s has rows whose ID is no text: %d.", table, blobs); err != nil {
			return err
		}
	}
	for after := ""; ; {
		ids, err := a.ids(ctx, a.queryer, table, after)
		if err != nil || len(ids) == 0 {
			return err
		}
		for _, id := range ids {
			if err := visit(ctx, id); err != nil {
				return err
			}
		}
		after = ids[len(ids)-1]
	}
}

func (a *audit) connector(ctx context.Context, id string) error {
	r, err := a.readRow(ctx, a.queryer, id)
	if err != nil {
		return err
	}
	if a.verify(r) != nil {
		return a.fault("The row of connector %q can't be trusted.", id)
	}
	if r.state == stateDeleted {
		return nil
	}
	cfg, err := r.live()
	if err == nil {
		err = a.openSecrets(ctx, r, &cfg)
	}
	if err == nil {
		err = a.check(cfg)
	}
	if err == nil {
		_, err = r.connector()
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		return a.fault("Connector %q is of no use: %s", id, err)
	}
	return a.owned(ctx, r)
}

// owned compares the row's domains with the connector's claims.
func (a *audit) owned(ctx context.Context, r *row) error {
	claims, err := a.readClaims(ctx, a.queryer, "connector = ?", r.id)
	if err != nil {
		return err
	}
	domains, err := r.ownedDomains()
	if err != nil {
		return err
	}
	confirmed := map[string]bool{}
	for _, c := range claims {
		confirmed[c.id] = c.owned
		if h := (&holding{claimRow: c, r: r, domains: domains}); !h.agree() {
			if err := a.fault("Claim %q, to %s, and connector %q do not say the same of the domain: owned is %v, and it is %q.",
				c.id, c.domain(), r.id, c.owned, h.state()); err != nil {
				return err
			}
		}
	}
	for _, d := range domains {
		if _, claimed := confirmed[d.ClaimID]; !claimed {
			if err := a.fault("Connector %q has the domain %s by the claim %q, which it does not have.", r.id, d, d.ClaimID); err != nil {
				return err
			}
		}
	}
	return nil
}

func (a *audit) claim(ctx context.Context, id string) error {
	claims, err := a.readClaims(ctx, a.queryer, "id = ?", id)
	if err != nil || len(claims) == 0 {
		return err
	}
	c := claims[0]
	if a.verifyClaim(c) != nil {
		if err := a.fault("The row of claim %q, of connector %q, can't be trusted.", id, c.connector); err != nil {
			return err
		}
	}
	r, err := a.readRow(ctx, a.queryer, c.connector)
	switch {
	case errors.Is(err, CodeNotFound), err == nil && r.state == stateDeleted:
		return a.fault("Claim %q is of connector %q, which does not exist.", id, c.connector)
	case err != nil || !c.owned:
		return err
	}
	var others int
	err = a.QueryRowContext(ctx, a.options.Dialect.query("SELECT COUNT(*) FROM oidcsso_claims WHERE name = ? AND wildcard = ? AND owned = 1 AND id < ?"),
		c.name, number(c.wildcard), id).Scan(&others)
	if err != nil {
		return fmt.Errorf("connectorstore: %w", err)
	}
	if others > 0 {
		return a.fault("Claim %q owns %s, which another claim owns too.", id, c.domain())
	}
	return nil
}

func (a *audit) grant(ctx context.Context, id string) error {
	grants, err := a.readGrants(ctx, a.queryer, "id = ?", id)
	if err != nil || len(grants) == 0 || a.verifyGrant(grants[0]) == nil {
		return err
	}
	return a.fault("The row of grant %q can't be trusted.", id)
}
