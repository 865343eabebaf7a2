package oidcssotest

import (
	"encoding/json"
	"net/http"
)

// The routes, below the issuer's path. Only the first is given by a specification (OpenID Connect Discovery 1.0, 4).
const (
	discoveryPath = "/.well-known/openid-configuration"
	jwksPath      = "/jwks"
	authorizePath = "/authorize"
	signInPath    = "/sign-in"
	tokenPath     = "/token"
	userInfoPath  = "/userinfo"
	logoutPath    = "/logout"
)

// The client authentication methods (OpenID Connect Core 1.0, 9).
const (
	authBasic = "client_secret_basic"
	authPost  = "client_secret_post"
	authNone  = "none"
)

// discovery answers with the provider metadata (OpenID Connect Discovery 1.0, 3).
func (p *IdP) discovery(w http.ResponseWriter, _ *http.Request, s *state) {
	metadata := map[string]any{
		"issuer":                                p.issuer,
		"authorization_endpoint":                p.endpoint(authorizePath),
		"token_endpoint":                        p.endpoint(tokenPath),
		"userinfo_endpoint":                     p.endpoint(userInfoPath),
		"jwks_uri":                              p.endpoint(jwksPath),
		"end_session_endpoint":                  p.endpoint(logoutPath),
		"scopes_supported":                      []string{"openid", "profile", "email", "groups", "offline_access"},
		"response_types_supported":              []string{"code"},
		"response_modes_supported":              []string{"query"},
		"grant_types_supported":                 []string{"authorization_code"},
		"subject_types_supported":               []string{"public"},
		"id_token_signing_alg_values_supported": []string{"RS256", "PS256", "ES256", "EdDSA"},
		"token_endpoint_auth_methods_supported": []string{authBasic, authPost, authNone},
		"code_challenge_methods_supported":      []string{"S256"},
		"prompt_values_supported":               []string{"none", "login", "consent", "select_account"},
		"claims_supported": []string{"iss", "sub", "aud", "exp", "iat", "auth_time", "nonce", "at_hash", "sid", "acr", "amr",
			"email", "email_verified", "name", "given_name", "family_name", "preferred_username", "groups"},
		"claims_parameter_supported":      false,
		"request_parameter_supported":     false,
		"request_uri_parameter_supported": false, // left out, it would mean true
	}
	if !s.IssNotSupported {
		metadata["authorization_response_iss_parameter_supported"] = true // RFC 9207, 3
	}
	if s.IssuerInDiscovery != "" {
		metadata["issuer"] = s.IssuerInDiscovery
	}
	if s.Metadata != nil {
		s.Metadata(metadata)
	}
	writeJSON(w, http.StatusOK, metadata)
}

// jwks answers with the public keys (RFC 7517, 5).
func (p *IdP) jwks(w http.ResponseWriter, _ *http.Request, s *state) {
	keys := append([]any{}, s.ExtraKeys...)
	for _, k := range p.published(s.Algorithm) {
		if s.DuplicateKid {
			other := newKey(k.algorithm).public()
			other["kid"] = k.id
			keys = append(keys, other)
		}
		keys = append(keys, k.public())
	}
	writeJSON(w, http.StatusOK, map[string]any{"keys": keys})
}

// writeJSON answers with JSON that no cache keeps (RFC 6749, 5.1).
func writeJSON(w http.ResponseWriter, status int, value any) {
	body, err := json.Marshal(value)
	if err != nil { // a claim of a test that is no JSON
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	w.Write(body)
}

// oauthError is an error of RFC 6749, 4.1.2.1 and 5.2.
type oauthError struct{ code, description string }

func (e *oauthError) Error() string { return e.code + ": " + e.description }

func invalidRequest(description string) error { return &oauthError{"invalid_request", description} }
