package oidcssotest

import (
	"maps"
	"net/http"
	"strings"
)

// userInfo is the UserInfo endpoint (OpenID Connect Core 1.0, 5.3). The token comes in the header and nowhere else.
func (p *IdP) userInfo(w http.ResponseWriter, r *http.Request, s *state) {
	token, bearer := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	p.mu.Lock()
	a, ok := p.tokens[token]
	p.mu.Unlock()
	if !bearer || !ok || !s.now.Before(a.expiry) {
		refuseAccess(w, bearer)
		return
	}
	u := p.subject(a.subject)
	claims := map[string]any{"sub": u.Subject}
	maps.Copy(claims, u.claims(a.scopes))
	if s.UserInfoSubject != "" {
		claims["sub"] = s.UserInfoSubject
	}
	if s.UserInfoClaims != nil {
		s.UserInfoClaims(claims)
	}
	writeJSON(w, http.StatusOK, claims)
}

// refuseAccess names the error only if there was a token (RFC 6750, 3.1).
func refuseAccess(w http.ResponseWriter, bearer bool) {
	challenge := "Bearer"
	if bearer {
		challenge = `Bearer error="invalid_token"`
	}
	w.Header().Set("WWW-Authenticate", challenge)
	w.WriteHeader(http.StatusUnauthorized)
}
