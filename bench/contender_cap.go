package main

import (
	"context"
	"net/http"
	"time"

	"github.com/hashicorp/cap/oidc"

	"github.com/oidcsso/oidcsso/internal/benchwork"
)

// capContender is hashicorp/cap. Discovery is in the constructor.
func capContender() contender {
	return contender{name: "hashicorp/cap", open: func(_ context.Context, issuer string) (client, error) {
		config, err := oidc.NewConfig(issuer, clientID, clientSecret, []oidc.Alg{oidc.RS256, oidc.ES256, oidc.EdDSA},
			[]string{redirectURI}, oidc.WithScopes("profile", "email"))
		if err != nil {
			return nil, err
		}
		provider, err := oidc.NewProvider(config)
		if err != nil {
			return nil, err
		}
		return &capClient{provider}, nil
	}}
}

type capClient struct{ provider *oidc.Provider }

func (c *capClient) close() { c.provider.Done() }

func (c *capClient) begin(ctx context.Context) (string, pending, error) {
	verifier, err := oidc.NewCodeVerifier()
	if err != nil {
		return "", pending{}, err
	}
	request, err := oidc.NewRequest(10*time.Minute, redirectURI, oidc.WithPKCE(verifier))
	if err != nil {
		return "", pending{}, err
	}
	u, err := c.provider.AuthURL(ctx, request)
	return u, pending{state: request.State(), nonce: request.Nonce(), verifier: verifier.Verifier(), own: request}, err
}

func (c *capClient) finish(r *http.Request, p pending) (string, error) {
	query := r.URL.Query()
	token, err := c.provider.Exchange(r.Context(), p.own.(*oidc.Req), query.Get("state"), query.Get("code"))
	if err != nil {
		return "", err
	}
	var claims benchwork.Claims
	err = token.IDToken().Claims(&claims)
	return claims.Subject, err
}

func (c *capClient) verifier(_ *benchwork.Key, nonce string) func(context.Context, string) (string, error) {
	request, err := oidc.NewRequest(10*time.Minute, redirectURI, oidc.WithNonce(nonce))
	return func(ctx context.Context, idToken string) (string, error) {
		if err != nil {
			return "", err
		}
		claims, err := c.provider.VerifyIDToken(ctx, oidc.IDToken(idToken), request)
		subject, _ := claims["sub"].(string)
		return subject, err
	}
}
