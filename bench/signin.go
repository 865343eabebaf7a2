package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"net/url"

	"github.com/oidcsso/oidcsso/internal/benchwork"
)

func rsaKey() *benchwork.Key { return benchwork.KeyFor("RS256") }

// signIn is one sign-in of which all but the callback is done.
type signIn struct {
	callback *http.Request
	pending  pending
}

// begin starts a sign-in and has the person sign in.
func begin(provider *idp, issuer string, c client) (signIn, error) {
	u, p, err := c.begin(context.Background())
	if err != nil {
		return signIn{}, err
	}
	return comeBack(provider, issuer, u, p)
}

// comeBack does what the browser and the identity provider do: the person signs in, and the code is on its way back.
func comeBack(provider *idp, issuer, authorizationURL string, p pending) (signIn, error) {
	u, err := url.Parse(authorizationURL)
	if err != nil {
		return signIn{}, err
	}
	asked := u.Query()
	code := rand.Text()
	provider.grant(code, rsaKey().IDToken(issuer, clientID, asked.Get("nonce")))
	r, err := callbackRequest(url.Values{"code": {code}, "state": {asked.Get("state")}}, p)
	return signIn{r, p}, err
}

// callbackRequest is the browser's request to the redirect URI, as a server reads it.
func callbackRequest(query url.Values, p pending) (*http.Request, error) {
	r, err := http.NewRequest(http.MethodGet, redirectURI+"?"+query.Encode(), nil)
	if err != nil {
		return nil, err
	}
	r.RequestURI = r.URL.RequestURI()
	if p.cookie != "" {
		cookie, err := http.ParseSetCookie(p.cookie)
		if err != nil {
			return nil, err
		}
		r.AddCookie(cookie)
	}
	return r, nil
}

// complete is the callback, which must give Alice.
func (s signIn) complete(c client) error {
	subject, err := c.finish(s.callback, s.pending)
	if err == nil && subject != benchwork.Subject {
		err = fmt.Errorf("the subject is %q", subject)
	}
	return err
}
