package oidcsso

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"golang.org/x/oauth2"

	"github.com/oidcsso/oidcsso/internal/egress"
)

// Response is what came back from the identity provider, and where.
type Response struct {
	// URL is the URL at which the response arrived, or its path alone; a query in it is ignored unless Values is nil. It is
	// compared with the redirect URI that the sign-in was sent with. Where there are several base URLs, give the whole one.
	URL string
	// Values are the parameters. Default (nil): those in the query of URL.
	Values url.Values
	// Binding is the value that BeginParams had.
	Binding string
	// Source says whose domain an email address is in, at this moment. Default (nil): the connector's own domains decide,
	// which is right only where no other connector could have taken over one of them.
	Source Source
}

// Finish turns the answer of the identity provider into an Identity. It verifies, in this order:
//
//  1. enabled: the connector is not disabled
//  2. login: the Login is this connector's and younger than 10 minutes
//  3. state: the response has exactly the Login's state (RFC 6749, 10.12); nothing of it is used before
//  4. binding: it came to the session that began the sign-in
//  5. purpose: the Login was begun to sign somebody in
//  6. configuration: issuer, client ID and redirect URI are as they were at the start
//  7. parameters: none is there twice, none is oversized (RFC 6749, 3.1)
//  8. redirect URI: it arrived where it was sent
//  9. iss: it is the issuer, and is there if the identity provider promised it (RFC 9207)
//  10. error: the identity provider did not refuse; a code came (RFC 6749, 4.1.2)
//  11. token response: application/json, token_type Bearer, an ID token; the code and the PKCE verifier are sent once
//  12. signature: by a current key of the issuer, with an asymmetric algorithm that it announces
//  13. strict: the ID token's payload is unambiguous JSON; no two keys differ only by case
//  14. kind: it is an ID token, not a logout token or an access token
//  15. issuer: iss is the configured issuer, byte for byte
//  16. audience: aud is the client ID and nothing else; azp, if there, too
//  17. time: exp, iat and nbf, within one leeway; exp and iat are required
//  18. nonce: it is the Login's
//  19. subject: sub has 1 to 255 bytes and no control characters
//  20. access token: at_hash, if there, fits it
//  21. auth_time: if a max age was asked, it is there and young enough
//  22. userinfo: if it is asked, its sub is the ID token's; it only fills gaps
//  23. email: by the table at EmailStatus, asking the Source whose domain it is
//
// It does not verify acr and amr: compare Identity.ACR where it matters. It does not make a Login single-use: the code is,
// at the identity provider; see FlowOptions.Once.
//
// Its errors are [*Error]; the code says what was refused, and Error.Check names the item of this list.
func (c *Connector) Finish(ctx context.Context, login *Login, r Response) (*Identity, error) {
	op := c.env.operation(r.Source)
	if login != nil {
		op.of(login)
	}
	op.connector = c.cfg.ID
	id, err := c.checked(ctx, login, r)
	op.finished(ctx, id, err)
	return id, err
}

// checked is Finish, of which nobody is told.
func (c *Connector) checked(ctx context.Context, login *Login, r Response) (*Identity, error) {
	at := "enabled"
	id, err := c.finish(ctx, login, r, &at)
	if err != nil {
		e := errorOf(err, CodeInternal, c.cfg.ID)
		e.Check = firstOf(e.Check, at)
		if login != nil {
			e.ReturnTo, e.Data = login.returnTo, login.data
		}
		return nil, e
	}
	return id, nil
}

// finish keeps in at the check that it has come to, where the error does not name it.
func (c *Connector) finish(ctx context.Context, login *Login, r Response, at *string) (*Identity, error) {
	if c.cfg.Disabled { //check:disabled
		return nil, newError(CodeConnectorDisabled, c.cfg.ID, nil)
	}
	values, err := c.checkLogin(login, r)
	if err != nil {
		return nil, err
	}
	*at = "error"
	code, err := c.checkResponse(login, r, values)
	if err != nil {
		return nil, err
	}
	*at = "token response"
	ctx, cancel := context.WithTimeout(ctx, operationTimeout)
	defer cancel()
	md, err := c.provider().discovered(ctx)
	if err != nil {
		return nil, errorOf(err, CodeUnavailable, c.cfg.ID)
	}
	next := c.secrets.usesNext()
	token, err := c.exchange(ctx, c.provider().client, md, login, code, c.clientSecret(next))
	if refusal, ok := err.(*Error); ok && refusal.Code == CodeClientRejected {
		return nil, c.secretRefused(ctx, r.Source, next, refusal)
	}
	if err != nil {
		return nil, err
	}
	*at = "signature"
	cl, err := c.verifyIDToken(ctx, md, login, token)
	if err != nil {
		return nil, err
	}
	*at = "userinfo"
	if err := c.addUserInfo(ctx, md, token, &cl); err != nil {
		return nil, err
	}
	id := newIdentity(&c.cfg, cl)
	if c.env.tokens {
		id.Tokens = &Tokens{Access: NewSecret(token.AccessToken), Refresh: NewSecret(token.RefreshToken),
			ID: NewSecret(idTokenOf(token))}
		if token.ExpiresIn > 0 { // token.Expiry goes by another clock
			id.Tokens.Expiry = c.env.now().Add(time.Duration(token.ExpiresIn) * time.Second)
		}
	}
	*at = "email"
	return id, c.resolveEmail(ctx, id, r.Source)
}

// checkLogin is 2 to 6: whether the response belongs to the Login, and the Login to this connector as it is now.
func (c *Connector) checkLogin(login *Login, r Response) (url.Values, error) {
	switch {
	case login == nil || login.connector != c.cfg.ID: //check:login-connector
		return nil, newError(CodeLoginMissing, c.cfg.ID, errors.New("the Login is not this connector's")).at("login")
	case c.env.now().After(login.expiry): //check:login-expiry
		return nil, newError(CodeLoginExpired, c.cfg.ID, nil).at("login")
	}
	values, err := r.values()
	if err != nil { //check:response-query
		return nil, newError(CodeResponseInvalid, c.cfg.ID, errors.New("the query is malformed")).at("state")
	}
	switch state := values["state"]; {
	case len(state) != 1 || !sameText(state[0], login.State()): //check:state
		return nil, newError(CodeLoginMissing, c.cfg.ID, errors.New("the state is not the Login's")).at("state")
	case !login.boundTo(r.Binding): //check:binding
		return nil, newError(CodeBindingMismatch, c.cfg.ID, nil).at("binding")
	case login.purpose != purposeSignIn: //check:purpose
		return nil, newError(CodePurposeRefused, c.cfg.ID, nil).at("purpose")
	}
	if now, own := c.fingerprintAt(login.redirectURI); !own || login.fingerprint != now { //check:fingerprint
		return nil, newError(CodeConfigChanged, c.cfg.ID, nil).at("configuration")
	}
	return values, nil
}

func (r Response) values() (url.Values, error) {
	if r.Values != nil {
		return r.Values, nil
	}
	u, err := url.Parse(r.URL)
	if err != nil {
		return nil, err
	}
	return url.ParseQuery(u.RawQuery)
}

const (
	maxParameters = 30
	maxParameter  = 8192 // bytes; some identity providers' codes are long
)

// checkResponse is 7 to 10: what the response says, and the code in it.
func (c *Connector) checkResponse(login *Login, r Response, values url.Values) (string, error) {
	invalid := func(why string) *Error { return newError(CodeResponseInvalid, c.cfg.ID, errors.New(why)) }
	if len(values) > maxParameters { //check:parameter-bounds
		return "", invalid("it has too many parameters").at("parameters")
	}
	for name, all := range values {
		if len(all) != 1 { //check:parameter-twice
			return "", invalid("a parameter is there more than once").at("parameters")
		}
		if len(name) > maxName || len(all[0]) > maxParameter { //check:parameter-bounds
			return "", invalid("a parameter is too long").at("parameters")
		}
	}
	if !samePlace(r.URL, values, login.redirectURI) { //check:redirect-uri
		return "", newError(CodeResponseMisplaced, c.cfg.ID, errors.New("it arrived at another redirect URI")).at("redirect URI")
	}
	switch iss, sent := values["iss"]; {
	case sent && iss[0] != c.cfg.Issuer: //check:response-iss
		return "", newError(CodeResponseMisplaced, c.cfg.ID, errors.New("its iss is another issuer")).at("iss")
	case !sent && login.issPromised: //check:response-iss-missing
		return "", newError(CodeResponseMisplaced, c.cfg.ID, errors.New("its iss is missing, though the identity provider promised it")).at("iss")
	}
	code, errorCode := values.Get("code"), values.Get("error")
	switch {
	case errorCode != "" && code != "": //check:code-and-error
		return "", invalid("it has both a code and an error")
	case errorCode == "access_denied":
		return "", newError(CodeAccessDenied, c.cfg.ID, nil)
	case errorCode == "consent_required" && !login.silent: // the person was asked, and said no
		return "", newError(CodeAccessDenied, c.cfg.ID, &ProviderError{errorCode})
	case errorCode == "temporarily_unavailable" || errorCode == "server_error":
		return "", newError(CodeUnavailable, c.cfg.ID, errors.New("the identity provider answered "+errorCode))
	case errorCode != "":
		return "", newError(CodeProviderError, c.cfg.ID, &ProviderError{errorName(errorCode)}).withRemedy("%s", remedyFor(errorCode, login.silent))
	case code == "": //check:code-missing
		return "", invalid("it has neither a code nor an error")
	}
	return code, nil
}

// ProviderError is the error code of an identity provider: the cause behind CodeProviderError, CodeClientRejected,
// CodeSecretSwitched and CodeCodeRejected. Its description is dropped, since it may hold anything.
type ProviderError struct {
	// Code is the error parameter (RFC 6749, 4.1.2.1 and 5.2; OpenID Connect Core 1.0, 3.1.2.6), or "other" if there is
	// none or it is not in the alphabet of such codes.
	Code string
}

// Error names the code.
func (e *ProviderError) Error() string { return "the identity provider answered with error " + e.Code }

// errorName lets a code of another party through only if it looks like one.
func errorName(code string) string {
	if code == "" || len(code) > 64 || strings.Trim(code, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.") != "" { //check:error-code
		return "other"
	}
	return code
}

func remedyFor(errorCode string, silent bool) string {
	switch errorCode {
	case "invalid_scope":
		return "The identity provider does not know one of the scopes. Take away the connector's additional scopes, or allow them for the application."
	case "unauthorized_client", "unsupported_response_type":
		return "Allow the authorization code flow for the application at the identity provider."
	case "login_required", "interaction_required", "consent_required", "account_selection_required":
		if silent {
			return "The identity provider needs the person to act, which prompt=none forbids."
		}
	}
	return codeTexts[CodeProviderError].remedy
}

// samePlace compares where a response arrived with where it was to go: always the path and the redirect URI's own query
// (RFC 6749, 3.1.2), which may be all that keeps two connectors apart, and the origin where it is known.
func samePlace(arrived string, values url.Values, redirectURI string) bool {
	a, errA := url.Parse(arrived)
	b, errB := url.Parse(redirectURI)
	if errA != nil || errB != nil || a.EscapedPath() != b.EscapedPath() {
		return false
	}
	if b.RawQuery != "" {
		for name, own := range b.Query() {
			if !slices.Equal(values[name], own) {
				return false
			}
		}
	}
	return a.Host == "" || a.Scheme == b.Scheme && a.Host == b.Host
}

// exchange sends the code once, with the client authentication that was chosen from the metadata.
func (c *Connector) exchange(ctx context.Context, client *http.Client, md *keptMetadata, login *Login, code string, secret Secret) (*oauth2.Token, error) {
	style, err := c.authStyle(md)
	if err != nil {
		return nil, err
	}
	config := &oauth2.Config{
		ClientID: c.cfg.ClientID, ClientSecret: secret.Reveal(), RedirectURL: login.redirectURI,
		Endpoint: oauth2.Endpoint{TokenURL: md.tokenEndpoint, AuthStyle: style},
	}
	ctx = context.WithValue(ctx, oauth2.HTTPClient, client)
	token, err := config.Exchange(ctx, code, oauth2.VerifierOption(login.verifierText()))
	if err != nil {
		return nil, c.exchangeError(err)
	}
	switch {
	case !strings.EqualFold(token.TokenType, "Bearer"): //check:token-type
		// OpenID Connect Core 1.0, 3.1.3.3
		return nil, newError(CodeTokenRejected, c.cfg.ID, errors.New("token response: token_type is not Bearer"))
	case !isVSCHAR(token.AccessToken): // RFC 6749, A.12 //check:access-token-characters
		return nil, newError(CodeTokenRejected, c.cfg.ID, errors.New("token response: the access token has characters that it must not have"))
	case idTokenOf(token) == "": //check:id-token-missing
		return nil, newError(CodeTokenRejected, c.cfg.ID, errors.New("token response: there is no ID token")).
			withRemedy("The identity provider sent no ID token. Allow the scope openid for the application.")
	}
	return token, nil
}

func idTokenOf(token *oauth2.Token) string {
	s, _ := token.Extra("id_token").(string)
	return s
}

// exchangeError keeps the cause's type but never a body: that of the token endpoint's answer stays in RetrieveError.
func (c *Connector) exchangeError(err error) *Error {
	var retrieve *oauth2.RetrieveError
	var status *egress.StatusError
	var body *egress.BodyError
	switch {
	case errors.As(err, &retrieve):
		return c.tokenError(retrieve)
	case errors.As(err, &status) && !isPassing(status.Status): // a refusal without the JSON of RFC 6749, 5.2
		return newError(CodeProviderError, c.cfg.ID, err)
	case isTransport(err) && !errors.As(err, &body):
		return newError(CodeUnavailable, c.cfg.ID, err)
	}
	return newError(CodeTokenRejected, c.cfg.ID, fmt.Errorf("token response: %w", err))
}

// tokenError sorts the error responses of RFC 6749, 5.2.
func (c *Connector) tokenError(retrieve *oauth2.RetrieveError) *Error {
	cause := &ProviderError{errorName(retrieve.ErrorCode)}
	switch {
	case retrieve.ErrorCode == "invalid_client" && c.cfg.ClientSecret.IsZero():
		return newError(CodeClientRejected, c.cfg.ID, cause).
			withRemedy("The connector has no client secret, and the identity provider does not accept the client without one. Enter the secret, or register the application as a public client.")
	case retrieve.ErrorCode == "invalid_client" || retrieve.ErrorCode == "unauthorized_client":
		return newError(CodeClientRejected, c.cfg.ID, cause)
	case retrieve.ErrorCode == "invalid_grant":
		return newError(CodeCodeRejected, c.cfg.ID, cause)
	case retrieve.ErrorCode == "temporarily_unavailable" || isPassing(retrieve.Response.StatusCode):
		return newError(CodeUnavailable, c.cfg.ID, cause)
	}
	return newError(CodeProviderError, c.cfg.ID, cause)
}

// isPassing says whether a request that was answered with this status may be answered otherwise in a minute.
func isPassing(status int) bool {
	return status >= http.StatusInternalServerError || status == http.StatusTooManyRequests
}

func sameText(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }
