package keyset

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"
	"github.com/oidcsso/oidcsso/internal/strictjson"
)

// fixed is a key set with a key of each type.
func fixed() (body string, publics []crypto.PublicKey) {
	var keys []string
	for _, signer := range []crypto.Signer{rsa2048(), p256(), p384(), p521(), edKey()} {
		publics = append(publics, signer.Public())
		keys = append(keys, jwk(signer.Public(), kid("k1")))
	}
	return jwks(keys...), publics
}

// FuzzJWKS: no key set makes the parser panic, keeps more than 64 keys, or keeps one that cannot verify.
func FuzzJWKS(f *testing.F) {
	body, _ := fixed()
	f.Add([]byte(body))
	f.Add([]byte(`{"keys":[{"kty":"RSA","n":"AQAB","e":"AQAB","alg":"RS256","use":"sig","key_ops":["verify"]}]}`))
	f.Add([]byte(`{"keys":[{"kty":"EC","crv":"P-256","x":"","y":""},{"kty":"OKP","crv":"Ed25519","x":""},null,1,[]]}`))
	f.Add([]byte(jwks(rsaJWK(odd(8192), []byte{0x7f, 0xff, 0xff, 0xff}), rsaJWK(odd(2047), []byte{3}))))
	f.Fuzz(func(t *testing.T, body []byte) {
		d, err := parseDocument(body)
		if err != nil {
			if !errors.Is(err, ErrDocument) || d != nil {
				t.Fatalf("%v, %v", d, err)
			}
			return
		}
		if len(d.keys) > MaxKeys {
			t.Fatalf("%d keys", len(d.keys))
		}
		for _, k := range d.keys {
			if len(k.id) > maxKeyIDLength {
				t.Fatalf("kid of %d bytes", len(k.id))
			}
			if k.alg != "" && !algorithms[k.alg].fits(k.public) {
				t.Fatalf("%T for %s", k.public, k.alg)
			}
			wantUsable(t, k.public)
		}
	})
}

func wantUsable(t *testing.T, public crypto.PublicKey) {
	t.Helper()
	switch public := public.(type) {
	case *rsa.PublicKey:
		if bits := public.N.BitLen(); bits < 2048 || bits > 8192 {
			t.Fatalf("RSA key of %d bits", bits)
		}
		// For a key that it cannot use, crypto/rsa has other errors than this.
		err := rsa.VerifyPKCS1v15(public, crypto.SHA256, make([]byte, 32), make([]byte, public.Size()))
		if !errors.Is(err, rsa.ErrVerification) {
			t.Fatalf("RSA key: %v", err)
		}
	case *ecdsa.PublicKey:
		if _, err := public.ECDH(); err != nil { // checks the point
			t.Fatalf("EC key: %v", err)
		}
	case ed25519.PublicKey:
		ed25519.Verify(public, nil, make([]byte, ed25519.SignatureSize)) // panics at a wrong length
	default:
		t.Fatalf("key of type %T", public)
	}
}

// FuzzToken: no token makes VerifySignature panic, and none is accepted that go-jose refuses.
func FuzzToken(f *testing.F) {
	body, publics := fixed()
	p := newIDP(body)
	for alg, signer := range signers {
		f.Add(signed(signer(), alg, "k1"))
		f.Add(signed(signer(), alg, ""))
	}
	f.Add(signed(rsaOther(), "RS256", "k1"))
	f.Add(b64([]byte(`{"alg":"none"}`)) + "." + b64([]byte(claims)) + ".")
	f.Fuzz(func(t *testing.T, jwt string) {
		payload, err := p.VerifySignature(t.Context(), jwt)
		wantVerdict(t, payload, err)
		if err == nil && !joseAccepts(jwt, publics...) {
			t.Fatalf("go-jose refuses %q", jwt)
		}
	})
}

// FuzzHeader signs whatever header comes, so that the fuzzing engine gets past the signature.
func FuzzHeader(f *testing.F) {
	body, publics := fixed()
	p := newIDP(body)
	for _, header := range []string{
		`{"alg":"EdDSA"}`, `{"alg":"EdDSA","kid":"k1","typ":"JWT"}`, `{"alg":"EdDSA","kid":""}`, `{"alg":"none"}`,
		`{"alg":"EdDSA","crit":["b64"],"b64":false}`, `{"alg":"EdDSA","alg":"none"}`, ` {"alg" : "\u0045dDSA"} `,
		`{"alg":"EdDSA","b64":true,"x5t":"AA","cty":"JWT","zip":"DEF","nonce":"n","exp":1}`,
	} {
		f.Add(header, claims)
	}
	// go-jose reads these members, and refuses a token for what is wrong in them; here they are not looked at.
	ignored := []string{"jwk", "x5c", "jku", "x5u", "x5t", "x5t#S256", "nonce", "cty", "epk", "apu", "apv", "enc", "zip", "iv", "tag", "p2c", "p2s"}
	f.Fuzz(func(t *testing.T, header, payload string) {
		jwt := signPayload(edKey(), "EdDSA", header, payload)
		got, err := p.VerifySignature(t.Context(), jwt)
		wantVerdict(t, got, err)
		if err != nil {
			return
		}
		if string(got) != payload {
			t.Fatalf("payload %q of %q", got, payload)
		}
		object, err := strictjson.Parse([]byte(header))
		if err != nil {
			t.Fatalf("header %q: %v", header, err)
		}
		if slices.ContainsFunc(object.Names(), func(name string) bool {
			return slices.ContainsFunc(ignored, func(i string) bool { return strings.EqualFold(i, name) })
		}) {
			return
		}
		if !joseAccepts(jwt, publics...) {
			_, err := jose.ParseSignedCompact(jwt, allAlgs)
			t.Fatalf("go-jose refuses header %q: %v", header, err)
		}
	})
}

// wantVerdict checks that there is a payload or one of the errors that the documentation names.
func wantVerdict(t *testing.T, payload []byte, err error) {
	t.Helper()
	if (payload != nil) != (err == nil) {
		t.Fatalf("payload %q and error %v", payload, err)
	}
	known := []error{nil, ErrMalformed, ErrAlgorithm, ErrNoKey, ErrNoKeyID, ErrSignature}
	if !slices.ContainsFunc(known, func(k error) bool { return errors.Is(err, k) }) {
		t.Fatalf("error %v", err)
	}
}
