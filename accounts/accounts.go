// Package accounts finds or makes the account of a person who signed in by single sign-on: the rule for linking, as code, over
// the backend's own storage. It holds no state and stores nothing.
//
// Handing out an account for an email address has been the most frequent way to lose one to a stranger. Here an account is
// found by [oidcsso.AccountKey]. The address serves once, for the first link of an account that is older than single sign-on,
// and only under the conditions at [Accounts.Resolve].
//
// # What the backend stores
//
//   - For each link whose it is, the three parts of the AccountKey, and its text (AccountKey.String) in a column with a
//     unique constraint. The constraint decides races; nothing else can.
//   - With each account the ClaimID of Identity.Domain, whenever Create or Link is called. It stays when a link is removed.
//   - When a claim to a domain ended. Accounts that lived under that claim are not the next owner's, see
//     [Candidate.Unclaimed]. A backend with package connectorstore need not: its Store knows, by ClaimEndedSince.
//
// # When a company changes its identity provider
//
// With another issuer or another connector all its people have new keys, and their accounts are refused as linked. That is
// meant: from outside it looks the same as a takeover. Remove the old links, as an act of an administrator that is logged.
// Each account is then linked anew at the next sign-in, if it was made or linked under the same ClaimID.
package accounts

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/oidcsso/oidcsso"
)

// ErrConflict is what Accounts.Link and Accounts.Create return when somebody else was faster: a unique constraint was
// violated, or the account is no longer as it was when it was looked at. They have changed nothing then. It may be wrapped.
var ErrConflict = errors.New("accounts: the key or the account was taken meanwhile")

// Accounts are the backend's own functions, from which [Accounts.Resolve] makes the account of an identity. U is whatever the
// backend calls an account: a pointer, a struct, an ID. Its zero value is no account.
//
// Each function may refuse by an error of [oidcsso.Refuse], for an account that is locked, say. Every error but those named
// here ends the sign-in; none of them opens another way to an account.
type Accounts[U any] struct {
	// ByKey gives the account that is linked to the key, or [oidcsso.ErrNotFound]. It must see what Link and Create have
	// just written, so it must not read from a replica that lags behind. Required.
	ByKey func(ctx context.Context, key oidcsso.AccountKey) (U, error)

	// ByEmail gives every account that has the address among its addresses, the same ones that [oidcsso.Attempt] gets; no
	// candidates, or [oidcsso.ErrNotFound], if there is none. Don't choose among several. The domain of the address is
	// canonical, see [oidcsso.Address]. Default: accounts are never linked by address.
	ByEmail func(ctx context.Context, email string) ([]Candidate[U], error)

	// Link gives the account its first link. In one transaction it locks the account, sees that it still has no link and
	// that the address Identity.Email is still the account's and verified, removes the credentials in lose as far as the
	// backend knows such, and stores Identity.Key and the ClaimID of Identity.Domain. If the account has changed, or the
	// key has an account, it returns [ErrConflict]. Required with ByEmail.
	Link func(ctx context.Context, user U, id *oidcsso.Identity, lose []Credential) error

	// Create makes an account, never in a frozen domain. In one transaction it stores the account, Identity.Key and the ClaimID of Identity.Domain; its
	// address is Identity.Email or none, never the claim "email", which may be anybody's. If the key or the address has an
	// account already, it returns [ErrConflict]. Default: accounts are not made at sign-in.
	Create func(ctx context.Context, id *oidcsso.Identity) (U, error)
}

// Candidate is an account that might be linked because of its address. A field that a backend leaves out speaks against it,
// but for Links, which must be complete.
type Candidate[U any] struct {
	// User is the account.
	User U
	// Email is the address by which it was found, as it is stored. It is compared once more: a database may take "ä" for
	// "a", in a domain too. Upper and lower case before the "@" count as equal.
	Email string
	// EmailVerified says that the backend has made sure that the account's owner has the address: a link or code that was
	// mailed there came back, or Create made the account with it, and Identity.Domain was set (its State is not DomainClaimed).
	// An identity provider's word is not enough where the domain is not its connector's. Without it the owner is kept out by whoever registered the address first;
	// against that a backend may leave such accounts out of ByEmail, if Create takes the address away from them.
	EmailVerified bool
	// Links are all identities that are linked to the account now, by this package or by anything else that lets somebody
	// in; for one that is not an AccountKey (a social login), a key with the names that the backend has for it.
	Links []oidcsso.AccountKey
	// ClaimID is the one stored with the account: that of Identity.Domain when the account was made or last linked. Default:
	// none was stored.
	ClaimID string
	// Unclaimed says that the account is older than any claim: it has never had a link, and no claim to the domain of its
	// address has ended since the address was verified (ClaimEndedSince of connectorstore.Store says so). It is true of most
	// accounts when a company switches single sign-on on. It counts only without a ClaimID. Default: not known to be so.
	Unclaimed bool
}

// Credential names something that an account loses when it is linked. Whoever made the account knew only its address: somebody
// may have registered it for a stranger, left doors open, and waited until the stranger confirmed the address and used it.
// The identity provider has now said who the owner is, and its way is the only way in.
type Credential string

const (
	// Passwords: the password, and what was stored to compare new ones with it.
	Passwords Credential = "passwords"
	// Sessions: every session, refresh token and remembered device, since a session outlives the password it began with.
	Sessions Credential = "sessions"
	// Tokens: API tokens, SSH keys, and what other applications were granted by the account.
	Tokens Credential = "tokens"
	// Passkeys: passkeys and everything else that proves a person without a password.
	Passkeys Credential = "passkeys"
	// SecondFactors: authenticators and recovery codes, with which whoever enrolled them could lock the owner out or pass
	// for the owner later.
	SecondFactors Credential = "second_factors"
	// RecoveryAddresses: all other addresses and telephone numbers, since each of them gets reset mails.
	RecoveryAddresses Credential = "recovery_addresses"
	// PendingChanges: changes of address, password resets, sign-in links and invitations that were begun and still can
	// be completed.
	PendingChanges Credential = "pending_changes"
)

// allCredentials is what every link costs. An account that was linked before pays again: nobody knows what came meanwhile.
func allCredentials() []Credential {
	return []Credential{Passwords, Sessions, Tokens, Passkeys, SecondFactors, RecoveryAddresses, PendingChanges}
}

// Resolve gives the account of the identity, and links or makes it if need be. From above, the first line that is true
// decides:
//
//	the key has an account                               that account, whatever its address or domain is
//	Identity.Domain is frozen                            refused: domain_frozen
//	the identity has no trusted address                  Create, or else refused: email_untrusted
//	no account has the address                           Create, or else refused: no_account
//	several accounts have the address                    refused: address_ambiguous
//	the account found is linked to the key by now        read again by key
//	it has another address                               refused: address_differs
//	it is linked to another identity of the connector    refused: linked_here
//	it is linked to anything else                        refused: linked_elsewhere
//	Identity.Domain is nobody's, or only claimed         refused: no_domain
//	Identity.Domain is not enforced                      refused: domain_not_enforced
//	the account's address is not verified                refused: address_unverified
//	the account has a ClaimID, and it is not the same    refused: claim_differs
//	the account has none, and is not Unclaimed           refused: claim_unknown
//	otherwise                                            Link, and read again by key
//
// So the domain claim is "the same" if the account has the ClaimID of Identity.Domain, or never was under any. The latter
// hands the account to whoever has the domain today. With a domain that expired and was bought, that is another
// company, which could also have received the password reset by mail; but an account that knew an earlier claim is refused.
// A backend whose domains have no ClaimIDs can link accounts for the first time, and never again.
//
// Only under a domain that is enforced (or asserted, which is the same) is an account linked: linking takes away every other
// way in, and that is what enforcing a domain means. While it is verified, routed or report_only, other ways are open, and who
// has an account goes on using them; a company that tries single sign-on out loses no password by it. Whoever has no account
// gets one in these states, if accounts are made at sign-in: it takes nothing from anybody, and its address is proven. Once
// the domain is enforced, the others are linked at their next sign-in.
//
// In a frozen domain there is neither: nobody can say any more whose address it is. Identity.Email is empty there, so that
// without this line somebody new would get an account that has no address, and keep it. (Whoever comes without the claim is in no
// domain, and not concerned.)
//
// An identity whose address is trusted without a domain (a "Sign in with ..." button) is not linked by it: that the
// identity provider verified the address is only its word, and whose word it is has not been settled.
//
// If Link or Create returns [ErrConflict], the key is looked up once more, so that all of several sign-ins at the same time
// get the same account; if it has none, the error is a [*Refusal] with ReasonConflict.
//
// Every refusal is a [*Refusal]. Errors of the backend's functions are wrapped. A missing function, an identity without a
// complete key, and a function that gives neither an account nor an error are errors too. With an error, the account is the
// zero value.
func (a *Accounts[U]) Resolve(ctx context.Context, id *oidcsso.Identity) (U, error) {
	user, err := a.resolve(ctx, id)
	if err != nil {
		var none U
		return none, err
	}
	return user, nil
}

func (a *Accounts[U]) resolve(ctx context.Context, id *oidcsso.Identity) (U, error) {
	var none U
	if err := a.check(id); err != nil {
		return none, err
	}
	user, found, err := a.byKey(ctx, id)
	if found || err != nil {
		return user, err
	}
	if id.Domain.State == oidcsso.DomainFrozen || id.Domain.State == oidcsso.DomainLapsed { //check:account-frozen
		return none, refuse(ReasonDomainFrozen, id)
	}
	if id.Email == "" { //check:account-untrusted-email
		return a.create(ctx, id, ReasonEmailUntrusted)
	}
	candidates, err := a.byEmail(ctx, id)
	switch {
	case err != nil:
		return none, err
	case len(candidates) == 0:
		return a.create(ctx, id, ReasonNoAccount)
	case len(candidates) > 1: //check:account-ambiguous
		return none, refuse(ReasonAddressAmbiguous, id)
	}
	return a.link(ctx, id, candidates[0])
}

// check finds mistakes of the program, which no sign-in should survive.
func (a *Accounts[U]) check(id *oidcsso.Identity) error {
	switch {
	case a == nil || a.ByKey == nil:
		return errors.New("accounts: Accounts.ByKey is missing")
	case (a.ByEmail == nil) != (a.Link == nil):
		return errors.New("accounts: Accounts.ByEmail and Accounts.Link need each other")
	case id == nil:
		return errors.New("accounts: there is no identity")
	case id.Connector == "" || id.Issuer == "" || id.Subject == "": //check:account-incomplete-key
		return errors.New("accounts: the identity has no complete key")
	}
	return nil
}

func (a *Accounts[U]) byKey(ctx context.Context, id *oidcsso.Identity) (user U, found bool, err error) {
	user, err = a.ByKey(ctx, id.Key())
	switch {
	case errors.Is(err, oidcsso.ErrNotFound):
		return user, false, ctx.Err() // "not found" may only mean that the search was broken off
	case err != nil:
		return user, false, fmt.Errorf("accounts: ByKey: %w", err)
	}
	return user, true, present(user, "ByKey")
}

func (a *Accounts[U]) byEmail(ctx context.Context, id *oidcsso.Identity) ([]Candidate[U], error) {
	if a.ByEmail == nil {
		return nil, nil
	}
	candidates, err := a.ByEmail(ctx, id.Email)
	switch {
	case errors.Is(err, oidcsso.ErrNotFound):
		return nil, ctx.Err()
	case err != nil:
		return nil, fmt.Errorf("accounts: ByEmail: %w", err)
	case len(candidates) == 0:
		return nil, ctx.Err()
	}
	return candidates, nil
}

// create makes the account, where the backend wants that. reason is why there is none yet.
func (a *Accounts[U]) create(ctx context.Context, id *oidcsso.Identity, reason Reason) (U, error) {
	var none U
	if a.Create == nil {
		return none, refuse(reason, id)
	}
	user, err := a.Create(ctx, id)
	switch {
	case errors.Is(err, ErrConflict):
		return a.again(ctx, id, refuse(ReasonConflict, id))
	case err != nil:
		return none, fmt.Errorf("accounts: Create: %w", err)
	}
	return user, present(user, "Create")
}

// link reads the account again after Link, so that the caller does not go on with, or write back, one that still has what the
// stored one has just lost.
func (a *Accounts[U]) link(ctx context.Context, id *oidcsso.Identity, c Candidate[U]) (U, error) {
	var none U
	if err := present(c.User, "ByEmail"); err != nil {
		return none, err
	}
	if slices.Contains(c.Links, id.Key()) { // another sign-in of the same person was faster
		return a.again(ctx, id, refuse(ReasonConflict, id))
	}
	if reason := unlinkable(c, id); reason != "" {
		return none, refuse(reason, id)
	}
	err := a.Link(ctx, c.User, id, allCredentials())
	switch {
	case errors.Is(err, ErrConflict):
		return a.again(ctx, id, refuse(ReasonConflict, id))
	case err != nil:
		return none, fmt.Errorf("accounts: Link: %w", err)
	}
	return a.again(ctx, id, errors.New("accounts: Link returned no error, but ByKey does not find the account"))
}

// unlinkable says why the account may not become the identity's; empty if it may.
func unlinkable[U any](c Candidate[U], id *oidcsso.Identity) Reason {
	switch {
	case !sameAddress(c.Email, id.Email): //check:account-address
		return ReasonAddressDiffers
	case slices.ContainsFunc(c.Links, func(k oidcsso.AccountKey) bool { return k.Connector == id.Connector }): //check:account-linked-here
		return ReasonLinkedHere
	case len(c.Links) > 0: //check:account-linked-elsewhere
		return ReasonLinkedElsewhere
	case !owned(id.Domain.State): //check:account-no-domain
		return ReasonNoDomain
	case !enforced(id.Domain.State): //check:account-not-enforced
		return ReasonDomainNotEnforced
	case !c.EmailVerified: //check:account-unverified
		return ReasonAddressUnverified
	case c.ClaimID != "" && c.ClaimID != id.Domain.ClaimID: //check:account-claim-differs
		return ReasonClaimDiffers
	case c.ClaimID == "" && !c.Unclaimed: //check:account-claim-unknown
		return ReasonClaimUnknown
	}
	return ""
}

// owned says whether the domain is proven to be the connector's. A state that nobody knows is as good as a claim.
func owned(s oidcsso.DomainState) bool {
	return enforced(s) || s == oidcsso.DomainVerified || s == oidcsso.DomainRouted || s == oidcsso.DomainReportOnly
}

// enforced says whether the connector is the only way in, and its word on addresses counts. It does not in a frozen domain.
func enforced(s oidcsso.DomainState) bool {
	return s == oidcsso.DomainEnforced || s == oidcsso.DomainAsserted
}

// sameAddress compares as strictly as ParseAddress reads; both local parts are ASCII then.
func sameAddress(stored, trusted string) bool {
	s, err := oidcsso.ParseAddress(stored)
	if err != nil {
		return false
	}
	t, err := oidcsso.ParseAddress(trusted)
	return err == nil && s.Domain == t.Domain && strings.EqualFold(s.Local, t.Local)
}

// again looks the key up once more; missing is the error if it has no account even now.
func (a *Accounts[U]) again(ctx context.Context, id *oidcsso.Identity, missing error) (U, error) {
	user, found, err := a.byKey(ctx, id)
	if err == nil && !found { //check:account-not-linked
		err = missing
	}
	return user, err
}

// present catches a function that says "nobody" without an error. Somebody would be signed in to the account zero.
func present[U any](user U, function string) error {
	if reflect.ValueOf(&user).Elem().IsZero() { //check:account-nobody
		return fmt.Errorf("accounts: %s gave neither an account nor an error", function)
	}
	return nil
}
