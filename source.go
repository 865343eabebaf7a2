package oidcsso

import "context"

// Source is where connectors live: a [Router] in memory, or the backend's own tables. Implementations are safe for
// concurrent use.
//
// An answer decides who gets in, so it must come from the newest configuration: a domain that moved, or a connector that
// was disabled while somebody was at the identity provider, is looked up again at the callback.
//
// A Source that is also an [Events] is told what happens to its connectors; one that is also a [Grants] knows exceptions.
type Source interface {
	// Connector gives the connector with this ID, also a disabled one. [ErrNotFound] means that there is none; any other
	// error means "unavailable".
	Connector(ctx context.Context, id string) (*Connector, error)

	// Route gives the connector whose the domain is, and its Domain: the exact one, else the longest wildcard; in every state
	// but DomainClaimed; also when the connector is disabled. Whether people must use the connector follows from the
	// state, and is judged by [Decide]. domain is canonical, as [ParseAddress] gives it. The Route is not nil beside a nil
	// error. [ErrNotFound] means that the domain is nobody's, and that its people sign in without single sign-on; any other
	// error means "unavailable", and they don't sign in at all meanwhile.
	Route(ctx context.Context, domain string) (*Route, error)
}

// Route is the answer for a domain. It may be shared by many callers and must not be changed.
type Route struct {
	// Connector is whose the domain is, possibly disabled. Never nil beside a nil error.
	Connector *Connector
	// Domain is the connector's entry that matched.
	Domain Domain
}
