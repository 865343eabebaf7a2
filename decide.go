package oidcsso

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
)

// Method names the way in that is tried. A Decision is the same for all of them, but for MethodAddressChange and where
// Attempt.BreakGlass is set; the name is for the backend's log. A backend with other ways in may name its own, and may leave
// it empty.
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
	// MethodSession goes on with a session that exists, or renews it. It is no event.
	MethodSession Method = "session"
	// MethodIdentify is the first step of a form: only an address was entered, to find out how this person signs in. Nothing is
	// proven or issued, so it is no event; ask again, with the way that was taken, where something is.
	MethodIdentify Method = "identify"
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
	// BreakGlass says that the person asked for an exception, on a route of its own, and has proven themself by Method and by
	// a second factor: the [Source] is then asked whether there is one. See [Grants] for what it opens, and for what the
	// backend must have done before it sets this. Default: no exception counts.
	BreakGlass bool
}

// Decision is the answer to an [Attempt]. The zero value is "unavailable": neither allowed, nor is there a connector to send
// the person to.
type Decision struct {
	// Connector is the only way in, possibly a disabled one, if the attempt is not allowed. If it is allowed, Connector is one
	// that the person may be offered, or with Grant the one that they got past; nil if there is none.
	Connector *Connector
	// Domain is the connector's entry that says so.
	Domain Domain
	// Address is the address that decided, with its domain canonical. If it is not the one that was typed, it is the
	// account's, and who typed may be a stranger: it is not for showing.
	Address string
	// Grant is the ID of the exception that let the attempt through, the first if it took several; see [Grants]. Empty if none
	// was needed.
	Grant string

	allowed bool
}

// Allowed says whether the attempt may go on. Nothing else does, a Connector or the lack of one least of all: an error, or
// the zero Decision, allows nothing.
func (d Decision) Allowed() bool { return d.allowed }

// maxAccountAddresses bounds the look-ups of one decision.
const maxAccountAddresses = 100

// Decide says whether an attempt may go on, or must use a connector instead. It is the guarantee that an enforced domain has
// only one way in, if it is asked wherever a session or a credential would be issued, with the account that would get it, at
// that moment and not only when the attempt began.
//
// Typed is looked at first, then the addresses of Account; the first one whose domain is enforced decides, also when its
// connector is disabled, and whatever domains stand before it. If none is enforced, the attempt is allowed. If an account was
// found, what was typed may also be a user name, or something else that is no address; the account's addresses decide then.
//
// What the state of a domain means here:
//
//	enforced, asserted, frozen   not allowed; Connector, Domain and Address say where to go. See Grants for exceptions.
//	routed, report_only          allowed; the first such address is in Connector, Domain and Address, unless its
//	                             connector is disabled. For report_only, the Source is told EventReportOnly, but for
//	                             MethodSession and MethodIdentify.
//	verified, lapsed, claimed,   allowed, and nothing else is set
//	nobody's
//
// A Source that is an [Events] is told; [Flow.Decide] tells Options.Events too.
//
// The error is an [*Error], with the zero Decision:
//   - CodeUnavailable: the Source failed, gave an answer that can't be right, or joined ErrNotFound with another error. The
//     cause has its type, so that a cancelled context can be told from a database that is down.
//   - CodeAddressMissing: neither was an address typed nor is there an account with one.
//   - CodeAddressInvalid: what was typed is not an address though it has an "@", and there is no account; or an address
//     of the account is malformed, or there are over 100. One whose domain is a single label ("admin@localhost") is passed
//     over, since no connector can have it.
func Decide(ctx context.Context, source Source, a Attempt) (Decision, error) {
	return decideAndTell(ctx, source, nil, a)
}

func decideAndTell(ctx context.Context, source Source, events Events, a Attempt) (Decision, error) {
	look := &deciding{source: source, attempt: a}
	decision, err := look.decide(ctx)
	if err != nil || !decision.allowed || a.Method == MethodSession || a.Method == MethodIdentify {
		return decision, err
	}
	for _, used := range look.grants {
		look.tell(ctx, events, EventBreakGlassUsed, used, slog.String("grant", used.Grant))
	}
	for _, reported := range look.reports {
		look.tell(ctx, events, EventReportOnly, reported)
	}
	return decision, nil
}

// deciding is one attempt that is looked at, address by address.
type deciding struct {
	source  Source
	attempt Attempt

	open    []string   // domains that stop nobody; the typed address is nearly always one of the account's too
	offer   Decision   // of the first address with a connector to offer
	granted []string   // addresses, as Grants has them
	grants  []Decision // of enforced addresses
	reports []Decision // of domains that only report
}

func (l *deciding) decide(ctx context.Context) (Decision, error) {
	a := l.attempt
	if len(a.Account) > maxAccountAddresses { //check:decide-bound
		return Decision{}, newError(CodeAddressInvalid, "", fmt.Errorf("the account has %d addresses", len(a.Account))).
			withRemedy("An account may have up to %d addresses.", maxAccountAddresses)
	}
	typed, ok, err := a.typedAddress()
	if err != nil { //check:decide-typed-invalid
		return Decision{}, err
	}
	if ok {
		if d, err := l.look(ctx, typed); err != nil || d.Connector != nil {
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
		if d, err := l.look(ctx, address); err != nil || d.Connector != nil {
			return d, err
		}
	}
	d := l.offer
	if len(l.grants) > 0 {
		d = l.grants[0]
	}
	d.allowed = true
	return d, nil
}

// look gives a Decision with a Connector if the address stops the attempt, and goes on with what it found otherwise.
func (l *deciding) look(ctx context.Context, address Address) (Decision, error) {
	if slices.Contains(l.open, address.Domain) {
		return Decision{}, nil
	}
	route, err := routeOf(ctx, l.source, address.Domain)
	if err != nil && !isNotFound(err) { //check:source-failed
		return Decision{}, err
	}
	var d Decision
	if err == nil {
		d = Decision{Connector: route.Connector, Domain: route.Domain, Address: address.String()}
	}
	if d.Domain.State.enforces() { //check:decide-enforced
		return l.enforced(ctx, d, address)
	}
	l.open = append(l.open, address.Domain)
	if d.Domain.State == DomainReportOnly {
		l.reports = append(l.reports, d)
	}
	if l.offer.Connector == nil && d.Domain.State.routes() && !d.Connector.Disabled() {
		l.offer = d
	}
	return Decision{}, nil
}

// enforced gives the Decision back, unless there is an exception for the address.
func (l *deciding) enforced(ctx context.Context, d Decision, address Address) (Decision, error) {
	name, ok := grantAddress(address)
	if !ok || !l.attempt.breaksGlass() {
		return d, nil
	}
	if slices.Contains(l.granted, name) {
		return Decision{}, nil
	}
	id, err := grantOf(ctx, l.source, d.Connector.ID(), name, l.attempt.Method)
	switch {
	case isNotFound(err): //check:grant-none
		return d, nil
	case err != nil: //check:grant-failed
		return Decision{}, err
	}
	d.Grant = id
	l.granted, l.grants = append(l.granted, name), append(l.grants, d)
	return Decision{}, nil
}

func (l *deciding) tell(ctx context.Context, events Events, name string, d Decision, attrs ...slog.Attr) {
	attrs = append([]slog.Attr{slog.String("connector", d.Connector.ID()), slog.String("domain", d.Domain.String()),
		slog.String("method", string(l.attempt.Method))}, attrs...)
	tell(ctx, l.source, events, name, attrs...)
}

// known says whether an account was found.
func (a Attempt) known() bool {
	return slices.ContainsFunc(a.Account, func(text string) bool { return text != "" })
}

// typedAddress gives what was typed if it is an address. Where nothing else will say whose attempt it is, it must be one, and
// by the strict rules; beside an account it may be a user name, and is looked at in case the account was found by it.
func (a Attempt) typedAddress() (Address, bool, error) {
	if a.known() && a.Method != MethodAddressChange {
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
	case !route.Domain.State.owned(): //check:source-claimed
		err = fmt.Errorf("the Source routed the domain %s, which is nobody's by its state", route.Domain)
	case !route.Domain.matches(domain): //check:source-other-domain
		err = fmt.Errorf("the Source answered with the domain %s, which does not cover the one asked for", route.Domain)
	default:
		return route, nil
	}
	return nil, unavailable(err, "")
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
