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

// callbacks is the work of a contender's callbacks; what goes before each is untimed.
func callbacks(provider *idp, issuer string, c contender, opened client) work {
	ctx := context.Background()
	return work{name: c.name, note: c.lacks, ready: func(n int) (func() error, error) {
		started := make([]signIn, n)
		for i := range started {
			u, p, err := opened.begin(ctx)
			if err != nil {
				return nil, err
			}
			if started[i], err = comeBack(provider, issuer, u, p); err != nil {
				return nil, err
			}
		}
		return func() error {
			for _, s := range started {
				if err := s.complete(opened); err != nil {
					return err
				}
			}
			return nil
		}, nil
	}}
}

// callbackRow is the whole callback over loopback, from the browser's request to the subject.
func callbackRow(p plan) ([]*section, error) {
	provider, err := newIDP(basicOnly, rsaKey())
	if err != nil {
		return nil, err
	}
	defer provider.close()
	issuer := provider.issuer(0)
	var works []work
	for _, c := range append(contenders(), flowContender()) {
		opened, err := c.open(context.Background(), issuer)
		if err != nil {
			return nil, err
		}
		defer opened.close()
		works = append(works, callbacks(provider, issuer, c, opened))
	}
	results, err := p.measure(works)
	if err != nil {
		return nil, err
	}
	s := timed("Callback", "From the browser's request to the subject: the token request over loopback and an ID token of RS256. "+
		"The identity provider is in the same process and allocates nothing for it.", results)
	s.atMost(1.0, results, ourName, goOIDCName)
	s.atMostAllocs(240, results, ourName)
	return []*section{s}, nil
}
