package oidcsso

import "net/http"

// Code names what went wrong, for programs. It is an error itself, so that errors.Is(err, oidcsso.CodeAccessDenied) works.
// Codes are stable: a program may store and compare them.
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

	// What the answer of the identity provider can be refused for.
	CodeLoginMissing      Code = "login_missing"
	CodeLoginExpired      Code = "login_expired"
	CodeLoginUsed         Code = "login_used"
	CodeConfigChanged     Code = "config_changed"
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
	publicUnavailable = "Your company's sign-in is unavailable at the moment. Please try again in a few minutes."
	publicSetUp       = "Your company's sign-in is not set up correctly. Please tell your administrator."
)

var codeTexts = map[Code]codeText{
	CodeConfigInvalid:      {KindInvalid, http.StatusBadRequest, publicSetUp, "Correct the fields that the error lists."},
	CodeDomainConflict:     {KindInvalid, http.StatusConflict, publicSetUp, "The domain belongs to another connector; release it there first, or swap the whole table with Replace."},
	CodeIssNotPromised:     {KindUnavailable, http.StatusServiceUnavailable, publicSetUp, "The connector has a redirect URI of its own, which others might share, and the identity provider does not promise the iss parameter (RFC 9207). Use the default redirect URI, or list this one in Options.ExclusiveRedirectURLs."},
	CodeIssuerMismatch:     {KindUnavailable, http.StatusServiceUnavailable, publicSetUp, "The issuer in the discovery document is another one than the configured issuer; they must be equal byte for byte."},
	CodeMetadataInvalid:    {KindUnavailable, http.StatusServiceUnavailable, publicSetUp, "The discovery document of the identity provider can't be used. Check that the issuer is the right URL."},
	CodeClientAuthMismatch: {KindUnavailable, http.StatusServiceUnavailable, publicSetUp, "The identity provider offers no client authentication method that fits this connector."},
	CodeClientRejected:     {KindUnavailable, http.StatusBadGateway, publicSetUp, "The identity provider does not accept the client ID and client secret. Enter the current secret; secrets expire."},

	CodeConnectorUnknown:  {KindRefused, http.StatusNotFound, "There is no such sign-in.", "No connector has this ID."},
	CodeConnectorDisabled: {KindUnavailable, http.StatusServiceUnavailable, publicUnavailable, "The connector is disabled. Its domains stay enforced until they are released."},
	CodeUnavailable:       {KindUnavailable, http.StatusServiceUnavailable, publicUnavailable, "The identity provider or the store of connectors can't be reached. The cause says more."},
	CodeParamsInvalid:     {KindInvalid, http.StatusBadRequest, "This sign-in link is not valid.", "The parameters of this sign-in are not valid; the cause names them."},
	CodeReturnRefused:     {KindInvalid, http.StatusBadRequest, "This sign-in link is not valid.", "The return target is neither a local path nor on an allowed origin (FlowOptions.AllowedReturns)."},
	CodeAddressMissing:    {KindInvalid, http.StatusBadRequest, "Please enter your email address.", "No email address was given and no account was found, so it can't be known who must sign in where."},
	CodeAddressInvalid:    {KindInvalid, http.StatusBadRequest, "Please enter a valid email address.", "The text is not an email address."},

	CodeLoginMissing:      {KindExpired, http.StatusBadRequest, publicAgain, "No pending sign-in of this browser fits the response: cookies are blocked, the page was opened in another browser or reloaded, or the link was forged."},
	CodeLoginExpired:      {KindExpired, http.StatusBadRequest, "Your sign-in took too long. Please sign in again.", "A sign-in must be finished within ten minutes."},
	CodeLoginUsed:         {KindExpired, http.StatusBadRequest, publicAgain, "This response was used before."},
	CodeConfigChanged:     {KindExpired, http.StatusConflict, publicAgain, "Issuer, client ID or redirect URI of the connector changed while the sign-in was under way."},
	CodePurposeRefused:    {KindRefused, http.StatusBadRequest, publicAgain, "This sign-in was begun for a purpose that this callback does not handle."},
	CodeBindingMismatch:   {KindExpired, http.StatusBadRequest, publicAgain, "The response came to another session than the one that began the sign-in."},
	CodeResponseInvalid:   {KindRefused, http.StatusBadRequest, publicAgain, "The response is not a well-formed authorization response."},
	CodeResponseMisplaced: {KindRefused, http.StatusBadRequest, publicAgain, "The response came from another issuer, or to another redirect URI, than the sign-in was sent to (a mix-up). Each connector should have a redirect URI of its own."},
	CodeAccessDenied:      {KindRefused, http.StatusForbidden, "Your company's identity provider did not let you in. If that is wrong, please tell your administrator.", "The identity provider answered access_denied: the person cancelled, or is not assigned to the application."},
	CodeProviderError:     {KindRefused, http.StatusBadGateway, "Your company's identity provider could not sign you in. Please tell your administrator.", "The identity provider answered with an error; its code is in the cause."},
	CodeCodeRejected:      {KindExpired, http.StatusBadRequest, publicAgain, "The identity provider did not accept the authorization code: it was used, it expired, or the redirect URI differs."},
	CodeTokenRejected:     {KindRefused, http.StatusForbidden, publicAgain, "The ID token does not fulfil the contract; the cause names the check."},
	CodeUserInfoRejected:  {KindRefused, http.StatusForbidden, publicAgain, "The UserInfo response can't be used; the cause says why."},

	CodeEmailMissing:   {KindRefused, http.StatusForbidden, "Your company's identity provider did not send your email address. Please tell your administrator.", "No usable email claim came. Grant the email scope to the application, or set the connector's email claim."},
	CodeEmailOutside:   {KindRefused, http.StatusForbidden, "Your email address does not belong to this sign-in.", "The email address is not in a domain of this connector. Add the domain, or allow guests."},
	CodeEmailUntrusted: {KindRefused, http.StatusForbidden, "Your email address is not confirmed at your company's identity provider.", "The identity provider says that this address is not verified, and the connector requires an address."},
	CodeRefused:        {KindRefused, http.StatusForbidden, "You can't sign in here.", "The backend refused this sign-in."},

	CodeInternal: {KindUnavailable, http.StatusInternalServerError, "Something went wrong on our side. Please try again.", "An unexpected fault; the cause says more."},
}
