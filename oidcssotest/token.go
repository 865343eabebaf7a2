package oidcssotest

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// access is what an access token stands for.
type access struct {
	subject string
	scopes  []string
	expiry  time.Time
}

// token is the token endpoint (OpenID Connect Core 1.0, 3.1.3).
func (p *IdP) token(w http.ResponseWriter, r *http.Request, s *state) {
	client, g, err := p.redeem(r, s.now)
	if err != nil {
		refuseToken(w, r, err)
		return
	}
	response := map[string]any{
		"access_token": g.accessToken, "token_type": "Bearer", "expires_in": int(tokenLifetime.Seconds()),
		"scope": strings.Join(g.scopes, " "),
	}
	if slices.Contains(g.scopes, "offline_access") {
		response["refresh_token"] = rand.Text()
	}
	if !s.OmitIDToken {
		if response["id_token"], err = p.idToken(s, g, p.subject(g.session.subject), client, g.accessToken); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError) // a setting or fault of the test is wrong
			return
		}
	}
	if s.TokenResponse != nil {
		s.TokenResponse(response)
	}
	w.Header().Set("Pragma", "no-cache") // RFC 6749, 5.1
	writeJSON(w, http.StatusOK, response)
}

// redeem checks the token request, and uses its code up.
func (p *IdP) redeem(r *http.Request, now time.Time) (Client, *grant, error) {
	for name, values := range r.PostForm {
		if len(values) > 1 {
			return Client{}, nil, invalidRequest("a parameter is repeated: " + name)
		}
	}
	client, err := p.authenticate(r)
	if err != nil {
		return Client{}, nil, err
	}
	switch r.PostForm.Get("grant_type") {
	case "authorization_code":
	case "":
		return Client{}, nil, invalidRequest("grant_type is missing")
	default:
		return Client{}, nil, &oauthError{"unsupported_grant_type", "only authorization_code is supported"}
	}
	verifier := sha256.Sum256([]byte(r.PostForm.Get("code_verifier")))

	p.mu.Lock()
	defer p.mu.Unlock()
	g, ok := p.grants[r.PostForm.Get("code")]
	if !ok || g.clientID != client.ID {
		return Client{}, nil, &oauthError{"invalid_grant", "the code is not known"}
	}
	if g.used {
		delete(p.tokens, g.accessToken) // somebody else may have it (RFC 6749, 4.1.2)
		return Client{}, nil, &oauthError{"invalid_grant", "the code was used before"}
	}
	g.used = true
	switch {
	case !now.Before(g.expiry):
		return Client{}, nil, &oauthError{"invalid_grant", "the code has expired"}
	case r.PostForm.Get("redirect_uri") != g.redirectURI:
		return Client{}, nil, &oauthError{"invalid_grant", "the redirect URI is another one than that of the authorization request"}
	case encode(verifier[:]) != g.challenge:
		return Client{}, nil, &oauthError{"invalid_grant", "the PKCE verifier does not fit"}
	}
	g.accessToken = rand.Text()
	p.tokens[g.accessToken] = &access{g.session.subject, g.scopes, now.Add(tokenLifetime)}
	return client, g, nil
}

// authenticate takes the one method that the client is registered with (RFC 6749, 2.3.1).
func (p *IdP) authenticate(r *http.Request) (Client, error) {
	id, secret, method := r.PostForm.Get("client_id"), r.PostForm.Get("client_secret"), authNone
	if r.PostForm.Has("client_secret") {
		method = authPost
	}
	if header := r.Header.Get("Authorization"); header != "" {
		if method == authPost {
			return Client{}, invalidRequest("more than one method of client authentication")
		}
		inBody := id
		var err error
		if id, secret, err = basicCredentials(r); err != nil {
			return Client{}, &oauthError{"invalid_client", err.Error()}
		}
		if inBody != "" && inBody != id {
			return Client{}, invalidRequest("client_id is another one than that of the Authorization header")
		}
		method = authBasic
	}
	client, ok := p.client(id)
	if !ok {
		return Client{}, &oauthError{"invalid_client", "the client is not known"}
	}
	if method != client.AuthMethod {
		return Client{}, &oauthError{"invalid_client", "the client is registered for " + client.AuthMethod}
	}
	if method != authNone && !client.accepts(secret) {
		return Client{}, &oauthError{"invalid_client", "the client secret is wrong"}
	}
	return client, nil
}

// basicCredentials undoes the form-urlencoding that RFC 6749, 2.3.1 puts under HTTP Basic, without which a secret with
// "+" or "%" arrives as another one.
func basicCredentials(r *http.Request) (id, secret string, err error) {
	id, secret, ok := r.BasicAuth()
	if !ok {
		return "", "", errors.New("the Authorization header is not Basic")
	}
	if id, err = url.QueryUnescape(id); err == nil {
		secret, err = url.QueryUnescape(secret)
	}
	if err != nil {
		return "", "", errors.New("the client credentials are not form-urlencoded")
	}
	return id, secret, nil
}

// refuseToken is the error response of RFC 6749, 5.2.
func refuseToken(w http.ResponseWriter, r *http.Request, err error) {
	var refusal *oauthError
	if !errors.As(err, &refusal) {
		refusal = &oauthError{"server_error", err.Error()}
	}
	status := http.StatusBadRequest
	if refusal.code == "invalid_client" {
		status = http.StatusUnauthorized
		if r.Header.Get("Authorization") != "" {
			w.Header().Set("WWW-Authenticate", `Basic realm="token"`)
		}
	}
	writeJSON(w, status, map[string]string{"error": refusal.code, "error_description": refusal.description})
}

// decode is nil for what is not base64url without padding.
func decode(text string) []byte {
	b, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil {
		return nil
	}
	return b
}
