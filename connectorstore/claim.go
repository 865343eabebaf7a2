package connectorstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"

	"github.com/oidcsso/oidcsso/internal/lengthed"
)

// claimRow is one claim as the database has it.
type claimRow struct {
	id, connector, name       string
	wildcard, owned           bool
	proof, token              string
	created, expires          int64
	verified                  int64
	thawed                    string
	missingSince              int64
	mac                       string
	checked, nextCheck        int64
	reportCount, reportLastAt int64
	warned                    int64
	odd                       bool // a column has what no store writes
}

// The two ways to prove a claim.
const (
	proofDNS      = "dns"
	proofAsserted = "asserted"
)

const claimColumns = "id, connector, name, wildcard, owned, proof, token, created, expires, verified, thawed, missing_since, mac, checked, next_check, report_count, report_last, warned"

func (c *claimRow) fields() []any {
	return columns(&c.odd, &c.id, &c.connector, &c.name, &c.wildcard, &c.owned, &c.proof, &c.token, &c.created, &c.expires, &c.verified,
		&c.thawed, &c.missingSince, &c.mac, &c.checked, &c.nextCheck, &c.reportCount, &c.reportLastAt, &c.warned)
}

func (c *claimRow) values() []any {
	return []any{c.id, c.connector, c.name, number(c.wildcard), number(c.owned), c.proof, c.token, c.created, c.expires, c.verified,
		c.thawed, c.missingSince, c.mac, c.checked, c.nextCheck, c.reportCount, c.reportLastAt, c.warned}
}

// signed is what the MAC covers: all but the schedule and the counter, which decide nothing that lasts.
func (c *claimRow) signed() []byte {
	text := func(n int64) string { return strconv.FormatInt(n, 10) }
	return lengthed.Join("claim", c.id, c.connector, c.name, text(number(c.wildcard)), text(number(c.owned)), c.proof, c.token,
		text(c.created), text(c.expires), text(c.verified), c.thawed, text(c.missingSince))
}

func number(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// readClaim gives a claim, and an error if it can't be trusted; nil if there is none.
func (s *Store) readClaim(ctx context.Context, q queryer, id string) (*claimRow, error) {
	if !storable(id) {
		return nil, notFound("claim")
	}
	claims, err := s.readClaims(ctx, q, "id = ?", id)
	switch {
	case err != nil:
		return nil, err
	case len(claims) == 0:
		return nil, notFound("claim")
	}
	return claims[0], s.verifyClaim(claims[0])
}

func (s *Store) verifyClaim(c *claimRow) error {
	if c.odd || !s.options.Ring.verify(c.signed(), c.mac) { //check:claim-tampered
		return tampered("claim", c.id)
	}
	return nil
}

// readClaims gives claims as they are, in the order of their IDs; the caller verifies them.
func (s *Store) readClaims(ctx context.Context, q queryer, where string, args ...any) ([]*claimRow, error) {
	rows, err := q.QueryContext(ctx, s.options.Dialect.query("SELECT "+claimColumns+" FROM oidcsso_claims WHERE "+where+" ORDER BY id"), args...)
	if err != nil {
		return nil, fmt.Errorf("connectorstore: %w", err)
	}
	defer rows.Close()
	var claims []*claimRow
	for rows.Next() {
		c := new(claimRow)
		if err := rows.Scan(c.fields()...); err != nil {
			return nil, fmt.Errorf("connectorstore: %w", err)
		}
		claims = append(claims, c)
	}
	if err := rows.Err(); err != nil && !errors.Is(err, sql.ErrNoRows) {
		return nil, fmt.Errorf("connectorstore: %w", err)
	}
	return claims, nil
}

func (w *writer) insertClaim(ctx context.Context, c *claimRow) error {
	c.mac = w.options.Ring.mac(c.signed())
	_, err := w.options.Dialect.exec(ctx, w.tx, "INSERT INTO oidcsso_claims ("+claimColumns+") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", c.values()...)
	return err
}

// saveClaim leaves the counter and what was told alone, which others may have moved.
func (w *writer) saveClaim(ctx context.Context, c *claimRow) error {
	old := c.mac
	c.mac = w.options.Ring.mac(c.signed())
	n, err := w.options.Dialect.exec(ctx, w.tx, "UPDATE oidcsso_claims SET connector = ?, name = ?, wildcard = ?, owned = ?, proof = ?, token = ?, created = ?, "+
		"expires = ?, verified = ?, thawed = ?, missing_since = ?, mac = ?, checked = ?, next_check = ? WHERE id = ? AND mac = ?",
		append(c.values()[1:15], c.id, old)...)
	if err == nil && n != 1 {
		err = errChanged
	}
	return err
}

func (w *writer) deleteClaim(ctx context.Context, c *claimRow) error {
	_, err := w.options.Dialect.exec(ctx, w.tx, "DELETE FROM oidcsso_claims WHERE id = ?", c.id)
	return err
}

type claimTable struct{ *Store }

func (claimTable) name() string { return "oidcsso_claims" }

func (t claimTable) reseal(ctx context.Context, w *writer, id string) (bool, error) {
	c, err := t.readClaim(ctx, w.tx, id)
	if err != nil || !t.options.Ring.staleMAC(c.mac) {
		return false, err
	}
	return true, w.saveClaim(ctx, c)
}
