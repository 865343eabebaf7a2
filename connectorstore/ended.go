package connectorstore

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/oidcsso/oidcsso"
)

// ClaimEndedSince says whether the domain of an address may have changed hands since a time, as far as the store has known: an
// owned claim to the name, or to a wildcard above it, has ended at that time or later, by [Store.Release], Transfer, Readmit or
// Delete; or one of today is missing its proof, is frozen or lapsed, or can't be trusted. With the time at which the address was
// verified, it is what Candidate.Unclaimed of package accounts asks for: an account that lived under another's claim is not the
// next owner's. The zero time means ever.
//
// What ended is kept for good, one row a domain, and is not signed. Who writes to the database can forge a row, for which
// an account is refused that could be linked, or delete one, which nobody notices.
//
// Errors: CodeInvalid for what is no domain.
func (s *Store) ClaimEndedSince(ctx context.Context, domain string, since time.Time) (bool, error) {
	address, err := oidcsso.ParseAddress("x@" + domain)
	if err != nil { //check:ended-domain
		return false, refuse(CodeInvalid, "Ask for what follows the @ of an address.", "It is not a domain.")
	}
	covering, names := coveredBy(address.Domain)
	var ended int
	var owned []*claimRow
	err = s.snapshot(ctx, func(q queryer) error { // a claim that ends meanwhile is in one of the two
		err := q.QueryRowContext(ctx, s.options.Dialect.query("SELECT COUNT(*) FROM oidcsso_ended WHERE ended >= ? AND "+covering),
			append([]any{millis(since)}, names...)...).Scan(&ended)
		if err != nil {
			return fmt.Errorf("connectorstore: %w", err)
		}
		owned, err = s.readClaims(ctx, q, "owned = 1 AND "+covering, names...)
		return err
	})
	if err != nil {
		return false, err
	}
	for _, c := range owned {
		if c.missingSince != 0 || c.thawed != "" || s.verifyClaim(c) != nil { //check:ended-in-doubt
			return true, nil
		}
	}
	if ended > 0 { //check:ended-since
		return true, nil
	}
	return false, nil
}

// coveredBy is a condition on name and wildcard, with its arguments, for the domains that cover a canonical name.
func coveredBy(name string) (condition string, args []any) {
	above, parents := wildcardsAbove(name)
	return "(wildcard = 0 AND name = ? OR " + above + ")", append([]any{name}, parents...)
}

// wildcardsAbove is one for the wildcards that the name is below.
func wildcardsAbove(name string) (condition string, args []any) {
	_, name, _ = strings.Cut(name, ".") // an address's domain has two labels at least
	for below := true; below; _, name, below = strings.Cut(name, ".") {
		args = append(args, name)
	}
	return "wildcard = 1 AND name IN (?" + strings.Repeat(", ?", len(args)-1) + ")", args
}

// noteEnd keeps that an owned claim ends now. That its proof may have been missing for a while makes it no earlier: whose
// addresses were verified meanwhile, nobody knows.
func (w *writer) noteEnd(ctx context.Context, name string, wildcard bool) error {
	if address, err := oidcsso.ParseAddress("x@" + name); err != nil || address.Domain != name { //check:ended-name
		return nil // from a row that can't be trusted; nobody's address is in it
	}
	_, err := w.options.Dialect.exec(ctx, w.tx, "INSERT INTO oidcsso_ended (name, wildcard, ended) VALUES (?, ?, ?) "+
		"ON CONFLICT (name, wildcard) DO UPDATE SET ended = CASE WHEN oidcsso_ended.ended > excluded.ended THEN oidcsso_ended.ended ELSE excluded.ended END",
		name, number(wildcard), millis(w.now))
	return err
}
