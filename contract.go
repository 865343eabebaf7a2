package oidcsso

import "slices"

// checks are the items of the list at Connector.Finish. A test compares the two.
var checks = []string{
	"enabled", "login", "state", "binding", "purpose", "configuration", // the Login, and whose it is
	"parameters", "redirect URI", "iss", "error", // the authorization response
	"token response", "signature", "strict", "kind", "issuer", "audience", "time", "nonce", "subject", "access token", "auth_time",
	"userinfo", "email",
}

// Checks gives the names of all that [Connector.Finish] verifies, in its order: the values that [Error.Check] can have. A
// sign-in without an error has passed them all.
func Checks() []string { return slices.Clone(checks) }
