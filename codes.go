package oidcsso

import "net/http"

// Code names what went wrong, for programs. It is an error itself, so that errors.Is(err, oidcsso.CodeAccessDenied) works.
// Codes are stable: a program may store and compare them. Write string(code) to print one: fmt prints Error(), which begins
// with "oidcsso: ".
type Code string

const (
	// What an administrator or developer has to put right.
	CodeConfigInvalid      Code = "config_invalid"
	CodeDomainConflict     Code = "domain_conflict"
	CodeIssNotPromised     Code = "iss_not_promised"
	CodeIssuerMismatch     Code = "issuer_mismatch"
	CodeMetadataInvalid    Code = "metadata_invalid"
	CodeClientAuthMismatch Code = "client_auth_mismatch"
	CodeClientRejected     Code = "client_rejected"

	// What keeps a sign-in from starting.
	CodeConnectorUnknown  Code = "connector_unknown"
	CodeConnectorDisabled Code = "connector_disabled"
	CodeUnavailable       Code = "unavailable"
	CodeParamsInvalid     Code = "params_invalid"
	CodeReturnRefused     Code = "return_refused"
	CodeAddressMissing    Code = "address_missing"
	CodeAddressInvalid    Code = "address_invalid"
	CodeTooManyRequests   Code = "too_many_requests"

	// What the answer of the identity provider can be refused for.
	CodeLoginMissing      Code = "login_missing"
	CodeLoginExpired      Code = "login_expired"
	CodeLoginUsed         Code = "login_used"
	CodeConfigChanged     Code = "config_changed"
	CodeSecretSwitched    Code = "secret_switched"
	CodePurposeRefused    Code = "purpose_refused"
	CodeBindingMismatch   Code = "binding_mismatch"
	CodeResponseInvalid   Code = "response_invalid"
	CodeResponseMisplaced Code = "response_misplaced"
	CodeAccessDenied      Code = "access_denied"
	CodeProviderError     Code = "provider_error"
	CodeCodeRejected      Code = "code_rejected"
	CodeTokenRejected     Code = "token_rejected"
	CodeUserInfoRejected  Code = "userinfo_rejected"

	// What an identity can be refused for.
	CodeEmailMissing   Code = "email_missing"
	CodeEmailOutside   Code = "email_outside"
	CodeEmailUntrusted Code = "email_untrusted"
	CodeRefused        Code = "refused"

	// A fault of the backend or of this library.
	CodeInternal Code = "internal"
)

// Error makes a Code usable as the target of errors.Is.
func (c Code) Error() string { return "oidcsso: " + string(c) }

// Kind says what the code means to the person who signs in.
func (c Code) Kind() Kind { return c.text().kind }

// codeText is what a code means: to a program, to the person, to the administrator.
type codeText struct {
	kind   Kind
	status int
	public string
	remedy string
}

func (c Code) text() codeText {
	if t, ok := codeTexts[c]; ok {
		return t
	}
	return codeTexts[CodeInternal]
}

const (
	publicAgain       = "Your sign-in could not be completed. Please sign in again."
	publicMissing     = "Your sign-in could not be completed. Please sign in again, and allow cookies for this site if that does not help."
	publicRefused     = "Your sign-in could not be completed. Please sign in again, and tell your administrator if that does not help."
	publicUnavailable = "Your company's sign-in is unavailable at the moment. Please try again in a few minutes."
	publicSetUp       = "Your company's sign-in is not set up correctly. Please tell your administrator."
)

// codeTexts are also what docs/errors.md is made of, by tools/errorref.
var codeTexts = map[Code]codeText{
	CodeConfigInvalid:      {KindInvalid, http.StatusBadRequest, publicSetUp, "Correct the fields that the error lists; each has a remedy of its own."},
	CodeDomainConflict:     {KindInvalid, http.StatusConflict, publicSetUp, "The domain belongs to another connector. Release it there first, or move it in one step with Router.Sync or Replace, which leaves no gap."},
	CodeIssNotPromised:     {KindUnavailable, http.StatusServiceUnavailable, publicSetUp, "The connector has a redirect URI of its own, which others might share, and the identity provider does not promise the iss parameter (RFC 9207). Use the default redirect URI, or list this one in Options.ExclusiveRedirectURLs."},
	CodeIssuerMismatch:     {KindUnavailable, http.StatusServiceUnavailable, publicSetUp, "The discovery document names another issuer than the connector has; they must be equal byte for byte. If the document is your identity provider's, enter the issuer exactly as it says, with or without the slash at its end."},
	CodeMetadataInvalid:    {KindUnavailable, http.StatusServiceUnavailable, publicSetUp, "The discovery document of the identity provider can't be used; the cause says why. Check that the issuer is the right URL, and that no proxy and no sign-in page answers in its place."},
	CodeClientAuthMismatch: {KindUnavailable, http.StatusServiceUnavailable, publicSetUp, "The identity provider offers no client authentication method that fits this connector. Allow client_secret_basic or client_secret_post for the application."},
	CodeClientRejected:     {KindUnavailable, http.StatusBadGateway, publicSetUp, "The identity provider does not accept the client ID and client secret. Enter the current secret, since secrets expire, and check that the ID is this application's. If both are right, the application may be registered for the other way of sending the secret: set the connector's token_endpoint_auth_method to client_secret_post, or allow client_secret_basic for the application."},

	CodeConnectorUnknown:  {KindRefused, http.StatusNotFound, "There is no such sign-in.", "No connector has this ID. Correct the link that was followed, or create the connector; if it was removed on purpose, nothing is wrong."},
	CodeConnectorDisabled: {KindUnavailable, http.StatusServiceUnavailable, "Your company's sign-in is switched off at the moment. Please ask your administrator.", "The connector is disabled. Enable it again; until its domains are released, there is no other way in for the people in them."},
	CodeUnavailable:       {KindUnavailable, http.StatusServiceUnavailable, publicUnavailable, "The identity provider or the store of connectors can't be reached or is out of order; the cause says which. Look at the identity provider's status page, and at name resolution, certificates and firewalls on the way to it."},
	CodeParamsInvalid:     {KindInvalid, http.StatusBadRequest, "This sign-in link is not valid.", "The parameters with which this sign-in was begun are not valid; the cause names them. Correct the link, form or program that they come from."},
	CodeReturnRefused:     {KindInvalid, http.StatusBadRequest, "This sign-in link is not valid.", "The return target is neither a local path nor one of FlowOptions.AllowedReturns. Correct the link, or add the origin or the exact app URI there if it is yours."},
	CodeAddressMissing:    {KindInvalid, http.StatusBadRequest, "Please enter your email address.", "No email address was given and no account was found, so it can't be known who must sign in where. Let the sign-in form ask for an address."},
	CodeAddressInvalid:    {KindInvalid, http.StatusBadRequest, "Please enter a valid email address.", "What was entered is not an email address, or one of a form that is not accepted; the cause says why. The person can correct it."},
	CodeTooManyRequests:   {KindUnavailable, http.StatusTooManyRequests, "There were too many attempts. Please try again in a few minutes.", "The backend's own rate limit refused the request (HandlerOptions.Allow). Raise it if people meet it in ordinary use."},

	CodeLoginMissing:      {KindExpired, http.StatusBadRequest, publicMissing, "No pending sign-in of this browser fits the response: cookies are blocked, the page was opened in another browser or reloaded, or the link was forged. If everybody meets it, check that Options.BaseURL is the address that browsers use and that all replicas have the same seal keys."},
	CodeLoginExpired:      {KindExpired, http.StatusBadRequest, "Your sign-in took too long. Please sign in again.", "A sign-in must be finished within ten minutes. If the person was faster, compare the clocks of the replicas."},
	CodeLoginUsed:         {KindExpired, http.StatusBadRequest, publicAgain, "This response was used before: the page was reloaded, or somebody else has the link. Signing in again is enough."},
	CodeConfigChanged:     {KindExpired, http.StatusConflict, publicAgain, "Issuer, client ID or redirect URI of the connector changed while the sign-in was under way. Signing in again is enough; if it is not, the replicas have different configurations."},
	CodeSecretSwitched:    {KindExpired, http.StatusConflict, publicAgain, "The identity provider refused one of the connector's two client secrets, and the other one is used from now on. Signing in again is enough, and a Handler begins again by itself. If the current secret was refused, make the next one the current one, and remove the old one."},
	CodePurposeRefused:    {KindRefused, http.StatusBadRequest, publicRefused, "This sign-in was begun for a purpose that this callback does not handle. Finish it with the function for that purpose."},
	CodeBindingMismatch:   {KindExpired, http.StatusBadRequest, publicAgain, "The response came to another session than the one that began the sign-in. If everybody meets it, BeginParams.Binding and Response.Binding are not the same value of the session."},
	CodeResponseInvalid:   {KindRefused, http.StatusBadRequest, publicRefused, "What arrived at the Callback URI is not a well-formed authorization response; the cause says why. If everybody meets it, let the identity provider answer in the query of a redirect (response mode query)."},
	CodeResponseMisplaced: {KindRefused, http.StatusBadRequest, publicRefused, "The response came from another issuer, or to another redirect URI, than the sign-in was sent to (a mix-up). Give each connector a redirect URI of its own; behind a proxy that rewrites paths, set FlowOptions.CallbackPath."},
	CodeAccessDenied:      {KindRefused, http.StatusForbidden, "Your company's identity provider did not let you in. If that is wrong, please tell your administrator.", "The identity provider answered access_denied: the person cancelled, or is not assigned to the application. Assign them there if they should get in."},
	CodeProviderError:     {KindRefused, http.StatusBadGateway, "Your company's identity provider could not sign you in. Please tell your administrator.", "The identity provider answered with an error; its code is in the cause. Its own log of sign-ins says more about the same moment."},
	CodeCodeRejected:      {KindExpired, http.StatusBadRequest, publicAgain, "The identity provider did not accept the authorization code: it was used, it expired, or the redirect URI differs. Signing in again is enough, unless everybody meets it: then compare the Callback URI with the one that is registered."},
	CodeTokenRejected:     {KindRefused, http.StatusForbidden, publicRefused, "The ID token, or the response that brought it, does not fulfil the contract; the cause names the check. For \"time\" compare the clocks, for others the application's settings at the identity provider; what remains may be an attack."},
	CodeUserInfoRejected:  {KindRefused, http.StatusForbidden, publicRefused, "The UserInfo response can't be used; the cause says why. If the identity provider puts email and groups into the ID token, UserInfo is not asked, unless the connector always wants it."},

	CodeEmailMissing:   {KindRefused, http.StatusForbidden, "Your company's identity provider did not send your email address. Please tell your administrator.", "No usable email claim came. Give the person an address at the identity provider, grant the email scope to the application, or set the connector's email claim."},
	CodeEmailOutside:   {KindRefused, http.StatusForbidden, "Your email address does not belong to this sign-in. If it should, please tell your administrator.", "The email address is not in a domain of this connector. Add the domain if it is the company's own, or allow guests."},
	CodeEmailUntrusted: {KindRefused, http.StatusForbidden, "Your email address is not confirmed at your company's identity provider. Please tell your administrator.", "The identity provider says that this address is not verified, and the connector requires an address. Have it verified there."},
	CodeRefused:        {KindRefused, http.StatusForbidden, "You can't sign in here.", "The backend's own rules refused this sign-in; the cause is what the person was told. Package accounts adds a reason and a remedy."},

	CodeInternal: {KindUnavailable, http.StatusInternalServerError, "Something went wrong on our side. Please try again.", "An unexpected fault; the cause says more. Give it to the backend's developers, with the ID."},
}
