package main

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"time"

	"github.com/oidcsso/oidcsso"
)

// person is an account. The zero person is nobody.
type person struct {
	id, name           string
	password, recovery string // hashes
	claim              string
	addresses          []string
	verified           map[string]int64 // when an address was confirmed, in Unix milliseconds; 0: never
}

// people are the accounts, in the database that all replicas have.
type people struct {
	db *sql.DB
	// claimEnded says whether a domain may have changed hands since.
	claimEnded func(ctx context.Context, domain string, since time.Time) (bool, error)
}

// addressKey is the one form in which addresses are stored and looked up; empty for what is none. Whether case matters before
// the "@" is for the mail system to say; that two people differ in nothing else is unheard of.
func addressKey(text string) string {
	address, err := oidcsso.ParseAddress(text)
	if err != nil {
		return ""
	}
	return strings.ToLower(address.String())
}

// byAddress gives the account with this address, or nobody.
func (p *people) byAddress(ctx context.Context, address string) (person, error) {
	return p.find(ctx, "SELECT id, name, password, recovery, claim FROM people WHERE id = (SELECT person FROM addresses WHERE address = $1)", addressKey(address))
}

func (p *people) byID(ctx context.Context, id string) (person, error) {
	return p.find(ctx, "SELECT id, name, password, recovery, claim FROM people WHERE id = $1", id)
}

func (p *people) find(ctx context.Context, query, value string) (person, error) {
	var found person
	err := p.db.QueryRowContext(ctx, query, value).Scan(&found.id, &found.name, &found.password, &found.recovery, &found.claim)
	if errors.Is(err, sql.ErrNoRows) {
		return person{}, nil
	}
	if err != nil {
		return person{}, err
	}
	rows, err := p.db.QueryContext(ctx, "SELECT address, verified FROM addresses WHERE person = $1 ORDER BY address", found.id)
	if err != nil {
		return person{}, err
	}
	defer rows.Close()
	found.verified = map[string]int64{}
	for rows.Next() {
		var address string
		var verified int64
		if err := rows.Scan(&address, &verified); err != nil {
			return person{}, err
		}
		found.addresses = append(found.addresses, address)
		found.verified[address] = verified
	}
	return found, rows.Err()
}

// add makes an account with a password and one confirmed address, unless there is one with this ID: for the demonstration.
func (p *people) add(ctx context.Context, id, name, address, password, recovery string) error {
	made := person{id: id, name: name, password: newPassword(password)}
	if recovery != "" {
		made.recovery = hashOf(recovery)
	}
	return inTransaction(ctx, p.db, func(tx *sql.Tx) error {
		n, err := insertPerson(ctx, tx, made)
		if err == nil && n == 1 {
			_, err = insertAddress(ctx, tx, id, address)
		}
		return err
	})
}

func insertPerson(ctx context.Context, db execer, p person) (int64, error) {
	return changed(ctx, db, "INSERT INTO people (id, name, password, recovery, claim) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING",
		p.id, p.name, p.password, p.recovery, p.claim)
}

func insertAddress(ctx context.Context, db execer, person, address string) (int64, error) {
	return changed(ctx, db, "INSERT INTO addresses (address, person, verified) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
		addressKey(address), person, time.Now().UnixMilli())
}

// spendRecovery takes the recovery code away; false if it was used meanwhile.
func (p *people) spendRecovery(ctx context.Context, of person) (bool, error) {
	n, err := changed(ctx, p.db, "UPDATE people SET recovery = '' WHERE id = $1 AND recovery = $2", of.id, of.recovery)
	return n == 1, err
}
