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

	// WrongNonce replaces the nonce of the ID token.
	WrongNonce bool
	// IDTokenClaims edits the claims of the ID token.
	IDTokenClaims func(map[string]any)
	// IDTokenPayload replaces the payload of the ID token, after IDTokenClaims: what no map can say, such as a key that
	// stands twice.
	IDTokenPayload func([]byte) []byte
	// OmitKid leaves the kid out of the header.
	OmitKid bool
	// SignWith signs in another way than the settings say, and names its algorithm in the header.
	SignWith SignWith
	// IDTokenHeader edits the header, after OmitKid and SignWith and before the signature.
	IDTokenHeader func(map[string]any)
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
