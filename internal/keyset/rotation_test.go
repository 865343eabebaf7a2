package keyset

import (
	"context"
	"crypto/elliptic"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// statusError is an error with a type, as an HTTP client has them.
type statusError struct{ code int }

func (e *statusError) Error() string { return fmt.Sprintf("status %d", e.code) }

func wantFetchError(t *testing.T, err error, code int) {
	t.Helper()
	var fetch *FetchError
	var status *statusError
	if !errors.As(err, &fetch) || !errors.As(err, &status) || status.code != code {
		t.Fatalf("%v, want a *FetchError with status %d", err, code)
	}
	for _, verdict := range []error{ErrSignature, ErrNoKey, ErrMalformed, ErrAlgorithm} {
		if errors.Is(err, verdict) {
			t.Fatalf("%v looks like a verdict about the token", err)
		}
	}
}

// The prefetch at the start of a sign-in brings the old key, and the token at its end is signed with the new one.
func TestKeyChangedRightAfterTheFirstFetchIsFoundAtOnce(t *testing.T) {
	t.Parallel()
	old := signed(rsa2048(), "RS256", "old")
	for name, tc := range map[string]struct {
		first   func(t *testing.T, p *idp)
		fetches int32
	}{
		"fetched by Prefetch":     {func(t *testing.T, p *idp) { p.Prefetch() }, 1},
		"fetched for a token":     {func(t *testing.T, p *idp) { p.accepts(t, old) }, 1},
		"fetched for the Summary": {func(t *testing.T, p *idp) { _, _ = p.Summary(t.Context()) }, 1},
		"refreshed in the background": {func(t *testing.T, p *idp) {
			p.accepts(t, old)
			p.advance(time.Hour + 1)
			p.Prefetch()
		}, 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				p := newIDP(jwks(jwk(rsa2048().Public(), kid("old"))))
				tc.first(t, p)
				synctest.Wait()
				p.wantFetches(t, tc.fetches)
				p.publish(jwks(jwk(rsaOther().Public(), kid("new"))), nil)
				p.accepts(t, signed(rsaOther(), "RS256", "new"))
				p.wantFetches(t, tc.fetches+1)
				// The same fetch has ended the old key.
				p.refuses(t, old, ErrNoKey)
				p.wantFetches(t, tc.fetches+1)
			})
		})
	}
}

func TestKeyChangedTwiceIsFoundOnceTheCooldownIsOver(t *testing.T) {
	t.Parallel()
	p := newIDP(jwks(jwk(rsa2048().Public(), kid("first"))))
	p.accepts(t, signed(rsa2048(), "RS256", "first"))
	p.publish(jwks(jwk(rsaOther().Public(), kid("second"))), nil)
	p.accepts(t, signed(rsaOther(), "RS256", "second"))
	p.publish(jwks(jwk(p256().Public(), kid("third"))), nil)
	p.refuses(t, signed(p256(), "ES256", "third"), ErrNoKey)
	p.advance(30*time.Second - 1)
	p.refuses(t, signed(p256(), "ES256", "third"), ErrNoKey)
	p.wantFetches(t, 2)
	p.advance(1)
	p.accepts(t, signed(p256(), "ES256", "third"))
	p.wantFetches(t, 3)
	p.refuses(t, signed(rsaOther(), "RS256", "second"), ErrNoKey)
	p.wantFetches(t, 3)
}

func TestKidUsedAgainForANewKey(t *testing.T) {
	t.Parallel()
	p := newIDP(jwks(jwk(rsa2048().Public(), kid("1"))))
	p.accepts(t, signed(rsa2048(), "RS256", "1"))
	p.publish(jwks(jwk(rsaOther().Public(), kid("1"))), nil)
	p.triesAndAccepts(t, 2, signed(rsaOther(), "RS256", "1"))
	p.wantFetches(t, 2)
	p.refuses(t, signed(rsa2048(), "RS256", "1"), ErrSignature)

	p.publish(jwks(jwk(rsa4096().Public(), kid("1"))), nil)
	p.refuses(t, signed(rsa4096(), "RS256", "1"), ErrSignature)
	p.wantFetches(t, 2)
	p.advance(30 * time.Second)
	p.triesAndAccepts(t, 2, signed(rsa4096(), "RS256", "1"))
	p.wantFetches(t, 3)
	p.refuses(t, signed(rsaOther(), "RS256", "1"), ErrSignature)
}

func TestKeyOfATokenWithoutKidIsChanged(t *testing.T) {
	t.Parallel()
	p := newIDP(jwks(jwk(rsa2048().Public())))
	p.accepts(t, signed(rsa2048(), "RS256", ""))
	p.publish(jwks(jwk(rsaOther().Public())), nil)
	p.accepts(t, signed(rsaOther(), "RS256", ""))
	p.wantFetches(t, 2)
}

// stranger is a token whose kid nobody knows, made without the cost of a signature.
func stranger(id string) string {
	return b64(fmt.Appendf(nil, `{"alg":"ES256","kid":%q}`, id)) + "." + b64([]byte(claims)) + "." + b64(make([]byte, 64))
}

// Beside the first fetch of all, which every token waits for.
func TestStormOfUnknownKidsCausesOneFetchPerCooldown(t *testing.T) {
	t.Parallel()
	p := newIDP(jwks(jwk(p256().Public(), kid("known"))))
	p.accepts(t, signed(p256(), "ES256", "known"))
	p.wantFetches(t, 1)
	for round := range int32(3) {
		for i := range 1000 {
			p.refuses(t, stranger(fmt.Sprintf("%d-%d", round, i)), ErrNoKey)
		}
		p.wantFetches(t, 2+round)
		p.advance(30*time.Second - 1)
		p.refuses(t, stranger("early"), ErrNoKey)
		p.wantFetches(t, 2+round)
		p.advance(1)
	}
	p.accepts(t, signed(p256(), "ES256", "known"))
	p.wantFetches(t, 4)
}

func TestStormFromManyGoroutinesBeforeTheFirstFetchCausesTwo(t *testing.T) {
	t.Parallel()
	p := newIDP(jwks(jwk(p256().Public(), kid("known"))))
	var done sync.WaitGroup
	for i := range 200 {
		done.Go(func() {
			if _, err := p.VerifySignature(t.Context(), stranger(fmt.Sprint(i))); !errors.Is(err, ErrNoKey) {
				t.Errorf("%v, want ErrNoKey", err)
			}
		})
	}
	done.Wait()
	p.wantFetches(t, 2)
}

func TestStormOfBadSignaturesCausesOneFetchPerCooldown(t *testing.T) {
	t.Parallel()
	p := newIDP(jwks(jwk(p256().Public(), kid("known"))))
	forged := signed(newEC(elliptic.P256()), "ES256", "known")
	for round := range int32(3) {
		for range 100 {
			tries, err := p.tries(t.Context(), t, forged)
			if tries != 1 || !errors.Is(err, ErrSignature) {
				t.Fatalf("%d tries, %v; the same key must not be tried again after a fetch", tries, err)
			}
		}
		p.wantFetches(t, 2+round)
		p.advance(30 * time.Second)
	}
}

func TestStormWhileTheKeysCannotBeFetchedCausesOneFetchPerRetryDelay(t *testing.T) {
	t.Parallel()
	p := newIDP(jwks(jwk(p256().Public(), kid("known"))))
	p.accepts(t, signed(p256(), "ES256", "known"))
	p.publish("", &statusError{503})
	forged := signed(newEC(elliptic.P256()), "ES256", "known")
	fetches := int32(1)
	for round, delay := range []time.Duration{500, 1000, 2000, 4000, 5000, 5000, 5000} {
		delay *= time.Millisecond
		fetches++
		for _, wait := range []time.Duration{0, delay - 1} {
			p.advance(wait)
			for i := range 100 {
				_, err := p.VerifySignature(t.Context(), stranger(fmt.Sprintf("%d-%d", round, i)))
				wantFetchError(t, err, 503)
				p.refuses(t, forged, ErrSignature)
			}
			p.wantFetches(t, fetches)
		}
		p.advance(1)
	}
	p.accepts(t, signed(p256(), "ES256", "known"))
	p.wantFetches(t, fetches)
}

func TestNewKeyIsFoundOnceTheRetryDelayAfterAFailureIsOver(t *testing.T) {
	t.Parallel()
	p := newIDP(jwks(jwk(rsa2048().Public(), kid("old"))))
	p.accepts(t, signed(rsa2048(), "RS256", "old"))
	p.publish("", &statusError{503})
	jwt := signed(rsaOther(), "RS256", "new")
	_, err := p.VerifySignature(t.Context(), jwt)
	wantFetchError(t, err, 503)
	p.publish(jwks(jwk(rsaOther().Public(), kid("new"))), nil)
	p.advance(500*time.Millisecond - 1)
	_, err = p.VerifySignature(t.Context(), jwt)
	wantFetchError(t, err, 503)
	p.wantFetches(t, 2)
	p.advance(1)
	p.accepts(t, jwt)
	p.wantFetches(t, 3)
}

// As at one IdP that sign-in and sign-out ask each for itself: a storm at one end does not delay a new key at the other.
func TestTwoSetsHaveTheirOwnBudgets(t *testing.T) {
	t.Parallel()
	p := newIDP(jwks(jwk(p256().Public(), kid("1"))))
	signOut := New(p.policy, p.fetch)
	p.accepts(t, signed(p256(), "ES256", "1"))
	for range 100 {
		if _, err := signOut.VerifySignature(t.Context(), stranger("forged")); !errors.Is(err, ErrNoKey) {
			t.Fatalf("%v, want ErrNoKey", err)
		}
	}
	p.wantFetches(t, 1+2)
	p.publish(jwks(jwk(p256().Public(), kid("2"))), nil)
	p.accepts(t, signed(p256(), "ES256", "2"))
	p.wantFetches(t, 1+2+1)
}

func TestRemovedKeyStopsAtTheFirstGoodFetch(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newIDP(jwks(jwk(p256().Public(), kid("leaked")), jwk(p384().Public(), kid("good"))))
		jwt := signed(p256(), "ES256", "leaked")
		p.accepts(t, jwt)
		p.publish("", &statusError{503})
		p.advance(time.Hour + 1)
		p.accepts(t, jwt) // nobody could know yet
		synctest.Wait()
		p.wantFetches(t, 2)
		p.publish(jwks(jwk(p384().Public(), kid("good"))), nil)
		p.advance(time.Second)
		p.accepts(t, signed(p384(), "ES384", "good")) // this starts the refresh that sees the removal
		synctest.Wait()
		p.wantFetches(t, 3)
		p.refuses(t, jwt, ErrNoKey)
		p.wantFetches(t, 4) // it could be a key that has just come back
	})
}

func TestKeysAreNotUsedBeyondTheHardAge(t *testing.T) {
	t.Parallel()
	p := newIDP(jwks(jwk(p256().Public(), kid("1"))))
	jwt := signed(p256(), "ES256", "1")
	p.accepts(t, jwt)
	p.publish("", &statusError{503})
	p.advance(24*time.Hour + 1)
	_, err := p.VerifySignature(t.Context(), jwt)
	wantFetchError(t, err, 503)
}

func TestFirstFetchFails(t *testing.T) {
	t.Parallel()
	p := newIDP("")
	p.publish("", &statusError{502})
	jwt := signed(p256(), "ES256", "1")
	for range 10 {
		_, err := p.VerifySignature(t.Context(), jwt)
		wantFetchError(t, err, 502)
	}
	_, err := p.Summary(t.Context())
	wantFetchError(t, err, 502)
	p.wantFetches(t, 1)
	p.publish(jwks(jwk(p256().Public(), kid("1"))), nil)
	p.advance(500 * time.Millisecond)
	p.accepts(t, jwt)
}

func TestBrokenDocumentDoesNotReplaceTheKeys(t *testing.T) {
	t.Parallel()
	p := newIDP(jwks(jwk(p256().Public(), kid("1"))))
	p.accepts(t, signed(p256(), "ES256", "1"))
	p.publish(`{"error":"maintenance"}`, nil)
	_, err := p.VerifySignature(t.Context(), signed(p256(), "ES256", "2"))
	var fetch *FetchError
	if !errors.As(err, &fetch) || !errors.Is(err, ErrDocument) {
		t.Fatalf("%v", err)
	}
	p.accepts(t, signed(p256(), "ES256", "1"))
	p.wantFetches(t, 2)
}

// While the keys cannot be fetched, nobody can say whether an unknown kid is a new key. A wrong signature under a known
// kid is wrong by all that is known.
func TestVerdictWhileTheKeysCannotBeRenewed(t *testing.T) {
	t.Parallel()
	p := newIDP(jwks(jwk(p256().Public(), kid("1"))))
	p.accepts(t, signed(p256(), "ES256", "1"))
	p.publish("", &statusError{503})
	for range 5 {
		_, err := p.VerifySignature(t.Context(), signed(p256(), "ES256", "2"))
		wantFetchError(t, err, 503)
		p.refuses(t, signed(newEC(elliptic.P256()), "ES256", "1"), ErrSignature)
		p.accepts(t, signed(p256(), "ES256", "1"))
	}
	p.wantFetches(t, 2)
}

func TestCallerWhoLeavesIsNotToldOfAForgery(t *testing.T) {
	t.Parallel()
	gone := errors.New("gone")
	for name, jwt := range map[string]string{
		"unknown kid":     signed(p256(), "ES256", "2"),
		"wrong signature": signed(p384(), "ES384", "3"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				p := newIDP(jwks(jwk(p256().Public(), kid("1")), jwk(newEC(elliptic.P384()).Public(), kid("3"))))
				p.accepts(t, signed(p256(), "ES256", "1"))
				p.gate = make(chan struct{}) // the fetch hangs
				defer close(p.gate)
				ctx, cancel := context.WithCancelCause(t.Context())
				failure := make(chan error, 1)
				go func() {
					_, err := p.VerifySignature(ctx, jwt)
					failure <- err
				}()
				synctest.Wait()
				p.wantFetches(t, 2)
				cancel(gone)
				err := <-failure
				var fetch *FetchError
				if !errors.As(err, &fetch) || !errors.Is(err, gone) || errors.Is(err, ErrSignature) || errors.Is(err, ErrNoKey) {
					t.Fatalf("%v, want a *FetchError with the cause", err)
				}
			})
		})
	}
}

func TestPrefetch(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newIDP(jwks(jwk(p256().Public(), kid("1"))))
		p.wantFetches(t, 0)
		p.Prefetch()
		p.Prefetch()
		synctest.Wait()
		p.wantFetches(t, 1)
		p.accepts(t, signed(p256(), "ES256", "1"))
		p.wantFetches(t, 1)
	})
}
