package oidcssotest

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// logout is the end session endpoint (OpenID Connect RP-Initiated Logout 1.0, 2). It asks nobody for a confirmation.
func (p *IdP) logout(w http.ResponseWriter, r *http.Request, s *state) {
	target := r.Form.Get("post_logout_redirect_uri")
	if target != "" {
		clientID := r.Form.Get("client_id")
		if clientID == "" {
			clientID = hintedClient(r.Form.Get("id_token_hint"))
		}
		if client, ok := p.client(clientID); !ok || !slices.Contains(client.PostLogoutRedirectURIs, target) {
			showError(w, s, http.StatusBadRequest, "The application that sent you here gave an address that is not registered for it (post_logout_redirect_uri).")
			return
		}
	}
	p.endSession(w, r)
	if target == "" {
		show(w, s, http.StatusOK, page{Title: "You are signed out", Text: "You can close this window."})
		return
	}
	params := url.Values{}
	if state := r.Form.Get("state"); state != "" {
		params.Set("state", state)
	}
	redirect(w, target, params)
}

// hintedClient is the audience of an ID token. Its signature doesn't matter here: the hint only says whose list of
// registered addresses to look at.
func hintedClient(idToken string) string {
	parts := strings.Split(idToken, ".")
	if len(parts) != 3 {
		return ""
	}
	var claims struct {
		Audience string `json:"aud"`
	}
	if json.Unmarshal(decode(parts[1]), &claims) != nil {
		return ""
	}
	return claims.Audience
}
