package keyset

import (
	"crypto"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"fmt"
	"math/big"
	"slices"
	"testing"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"
)

var _ oidc.KeySet = (*Set)(nil)

// allAlgs is the list of the ten, written down a second time so that no algorithm is added by accident.
var allAlgs = []jose.SignatureAlgorithm{
	jose.RS256, jose.RS384, jose.RS512,
	jose.PS256, jose.PS384, jose.PS512,
	jose.ES256, jose.ES384, jose.ES512,
	jose.EdDSA,
}

func joseSign(t *testing.T, signer crypto.Signer, alg jose.SignatureAlgorithm, id string) string {
	t.Helper()
	key := jose.SigningKey{Algorithm: alg, Key: jose.JSONWebKey{Key: signer, KeyID: id}}
	s, err := jose.NewSigner(key, (&jose.SignerOptions{}).WithType("JWT"))
	if err != nil {
		t.Fatal(err)
	}
	jws, err := s.Sign([]byte(claims))
	if err != nil {
		t.Fatal(err)
	}
	compact, err := jws.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return compact
}

// joseAccepts asks go-jose, which shares no code with this package.
func joseAccepts(jwt string, publics ...crypto.PublicKey) bool {
	jws, err := jose.ParseSignedCompact(jwt, allAlgs)
	if err != nil {
		return false
	}
	for _, public := range publics {
		if _, err := jws.Verify(public); err == nil {
			return true
		}
	}
	return false
}

func TestExactlyTenAlgorithms(t *testing.T) {
	t.Parallel()
	if len(algorithms) != len(allAlgs) {
		t.Fatalf("%d algorithms", len(algorithms))
	}
	for _, alg := range allAlgs {
		if _, ok := algorithms[string(alg)]; !ok {
			t.Errorf("%s is missing", alg)
		}
	}
}

func TestEveryAlgorithmAgreesWithGoJose(t *testing.T) {
	t.Parallel()
	for _, alg := range allAlgs {
		t.Run(string(alg), func(t *testing.T) {
			t.Parallel()
			signer := signers[string(alg)]()
			public := signer.Public()
			p := newIDP(jwks(jwk(public, kid("k1"), fmt.Sprintf(`"use":"sig","alg":%q`, alg))))

			p.accepts(t, joseSign(t, signer, alg, "k1"))
			p.accepts(t, joseSign(t, signer, alg, ""))

			ours := signed(signer, string(alg), "k1")
			p.accepts(t, ours)
			if !joseAccepts(ours, public) {
				t.Error("go-jose refuses the token of the standard library")
			}
			p.wantFetches(t, 1)
		})
	}
}

func TestEveryKeyAgreesWithGoJose(t *testing.T) {
	t.Parallel()
	for name, signer := range map[string]crypto.Signer{
		"RSA 2048": rsa2048(), "RSA 4096": rsa4096(), "P-256": p256(), "P-384": p384(), "P-521": p521(), "Ed25519": edKey(),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			theirs, err := (&jose.JSONWebKey{Key: signer.Public(), KeyID: "k1", Use: "sig"}).MarshalJSON()
			if err != nil {
				t.Fatal(err)
			}
			for form, body := range map[string]string{"go-jose": jwks(string(theirs)), "ours": jwks(jwk(signer.Public(), kid("k1")))} {
				d, err := parseDocument([]byte(body))
				if err != nil || len(d.keys) != 1 {
					t.Fatalf("%s: %+v, %v", form, d, err)
				}
				if !signer.Public().(interface{ Equal(crypto.PublicKey) bool }).Equal(d.keys[0].public) {
					t.Fatalf("%s: another key came out", form)
				}
			}
		})
	}
}

// go-jose refuses RSA keys above 4096 bits; some IdPs have them.
func TestRSAKeyOf8192BitsIsVerifiedWith(t *testing.T) {
	t.Parallel()
	p := newIDP(jwks(jwk(rsa8192().Public(), kid("k1"))))
	p.accepts(t, signed(rsa8192(), "RS256", "k1"))
	p.accepts(t, signed(rsa8192(), "PS512", "k1"))
}

func TestExamplesOfTheSpecifications(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ key, jwt, payload string }{
		"RFC 7515 appendix A.3 (ES256)": {
			`{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",` +
				`"y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}`,
			"eyJhbGciOiJFUzI1NiJ9." +
				"eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ." +
				"DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q",
			"{\"iss\":\"joe\",\r\n \"exp\":1300819380,\r\n \"http://example.com/is_root\":true}",
		},
		"RFC 8037 appendix A.4 (Ed25519)": {
			`{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}`,
			"eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc." +
				"hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg",
			"Example of Ed25519 signing",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			payload, err := newIDP(jwks(tc.key)).VerifySignature(t.Context(), tc.jwt)
			if err != nil || string(payload) != tc.payload {
				t.Fatalf("%q, %v", payload, err)
			}
		})
	}
}

// A token that is signed with one algorithm and says another is refused, whatever keys there are.
func TestNoAlgorithmPassesForAnother(t *testing.T) {
	t.Parallel()
	p := newIDP(jwks(jwk(rsa2048().Public()), jwk(p256().Public()), jwk(p384().Public()), jwk(p521().Public()),
		jwk(edKey().Public())))
	for _, made := range allAlgs {
		for _, said := range allAlgs {
			jwt := sign(signers[string(made)](), string(made), fmt.Sprintf(`{"alg":%q}`, said))
			if made == said {
				p.accepts(t, jwt)
			} else {
				p.refuses(t, jwt, ErrSignature)
			}
		}
	}
}

func TestSignatureIsRefused(t *testing.T) {
	t.Parallel()
	p := newIDP(jwks(jwk(rsa2048().Public(), kid("rsa")), jwk(p256().Public(), kid("ec")), jwk(edKey().Public(), kid("ed"))))
	with := func(alg, id string, change func(signed, signature []byte) []byte) string {
		header := fmt.Sprintf(`{"alg":%q,"kid":%q}`, alg, id)
		text := b64([]byte(header)) + "." + b64([]byte(claims))
		s := signature(signers[alg](), alg, []byte(text), rsa.PSSSaltLengthEqualsHash)
		return text + "." + b64(change([]byte(text), s))
	}
	for name, jwt := range map[string]string{
		"RSA: one bit flipped": with("RS256", "rsa", func(_, s []byte) []byte { s[9] ^= 1; return s }),
		"RSA: too short":       with("RS256", "rsa", func(_, s []byte) []byte { return s[1:] }),
		"RSA: zero in front":   with("RS256", "rsa", func(_, s []byte) []byte { return append([]byte{0}, s...) }),
		"RSA: all zeros":       with("RS256", "rsa", func(_, s []byte) []byte { return make([]byte, len(s)) }),
		"RSA: one":             with("RS256", "rsa", func(_, s []byte) []byte { s = make([]byte, len(s)); s[len(s)-1] = 1; return s }),
		"RSA: another key":     signed(rsaOther(), "RS256", "rsa"),
		"PSS: salt of 31 bytes": with("PS256", "rsa", func(text, _ []byte) []byte {
			return signature(rsa2048(), "PS256", text, 31)
		}),
		"PSS: salt of one byte": with("PS256", "rsa", func(text, _ []byte) []byte {
			return signature(rsa2048(), "PS256", text, 1)
		}),
		"EC: one bit flipped":             with("ES256", "ec", func(_, s []byte) []byte { s[9] ^= 1; return s }),
		"EC: R and S zero":                with("ES256", "ec", func(_, s []byte) []byte { return make([]byte, len(s)) }),
		"EC: S is zero":                   with("ES256", "ec", func(_, s []byte) []byte { return append(s[:32], make([]byte, 32)...) }),
		"EC: DER instead of R and S":      with("ES256", "ec", func(text, _ []byte) []byte { return derSignature(text) }),
		"EC: one byte longer":             with("ES256", "ec", func(_, s []byte) []byte { return append(s, 0) }),
		"EC: zero in front of S":          with("ES256", "ec", func(_, s []byte) []byte { return slices.Insert(s, 32, 0) }),
		"EC: zero in front of both":       with("ES256", "ec", func(_, s []byte) []byte { return padded(s) }),
		"EC: another key":                 signed(newEC(elliptic.P256()), "ES256", "ec"),
		"Ed25519: one bit flipped":        with("EdDSA", "ed", func(_, s []byte) []byte { s[9] ^= 1; return s }),
		"Ed25519: too short":              with("EdDSA", "ed", func(_, s []byte) []byte { return s[:63] }),
		"Ed25519: too long":               with("EdDSA", "ed", func(_, s []byte) []byte { return append(s, 0) }),
		"Ed25519: S with the order added": with("EdDSA", "ed", func(_, s []byte) []byte { return plusOrder(s) }),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p.refuses(t, jwt, ErrSignature)
		})
	}
}

// derSignature signs as most libraries do outside of JWS.
func derSignature(text []byte) []byte {
	digest := sha256.Sum256(text)
	der, err := p256().Sign(rand.Reader, digest[:], crypto.SHA256)
	if err != nil {
		panic(err)
	}
	return der
}

// padded gives R and S of ES256 one byte more each, the value unchanged.
func padded(s []byte) []byte {
	return slices.Concat([]byte{0}, s[:32], []byte{0}, s[32:])
}

// plusOrder adds the order of the group to S of an Ed25519 signature, which is the same S to a lenient verifier
// (RFC 8032 section 5.1.7 demands the check).
func plusOrder(s []byte) []byte {
	order, _ := new(big.Int).SetString("27742317777372353535851937790883648493", 10)
	order.Add(order, new(big.Int).Lsh(big.NewInt(1), 252))
	littleEndian := slices.Clone(s[32:])
	slices.Reverse(littleEndian)
	sum := order.Add(order, new(big.Int).SetBytes(littleEndian)).FillBytes(make([]byte, 32))
	slices.Reverse(sum)
	return append(s[:32], sum...)
}
