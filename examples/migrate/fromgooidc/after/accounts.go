package after

import (
	"context"
	"strings"

	"github.com/oidcsso/oidcsso"
	"github.com/oidcsso/oidcsso/accounts"
	"github.com/oidcsso/oidcsso/examples/migrate/backend"
)

// adopt gives an account that was known by issuer and subject its new key: once, at the first sign-in. Only the connector of
// the old days inherits; a customer who names the same issuer in a connector of their own gets nothing by it.
func (a *App) adopt(id *oidcsso.Identity) {
	if id.Connector != oldConnector {
		return
	}
	a.Adopt(backend.OldKey{Provider: id.Issuer, UserID: id.Subject}, id.Key().String(), id.Domain.ClaimID)
}

func (a *App) byKey(_ context.Context, key oidcsso.AccountKey) (backend.User, error) {
	user, ok := a.Find(func(u backend.User) bool { return u.Key == key.String() })
	if !ok {
		return backend.User{}, oidcsso.ErrNotFound
	}
	return user, nil
}

// byEmail gives accounts that were known by their address alone. The rule of package accounts says which may be linked.
func (a *App) byEmail(_ context.Context, email string) ([]accounts.Candidate[backend.User], error) {
	user, ok := a.Find(func(u backend.User) bool { return strings.EqualFold(u.Email, email) }) // here an address is unique
	if !ok {
		return nil, oidcsso.ErrNotFound
	}
	candidate := accounts.Candidate[backend.User]{User: user, Email: user.Email, EmailVerified: user.EmailVerified, ClaimID: user.ClaimID}
	switch {
	case user.Key != "":
		candidate.Links = []oidcsso.AccountKey{{Subject: user.Key}} // it is linked; to what does not matter
	case user.Old != backend.OldKey{}:
		candidate.Links = []oidcsso.AccountKey{{Issuer: user.Old.Provider, Subject: user.Old.UserID}}
	default:
		candidate.Unclaimed = true
	}
	return []accounts.Candidate[backend.User]{candidate}, nil
}

// link must take away all that the rule names. This backend has sessions and nothing else.
func (a *App) link(_ context.Context, user backend.User, id *oidcsso.Identity, _ []accounts.Credential) error {
	if !a.Link(user.ID, id.Key().String(), id.Domain.ClaimID) {
		return accounts.ErrConflict
	}
	return nil
}

func (a *App) create(_ context.Context, id *oidcsso.Identity) (backend.User, error) {
	user, ok := a.Add(backend.User{Email: id.Email, EmailVerified: id.Email != "", Key: id.Key().String(), ClaimID: id.Domain.ClaimID})
	if !ok {
		return backend.User{}, accounts.ErrConflict
	}
	return user, nil
}
