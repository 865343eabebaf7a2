package main

import (
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"strings"

	"github.com/oidcsso/oidcsso"
)

// user is an account with a password.
type user struct {
	id, name  string
	addresses []string // all of them, since each counts when single sign-on is enforced
	salt, sum []byte
}

// users is the table of accounts. It does not change once the server runs.
type users struct {
	byAddress map[string]*user
	nobody    user // compared with for an address that nobody has; no password fits
	derive    func(password string, salt []byte) ([]byte, error)
}

// demoUsers are people whose companies have no single sign-on.
func demoUsers() (*users, error) {
	u := newUsers(derivePassword)
	return u, u.add("nora", "Nora Lindqvist", "sunflower", "nora@northwind.test")
}

// derivePassword is PBKDF2 with the number of iterations that OWASP recommends for HMAC-SHA-256.
func derivePassword(password string, salt []byte) ([]byte, error) {
	return pbkdf2.Key(sha256.New, password, salt, 600_000, sha256.Size)
}

func newUsers(derive func(string, []byte) ([]byte, error)) *users {
	nobody := user{salt: random(16), sum: random(sha256.Size)}
	return &users{byAddress: map[string]*user{}, nobody: nobody, derive: derive}
}

func (u *users) add(id, name, password string, addresses ...string) error {
	added := &user{id: id, name: name, addresses: addresses, salt: random(16)}
	var err error
	if added.sum, err = u.derive(password, added.salt); err != nil {
		return err
	}
	for _, address := range addresses {
		key, ok := addressKey(address)
		if !ok {
			return fmt.Errorf("user %s: an address is malformed", id)
		}
		u.byAddress[key] = added
	}
	return nil
}

func random(n int) []byte {
	b := make([]byte, n)
	rand.Read(b) // never fails
	return b
}

// find gives the account with this address, or the zero user.
func (u *users) find(email string) user {
	if key, ok := addressKey(email); ok && u.byAddress[key] != nil {
		return *u.byAddress[key]
	}
	return user{}
}

// check compares a password. Nobody's takes as long as anybody's, so that the time does not tell who has an account.
func (u *users) check(account user, password string) bool {
	known := account.id != ""
	if !known {
		account = u.nobody
	}
	sum, err := u.derive(password, account.salt)
	return err == nil && subtle.ConstantTimeCompare(sum, account.sum) == 1 && known
}

// addressKey is the one form in which addresses are stored and looked up. Whether case matters before the "@" is for the
// mail system to say; that two people differ in nothing else is unheard of.
func addressKey(text string) (string, bool) {
	address, err := oidcsso.ParseAddress(text)
	return strings.ToLower(address.String()), err == nil
}
