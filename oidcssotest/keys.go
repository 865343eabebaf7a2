package oidcssotest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"math/big"
	"slices"
	"sync"
)

// key is one signing key.
type key struct {
	id, algorithm string
	signer        crypto.Signer
}

const defaultAlgorithm = "RS256"

// RotateKeys throws all signing keys away: the JWKS has a new one with a new kid and nothing else.
func (p *IdP) RotateKeys() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.retired = append(p.retired, p.keys...)
	p.keys = nil
	p.currentKey(p.settings.Algorithm)
}

// RotateKeysKeepingOld makes a new signing key with a new kid. The JWKS keeps the old ones, as a sound identity provider
// does for a while.
func (p *IdP) RotateKeysKeepingOld() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.keys = append(p.keys, newKey(p.settings.Algorithm))
}

// published are all keys of the JWKS, with one for the algorithm among them.
func (p *IdP) published(algorithm string) []*key {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.currentKey(algorithm)
	return slices.Clone(p.keys)
}

// withdrawn is the key for the algorithm that was published last of those that are not any more; nil if there is none.
func (p *IdP) withdrawn(algorithm string) *key {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, k := range slices.Backward(p.retired) {
		if k.algorithm == algorithm {
			return k
		}
	}
	return nil
}

// signingKey is the newest key for the algorithm.
func (p *IdP) signingKey(algorithm string) *key {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.currentKey(algorithm)
}

// currentKey makes the key if there is none, since RSA keys take long and many tests need no token. p.mu is held.
func (p *IdP) currentKey(algorithm string) *key {
	if algorithm == "" {
		algorithm = defaultAlgorithm
	}
	for _, k := range slices.Backward(p.keys) {
		if k.algorithm == algorithm {
			return k
		}
	}
	k := newKey(algorithm)
	p.keys = append(p.keys, k)
	return k
}

// newKey makes a key with a kid that was never used. An algorithm that is not offered gets the default one's key, and
// signing says so.
func newKey(algorithm string) *key {
	if algorithm == "" {
		algorithm = defaultAlgorithm
	}
	k := &key{id: rand.Text(), algorithm: algorithm}
	switch algorithm {
	case "ES256":
		k.signer, _ = ecdsa.GenerateKey(elliptic.P256(), rand.Reader) // fails for unknown curves only
	case "EdDSA":
		_, private, _ := ed25519.GenerateKey(rand.Reader)
		k.signer = private
	default:
		k.signer = spareRSA.take()
	}
	return k
}

// rsaKeys keeps the RSA keys of identity providers that are gone, because making one takes a tenth of a second under the
// race detector and a test suite makes hundreds of identity providers. No two of them have the same key at a time.
type rsaKeys struct {
	mu    sync.Mutex
	spare []*rsa.PrivateKey
}

var spareRSA rsaKeys

func (r *rsaKeys) take() *rsa.PrivateKey {
	r.mu.Lock()
	if n := len(r.spare); n > 0 {
		k := r.spare[n-1]
		r.spare = r.spare[:n-1]
		r.mu.Unlock()
		return k
	}
	r.mu.Unlock()
	return newRSA()
}

// warm makes one ahead, so that no request that has a deadline has to wait for it.
func (r *rsaKeys) warm() {
	k := r.take()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.spare = append(r.spare, k)
}

func newRSA() *rsa.PrivateKey {
	k, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(fmt.Sprintf("oidcssotest: no RSA key: %v", err)) // the size is fixed and crypto/rand never fails
	}
	return k
}

// giveBackKeys ends the life of the IdP's keys.
func (p *IdP) giveBackKeys() {
	p.mu.Lock()
	keys := append(p.retired, p.keys...)
	p.keys, p.retired = nil, nil
	p.mu.Unlock()
	spareRSA.mu.Lock()
	defer spareRSA.mu.Unlock()
	for _, k := range keys {
		if private, ok := k.signer.(*rsa.PrivateKey); ok {
			spareRSA.spare = append(spareRSA.spare, private)
		}
	}
}

// public is the key as a JWK (RFC 7517 and RFC 8037).
func (k *key) public() map[string]any {
	jwk := map[string]any{"kid": k.id, "use": "sig", "alg": k.algorithm}
	switch public := k.signer.Public().(type) {
	case *rsa.PublicKey:
		exponent := big.NewInt(int64(public.E)).Bytes()
		jwk["kty"], jwk["n"], jwk["e"] = "RSA", encode(public.N.Bytes()), encode(exponent)
	case *ecdsa.PublicKey:
		point, _ := public.Bytes() // fails for points that are not on the curve; 4, x, y
		jwk["kty"], jwk["crv"], jwk["x"], jwk["y"] = "EC", "P-256", encode(point[1:33]), encode(point[33:])
	case ed25519.PublicKey:
		jwk["kty"], jwk["crv"], jwk["x"] = "OKP", "Ed25519", encode(public)
	}
	return jwk
}

// sign makes the signature of RFC 7518, 3 or RFC 8037, 3.1.
func (k *key) sign(input []byte) ([]byte, error) {
	digest := sha256.Sum256(input)
	switch k.algorithm {
	case "RS256":
		return k.signer.Sign(rand.Reader, digest[:], crypto.SHA256)
	case "PS256":
		return k.signer.Sign(rand.Reader, digest[:], &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: crypto.SHA256})
	case "ES256":
		r, s, err := ecdsa.Sign(rand.Reader, k.signer.(*ecdsa.PrivateKey), digest[:])
		if err != nil {
			return nil, err
		}
		var signature [64]byte
		r.FillBytes(signature[:32])
		s.FillBytes(signature[32:])
		return signature[:], nil
	case "EdDSA":
		return k.signer.Sign(rand.Reader, input, crypto.Hash(0))
	}
	return nil, fmt.Errorf("oidcssotest: there is no algorithm %q", k.algorithm)
}

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }
