package main

import "context"

// urlRow is the authorization URL on a client that knows its identity provider.
func urlRow(p plan) ([]*section, error) {
	provider, err := newIDP(basicOnly, rsaKey())
	if err != nil {
		return nil, err
	}
	defer provider.close()
	ctx := context.Background()
	var works []work
	for _, c := range append(contenders(), flowContender()) {
		opened, err := c.open(ctx, provider.issuer(0))
		if err != nil {
			return nil, err
		}
		defer opened.close()
		w := repeated(c.name, func() error {
			_, _, err := opened.begin(ctx)
			return err
		})
		w.note = c.lacks
		works = append(works, w)
	}
	results, err := p.measure(works)
	if err != nil {
		return nil, err
	}
	s := timed("Authorization URL", "State, nonce, PKCE S256 and the URL, on a client that has discovered.", results)
	s.atMost(1.3, results, ourName, bareName)
	s.atMost(0.25, results, ourName, goOIDCName)
	s.atMostAllocs(6, results, ourName)
	s.atMost(0.6, results, sealedName, goOIDCName)
	return []*section{s}, nil
}
