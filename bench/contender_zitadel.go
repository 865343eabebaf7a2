package main

import (
	"context"
	"net/http"

	"github.com/zitadel/oidc/v3/pkg/client/rp"
	"github.com/zitadel/oidc/v3/pkg/oidc"
	"golang.org/x/oauth2"

	"github.com/oidcsso/oidcsso/internal/benchwork"
)

// zitadelContender is the relying party of zitadel/oidc, with its functions rather than its handlers, so that the state is
// kept in the same way by all. Discovery is in the constructor.
func zitadelContender() contender {
	return contender{name: "zitadel/oidc rp", open: func(ctx context.Context, issuer string) (client, error) {
		scopes := []string{"openid", "profile", "email"}
		party, err := rp.NewRelyingPartyOIDC(ctx, issuer, clientID, clientSecret, redirectURI, scopes,
			rp.WithSigningAlgsFromDiscovery(), rp.WithVerifierOpts(rp.WithNonce(nonceFrom)))
		if err != nil {
			return nil, err
		}
		return &zitadel{party}, nil
	}}
}

type nonceKey struct{}

// nonceFrom is how its verifier learns the nonce of a sign-in.
func nonceFrom(ctx context.Context) string {
	nonce, _ := ctx.Value(nonceKey{}).(string)
	return nonce
}

type zitadel struct{ party rp.RelyingParty }

func (z *zitadel) close() {}

func (z *zitadel) begin(context.Context) (string, pending, error) {
	state, err := randomText()
	if err != nil {
		return "", pending{}, err
	}
	nonce, err := randomText()
	if err != nil {
		return "", pending{}, err
	}
	p := pending{state: state, nonce: nonce, verifier: oauth2.GenerateVerifier()}
	challenge := rp.WithCodeChallenge(oidc.NewSHACodeChallenge(p.verifier))
	return rp.AuthURL(p.state, z.party, challenge, rp.AuthURLOpt(rp.WithURLParam("nonce", p.nonce))), p, nil
}

func (z *zitadel) finish(r *http.Request, p pending) (string, error) {
	query := r.URL.Query()
	if query.Get("state") != p.state {
		return "", errState
	}
	ctx := context.WithValue(r.Context(), nonceKey{}, p.nonce)
	tokens, err := rp.CodeExchange[*oidc.IDTokenClaims](ctx, query.Get("code"), z.party, rp.WithCodeVerifier(p.verifier))
	if err != nil {
		return "", err
	}
	return tokens.IDTokenClaims.Subject, nil
}

func (z *zitadel) verifier(_ *benchwork.Key, nonce string) func(context.Context, string) (string, error) {
	return func(ctx context.Context, idToken string) (string, error) {
		ctx = context.WithValue(ctx, nonceKey{}, nonce)
		claims, err := rp.VerifyIDToken[*oidc.IDTokenClaims](ctx, idToken, z.party.IDTokenVerifier())
		if err != nil {
			return "", err
		}
		return claims.Subject, nil
	}
}
