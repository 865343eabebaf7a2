package after

import (
	"context"

	"github.com/oidcsso/oidcsso"
	"github.com/oidcsso/oidcsso/accounts"
	"github.com/oidcsso/oidcsso/examples/migrate/backend"
)

// Origin is a connector at one issuer. Both count: a customer can point a connector at another identity provider, and that one
// can send any sub that it likes.
type Origin struct{ Connector, Issuer string }

// oldUserID is what goth called the UserID.
func oldUserID(id *oidcsso.Identity, provider string) string {
	switch provider {
	case "azureadv2", "microsoftonline": // they asked Microsoft Graph, whose id is the claim oid
		claim, _ := id.Claim("oid")
		oid, _ := claim.Text()
		return oid
	default: // openidConnect, okta, auth0, google
		return id.Subject
	}
}

// adopt gives the account of somebody who signed in with goth its new key: once, at the first sign-in.
func (a *App) adopt(id *oidcsso.Identity) {
	provider, ok := a.providers[Origin{id.Connector, id.Issuer}]
	if !ok {
		return // a connector that is new
	}
	userID := oldUserID(id, provider)
	if userID == "" {
		return
	}
	a.Adopt(backend.OldKey{Provider: provider, UserID: userID}, id.Key().String(), id.Domain.ClaimID)
}

func (a *App) byKey(_ context.Context, key oidcsso.AccountKey) (backend.User, error) {
	user, ok := a.Find(func(u backend.User) bool { return u.Key == key.String() })
	if !ok {
		return backend.User{}, oidcsso.ErrNotFound
	}
	return user, nil
}

func (a *App) create(_ context.Context, id *oidcsso.Identity) (backend.User, error) {
	user, ok := a.Add(backend.User{Email: id.Email, Key: id.Key().String(), ClaimID: id.Domain.ClaimID})
	if !ok {
		return backend.User{}, accounts.ErrConflict
	}
	return user, nil
}
