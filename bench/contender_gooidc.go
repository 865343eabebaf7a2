package main

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"net/http"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/oidcsso/oidcsso/internal/benchwork"
)

// goOIDCContender is go-oidc with x/oauth2, used as go-oidc's own example does, with PKCE. Discovery is in the constructor.
func goOIDCContender() contender {
	return contender{name: goOIDCName, open: func(ctx context.Context, issuer string) (client, error) {
		provider, err := oidc.NewProvider(ctx, issuer)
		if err != nil {
			return nil, err
		}
		return &goOIDC{
			provider: provider,
			verifies: provider.Verifier(&oidc.Config{ClientID: clientID}),
			config: oauth2.Config{
				ClientID: clientID, ClientSecret: clientSecret, Endpoint: provider.Endpoint(), RedirectURL: redirectURI,
				Scopes: []string{oidc.ScopeOpenID, "profile", "email"},
			},
		}, nil
	}}
}

type goOIDC struct {
	provider *oidc.Provider // kept, for who wants UserInfo, as the other libraries do
	verifies *oidc.IDTokenVerifier
	config   oauth2.Config
}

func (g *goOIDC) close() {}

func randomText() (string, error) {
	b := make([]byte, 16)
	if _, err := rand.Read(b); err != nil {
		return "", err
	}
	return base64.RawURLEncoding.EncodeToString(b), nil
}

func (g *goOIDC) begin(context.Context) (string, pending, error) {
	state, err := randomText()
	if err != nil {
		return "", pending{}, err
	}
	nonce, err := randomText()
	if err != nil {
		return "", pending{}, err
	}
	p := pending{state: state, nonce: nonce, verifier: oauth2.GenerateVerifier()}
	return g.config.AuthCodeURL(p.state, oidc.Nonce(p.nonce), oauth2.S256ChallengeOption(p.verifier)), p, nil
}

func (g *goOIDC) finish(r *http.Request, p pending) (string, error) {
	if r.URL.Query().Get("state") != p.state {
		return "", errState
	}
	token, err := g.config.Exchange(r.Context(), r.URL.Query().Get("code"), oauth2.VerifierOption(p.verifier))
	if err != nil {
		return "", err
	}
	raw, ok := token.Extra("id_token").(string)
	if !ok {
		return "", errToken
	}
	return g.verify(r.Context(), raw, p.nonce)
}

func (g *goOIDC) verifier(_ *benchwork.Key, nonce string) func(context.Context, string) (string, error) {
	return func(ctx context.Context, idToken string) (string, error) { return g.verify(ctx, idToken, nonce) }
}

func (g *goOIDC) verify(ctx context.Context, raw, nonce string) (string, error) {
	token, err := g.verifies.Verify(ctx, raw)
	if err != nil {
		return "", err
	}
	if token.Nonce != nonce {
		return "", errNonce
	}
	var claims benchwork.Claims
	err = token.Claims(&claims)
	return claims.Subject, err
}
