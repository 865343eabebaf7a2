package keyset

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/oidcsso/oidcsso/internal/fresh"
)

// The keys of the tests. RSA keys come from testdata, because making them is slow.
var (
	rsa1024  = sync.OnceValue(func() crypto.Signer { return readKey("rsa1024.pem") })
	rsa2048  = sync.OnceValue(func() crypto.Signer { return readKey("rsa2048.pem") })
	rsaOther = sync.OnceValue(func() crypto.Signer { return readKey("rsa2048-other.pem") })
	rsa4096  = sync.OnceValue(func() crypto.Signer { return readKey("rsa4096.pem") })
	rsa8192  = sync.OnceValue(func() crypto.Signer { return readKey("rsa8192.pem") })
	p256     = sync.OnceValue(func() crypto.Signer { return fixedEC(elliptic.P256()) })
	p384     = sync.OnceValue(func() crypto.Signer { return fixedEC(elliptic.P384()) })
	p521     = sync.OnceValue(func() crypto.Signer { return fixedEC(elliptic.P521()) })
	edKey    = sync.OnceValue(func() crypto.Signer { return ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, 32)) })
)

// signers has for each algorithm a key that fits it.
var signers = map[string]func() crypto.Signer{
	"RS256": rsa2048, "RS384": rsa2048, "RS512": rsa2048,
	"PS256": rsa2048, "PS384": rsa2048, "PS512": rsa2048,
	"ES256": p256, "ES384": p384, "ES512": p521,
	"EdDSA": edKey,
}

func readKey(name string) crypto.Signer {
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		panic(err)
	}
	block, _ := pem.Decode(data)
	private, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		panic(err)
	}
	return private.(crypto.Signer)
}

// fixedEC is the same key in every process, as a fuzzing engine with several of them needs it.
func fixedEC(curve elliptic.Curve) crypto.Signer {
	scalar := bytes.Repeat([]byte{7}, coordinateSize(curve))
	scalar[0] = 0 // below the order of every curve
	private, err := ecdsa.ParseRawPrivateKey(curve, scalar)
	if err != nil {
		panic(err)
	}
	return private
}

func newEC(curve elliptic.Curve) crypto.Signer {
	private, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		panic(err)
	}
	return private
}

func b64(data []byte) string { return base64.RawURLEncoding.EncodeToString(data) }

// jwk writes a public key as a JSON Web Key, with more members as raw JSON ("\"kid\":\"1\"").
func jwk(public crypto.PublicKey, more ...string) string {
	var members []string
	switch public := public.(type) {
	case *rsa.PublicKey:
		return rsaJWK(public.N.Bytes(), big.NewInt(int64(public.E)).Bytes(), more...)
	case *ecdsa.PublicKey:
		point, err := public.Bytes()
		if err != nil {
			panic(err)
		}
		return ecJWK(public.Curve.Params().Name, point[1:1+len(point)/2], point[1+len(point)/2:], more...)
	case ed25519.PublicKey:
		members = []string{`"kty":"OKP"`, `"crv":"Ed25519"`, fmt.Sprintf(`"x":%q`, b64(public))}
	default:
		panic("unknown type of key")
	}
	return object(append(members, more...)...)
}

func rsaJWK(n, e []byte, more ...string) string {
	return object(append([]string{`"kty":"RSA"`, fmt.Sprintf(`"n":%q,"e":%q`, b64(n), b64(e))}, more...)...)
}

func ecJWK(crv string, x, y []byte, more ...string) string {
	return object(append([]string{fmt.Sprintf(`"kty":"EC","crv":%q,"x":%q,"y":%q`, crv, b64(x), b64(y))}, more...)...)
}

func object(members ...string) string { return "{" + strings.Join(members, ",") + "}" }
func jwks(keys ...string) string      { return `{"keys":[` + strings.Join(keys, ",") + `]}` }
func kid(id string) string            { return fmt.Sprintf(`"kid":%q`, id) }

const claims = `{"iss":"https://idp.example","sub":"248289761001"}`

// sign makes a token over claims with the standard library alone. The header is raw JSON.
func sign(signer crypto.Signer, alg, header string) string {
	return signPayload(signer, alg, header, claims)
}

func signPayload(signer crypto.Signer, alg, header, payload string) string {
	signed := b64([]byte(header)) + "." + b64([]byte(payload))
	return signed + "." + b64(signature(signer, alg, []byte(signed), rsa.PSSSaltLengthEqualsHash))
}

func signature(signer crypto.Signer, alg string, signed []byte, salt int) []byte {
	a := algorithms[alg]
	digest, options := signed, crypto.SignerOpts(a.hash)
	if a.hash != 0 {
		h := a.hash.New()
		h.Write(signed)
		digest = h.Sum(nil)
	}
	if strings.HasPrefix(alg, "PS") {
		options = &rsa.PSSOptions{SaltLength: salt, Hash: a.hash}
	}
	if private, ok := signer.(*ecdsa.PrivateKey); ok {
		r, s, err := ecdsa.Sign(rand.Reader, private, digest)
		if err != nil {
			panic(err)
		}
		size := (private.Params().BitSize + 7) / 8
		return append(r.FillBytes(make([]byte, size)), s.FillBytes(make([]byte, size))...)
	}
	out, err := signer.Sign(rand.Reader, digest, options)
	if err != nil {
		panic(err)
	}
	return out
}

// signed is sign with the usual header; an empty id leaves kid out.
func signed(signer crypto.Signer, alg, id string) string {
	if id == "" {
		return sign(signer, alg, fmt.Sprintf(`{"alg":%q,"typ":"JWT"}`, alg))
	}
	return sign(signer, alg, fmt.Sprintf(`{"alg":%q,"kid":%q,"typ":"JWT"}`, alg, id))
}

// idp publishes a key set that the test changes, and counts how often it is asked. Its clock moves only by hand.
type idp struct {
	*Set
	policy  *fresh.Policy
	fetches atomic.Int32
	mu      sync.Mutex
	body    string
	err     error
	gate    chan struct{} // if not nil, a fetch waits until it is closed
	nanos   atomic.Int64
}

func newIDP(body string) *idp {
	p := &idp{body: body}
	p.policy = &fresh.Policy{
		Refresh:  time.Hour,
		Hard:     24 * time.Hour,
		Timeout:  5 * time.Second,
		RetryMin: 500 * time.Millisecond,
		RetryMax: 5 * time.Second,
		Cooldown: 30 * time.Second,
		Now:      func() time.Time { return time.Unix(1_800_000_000, p.nanos.Load()) },
	}
	p.Set = New(p.policy, p.fetch)
	return p
}

func (p *idp) fetch(context.Context) ([]byte, error) {
	p.fetches.Add(1)
	if p.gate != nil {
		<-p.gate
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return []byte(p.body), p.err
}

func (p *idp) publish(body string, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.body, p.err = body, err
}

func (p *idp) advance(d time.Duration) { p.nanos.Add(int64(d)) }

func (p *idp) accepts(t *testing.T, jwt string) {
	t.Helper()
	payload, err := p.VerifySignature(t.Context(), jwt)
	if err != nil || string(payload) != claims {
		t.Fatalf("VerifySignature = %q, %v; want the claims", payload, err)
	}
}

func (p *idp) refuses(t *testing.T, jwt string, want error) {
	t.Helper()
	payload, err := p.VerifySignature(t.Context(), jwt)
	if payload != nil || !errors.Is(err, want) {
		t.Fatalf("VerifySignature = %q, %v; want error %v", payload, err, want)
	}
}

func (p *idp) wantFetches(t *testing.T, want int32) {
	t.Helper()
	if got := p.fetches.Load(); got != want {
		t.Fatalf("%d fetches, want %d", got, want)
	}
}
