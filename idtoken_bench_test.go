package oidcsso

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"testing"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/oidcsso/oidcsso/internal/benchwork"
)

// BenchmarkIDToken is what an ID token costs, from its text to what a backend reads: the bare work, raw go-oidc as in its
// example (Verify, the nonce, Claims), and 12 to 21 of the contract with the Identity. It is here and not in the module bench
// because no exported function does this alone; the command there runs it, round by round.
func BenchmarkIDToken(b *testing.B) {
	for _, key := range benchwork.Keys() {
		b.Run(key.Alg, func(b *testing.B) {
			w := newTokenWork(b, key)
			b.Run("bare", func(b *testing.B) { w.run(b, w.bare) })
			b.Run("go-oidc", func(b *testing.B) { w.run(b, w.goOIDC) })
			b.Run("oidcsso", func(b *testing.B) { w.run(b, w.oidcsso) })
		})
	}
}

// tokenWork is one ID token and who verifies it.
type tokenWork struct {
	key       *benchwork.Key
	connector *Connector
	metadata  *keptMetadata
	login     *Login
	token     *oauth2.Token
	verifier  *oidc.IDTokenVerifier
}

func newTokenWork(b *testing.B, key *benchwork.Key) *tokenWork {
	const issuer, clientID = "https://idp.acme.example", "0oa1b2c3"
	// One document is both the metadata and the key set.
	document := fmt.Sprintf(`{"issuer":%q,"authorization_endpoint":"https://idp.acme.example/authorize",`+
		`"token_endpoint":"https://idp.acme.example/token","jwks_uri":"https://idp.acme.example/keys",`+
		`"id_token_signing_alg_values_supported":[%q],`, issuer, key.Alg) + benchwork.JWKS(key)[1:]
	opts := optionsServing(document)
	opts.Now = nil
	connector, err := NewConnector(Config{ID: "acme", Issuer: issuer, ClientID: clientID, Domains: AssertDomains("acme.example")}, opts)
	if err != nil {
		b.Fatal(err)
	}
	_, login, err := connector.Begin(b.Context(), BeginParams{InsecureUnbound: true})
	if err != nil {
		b.Fatal(err)
	}
	metadata, err := connector.provider().discovered(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	ctx := oidc.ClientContext(context.Background(), &http.Client{Transport: documentTransport(document)})
	provider, err := oidc.NewProvider(ctx, issuer)
	if err != nil {
		b.Fatal(err)
	}
	raw := key.IDToken(issuer, clientID, login.nonceText())
	token := (&oauth2.Token{AccessToken: benchwork.AccessToken}).WithExtra(map[string]any{"id_token": raw})
	return &tokenWork{key, connector, metadata, login, token, provider.Verifier(&oidc.Config{ClientID: clientID})}
}

func (w *tokenWork) run(b *testing.B, verify func(context.Context) (subject string, err error)) {
	b.ReportAllocs()
	ctx := b.Context()
	start := benchwork.CPUTime()
	for b.Loop() {
		subject, err := verify(ctx)
		if err != nil || subject != benchwork.Subject {
			b.Fatal(subject, err)
		}
	}
	b.ReportMetric(float64((benchwork.CPUTime()-start).Nanoseconds())/float64(b.N), "cpu-ns/op")
}

func (w *tokenWork) bare(context.Context) (string, error) {
	var claims benchwork.Claims
	err := w.key.Verify(idTokenOf(w.token), &claims)
	return claims.Subject, err
}

func (w *tokenWork) goOIDC(ctx context.Context) (string, error) {
	token, err := w.verifier.Verify(ctx, idTokenOf(w.token))
	if err != nil {
		return "", err
	}
	if token.Nonce != w.login.nonceText() {
		return "", errors.New("the nonce is wrong")
	}
	var claims benchwork.Claims
	err = token.Claims(&claims)
	return claims.Subject, err
}

func (w *tokenWork) oidcsso(ctx context.Context) (string, error) {
	verified, err := w.connector.verifyIDToken(ctx, w.metadata, w.login, w.token)
	if err != nil {
		return "", err
	}
	id := newIdentity(&w.connector.cfg, verified)
	return id.Subject, w.connector.resolveEmail(ctx, id, nil)
}
