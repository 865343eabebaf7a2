package oidcsso

import (
	"context"
	"errors"
	"strings"
)

// Grants are exceptions from single sign-on for named people ("break-glass"): for the day on which an identity provider is
// down, or its administrator has locked everybody out. [Decide] asks a [Source] that is a Grants too, where
// Attempt.BreakGlass is set, before it says that an enforced address stops the attempt.
//
// # What an exception opens
//
// MethodPassword and MethodPasskey, and with MethodSession the session that began so. It lets a person in who already has
// something to prove themself with, and makes no new credential, which would outlive it and be a way in for good: so never
// MethodPasswordReset, MethodAddressChange, MethodInvitation, MethodRegistration or MethodAPIToken. Nor MethodIdentify, with which
// nothing is proven yet, nor MethodMagicLink:
// whoever reads the mailbox has it, and that need not be the person, least of all where the domain is frozen and may be
// another owner's by now. What Decide does not know might be any of these, so a Method of the backend's own, and an empty one,
// open nothing either: a backend with another first factor (a certificate, a directory) says MethodPassword for it, if no
// mailbox and no number that moves with the domain has part in it.
//
// Each enforced address of the account needs an exception of its own, and one that was typed too: an account that belongs to
// two companies is not opened by one of them alone. Without an account, there is nobody to make an exception for.
//
// In a frozen domain exceptions count as before. The people whom they name are those of the old owner, whose connector it
// still is; the new owner has their mailboxes, and can prove nothing by them here. For that the second factor, too,
// must be none that is mailed.
//
// # How to use it
//
//   - On a route of its own, "Emergency access", which everybody may open. Who asks there for any address gets the same form and
//     the same answers until the first factor and the second have been right; only then ask Decide with BreakGlass. Asked
//     earlier, the answer would tell strangers who a company's administrators are, and which password to guess.
//   - The ordinary routes never set BreakGlass.
//   - Store Decision.Grant with the session. Where a session with one is continued, ask with BreakGlass and MethodSession, and
//     end the session unless it is allowed: it then ends with the exception. To end it also where another exception follows,
//     compare the IDs.
//   - In such a session, too, Decide is asked before a credential is made, and says no.
//   - Linking removes passwords and second factors (package accounts). Let those who may need an exception make new ones while they
//     are signed in by single sign-on; without an exception they open nothing.
//   - An exception names who gets it and who gave it, which must be somebody else, says why, and ends by itself: within a day.
//     Tell the company's other administrators of EventBreakGlassUsed.
type Grants interface {
	// Grant gives the ID of the exception that is in force now for this connector and this address, or [ErrNotFound]. Any
	// other error means "unavailable": nobody gets in by an exception meanwhile. address is canonical, with its domain as
	// [ParseAddress] gives it and in lower case before the "@". m is one of those above, for the record.
	Grant(ctx context.Context, connectorID, address string, m Method) (id string, err error)
}

// breaksGlass says whether an exception could let the attempt through.
func (a Attempt) breaksGlass() bool {
	switch {
	case !a.BreakGlass: //check:grant-unasked
	case !a.known(): //check:grant-account
	case a.Method != MethodPassword && a.Method != MethodPasskey && a.Method != MethodSession: //check:grant-method
	default:
		return true
	}
	return false
}

// grantAddress is the form in which an address is looked up. Upper and lower case before the "@" count as equal, as where
// accounts are found by address. A stored address that ParseAddress would refuse has none: folded, it could become another
// one's (the Kelvin sign is a "k" then).
func grantAddress(a Address) (string, bool) {
	if checkLocal(a.Local) != nil { //check:grant-address
		return "", false
	}
	a.Local = strings.ToLower(a.Local)
	return a.String(), true
}

// grantOf asks a Source for an exception, and doubts the answer as routeOf does: the ID, ErrNotFound, as it is, or an *Error
// with CodeUnavailable.
func grantOf(ctx context.Context, source Source, connectorID, address string, m Method) (string, error) {
	grants, ok := source.(Grants)
	if !ok {
		return "", ErrNotFound
	}
	id, err := grants.Grant(ctx, connectorID, address, m)
	if isNotFound(err) {
		if ctx.Err() == nil {
			return "", ErrNotFound
		}
		err = ctx.Err() // "not found" may only mean that the search was broken off
	}
	switch {
	case err != nil: //check:grant-error
	case id == "": //check:grant-empty
		err = errors.New("the Source gave neither an exception nor an error")
	default:
		return id, nil
	}
	return "", newError(CodeUnavailable, connectorID, err)
}
