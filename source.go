package oidcsso

import "context"

// Source is where connectors live: a [Router] in memory, or the backend's own tables. Implementations are safe for
// concurrent use.
//
// An answer decides who gets in, so it must come from the newest configuration: a domain that moved, or a connector that
// was disabled while somebody was at the identity provider, is looked up again at the callback.
type Source interface {
	// Connector gives the connector with this ID, also a disabled one. [ErrNotFound] means that there is none; any other
	// error means "unavailable".
	Connector(ctx context.Context, id string) (*Connector, error)

	// Route gives the connector that a domain's people must use, and the Domain that says so: the exact one, else the
	// longest wildcard; asserted ones only; also when the connector is disabled. domain is canonical, as
	// [ParseAddress] gives it. The Route is not nil beside a nil error. [ErrNotFound] means that the domain is nobody's, and that its people sign in without
	// single sign-on; any other error means "unavailable", and they don't sign in at all meanwhile.
	Route(ctx context.Context, domain string) (*Route, error)
}

// Route is the answer for a domain. It may be shared by many callers and must not be changed.
type Route struct {
	// Connector is whose the domain is, possibly disabled. Never nil beside a nil error.
	Connector *Connector
	// Domain is the connector's entry that matched.
	Domain Domain
}
