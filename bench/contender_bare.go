package main

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/oidcsso/oidcsso/internal/benchwork"
)

// bareContender is the limit: the least code that does the protocol's work, with the standard library alone. Of checks it has
// the signature and that JSON decodes. It keeps what is the same for each sign-in ready-made, and believes what the identity
// provider sends.
func bareContender() contender {
	httpClient := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 32}}
	return contender{name: bareName, lacks: "only the signature is checked", ignores: []string{wrongNonce}, open: func(ctx context.Context, issuer string) (client, error) {
		b := &bare{http: httpClient}
		if err := b.get(ctx, issuer+"/.well-known/openid-configuration", &b.metadata); err != nil {
			return nil, err
		}
		b.urlStart = b.metadata.AuthorizationEndpoint + "?" + url.Values{"response_type": {"code"}, "client_id": {clientID},
			"redirect_uri": {redirectURI}, "scope": {"openid profile email"}, "code_challenge_method": {"S256"}}.Encode()
		return b, nil
	}}
}

type bare struct {
	http     *http.Client
	urlStart string
	metadata struct {
		AuthorizationEndpoint string `json:"authorization_endpoint"`
		TokenEndpoint         string `json:"token_endpoint"`
		JWKSURI               string `json:"jwks_uri"`
	}
	key *benchwork.Key
}

func (b *bare) close() {}

func (b *bare) begin(context.Context) (string, pending, error) {
	var random [64]byte
	rand.Read(random[:])
	var text [22 + 22 + 43]byte
	base64.RawURLEncoding.Encode(text[:22], random[:16])
	base64.RawURLEncoding.Encode(text[22:44], random[16:32])
	base64.RawURLEncoding.Encode(text[44:], random[32:])
	drawn := string(text[:])
	p := pending{state: drawn[:22], nonce: drawn[22:44], verifier: drawn[44:]}
	sum := sha256.Sum256(text[44:])
	var challenge [43]byte
	base64.RawURLEncoding.Encode(challenge[:], sum[:])
	var u strings.Builder
	u.Grow(len(b.urlStart) + 128)
	u.WriteString(b.urlStart)
	u.WriteString("&state=")
	u.WriteString(p.state)
	u.WriteString("&nonce=")
	u.WriteString(p.nonce)
	u.WriteString("&code_challenge=")
	u.Write(challenge[:])
	return u.String(), p, nil
}

func (b *bare) finish(r *http.Request, p pending) (string, error) {
	query := r.URL.Query()
	if query.Get("state") != p.state {
		return "", errState
	}
	form := url.Values{"grant_type": {"authorization_code"}, "code": {query.Get("code")}, "redirect_uri": {redirectURI}, "code_verifier": {p.verifier}}
	req, err := http.NewRequestWithContext(r.Context(), http.MethodPost, b.metadata.TokenEndpoint, strings.NewReader(form.Encode()))
	if err != nil {
		return "", err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.SetBasicAuth(clientID, clientSecret)
	var token struct {
		IDToken string `json:"id_token"`
	}
	if err := b.do(req, &token); err != nil {
		return "", err
	}
	if b.key == nil {
		var set json.RawMessage
		if err := b.get(r.Context(), b.metadata.JWKSURI, &set); err != nil {
			return "", err
		}
		if b.key, err = benchwork.ParseRSA(set); err != nil {
			return "", err
		}
	}
	return subject(b.key, token.IDToken)
}

func (b *bare) verifier(key *benchwork.Key, _ string) func(context.Context, string) (string, error) {
	return func(_ context.Context, idToken string) (string, error) { return subject(key, idToken) }
}

func subject(key *benchwork.Key, idToken string) (string, error) {
	var claims benchwork.Claims
	err := key.Verify(idToken, &claims)
	return claims.Subject, err
}

func (b *bare) get(ctx context.Context, from string, into any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, from, nil)
	if err != nil {
		return err
	}
	return b.do(req, into)
}

func (b *bare) do(req *http.Request, into any) error {
	resp, err := b.http.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	return json.Unmarshal(body, into)
}
