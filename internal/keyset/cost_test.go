package keyset

import (
	"encoding/binary"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/oidcsso/oidcsso/internal/strictjson"
)

// slowKeys is a key set of RSA keys of 4096 bits with the greatest exponent, each another one: the most expensive that
// 1 MiB has room for.
func slowKeys(count int, more ...string) string {
	keys := make([]string, count)
	for i := range keys {
		n := odd(4096)
		binary.BigEndian.PutUint32(n[100:], uint32(i))
		keys[i] = rsaJWK(n, []byte{0x7f, 0xff, 0xff, 0xff}, more...)
	}
	return jwks(keys...)
}

func TestTokenCostsAtMostFourSignatureOperations(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		body  string
		jwt   string
		want  error
		tries int
	}{
		"1400 keys without kid":             {slowKeys(1400), signed(rsa4096(), "RS256", ""), ErrNoKeyID, 0},
		"1400 keys of one kid":              {slowKeys(1400, kid("a")), signed(rsa4096(), "RS256", "a"), ErrSignature, 4},
		"1400 keys of one kid, token PS256": {slowKeys(1400, kid("a")), signed(rsa4096(), "PS256", "a"), ErrSignature, 4},
		"1400 keys of one kid, no kid":      {slowKeys(1400, kid("a")), signed(rsa4096(), "RS256", ""), ErrNoKeyID, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newIDP(tc.body)
			tries, err := p.tries(t.Context(), t, tc.jwt)
			if tries != tc.tries || !errors.Is(err, tc.want) {
				t.Fatalf("%d tries, %v; want %d, %v", tries, err, tc.tries, tc.want)
			}
			got, err := p.Summary(t.Context())
			want := Summary{Usable: 64, Skipped: []Skipped{{Reason: skipSurplus, Count: 1336}}}
			if err != nil || !reflect.DeepEqual(got, want) {
				t.Fatalf("Summary = %+v, %v", got, err)
			}
		})
	}
}

// The bound is for the token, not for each version of the key set.
func TestFourTriesIncludeThoseAfterARenewal(t *testing.T) {
	t.Parallel()
	p := newIDP(slowKeys(3, kid("a")))
	if _, err := p.Summary(t.Context()); err != nil {
		t.Fatal(err)
	}
	p.wantFetches(t, 1)
	keys := slowKeys(8, kid("a")) // the first three are the same
	p.publish(keys, nil)
	tries, err := p.tries(t.Context(), t, signed(rsa4096(), "RS256", "a"))
	if tries != 4 || !errors.Is(err, ErrSignature) {
		t.Fatalf("%d tries, %v", tries, err)
	}
	p.wantFetches(t, 2)
}

// crypto/rsa has no upper bound of its own: with a key of a million bits it would work for half a minute.
func TestModulusOfAMillionBitsIsNotComputedWith(t *testing.T) {
	t.Parallel()
	p := newIDP(jwks(rsaJWK(odd(1<<20), []byte{1, 0, 1}, kid("a")), jwk(p256().Public(), kid("b"))))
	tries, err := p.tries(t.Context(), t, signed(rsa4096(), "RS256", "a"))
	if tries != 0 || !errors.Is(err, ErrNoKey) {
		t.Fatalf("%d tries, %v", tries, err)
	}
	p.accepts(t, signed(p256(), "ES256", "b"))
}

func TestKeySetOfRubbishIsCountedAndKeptSmall(t *testing.T) {
	t.Parallel()
	const each = strictjson.MaxItems/2 - 1
	body := jwks(strings.Repeat(`{},1,`, each) + jwk(p256().Public(), kid("b")))
	p := newIDP(body)
	p.accepts(t, signed(p256(), "ES256", "b"))
	got, err := p.Summary(t.Context())
	want := Summary{Usable: 1, Skipped: []Skipped{{skipKeyType, each}, {skipNotObject, each}}}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Fatalf("Summary = %+v, %v", got, err)
	}
}

// Nobody has that many keys: such a key set is refused as a whole, before a list of them is made.
func TestKeySetOfAHundredThousandKeysIsRefused(t *testing.T) {
	t.Parallel()
	p := newIDP(jwks(jwk(p256().Public(), kid("b")), strings.Repeat(`{},`, 100_000)+`{}`))
	p.refuses(t, signed(p256(), "ES256", "b"), ErrDocument)
	_, err := p.Summary(t.Context())
	var reason *strictjson.Error
	if !errors.As(err, &reason) || reason.Reason != strictjson.ReasonTooManyItems {
		t.Fatalf("%v", err)
	}
	p.wantFetches(t, 1)
}

// Usable keys after a lot of others are still found; only usable ones count towards the limit.
func TestSixtyFourUsableKeysAreKeptWhateverComesBetween(t *testing.T) {
	t.Parallel()
	var keys []string
	for i := range 64 {
		keys = append(keys, `{"kty":"oct","k":"AAAA"}`, jwk(p256().Public(), kid(fmt.Sprint(i))))
	}
	p := newIDP(jwks(append(keys, jwk(p256().Public(), kid("surplus")))...))
	p.accepts(t, signed(p256(), "ES256", "63"))
	p.refuses(t, signed(p256(), "ES256", "surplus"), ErrNoKey)
}
