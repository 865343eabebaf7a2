package oidcssotest

import (
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
)

// Faults are the ways in which the identity provider goes wrong. The zero value is a sound one. Switches combine; those
// of an ID token apply in the order in which they stand here. They are changed with [IdP.Faults]. The functions among
// them are called from the goroutines of requests.
//
// This is how each attack is made. What stands behind a colon is done in the function of that name, to its map m or its
// parameters v:
//
//	ID token
//	no signature                          SignWith = SignNone
//	HS256 with the public key             SignWith = SignPublicKey
//	HS256 with the client secret          SignWith = SignClientSecret
//	a key of nobody's                     SignWith = SignUnpublished
//	a key that the header brings          SignWith = SignHeaderKey
//	a key that was withdrawn              SignWith = SignWithdrawn, after IdP.RotateKeys
//	another algorithm's name              IDTokenHeader: m["alg"] = "nOnE"
//	an unknown kid                        IDTokenHeader: m["kid"] = "unknown"
//	no kid                                OmitKid
//	a kid of two keys                     DuplicateKid
//	a header key twice                    IDTokenHeaderJSON
//	another iss, aud, azp, sub, at_hash   IDTokenClaims: m["iss"] = "https://other.test"
//	expired, or of the future             IDTokenClaims: m["exp"] = 0; m["iat"], m["nbf"] = 4e9
//	a claim that is missing               IDTokenClaims: delete(m, "exp")
//	another nonce                         WrongNonce
//	a claim twice                         IDTokenPayload
//	a claim in another case as well       IDTokenClaims: m["SUB"] = "mallory"
//	a logout token                        LogoutToken
//	claims that nobody signed             IDToken
//
//	Authorization response
//	another iss                           IssInResponse
//	no iss                                OmitIss
//	iss twice, another parameter twice    AuthorizeResponse: v.Add("iss", v.Get("iss"))
//	code and error together               AuthorizeResponse: v.Set("error", "access_denied")
//	another state, a stolen code          AuthorizeResponse: v.Set("code", stolen)
//	an error                              AuthorizeError
//
//	Token endpoint, and UserInfo likewise
//	a page                                Token.Handler = Answer(200, "text/html", page)
//	an error with status 200              Token.Handler = Answer(200, "application/json", text)
//	a redirect                            Token.RedirectTo
//	a body without end                    Token.Body, or Token.Handler
//	no answer                             Token.Block, Token.Down
//	a member twice                        Token.Body
//	no ID token                           OmitIDToken
//	another token type                    TokenResponse: m["token_type"] = "mac"
//	UserInfo of another person            UserInfoSubject
//	a claim that UserInfo alone has       UserInfoClaims, Settings.ClaimsInUserInfoOnly
//
//	Discovery and JWKS
//	another issuer                        IssuerInDiscovery
//	a redirect                            Discovery.RedirectTo, JWKS.RedirectTo
//	an endpoint elsewhere, or of http     Metadata: m["jwks_uri"] = "http://other.test"
//	no promise of iss                     Metadata, or Settings.IssNotSupported
//	odd keys, a thousand keys             ExtraKeys
//	keys that are removed                 IdP.RotateKeys
//	no keys                               JWKS.Handler = Answer(200, "application/json", `{"keys":[]}`)
//
//	Email, for which there are no faults: it is what a tenant's identity provider may say
//	an address of another domain          User.Email
//	an address that is not verified       User.EmailVerified = SaysUnverified
//	an address about which it is silent   User.EmailVerified = SaysNothing
//	verified by what is no boolean        User.Claims = map[string]any{"email_verified": 1}
type Faults struct {
	// Down answers every request with 503.
	Down bool
	// Discovery, JWKS, Authorize, Token, UserInfo and EndSession are faults of one endpoint, whatever it is for.
	Discovery, JWKS, Authorize, Token, UserInfo, EndSession EndpointFaults

	// IssuerInDiscovery replaces the issuer of the discovery document.
	IssuerInDiscovery string
	// Metadata edits the discovery document.
	Metadata func(map[string]any)
	// ExtraKeys are put before the real keys of the JWKS: odd ones, broken ones, many.
	ExtraKeys []any
	// DuplicateKid puts another key with the same kid before each real key of the JWKS.
	DuplicateKid bool

	// AuthorizeError refuses every valid authorization request with this error code (OpenID Connect Core 1.0, 3.1.2.6),
	// and AuthorizeErrorDescription goes with it.
	AuthorizeError, AuthorizeErrorDescription string
	// OmitIss leaves iss out of the authorization response although discovery promises it (RFC 9207, 2.4). For an
	// identity provider that promises nothing, see Settings.IssNotSupported.
	OmitIss bool
	// IssInResponse replaces iss in the authorization response.
	IssInResponse string
	// AuthorizeResponse edits the parameters of the authorization response, of a good one and of an error.
	AuthorizeResponse func(url.Values)

	// OmitIDToken leaves the ID token out of the token response.
	OmitIDToken bool
	// TokenResponse edits the token response. The id_token in it has met the faults below.
	TokenResponse func(map[string]any)

	// LogoutToken sends a logout token for the ID token: signed by the same keys, for the same person and client (OpenID
	// Connect Back-Channel Logout 1.0, 2.4). The faults below edit it.
	LogoutToken bool
	// WrongNonce replaces the nonce of the ID token.
	WrongNonce bool
	// IDTokenClaims edits the claims of the ID token.
	IDTokenClaims func(map[string]any)
	// IDTokenPayload replaces the payload of the ID token, after IDTokenClaims: what no map can say, such as a key that
	// stands twice. The signature is over what it returns.
	IDTokenPayload func([]byte) []byte
	// OmitKid leaves the kid out of the header.
	OmitKid bool
	// SignWith signs in another way than the settings say, and names its algorithm in the header.
	SignWith SignWith
	// IDTokenHeader edits the header, after OmitKid and SignWith and before the signature.
	IDTokenHeader func(map[string]any)
	// IDTokenHeaderJSON replaces the header, after IDTokenHeader and before the signature: what no map can say, again.
	IDTokenHeaderJSON func([]byte) []byte
	// IDToken replaces the whole signed token.
	IDToken func(string) string

	// UserInfoSubject replaces sub in the UserInfo response.
	UserInfoSubject string
	// UserInfoClaims edits the UserInfo response.
	UserInfoClaims func(map[string]any)
}

// SignWith is a way in which no ID token must be signed.
type SignWith string

const (
	// SignNone is an unsecured JWT, with the algorithm none and an empty signature (RFC 7519, 6).
	SignNone SignWith = "none"
	// SignPublicKey is HS256 with the public key, as PEM, for its secret: the confusion of algorithms of RFC 8725, 2.1.
	SignPublicKey SignWith = "public key"
	// SignClientSecret is HS256 with the client secret, which OpenID Connect knows but a relying party that expects a
	// public key must refuse.
	SignClientSecret SignWith = "client secret"
	// SignUnpublished is the right algorithm and a published kid, with a key that is not in the JWKS.
	SignUnpublished SignWith = "unpublished key"
	// SignHeaderKey is SignUnpublished with that key's public half in the header, as jwk (RFC 7515, 4.1.3): whoever trusts
	// it believes the token about itself.
	SignHeaderKey SignWith = "key in the header"
	// SignWithdrawn is the key that [IdP.RotateKeys] withdrew last, with its own kid: one that was stolen, say. A relying party
	// may know it for as long as it keeps a key set, and not longer. If no key was withdrawn, the token endpoint answers 500.
	SignWithdrawn SignWith = "withdrawn key"
)

// EndpointFaults are what can go wrong at any endpoint. The first one that is set, in this order, decides; Body applies
// to what the endpoint answers by itself.
type EndpointFaults struct {
	// Down answers with 503.
	Down bool
	// Block keeps each request waiting until the channel is closed, or until the client gives up. What comes then is
	// decided by the rest of the switches.
	Block <-chan struct{}
	// RedirectTo answers with a redirect (307, which repeats the body) to this URL.
	RedirectTo string
	// Handler answers in place of the endpoint; see also [Answer].
	Handler http.Handler
	// Body replaces the body that the endpoint answers with.
	Body func([]byte) []byte
}

// Answer is a handler that always answers the same.
func Answer(status int, contentType, body string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		w.WriteHeader(status)
		io.WriteString(w, body)
	})
}

// serve answers with the faults, or by endpoint.
func (f *EndpointFaults) serve(w http.ResponseWriter, r *http.Request, endpoint func(http.ResponseWriter)) {
	if f.Down {
		http.Error(w, "down", http.StatusServiceUnavailable)
		return
	}
	if f.Block != nil {
		select {
		case <-f.Block:
		case <-r.Context().Done():
			return
		}
	}
	switch {
	case f.RedirectTo != "":
		w.Header().Set("Location", f.RedirectTo)
		w.WriteHeader(http.StatusTemporaryRedirect)
	case f.Handler != nil:
		f.Handler.ServeHTTP(w, r)
	case f.Body != nil:
		recorder := httptest.NewRecorder()
		endpoint(recorder)
		body := f.Body(recorder.Body.Bytes())
		maps.Copy(w.Header(), recorder.Header())
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		w.WriteHeader(recorder.Code)
		w.Write(body)
	default:
		endpoint(w)
	}
}
