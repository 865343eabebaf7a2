package oidcsso_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/oidcsso/oidcsso"
	"github.com/oidcsso/oidcsso/oidcssotest"
)

// forger has a key of their own and writes headers as they please.
type forger struct {
	key     *ecdsa.PrivateKey
	publish map[string]any // as a JWK
	idpKid  string         // the identity provider's
}

func newForger(kid string) *forger {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	point, err := key.PublicKey.Bytes()
	if err != nil {
		panic(err)
	}
	return &forger{key: key, publish: map[string]any{
		"kty": "EC", "crv": "P-256", "kid": kid, "x": base64url(string(point[1:33])), "y": base64url(string(point[33:])),
	}}
}

func (f *forger) jwkText() string {
	text, err := json.Marshal(f.publish)
	if err != nil {
		panic(err)
	}
	return string(text)
}

// sign makes a JWS with ES256, whatever the header says.
func (f *forger) sign(header, payload string) string {
	input := base64url(header) + "." + base64url(payload)
	digest := sha256.Sum256([]byte(input))
	r, s, err := ecdsa.Sign(rand.Reader, f.key, digest[:])
	if err != nil {
		panic(err)
	}
	var signature [64]byte
	r.FillBytes(signature[:32])
	s.FillBytes(signature[32:])
	return input + "." + base64url(string(signature[:]))
}

// forged is the identity provider's ID token, signed by a forger. prepare publishes the forger's key in the JWKS; nil: it is
// not there.
func forged(name string, prepare func(*forger), header func(*forger) string) attack {
	return attack{name: name, code: oidcsso.CodeTokenRejected, before: func(tr *trial) {
		f := newForger("forger")
		tr.faults(func(faults *oidcssotest.Faults) {
			if prepare != nil {
				prepare(f)
				faults.ExtraKeys = []any{f.publish}
			}
			faults.IDToken = func(token string) string {
				f.idpKid = kidOf(token)
				return f.sign(header(f), payloadOf(token))
			}
		})
	}}
}

func publishedKey(*forger) {}

func forgersHeader(*forger) string { return `{"alg":"ES256","kid":"forger"}` }

func base64url(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }

func payloadOf(token string) string { return partOf(token, 1) }

func kidOf(token string) string {
	var header struct{ Kid string }
	if err := json.Unmarshal([]byte(partOf(token, 0)), &header); err != nil {
		panic(err)
	}
	return header.Kid
}

func partOf(token string, i int) string {
	part, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[i])
	if err != nil {
		panic(fmt.Sprintf("the test's identity provider made no JWT: %v", err))
	}
	return string(part)
}
