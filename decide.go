package oidcsso

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Method names the way in that is tried. A Decision is the same for all of them, but for MethodAddressChange; the name is for
// the backend's log. A backend with other ways in may name its own, and may leave it empty.
type Method string

// The ways in that most backends have:
const (
	MethodPassword      Method = "password"
	MethodPasswordReset Method = "password_reset"
	MethodMagicLink     Method = "magic_link"
	MethodPasskey       Method = "passkey"
	MethodRegistration  Method = "registration"
	MethodInvitation    Method = "invitation"
	// MethodAddressChange gives an account another address. Attempt.Typed is the new one and must be an address.
	MethodAddressChange Method = "address_change"
	MethodAPIToken      Method = "api_token"
	// MethodSession goes on with a session that exists, or renews it.
	MethodSession Method = "session"
)

// Attempt is somebody's attempt to get in other than by single sign-on, or to get hold of what would let them in: a session,
// a token, a new password, another address.
type Attempt struct {
	// Typed is what the person typed: an address, or a user name. Empty if nothing was typed, as with a passkey.
	Typed string
	// Account has all addresses of the account that was found, not only the one by which it was. Empty ones are passed
	// over. Default: no account was found.
	Account []string
	// Method is the way in. Default: not said.
	Method Method
}

// Decision is the answer to an [Attempt]. The zero value is "unavailable": neither allowed, nor is there a connector to send
// the person to.
type Decision struct {
	// Connector is the only way in, possibly a disabled one. It is nil if the attempt is allowed.
	Connector *Connector
	// Domain is the connector's entry that says so.
	Domain Domain
	// Address is the address that decided, with its domain canonical. If it is not the one that was typed, it is the
	// account's, and who typed may be a stranger: it is not for showing.
	Address string

	allowed bool
}

// Allowed says whether the attempt may go on. Nothing else does: an error, or a Decision without a Connector, allows nothing.
func (d Decision) Allowed() bool { return d.allowed }

// maxAccountAddresses bounds the look-ups of one decision.
const maxAccountAddresses = 100

// Decide says whether an attempt may go on, or must use a connector instead. It is the guarantee that an enforced domain has
// only one way in, if it is asked wherever a session or a credential would be issued, with the account that would get it, at
// that moment and not only when the attempt began.
//
// Typed is looked at first, then the addresses of Account; the first one whose domain is enforced decides, also when its
// connector is disabled. If none is enforced, the attempt is allowed. If an account was found, what was typed may also be a
// user name, or something else that is no address; the account's addresses decide then.
//
// The error is an [*Error], with the zero Decision:
//   - CodeUnavailable: the Source failed, gave an answer that can't be right, or joined ErrNotFound with another error. The
//     cause has its type, so that a cancelled context can be told from a database that is down.
//   - CodeAddressMissing: neither was an address typed nor is there an account with one.
//   - CodeAddressInvalid: what was typed is not an address though it has an "@", and there is no account; or an address
//     of the account is malformed, or there are over 100. One whose domain is a single label ("admin@localhost") is passed
//     over, since no connector can have it.
func Decide(ctx context.Context, source Source, a Attempt) (Decision, error) {
	if len(a.Account) > maxAccountAddresses { //check:decide-bound
		return Decision{}, newError(CodeAddressInvalid, "", fmt.Errorf("the account has %d addresses", len(a.Account))).
			withRemedy("An account may have up to %d addresses.", maxAccountAddresses)
	}
	var unrouted []string // domains; the typed address is nearly always one of the account's too
	decide := func(address Address) (Decision, error) {
		if slices.Contains(unrouted, address.Domain) {
			return Decision{}, nil
		}
		route, err := routeOf(ctx, source, address.Domain)
		if isNotFound(err) {
			unrouted = append(unrouted, address.Domain)
			return Decision{}, nil
		}
		if err != nil { //check:source-failed
			return Decision{}, err
		}
		return Decision{Connector: route.Connector, Domain: route.Domain, Address: address.String()}, nil
	}

	typed, ok, err := a.typedAddress()
	if err != nil { //check:decide-typed-invalid
		return Decision{}, err
	}
	if ok {
		if d, err := decide(typed); err != nil || d.Connector != nil {
			return d, err
		}
	}
	for i, text := range a.Account {
		if text == "" {
			continue
		}
		address, err := storedAddress(text)
		if errors.Is(err, errSingleLabel) {
			continue // admin@localhost, as many backends make it: nobody's by its form
		}
		if err != nil { //check:decide-stored-invalid
			return Decision{}, newError(CodeAddressInvalid, "", fmt.Errorf("address %d of the account: %w", i+1, err)).
				withRemedy("An address that is stored with the account is malformed. Correct it there; until then it can't be known whether its domain is enforced.")
		}
		if d, err := decide(address); err != nil || d.Connector != nil {
			return d, err
		}
	}
	return Decision{allowed: true}, nil
}

// typedAddress gives what was typed if it is an address. Where nothing else will say whose attempt it is, it must be one, and
// by the strict rules; beside an account it may be a user name, and is looked at in case the account was found by it.
func (a Attempt) typedAddress() (Address, bool, error) {
	known := slices.ContainsFunc(a.Account, func(text string) bool { return text != "" })
	if known && a.Method != MethodAddressChange {
		address, err := storedAddress(a.Typed)
		return address, err == nil, nil
	}
	if !strings.Contains(a.Typed, "@") { //check:decide-no-address
		return Address{}, false, newError(CodeAddressMissing, "", nil)
	}
	address, err := ParseAddress(a.Typed)
	return address, err == nil, err
}

// routeOf asks a Source whose the domain is, and doubts the answer, since it may come from code that is not ours: ErrNotFound,
// as it is, or an *Error with CodeUnavailable.
func routeOf(ctx context.Context, source Source, domain string) (*Route, error) {
	if source == nil { //check:source-missing
		return nil, newError(CodeUnavailable, "", errors.New("there is no Source"))
	}
	route, err := source.Route(ctx, domain)
	if isNotFound(err) {
		if ctx.Err() == nil {
			return nil, ErrNotFound
		}
		err = ctx.Err() // "not found" may only mean that the search was broken off
	}
	switch {
	case err != nil: //check:source-error
	case route == nil || route.Connector == nil: //check:source-nil
		err = errors.New("the Source gave neither a connector nor an error")
	case route.Domain.State != DomainAsserted: //check:source-claimed
		err = fmt.Errorf("the Source routed the domain %s, which is not asserted", route.Domain)
	case !route.Domain.matches(domain): //check:source-other-domain
		err = fmt.Errorf("the Source answered with the domain %s, which does not cover the one asked for", route.Domain)
	default:
		return route, nil
	}
	return nil, newError(CodeUnavailable, "", err)
}

// isNotFound looks along a chain of single causes. Where ErrNotFound is joined with another error, one of two stores was not
// asked successfully, and nothing is known.
func isNotFound(err error) bool {
	for ; err != nil; err = errors.Unwrap(err) {
		if err == ErrNotFound {
			return true
		}
	}
	return false
}
