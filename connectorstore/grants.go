package connectorstore

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/oidcsso/oidcsso"
)

// Grant is an exception from single sign-on for one person: see [oidcsso.Grants] for what it opens.
type Grant struct {
	// ID was drawn by the store. Connector is the connector that the person gets past.
	ID        string `json:"id"`
	Connector string `json:"connector"`
	// Address is whose it is, canonical.
	Address string `json:"address"`
	// By is who gave it, and Reason why, as they were entered.
	By     string `json:"by"`
	Reason string `json:"reason"`
	// Created is when it began and Until when it ends, unless it was Revoked before.
	Created time.Time `json:"created"`
	Until   time.Time `json:"until"`
	Revoked time.Time `json:"revoked,omitzero"`
	// Uses counts how often it was asked for and let somebody through, LastUsed is when it last did; sessions that went on are
	// not counted.
	Uses     int64     `json:"uses"`
	LastUsed time.Time `json:"last_used,omitzero"`
}

// GrantParams is an exception that is asked for.
type GrantParams struct {
	// Connector is the ID of the connector, and Address an address in one of its domains. Required.
	Connector, Address string
	// By is who asks for it, up to 320 bytes: an administrator other than the person, as the backend has authenticated them.
	// The store takes the backend's word for it. Required.
	By string
	// Reason says why, up to 500 bytes. Required.
	Reason string
	// Until is when it ends, at most 7 days ahead. Default: in 24 hours.
	Until time.Time
}

const (
	grantDefault  = 24 * time.Hour
	grantMax      = 7 * 24 * time.Hour
	maxGrantBy    = 320 // bytes
	maxReason     = 500 // bytes
	maxGrants     = 100 // in force, of one connector
	maxGrantsRead = 1000
)

// The events of exceptions. They have no addresses: the ID leads to the [Grant].
const (
	// EventBreakGlassGranted: connector, grant, until; actor if [WithActor] named one.
	EventBreakGlassGranted oidcsso.EventName = "break_glass_granted"
	// EventBreakGlassRevoked: connector, grant; actor if [WithActor] named one.
	EventBreakGlassRevoked oidcsso.EventName = "break_glass_revoked"
	// EventGrantTampered: connector, grant. Somebody asked for an exception, and its row was not written with one of the
	// keys, or was changed since. It counts as none.
	EventGrantTampered oidcsso.EventName = "grant_tampered"
)

// AddGrant makes an exception from single sign-on. It is in force at once, on every replica.
//
// Errors: CodeNotFound, CodeTampered (of the connector), CodeInvalid, CodeTooMany.
func (s *Store) AddGrant(ctx context.Context, p GrantParams) (Grant, error) {
	now := s.now()
	g, domain, err := p.row(now)
	if err != nil {
		return Grant{}, err
	}
	err = s.write(ctx, func(w *writer) error {
		r, err := w.verified(ctx, w.tx, p.Connector)
		if err != nil {
			return err
		}
		owned, err := r.ownedDomains()
		if err != nil {
			return err
		}
		if !slices.ContainsFunc(owned, func(d oidcsso.Domain) bool { return covers(d, domain) }) { //check:grant-domain
			return refuse(CodeInvalid, "Use an address in a domain of the connector.", "The address is in no domain of the connector.")
		}
		inForce, err := w.readGrants(ctx, w.tx, "connector = ? AND revoked = 0 AND until > ?", g.connector, millis(now))
		if err != nil {
			return err
		}
		if len(inForce) >= maxGrants { //check:grant-many
			return refuse(CodeTooMany, "Revoke some, or set the domain to report_only.", "The connector has %d exceptions in force.", len(inForce))
		}
		w.told(ctx, EventBreakGlassGranted, slog.String("connector", g.connector), slog.String("grant", g.id), slog.Time("until", instant(g.until)))
		g.mac = s.options.Ring.mac(g.signed())
		_, err = s.options.Dialect.exec(ctx, w.tx, "INSERT INTO oidcsso_grants ("+grantColumns+") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", g.values()...)
		return err
	})
	if err != nil {
		return Grant{}, err
	}
	return g.grant(), nil
}

// row checks what needs no database.
func (p GrantParams) row(now time.Time) (g *grantRow, domain string, err error) {
	address, err := grantAddress(p.Address)
	if err != nil {
		return nil, "", refuse(CodeInvalid, "Enter one address, as the account has it.", "The address is not valid.")
	}
	by, reason, until := strings.TrimSpace(p.By), strings.TrimSpace(p.Reason), p.Until
	if until.IsZero() {
		until = now.Add(grantDefault)
	}
	other, err := grantAddress(by)
	switch {
	case !isText(by, maxGrantBy): //check:grant-by
		return nil, "", refuse(CodeInvalid, "Name the administrator who asks for it.", "It is not said who gives the exception, or not in up to %d bytes of plain text.", maxGrantBy)
	case err == nil && other == address: //check:grant-oneself
		return nil, "", refuse(CodeInvalid, "Ask another administrator.", "Nobody may make an exception for themself.")
	case !isText(reason, maxReason): //check:grant-reason
		return nil, "", refuse(CodeInvalid, "Say why, for the company's other administrators.", "There is no reason in up to %d bytes of plain text.", maxReason)
	case !until.After(now) || until.After(now.Add(grantMax)): //check:grant-until
		return nil, "", refuse(CodeInvalid, "Choose an end within 7 days. If it is needed for longer, release the domain.", "The exception would end now, or after more than 7 days.")
	}
	_, domain, _ = strings.Cut(address, "@")
	return &grantRow{id: newID(), connector: p.Connector, address: address, by: by, reason: reason, created: millis(now), until: millis(until)}, domain, nil
}

// isText says whether people can read it, and every database can store it.
func isText(s string, most int) bool {
	return s != "" && len(s) <= most && utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return unicode.IsControl(r) && r != '\n' })
}

// grantAddress is the form in which Decide asks for an address: in lower case before the "@" too.
func grantAddress(text string) (string, error) {
	a, err := oidcsso.ParseAddress(text)
	a.Local = strings.ToLower(a.Local)
	return a.String(), err
}

func covers(d oidcsso.Domain, name string) bool {
	if d.Wildcard {
		return strings.HasSuffix(name, "."+d.Name)
	}
	return name == d.Name
}

func (g *grantRow) grant() Grant {
	return Grant{ID: g.id, Connector: g.connector, Address: g.address, By: g.by, Reason: g.reason, Created: instant(g.created),
		Until: instant(g.until), Revoked: instant(g.revoked), Uses: g.uses, LastUsed: instant(g.lastUsed)}
}

// Grants gives the exceptions of a connector, the newest first, also those that have ended; at most 1000. One whose row can't
// be trusted is left out: it opens nothing. The list is never nil.
func (s *Store) Grants(ctx context.Context, connector string) ([]Grant, error) {
	if s.tenant == "" && !storable(connector) {
		return []Grant{}, nil
	}
	var rows []*grantRow
	err := s.snapshot(ctx, func(q queryer) (err error) {
		if s.tenant != "" { //check:tenant-grants
			if _, err := s.verified(ctx, q, connector); err != nil {
				return err
			}
		}
		rows, err = s.readGrants(ctx, q, "id IN (SELECT id FROM oidcsso_grants WHERE connector = ? ORDER BY created DESC, id LIMIT ?)", connector, maxGrantsRead)
		return err
	})
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(rows, func(a, b *grantRow) int { return cmp.Compare(b.created, a.created) })
	list := []Grant{}
	for _, g := range rows {
		if s.verifyGrant(g) == nil {
			list = append(list, g.grant())
		}
	}
	return list, nil
}

// RevokeGrant ends an exception now, and with it the sessions that ask for it as [oidcsso.Grants] advises. One that has ended
// is left as it is.
//
// Errors: CodeNotFound, CodeTampered.
func (s *Store) RevokeGrant(ctx context.Context, id string) error {
	if !storable(id) {
		return notFound("grant")
	}
	return s.write(ctx, func(w *writer) error {
		rows, err := w.readGrants(ctx, w.tx, "id = ?", id)
		if err != nil {
			return err
		}
		if len(rows) == 0 {
			return notFound("grant")
		}
		g := rows[0]
		if err := w.verifyGrant(g); err != nil || g.revoked != 0 {
			return err
		}
		old := g.mac
		g.revoked = millis(w.now)
		g.mac = w.options.Ring.mac(g.signed())
		n, err := w.options.Dialect.exec(ctx, w.tx, "UPDATE oidcsso_grants SET revoked = ?, mac = ? WHERE id = ? AND mac = ?", g.revoked, g.mac, id, old)
		if err == nil && n != 1 {
			err = errChanged
		}
		w.told(ctx, EventBreakGlassRevoked, slog.String("connector", g.connector), slog.String("grant", g.id))
		return err
	})
}

// Grant gives the ID of the exception that is in force, of several the oldest, or [oidcsso.ErrNotFound]. It asks the database
// each time, so that one that was revoked opens nothing, on no replica; without the database there are no exceptions.
func (l *Live) Grant(ctx context.Context, connector, address string, m oidcsso.Method) (string, error) {
	g, err := l.store.inForce(ctx, connector, address)
	if err != nil {
		return "", err
	}
	if m == oidcsso.MethodSession { // no new way in
		return g.id, nil
	}
	// By its MAC: it may have been revoked since it was read.
	n, err := l.store.options.Dialect.exec(ctx, l.store.db, "UPDATE oidcsso_grants SET uses = uses + 1, last_used = ? WHERE id = ? AND mac = ?",
		millis(l.store.now()), g.id, g.mac)
	switch {
	case err != nil:
		return "", err
	case n != 1: //check:grant-changed
		return "", errors.New("connectorstore: the grant changed meanwhile")
	}
	return g.id, nil
}

func (s *Store) inForce(ctx context.Context, connector, address string) (*grantRow, error) {
	if !storable(connector) || !storable(address) {
		return nil, oidcsso.ErrNotFound
	}
	now := millis(s.now())
	// Those that are over, however many there were, are not even read: a session asks with each request.
	rows, err := s.readGrants(ctx, s.db, "connector = ? AND address = ? AND revoked = 0 AND until > ?", connector, address, now)
	if err != nil {
		return nil, err
	}
	var first *grantRow
	for _, g := range rows {
		switch {
		case s.verifyGrant(g) != nil: //check:grant-untrusted
			s.tell(ctx, EventGrantTampered, slog.String("connector", connector), slog.String("grant", g.id))
		case first == nil || g.created < first.created:
			first = g
		}
	}
	if first == nil {
		return nil, oidcsso.ErrNotFound
	}
	return first, nil
}
