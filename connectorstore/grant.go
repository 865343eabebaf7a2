package connectorstore

import (
	"context"
	"fmt"
	"strconv"

	"github.com/oidcsso/oidcsso/internal/lengthed"
)

// grantRow is one exception as the database has it.
type grantRow struct {
	id, connector, address, by, reason string
	created, until, revoked            int64
	mac                                string
	uses, lastUsed                     int64
	odd                                bool // a column has what no store writes
}

const grantColumns = "id, connector, address, granted_by, reason, created, until, revoked, mac, uses, last_used"

func (g *grantRow) fields() []any {
	return columns(&g.odd, &g.id, &g.connector, &g.address, &g.by, &g.reason, &g.created, &g.until, &g.revoked, &g.mac, &g.uses, &g.lastUsed)
}

func (g *grantRow) values() []any {
	return []any{g.id, g.connector, g.address, g.by, g.reason, g.created, g.until, g.revoked, g.mac, g.uses, g.lastUsed}
}

// signed is what the MAC covers: all but how often it was used.
func (g *grantRow) signed() []byte {
	text := func(n int64) string { return strconv.FormatInt(n, 10) }
	return lengthed.Join("grant", g.id, g.connector, g.address, g.by, g.reason, text(g.created), text(g.until), text(g.revoked))
}

func (s *Store) verifyGrant(g *grantRow) error {
	if g.odd || !s.options.Ring.verify(g.signed(), g.mac) { //check:grant-tampered
		return tampered("grant", g.id)
	}
	return nil
}

// readGrants gives grants as they are, in the order of their IDs; the caller verifies them.
func (s *Store) readGrants(ctx context.Context, q queryer, where string, args ...any) ([]*grantRow, error) {
	rows, err := q.QueryContext(ctx, s.options.Dialect.query("SELECT "+grantColumns+" FROM oidcsso_grants WHERE "+where+" ORDER BY id"), args...)
	if err != nil {
		return nil, fmt.Errorf("connectorstore: %w", err)
	}
	defer rows.Close()
	var grants []*grantRow
	for rows.Next() {
		g := new(grantRow)
		if err := rows.Scan(g.fields()...); err != nil {
			return nil, fmt.Errorf("connectorstore: %w", err)
		}
		grants = append(grants, g)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("connectorstore: %w", err)
	}
	return grants, nil
}

type grantTable struct{ *Store }

func (grantTable) name() string { return "oidcsso_grants" }

func (t grantTable) reseal(ctx context.Context, w *writer, id string) (bool, error) {
	grants, err := t.readGrants(ctx, w.tx, "id = ?", id)
	if err != nil || len(grants) == 0 {
		return false, err
	}
	g := grants[0]
	if err := t.verifyGrant(g); err != nil || !t.options.Ring.staleMAC(g.mac) {
		return false, err
	}
	_, err = t.options.Dialect.exec(ctx, w.tx, "UPDATE oidcsso_grants SET mac = ? WHERE id = ?", t.options.Ring.mac(g.signed()), id)
	return true, err
}
