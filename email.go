package oidcsso

import (
	"context"
	"fmt"
)

const defaultEmailClaim = "email"

// resolveEmail decides on the email address by the table at EmailStatus and sets it in id. source may be nil; then the
// connector's own domains decide.
func (c *Connector) resolveEmail(ctx context.Context, id *Identity, source Source) error {
	address, verified := c.emailClaim(**id.claims)
	if address == nil {
		id.EmailStatus = EmailAbsent
		if c.cfg.RequireEmail { //check:email-required
			return newError(CodeEmailMissing, c.cfg.ID, nil)
		}
		for i := range c.routes {
			if d := c.routes[i].Domain; d.State.unproven() { //check:email-frozen-absent
				// Whoever has lost a domain could otherwise leave the address out, and let new people in.
				id.EmailStatus, id.Domain = EmailFrozen, d
				break
			}
		}
		return nil
	}
	route, err := c.owner(ctx, source, address.Domain)
	if err != nil {
		return err
	}
	inside := route != nil && route.Connector.ID() == c.cfg.ID
	foreign := route != nil && !inside
	if inside && route.Connector.Disabled() { //check:email-owner-disabled
		// It was switched off since Finish looked; a Source may know before this Connector does.
		return newError(CodeConnectorDisabled, c.cfg.ID, nil)
	}
	switch {
	case inside && route.Domain.State.unproven(): //check:email-frozen
		// Whatever is said of the address. The Domain is set all the same: it tells accounts that nobody new gets in.
		id.EmailStatus, id.Domain = EmailFrozen, route.Domain
	case inside && verified != saysUnverified:
		id.EmailStatus, id.Email, id.Domain = EmailTrusted, address.String(), route.Domain
	case inside:
		id.EmailStatus = EmailUnverified
	case foreign || c.hasDomains(): //check:email-guest
		id.EmailStatus = EmailGuest
	case verified == saysVerified:
		id.EmailStatus, id.Email = EmailTrusted, address.String()
	case verified == saysUnverified: //check:email-unverified
		id.EmailStatus = EmailUnverified
	default:
		id.EmailStatus = EmailSilent
	}
	switch {
	case id.EmailStatus == EmailTrusted, id.EmailStatus == EmailFrozen && verified != saysUnverified:
		return nil
	case id.EmailStatus == EmailGuest && !c.cfg.AllowGuests: //check:email-outside
		return newError(CodeEmailOutside, c.cfg.ID, fmt.Errorf("the address is in the domain %s", address.Domain))
	case c.cfg.RequireEmail && id.EmailStatus == EmailGuest: //check:email-required
		return newError(CodeEmailOutside, c.cfg.ID, nil).
			withRemedy("The connector allows guests but also requires a trusted address, which a guest never has. Switch one of the two off.")
	case c.cfg.RequireEmail && id.EmailStatus == EmailSilent: //check:email-required
		return newError(CodeEmailUntrusted, c.cfg.ID, nil).
			withRemedy("The identity provider does not say whether addresses are verified. Give the connector the domains of its people, or don't require an address.")
	case c.cfg.RequireEmail: //check:email-required
		return newError(CodeEmailUntrusted, c.cfg.ID, nil)
	}
	return nil
}

type verification int

const (
	saysNothing verification = iota
	saysVerified
	saysUnverified
)

// emailClaim gives the address, nil if there is none that can be parsed, and what the identity provider says of it.
// email_verified speaks only for the claim "email", and only in the document that gave it (OpenID Connect Core 1.0, 5.1).
func (c *Connector) emailClaim(cl claims) (*Address, verification) {
	name := firstOf(c.cfg.EmailClaim, defaultEmailClaim)
	claim, ok := cl.find(name)
	if !ok {
		return nil, saysNothing
	}
	text, _ := claim.Text()
	address, err := ParseAddress(text)
	if err != nil { //check:email-syntax
		return nil, saysNothing
	}
	if name != defaultEmailClaim { //check:email-claim-other
		return &address, saysNothing
	}
	document := cl.idToken
	if claim.Origin == FromUserInfo { //check:email-verified-origin
		document = cl.userInfo
	}
	value, said := document.Get("email_verified")
	if !said {
		return &address, saysNothing
	}
	if yes, ok := (Claim{value: value}).Bool(); ok && yes {
		return &address, saysVerified
	}
	return &address, saysUnverified // null, 1 and "True" are no yes
}

// owner asks whose domain it is, now: nil if it is nobody's. A domain may have moved since the sign-in began.
func (c *Connector) owner(ctx context.Context, source Source, domain string) (*Route, error) {
	if source == nil {
		return matchRoute(c.routes, domain), nil
	}
	route, err := routeOf(ctx, source, domain)
	switch {
	case isNotFound(err):
		return nil, nil
	case err != nil:
		return nil, err
	}
	return route, nil
}

// hasDomains tells a connector for domains from a plain "Sign in with ..." button. A claimed domain, though it routes
// nothing, makes it no button: it must not widen what the connector is believed.
func (c *Connector) hasDomains() bool { return len(c.routes) > 0 }
