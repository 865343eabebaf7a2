package main

import (
	"context"
	"net/url"
	"slices"
	"strings"
	"testing"

	"golang.org/x/oauth2"

	"github.com/oidcsso/oidcsso/internal/benchwork"
)

// everybody is each contender, by a subtest.
func everybody(t *testing.T, test func(t *testing.T, c contender)) {
	t.Helper()
	for _, c := range append(contenders(), flowContender()) {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			test(t, c)
		})
	}
}

// startIDP is an identity provider for one test.
func startIDP(t *testing.T, method authMethod, keys ...*benchwork.Key) *idp {
	t.Helper()
	provider, err := newIDP(method, keys...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(provider.close)
	return provider
}

func open(t *testing.T, c contender, provider *idp) client {
	t.Helper()
	opened, err := c.open(t.Context(), provider.issuer(0))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(opened.close)
	return opened
}

func must[T any](t *testing.T) func(T, error) T {
	return func(value T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
}

func TestEveryContenderSignsIn(t *testing.T) {
	t.Parallel()
	everybody(t, func(t *testing.T, c contender) {
		for _, method := range []authMethod{basicOnly, postOnly} {
			if c.name == bareName && method == postOnly {
				continue // the bare work knows one method
			}
			provider := startIDP(t, method, rsaKey())
			opened := open(t, c, provider)
			for range 2 { // the second one finds everything known
				started := must[signIn](t)(begin(provider, provider.issuer(0), opened))
				if err := started.complete(opened); err != nil {
					t.Fatalf("%s: %v", method, err)
				}
			}
			if n := provider.token.Load(); c.name == ourName && n != 2 {
				t.Errorf("%s: %d token requests for 2 sign-ins", method, n)
			}
		}
	})
}

func TestEveryContenderSendsTheSameRequests(t *testing.T) {
	t.Parallel()
	everybody(t, func(t *testing.T, c contender) {
		provider := startIDP(t, basicOnly, rsaKey())
		opened := open(t, c, provider)
		text, p, err := opened.begin(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		asked := must[*url.URL](t)(url.Parse(text)).Query()
		if !strings.HasPrefix(text, provider.issuer(0)+"/authorize?") || asked.Get("client_id") != clientID || asked.Get("redirect_uri") != redirectURI ||
			asked.Get("response_type") != "code" || asked.Get("state") == "" || len(strings.Fields(asked.Get("scope"))) != 3 {
			t.Errorf("the URL is %s", text)
		}
		started := must[signIn](t)(comeBack(provider, provider.issuer(0), text, p))
		if err := started.complete(opened); err != nil {
			t.Fatal(err)
		}
		sent := provider.form()
		if sent.Get("grant_type") != "authorization_code" || sent.Get("redirect_uri") != redirectURI {
			t.Errorf("the token request is %v", sent)
		}
		if strings.Contains(c.lacks, "no PKCE") {
			t.Logf("%s: %s", c.name, c.lacks)
			return
		}
		if asked.Get("nonce") == "" || asked.Get("code_challenge_method") != "S256" ||
			asked.Get("code_challenge") != oauth2.S256ChallengeFromVerifier(sent.Get("code_verifier")) {
			t.Errorf("the nonce or PKCE is missing in %s or %v", text, sent)
		}
	})
}

// Each attack is either refused, or the contender is known to ignore it, which the tables then say.
func TestWhatIsRefused(t *testing.T) {
	t.Parallel()
	everybody(t, func(t *testing.T, c contender) {
		provider := startIDP(t, basicOnly, rsaKey())
		opened := open(t, c, provider)
		issuer := provider.issuer(0)
		for attack, attacked := range map[string]func(authorizationURL string, p pending) (signIn, error){
			wrongState: func(u string, p pending) (signIn, error) {
				started, err := comeBack(provider, issuer, u, p)
				if err != nil {
					return started, err
				}
				query := started.callback.URL.Query()
				query.Set("state", "AAAAAAAAAAAAAAAAAAAAAA")
				started.callback, err = callbackRequest(query, p)
				return started, err
			},
			wrongNonce: func(u string, p pending) (signIn, error) {
				return comeBack(provider, issuer, strings.Replace(u, "nonce=", "nonce=x", 1), p)
			},
			wrongSignature: func(u string, p pending) (signIn, error) {
				asked, err := url.Parse(u)
				if err != nil {
					return signIn{}, err
				}
				query := asked.Query()
				provider.grant("forged", rsaKey().Forge(benchwork.NewClaims(issuer, clientID, query.Get("nonce"))))
				r, err := callbackRequest(url.Values{"code": {"forged"}, "state": {query.Get("state")}}, p)
				return signIn{r, p}, err
			},
		} {
			u, p, err := opened.begin(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			started := must[signIn](t)(attacked(u, p))
			refused, ignores := started.complete(opened) != nil, slices.Contains(c.ignores, attack)
			if refused == ignores {
				t.Errorf("%s: refused is %t, and that it ignores it %t", attack, refused, ignores)
			}
			if !refused {
				t.Logf("%s does not refuse %s", c.name, attack)
			}
		}
	})
}

func TestEveryVerifierVerifies(t *testing.T) {
	t.Parallel()
	everybody(t, func(t *testing.T, c contender) {
		for _, key := range benchwork.Keys() {
			provider := startIDP(t, basicOnly, key)
			opened := open(t, c, provider)
			verify := opened.verifier(key, "nonce")
			if verify == nil {
				t.Skipf("%s has no function that verifies an ID token alone; the root package's BenchmarkIDToken has its row", c.name)
			}
			ctx := context.Background()
			issuer := provider.issuer(0)
			if subject, err := verify(ctx, key.IDToken(issuer, clientID, "nonce")); err != nil || subject != benchwork.Subject {
				t.Errorf("%s: %q, %v", key.Alg, subject, err)
			}
			_, err := verify(ctx, key.IDToken(issuer, clientID, "other"))
			if refused := err != nil; refused == slices.Contains(c.ignores, wrongNonce) {
				t.Errorf("%s, another nonce: %v", key.Alg, err)
			}
			_, err = verify(ctx, key.Forge(benchwork.NewClaims(issuer, clientID, "nonce")))
			if refused := err != nil; refused == slices.Contains(c.ignores, wrongSignature) {
				t.Errorf("%s, a wrong signature: %v", key.Alg, err)
			}
		}
	})
}

// The keys are there before the person is back, and nobody else's are.
func TestWhenKeysAreFetched(t *testing.T) {
	t.Parallel()
	everybody(t, func(t *testing.T, c contender) {
		keys := make(chan struct{}, 9)
		provider := startIDP(t, basicOnly, rsaKey())
		provider.served = func(path string) {
			if strings.HasSuffix(path, "/keys") {
				keys <- struct{}{}
			}
		}
		opened := open(t, c, provider)
		u, p, err := opened.begin(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if c.prefetches {
			<-keys
		} else if n := provider.jwks.Load(); n != 0 {
			t.Errorf("%d requests for keys before the callback", n)
		}
		asked := provider.jwks.Load()
		started := must[signIn](t)(comeBack(provider, provider.issuer(0), u, p))
		if err := started.complete(opened); err != nil {
			t.Fatal(err)
		}
		if n := provider.jwks.Load() - asked; c.prefetches && n != 0 {
			t.Errorf("%d requests for keys in the callback", n)
		}
	})
}
