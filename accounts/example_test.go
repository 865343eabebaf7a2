package accounts_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/oidcsso/oidcsso"
	"github.com/oidcsso/oidcsso/accounts"
)

// user is a row of a backend's table. EndedClaims is whether a claim to its domain ended since the address was verified.
type user struct {
	Email       string
	Verified    bool
	Password    string
	Sessions    []string
	SSOKey      oidcsso.AccountKey // in a database also its String, which is unique; zero: no link
	SSOClaim    string             // stays when SSOKey is removed
	EndedClaims bool
}

// table stands for the backend's database.
type table []*user

func (t *table) byKey(_ context.Context, key oidcsso.AccountKey) (*user, error) {
	for _, u := range *t {
		if u.SSOKey == key {
			return u, nil
		}
	}
	return nil, oidcsso.ErrNotFound
}

func (t *table) byEmail(_ context.Context, email string) (found []accounts.Candidate[*user], err error) {
	for _, u := range *t {
		if !strings.EqualFold(u.Email, email) {
			continue
		}
		c := accounts.Candidate[*user]{
			User: u, Email: u.Email, EmailVerified: u.Verified, ClaimID: u.SSOClaim,
			Unclaimed: u.SSOKey == (oidcsso.AccountKey{}) && u.SSOClaim == "" && !u.EndedClaims,
		}
		if u.SSOKey != (oidcsso.AccountKey{}) {
			c.Links = []oidcsso.AccountKey{u.SSOKey}
		}
		found = append(found, c)
	}
	return found, nil
}

// link would be one transaction that begins with SELECT ... FOR UPDATE.
func (t *table) link(ctx context.Context, u *user, id *oidcsso.Identity, lose []accounts.Credential) error {
	if _, err := t.byKey(ctx, id.Key()); err == nil || u.SSOKey != (oidcsso.AccountKey{}) || !u.Verified {
		return accounts.ErrConflict
	}
	for _, credential := range lose {
		switch credential {
		case accounts.Passwords:
			u.Password = ""
		case accounts.Sessions:
			u.Sessions = nil
		default: // this backend has nothing else
		}
	}
	u.SSOKey, u.SSOClaim = id.Key(), id.Domain.ClaimID
	return nil
}

// create would be an INSERT; a violation of its unique constraint is ErrConflict.
func (t *table) create(ctx context.Context, id *oidcsso.Identity) (*user, error) {
	if _, err := t.byKey(ctx, id.Key()); err == nil {
		return nil, accounts.ErrConflict
	}
	owned := id.Domain.State != oidcsso.DomainClaimed // of a button's identity, the Domain is zero
	u := &user{Email: id.Email, Verified: owned, SSOKey: id.Key(), SSOClaim: id.Domain.ClaimID}
	*t = append(*t, u)
	return u, nil
}

// signedIn stands for SignIn.Identity, as Flow.Finish gives it.
func signedIn(subject, email string) *oidcsso.Identity {
	return &oidcsso.Identity{
		Connector: "acme", Issuer: "https://acme.okta.com", Subject: subject, Email: email, EmailStatus: oidcsso.EmailTrusted,
		Domain: oidcsso.Domain{Name: "acme.example", State: oidcsso.DomainAsserted, ClaimID: "claim-1"},
	}
}

// A company switches single sign-on on. Ann has had an account for years, Bob has none.
func Example() {
	ctx := context.Background()
	db := &table{{Email: "ann@acme.example", Verified: true, Password: "hash", Sessions: []string{"Ann's, or somebody's"}}}
	resolver := &accounts.Accounts[*user]{ByKey: db.byKey, ByEmail: db.byEmail, Link: db.link, Create: db.create}

	ann, err := resolver.Resolve(ctx, signedIn("00u1", "ann@acme.example"))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%s is linked, password %q, %d sessions\n", ann.Email, ann.Password, len(ann.Sessions))

	bob, err := resolver.Resolve(ctx, signedIn("00u2", "bob@acme.example"))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%s is new, %d accounts\n", bob.Email, len(*db))

	// Ann married; at her identity provider she has another address now, and is the same subject.
	ann, err = resolver.Resolve(ctx, signedIn("00u1", "ann.smith@acme.example"))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%s is found by her key, %d accounts\n", ann.Email, len(*db))
	// Output:
	// ann@acme.example is linked, password "", 0 sessions
	// bob@acme.example is new, 2 accounts
	// ann@acme.example is found by her key, 2 accounts
}

// Somebody registered Ann's address and never confirmed it. The reason is for the program and the log, the JSON for the person.
func ExampleAccounts_Resolve_refused() {
	db := &table{{Email: "ann@acme.example", Password: "an attacker's"}}
	resolver := &accounts.Accounts[*user]{ByKey: db.byKey, ByEmail: db.byEmail, Link: db.link, Create: db.create}

	_, err := resolver.Resolve(context.Background(), signedIn("00u1", "ann@acme.example"))
	var refusal *accounts.Refusal
	if errors.As(err, &refusal) {
		fmt.Println(refusal.Reason == accounts.ReasonAddressUnverified, errors.Is(err, oidcsso.CodeRefused))
	}
	var face *oidcsso.Error
	if errors.As(err, &face) {
		face.ID = "k3v5x7z2bc" // it is random
		body, _ := json.Marshal(face)
		fmt.Println(string(body))
	}
	// Output:
	// true true
	// {"code":"refused","message":"Your sign-in worked, but no account here can be used with it. Please ask your administrator for help.","id":"k3v5x7z2bc"}
}

// Only people who were invited may sign in: accounts are not made, and not linked by address.
func ExampleAccounts_Resolve_invited() {
	invited := signedIn("00u1", "ann@acme.example")
	db := &table{{Email: "ann@acme.example", SSOKey: invited.Key()}}
	resolver := &accounts.Accounts[*user]{ByKey: db.byKey}

	ann, err := resolver.Resolve(context.Background(), invited)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(ann.Email)
	_, err = resolver.Resolve(context.Background(), signedIn("00u2", "bob@acme.example"))
	fmt.Println(errors.Is(err, accounts.ReasonNoAccount))
	// Output:
	// ann@acme.example
	// true
}

// Whose account must not be linked by address is said by the backend: here an administrator of the product itself.
func ExampleAccounts_byEmail() {
	db := &table{{Email: "root@acme.example", Verified: true}}
	resolver := &accounts.Accounts[*user]{
		ByKey: db.byKey, Link: db.link, Create: db.create,
		ByEmail: func(ctx context.Context, email string) ([]accounts.Candidate[*user], error) {
			if strings.HasPrefix(email, "root@") {
				return nil, oidcsso.Refuse("Please sign in as an administrator.")
			}
			return db.byEmail(ctx, email)
		},
	}
	_, err := resolver.Resolve(context.Background(), signedIn("00u9", "root@acme.example"))
	var face *oidcsso.Error
	if errors.As(err, &face) {
		fmt.Println(face.Public)
	}
	// Output: Please sign in as an administrator.
}
