package keyset

import (
	"context"
	"crypto"
	"crypto/elliptic"
	"errors"
	"testing"
)

// tries verifies a token and tells how many keys were tried on it.
func (p *idp) tries(ctx context.Context, t *testing.T, jwt string) (int, error) {
	t.Helper()
	parsed, err := parseToken(jwt)
	if err != nil {
		t.Fatal(err)
	}
	v := verification{token: parsed}
	err = p.verify(ctx, &v)
	return v.tries, err
}

func (p *idp) triesAndAccepts(t *testing.T, want int, jwt string) {
	t.Helper()
	if tries, err := p.tries(t.Context(), t, jwt); tries != want || err != nil {
		t.Fatalf("%d tries, %v; want %d and no error", tries, err, want)
	}
}

func TestWhichKeysAreTried(t *testing.T) {
	t.Parallel()
	ecs := make([]crypto.Signer, 6)
	for i := range ecs {
		ecs[i] = newEC(elliptic.P256())
	}
	ec := func(i int, more ...string) string { return jwk(ecs[i].Public(), more...) }
	rsa := func(more ...string) string { return jwk(rsa2048().Public(), more...) }
	for name, tc := range map[string]struct {
		body  string
		jwt   string
		want  error
		tries int
	}{
		"kid, one key":                        {jwks(rsa(kid("a"))), signed(rsa2048(), "RS256", "a"), nil, 1},
		"kid, the key has none":               {jwks(rsa()), signed(rsa2048(), "RS256", "a"), ErrNoKey, 0},
		"kid in another case":                 {jwks(rsa(kid("A"))), signed(rsa2048(), "RS256", "a"), ErrNoKey, 0},
		"kid of another key":                  {jwks(rsa(kid("a")), ec(0, kid("b"))), signed(rsa2048(), "RS256", "b"), ErrNoKey, 0},
		"kid of a key with another alg":       {jwks(rsa(kid("a"), `"alg":"PS256"`)), signed(rsa2048(), "RS256", "a"), ErrNoKey, 0},
		"kid of a key with RS512":             {jwks(rsa(kid("a"), `"alg":"RS512"`)), signed(rsa2048(), "RS256", "a"), ErrNoKey, 0},
		"kid of a key on another curve":       {jwks(jwk(p384().Public(), kid("a"))), signed(ecs[0], "ES256", "a"), ErrNoKey, 0},
		"kid of an encryption key":            {jwks(rsa(kid("a"), `"use":"enc"`)), signed(rsa2048(), "RS256", "a"), ErrNoKey, 0},
		"kid twice, another type":             {jwks(rsa(kid("a")), ec(0, kid("a"))), signed(ecs[0], "ES256", "a"), nil, 1},
		"kid twice, another use":              {jwks(rsa(kid("a"), `"use":"enc"`), rsa(kid("a"), `"use":"sig"`)), signed(rsa2048(), "RS256", "a"), nil, 1},
		"kid twice, the second signed":        {jwks(ec(0, kid("a")), ec(1, kid("a"))), signed(ecs[1], "ES256", "a"), nil, 2},
		"kid four times, the fourth signed":   {jwks(ec(0, kid("a")), ec(1, kid("a")), ec(2, kid("a")), ec(3, kid("a"))), signed(ecs[3], "ES256", "a"), nil, 4},
		"kid five times, the fifth signed":    {jwks(ec(0, kid("a")), ec(1, kid("a")), ec(2, kid("a")), ec(3, kid("a")), ec(4, kid("a"))), signed(ecs[4], "ES256", "a"), ErrSignature, 4},
		"kid five times, four the same":       {jwks(ec(0, kid("a")), ec(0, kid("a")), ec(0, kid("a")), ec(0, kid("a")), ec(4, kid("a"))), signed(ecs[4], "ES256", "a"), nil, 2},
		"no kid, one key":                     {jwks(rsa(kid("a"))), signed(rsa2048(), "RS256", ""), nil, 1},
		"no kid, keys of other types":         {jwks(ec(0), ec(1), ec(2), ec(3), ec(4), rsa(kid("a"))), signed(rsa2048(), "RS256", ""), nil, 1},
		"no kid, keys for another alg":        {jwks(rsa(`"alg":"RS512"`), rsa(`"alg":"PS256"`), jwk(rsaOther().Public(), `"alg":"RS256"`)), signed(rsaOther(), "RS256", ""), nil, 1},
		"no kid, four keys, the last signed":  {jwks(ec(0), ec(1), ec(2), ec(3)), signed(ecs[3], "ES256", ""), nil, 4},
		"no kid, four keys, none signed":      {jwks(ec(0), ec(1), ec(2), ec(3)), signed(ecs[4], "ES256", ""), ErrSignature, 4},
		"no kid, five keys, the first signed": {jwks(ec(0), ec(1), ec(2), ec(3), ec(4)), signed(ecs[0], "ES256", ""), ErrNoKeyID, 0},
		"no kid, no key of that type":         {jwks(ec(0)), signed(rsa2048(), "RS256", ""), ErrNoKey, 0},
		"empty kid is no kid":                 {jwks(rsa(kid("a"))), sign(rsa2048(), "RS256", `{"alg":"RS256","kid":""}`), nil, 1},
		"escaped kid is the same kid":         {jwks(rsa(`"kid":"\u00e9"`)), sign(rsa2048(), "RS256", `{"alg":"RS256","kid":"é"}`), nil, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newIDP(tc.body)
			tries, err := p.tries(t.Context(), t, tc.jwt)
			if tries != tc.tries || !errors.Is(err, tc.want) || (err != nil) != (tc.want != nil) {
				t.Fatalf("%d tries, %v; want %d, %v", tries, err, tc.tries, tc.want)
			}
			fetches := int32(1)
			if errors.Is(tc.want, ErrNoKey) || errors.Is(tc.want, ErrSignature) {
				fetches = 2 // once more, to look for a new key
			}
			p.wantFetches(t, fetches)
		})
	}
}

// dying is a context that ends after it has been asked a number of times.
type dying struct {
	context.Context
	asked *int
	after int
}

func (d dying) Err() error {
	if *d.asked++; *d.asked > d.after {
		return context.Canceled
	}
	return nil
}

func TestContextIsLookedAtBeforeEachTry(t *testing.T) {
	t.Parallel()
	keys := make([]string, 4)
	for i := range keys {
		keys[i] = jwk(newEC(elliptic.P256()).Public(), kid("a"))
	}
	d, err := parseDocument([]byte(jwks(keys...)))
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := parseToken(signed(p256(), "ES256", "a"))
	if err != nil {
		t.Fatal(err)
	}
	for after := range 4 {
		v := verification{token: parsed}
		err := v.with(dying{t.Context(), new(int), after}, d)
		if !errors.Is(err, context.Canceled) || v.tries != after {
			t.Errorf("%d tries, %v; want %d, context.Canceled", v.tries, err, after)
		}
	}
}
