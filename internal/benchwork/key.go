// Package benchwork is what the benchmarks of the root package and of the module bench share: keys, ID tokens as an ordinary
// identity provider signs them, and the bare work of verifying one, the limit that both compare with. Nothing that users
// import reaches it.
package benchwork

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"sync"
)

// Key signs ID tokens with one algorithm. Its kid is the name of the algorithm.
type Key struct {
	// Alg is RS256 (2048 bits), ES256 or EdDSA (Ed25519).
	Alg     string
	public  crypto.PublicKey
	private crypto.Signer // nil for a key that was published
}

// Keys are one key of each algorithm, made once per process.
var Keys = sync.OnceValue(func() []*Key {
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	onCurve, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	_, edwards, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		panic(err)
	}
	return []*Key{{"RS256", private.Public(), private}, {"ES256", onCurve.Public(), onCurve}, {"EdDSA", edwards.Public(), edwards}}
})

// KeyFor is the key for an algorithm.
func KeyFor(alg string) *Key {
	for _, k := range Keys() {
		if k.Alg == alg {
			return k
		}
	}
	panic("benchwork: no key for " + alg)
}

// jwk is a key as it is published (RFC 7517, 4; RFC 7518, 6; RFC 8037, 2).
type jwk struct {
	ID  string `json:"kid"`
	Alg string `json:"alg"`
	Use string `json:"use"`
	Kty string `json:"kty"`
	Crv string `json:"crv,omitempty"`
	X   string `json:"x,omitempty"`
	Y   string `json:"y,omitempty"`
	N   string `json:"n,omitempty"`
	E   string `json:"e,omitempty"`
}

type keySet struct {
	Keys []jwk `json:"keys"`
}

// JWKS is the key set (RFC 7517, 5) of the keys.
func JWKS(keys ...*Key) string {
	var set keySet
	for _, k := range keys {
		set.Keys = append(set.Keys, k.jwk())
	}
	text, err := json.Marshal(set)
	if err != nil {
		panic(err)
	}
	return string(text)
}

func (k *Key) jwk() jwk {
	j := jwk{ID: k.Alg, Alg: k.Alg, Use: "sig"}
	switch public := k.public.(type) {
	case *rsa.PublicKey:
		j.Kty, j.N, j.E = "RSA", encode(public.N.Bytes()), encode(big.NewInt(int64(public.E)).Bytes())
	case *ecdsa.PublicKey:
		point, err := public.Bytes()
		if err != nil {
			panic(err)
		}
		j.Kty, j.Crv, j.X, j.Y = "EC", "P-256", encode(point[1:33]), encode(point[33:])
	case ed25519.PublicKey:
		j.Kty, j.Crv, j.X = "OKP", "Ed25519", encode(public)
	}
	return j
}

// ParseRSA is the bare work of reading a key set: its first key, which is of RSA.
func ParseRSA(text []byte) (*Key, error) {
	var set keySet
	if err := json.Unmarshal(text, &set); err != nil {
		return nil, err
	}
	if len(set.Keys) == 0 || set.Keys[0].Kty != "RSA" {
		return nil, errors.New("benchwork: no key of RSA")
	}
	n, err := base64.RawURLEncoding.DecodeString(set.Keys[0].N)
	if err != nil {
		return nil, err
	}
	e, err := base64.RawURLEncoding.DecodeString(set.Keys[0].E)
	if err != nil {
		return nil, err
	}
	public := &rsa.PublicKey{N: new(big.Int).SetBytes(n), E: int(new(big.Int).SetBytes(e).Int64())}
	return &Key{Alg: set.Keys[0].Alg, public: public}, nil
}

// Sign makes the token of the claims: a JWS in compact form (RFC 7515, 7.1).
func (k *Key) Sign(claims any) string {
	payload, err := json.Marshal(claims)
	if err != nil {
		panic(err)
	}
	input := k.input(payload)
	var signature []byte
	switch private := k.private.(type) {
	case *rsa.PrivateKey:
		digest := sha256.Sum256([]byte(input))
		signature, err = rsa.SignPKCS1v15(nil, private, crypto.SHA256, digest[:])
	case *ecdsa.PrivateKey:
		digest := sha256.Sum256([]byte(input))
		var r, s *big.Int
		if r, s, err = ecdsa.Sign(rand.Reader, private, digest[:]); err == nil {
			signature = append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...)
		}
	case ed25519.PrivateKey:
		signature = ed25519.Sign(private, []byte(input))
	}
	if err != nil {
		panic(err)
	}
	return input + "." + encode(signature)
}

// Forge makes a token with a signature of the right length that is wrong.
func (k *Key) Forge(claims any) string {
	payload, err := json.Marshal(claims)
	if err != nil {
		panic(err)
	}
	length := 64
	if public, ok := k.public.(*rsa.PublicKey); ok {
		length = public.Size()
	}
	return k.input(payload) + "." + encode(make([]byte, length))
}

func (k *Key) input(payload []byte) string {
	return encode(fmt.Appendf(nil, `{"alg":%q,"kid":%q,"typ":"JWT"}`, k.Alg, k.Alg)) + "." + encode(payload)
}

// Verify is the bare work: the signature, and the payload into a struct. It looks at no claim, and not at the header.
func (k *Key) Verify(token string, claims any) error {
	dot := strings.LastIndexByte(token, '.')
	if dot < 0 {
		return errors.New("benchwork: not a token")
	}
	signature, err := base64.RawURLEncoding.DecodeString(token[dot+1:])
	if err != nil {
		return err
	}
	if !k.signed([]byte(token[:dot]), signature) {
		return errors.New("benchwork: the signature is wrong")
	}
	_, payload, _ := strings.Cut(token[:dot], ".")
	body, err := base64.RawURLEncoding.DecodeString(payload)
	if err != nil {
		return err
	}
	return json.Unmarshal(body, claims)
}

func (k *Key) signed(input, signature []byte) bool {
	switch public := k.public.(type) {
	case *rsa.PublicKey:
		digest := sha256.Sum256(input)
		return rsa.VerifyPKCS1v15(public, crypto.SHA256, digest[:], signature) == nil
	case *ecdsa.PublicKey:
		if len(signature) != 64 {
			return false
		}
		digest := sha256.Sum256(input)
		return ecdsa.Verify(public, digest[:], new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:]))
	case ed25519.PublicKey:
		return ed25519.Verify(public, input, signature)
	}
	return false
}

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }
