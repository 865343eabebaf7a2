package main

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"strings"
	"time"

	"github.com/oidcsso/oidcsso"
	"github.com/oidcsso/oidcsso/accounts"
	"github.com/oidcsso/oidcsso/connectorstore"
)

// accounts is the storage that package accounts asks for: each function that writes is one transaction, and unique
// constraints decide races between replicas.
func (p *people) accounts() accounts.Accounts[person] {
	return accounts.Accounts[person]{ByKey: p.byKey, ByEmail: p.byEmail, Link: p.link, Create: p.create}
}

func isNobody(p person) bool { return p.id == "" }

func (p *people) byKey(ctx context.Context, key oidcsso.AccountKey) (person, error) {
	found, err := p.find(ctx, "SELECT id, name, password, recovery, claim FROM people WHERE id = (SELECT person FROM links WHERE key = $1)", key.String())
	if err == nil && isNobody(found) {
		err = oidcsso.ErrNotFound
	}
	return found, err
}

func (p *people) byEmail(ctx context.Context, email string) ([]accounts.Candidate[person], error) {
	found, err := p.byAddress(ctx, email)
	if err != nil || isNobody(found) {
		return nil, err
	}
	address := addressKey(email)
	verified := found.verified[address]
	c := accounts.Candidate[person]{User: found, Email: address, EmailVerified: verified != 0, ClaimID: found.claim}
	var key oidcsso.AccountKey
	err = p.db.QueryRowContext(ctx, "SELECT connector, issuer, subject FROM links WHERE person = $1", found.id).Scan(&key.Connector, &key.Issuer, &key.Subject)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		_, domain, _ := strings.Cut(address, "@")
		ended, err := p.claimEnded(ctx, domain, time.UnixMilli(verified))
		c.Unclaimed = err == nil && !ended
		return []accounts.Candidate[person]{c}, err
	case err != nil:
		return nil, err
	}
	c.Links = []oidcsso.AccountKey{key}
	return []accounts.Candidate[person]{c}, nil
}

// link also closes every other way into the account: whoever made it may have known nothing but the address.
func (p *people) link(ctx context.Context, to person, id *oidcsso.Identity, lose []accounts.Credential) error {
	return inTransaction(ctx, p.db, func(tx *sql.Tx) error {
		// An update first: it locks the account, on both engines.
		if err := one(changed(ctx, tx, "UPDATE people SET claim = $1 WHERE id = $2", id.Domain.ClaimID, to.id)); err != nil {
			return err
		}
		if err := one(changed(ctx, tx, "UPDATE addresses SET verified = verified WHERE address = $1 AND person = $2 AND verified <> 0", addressKey(id.Email), to.id)); err != nil {
			return err
		}
		if err := insertLink(ctx, tx, id.Key(), to.id); err != nil {
			return err
		}
		for _, credential := range lose {
			var err error
			switch credential { // the others are none that this backend has
			case accounts.Passwords:
				_, err = changed(ctx, tx, "UPDATE people SET password = '' WHERE id = $1", to.id)
			case accounts.SecondFactors:
				_, err = changed(ctx, tx, "UPDATE people SET recovery = '' WHERE id = $1", to.id)
			case accounts.Sessions:
				_, err = changed(ctx, tx, "DELETE FROM sessions WHERE person = $1", to.id)
			case accounts.RecoveryAddresses:
				_, err = changed(ctx, tx, "DELETE FROM addresses WHERE person = $1 AND address <> $2", to.id, addressKey(id.Email))
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// create makes an account for somebody who has none.
func (p *people) create(ctx context.Context, id *oidcsso.Identity) (person, error) {
	made := person{id: rand.Text(), name: nameOf(id), claim: id.Domain.ClaimID}
	err := inTransaction(ctx, p.db, func(tx *sql.Tx) error {
		if err := one(insertPerson(ctx, tx, made)); err != nil {
			return err
		}
		if id.Email != "" {
			if err := one(insertAddress(ctx, tx, made.id, id.Email)); err != nil {
				return err
			}
		}
		return insertLink(ctx, tx, id.Key(), made.id)
	})
	if err != nil {
		return person{}, err
	}
	return p.byID(ctx, made.id)
}

func insertLink(ctx context.Context, tx *sql.Tx, key oidcsso.AccountKey, person string) error {
	return one(changed(ctx, tx, "INSERT INTO links (key, connector, issuer, subject, person) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING",
		key.String(), key.Connector, key.Issuer, key.Subject, person))
}

// one is a conflict where somebody else was faster.
func one(n int64, err error) error {
	if err == nil && n != 1 {
		return accounts.ErrConflict
	}
	return err
}

func nameOf(id *oidcsso.Identity) string {
	for _, name := range []string{id.Name, id.PreferredUsername, id.Email} {
		if name != "" {
			return name
		}
	}
	return id.Subject
}

// rekey files the accounts of a connector under its new issuer. Until it is done, nobody of them is let in: the address finds
// an account that is linked already. It may be repeated.
func (p *people) rekey(ctx context.Context, change connectorstore.Rekeying) (int, error) {
	moved := 0
	err := inTransaction(ctx, p.db, func(tx *sql.Tx) error {
		// An update first, for the lock; then the subjects stay as they are.
		if _, err := changed(ctx, tx, "UPDATE links SET issuer = $1 WHERE connector = $2 AND issuer = $3", change.NewIssuer, change.Connector, change.OldIssuer); err != nil {
			return err
		}
		subjects, err := subjectsOf(ctx, tx, change.Connector, change.NewIssuer)
		if err != nil {
			return err
		}
		for _, subject := range subjects {
			old, now := change.Keys(subject)
			n, err := changed(ctx, tx, "UPDATE links SET key = $1 WHERE key = $2", now.String(), old.String())
			if err != nil {
				return err
			}
			moved += int(n)
		}
		return nil
	})
	return moved, err
}

func subjectsOf(ctx context.Context, tx *sql.Tx, connector, issuer string) ([]string, error) {
	rows, err := tx.QueryContext(ctx, "SELECT subject FROM links WHERE connector = $1 AND issuer = $2", connector, issuer)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var subjects []string
	for rows.Next() {
		var subject string
		if err := rows.Scan(&subject); err != nil {
			return nil, err
		}
		subjects = append(subjects, subject)
	}
	return subjects, rows.Err()
}
