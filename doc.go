// Package oidcsso gives a web backend enterprise single sign-on over OpenID Connect: each customer's people sign in through
// the customer's own identity provider (Okta, Entra ID, Google Workspace, Keycloak, ...), and only there. It owns no users,
// no sessions and no database.
//
// # Which part is for you
//
// There are three tiers, each thin over the one below. Enter where it fits.
//
//   - A backend with its own login page and handlers: [Flow]. It brings the protocol and the cookies; the pages, the paths
//     and the sessions stay yours. This is what most backends want.
//   - A backend without any: [Handler], the same with routes and plain pages.
//   - A gRPC gateway, a command-line program, sessions of another kind: [Connector], the protocol alone. It turns a
//     configuration into an authorization URL, and the answer into an [Identity]; where the [Login] is kept in between
//     is yours to decide, see [Login.Seal].
//
// Customers are rows of data: a [Config] each, put into a [Router], which answers who must sign in where. A backend with
// tables of its own implements [Source] instead.
//
// # What you must do
//
//   - Ask [Decide] (or [Flow.Enforce]) with the account that was found, wherever a session or a credential is given out: at
//     the password form, the reset link, the magic link, the invitation. That is what makes single sign-on the only
//     way in; the redirect on the login page is a convenience.
//   - Find accounts by [Identity.Key]. The email address is for display and, under the rule in package accounts, for the first
//     link. Identity.Email is empty unless it can be trusted.
//   - Never replace the session of a signed-in person by another one silently: anybody can make a link that starts a
//     sign-in.
//
// # What it does by itself
//
// State, nonce and PKCE S256 are always on. A sign-in is bound to one browser, one connector, one redirect URI and one
// configuration. Discovery runs at first use and never at the start: a backend starts while an identity provider is down,
// and that sign-in works within seconds after it is back. Until then people are told that it is unavailable; the password
// form does not open. What is verified in an answer is listed at [Connector.Finish]. Everything that an identity provider
// sends is read strictly and bounded in size and time, and requests go to public addresses only, see [Egress].
//
// # How to begin
//
// The example "SignIn" below is a whole backend with a whole sign-in. Then:
//
//   - Show the administrator the Callback URI, [CallbackURL], before anything else, what an issuer is, [Discover], and what is
//     wrong with a connector, [Connector.Check].
//   - Make one [Options] for the process, a [Router] or a Source, and a [Flow] with a [SealKey] that all replicas share.
//   - Store two things with each account: the text of its [AccountKey], unique, and the ClaimID of the [Domain]. Package
//     accounts has the rule by which an account gets them.
//   - Show every error by [AsError]: Public and ID to the person, all of it to the log. Test for a [Code] with errors.Is. A
//     backend ends a sign-in by itself with [Refuse].
//   - Test with package oidcssotest, an identity provider with people and faults.
//
// Guides for developers, administrators and operators are in the directory docs of the repository.
package oidcsso
