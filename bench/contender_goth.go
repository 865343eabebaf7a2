package main

import (
	"context"
	"net/http"

	"github.com/markbates/goth"
	"github.com/markbates/goth/providers/openidConnect"

	"github.com/oidcsso/oidcsso/internal/benchwork"
)

// gothContender is goth's generic provider. Discovery is in the constructor. UserInfo is switched off, as for the others.
func gothContender() contender {
	return contender{
		name:    "goth openidConnect",
		lacks:   "no nonce, no PKCE, no signature checked",
		ignores: []string{wrongNonce, wrongSignature},
		open: func(_ context.Context, issuer string) (client, error) {
			discovery := issuer + "/.well-known/openid-configuration"
			provider, err := openidConnect.New(clientID, clientSecret, redirectURI, discovery, "openid", "profile", "email")
			if err != nil {
				return nil, err
			}
			provider.SkipUserInfoRequest = true
			return &gothClient{provider}, nil
		},
	}
}

type gothClient struct{ provider *openidConnect.Provider }

func (g *gothClient) close() {}

func (g *gothClient) begin(context.Context) (string, pending, error) {
	state, err := randomText()
	if err != nil {
		return "", pending{}, err
	}
	session, err := g.provider.BeginAuth(state)
	if err != nil {
		return "", pending{}, err
	}
	u, err := session.GetAuthURL()
	return u, pending{state: state, own: session}, err
}

func (g *gothClient) finish(r *http.Request, p pending) (string, error) {
	query := r.URL.Query()
	if query.Get("state") != p.state {
		return "", errState
	}
	session := p.own.(goth.Session)
	if _, err := session.Authorize(g.provider, query); err != nil {
		return "", err
	}
	user, err := g.provider.FetchUser(session)
	return user.UserID, err
}

func (g *gothClient) verifier(*benchwork.Key, string) func(context.Context, string) (string, error) {
	return func(_ context.Context, idToken string) (string, error) {
		user, err := g.provider.FetchUser(&openidConnect.Session{IDToken: idToken})
		return user.UserID, err
	}
}
