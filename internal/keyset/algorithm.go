package keyset

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	_ "crypto/sha256" // for crypto.SHA256
	_ "crypto/sha512" // for crypto.SHA384 and crypto.SHA512
	"math/big"
)

type scheme uint8

const (
	rsaPKCS1 scheme = iota // RFC 7518 section 3.3
	rsaPSS                 // RFC 7518 section 3.5
	ecdsaRS                // RFC 7518 section 3.4: R and S side by side
	eddsa                  // RFC 8037 section 3.1, with Ed25519 only
)

type algorithm struct {
	scheme scheme
	hash   crypto.Hash
	curve  elliptic.Curve
}

// algorithms is all that this package verifies. What is missing is missing on purpose: with a symmetric algorithm, a
// public key could be taken for the secret.
var algorithms = map[string]algorithm{
	"RS256": {scheme: rsaPKCS1, hash: crypto.SHA256},
	"RS384": {scheme: rsaPKCS1, hash: crypto.SHA384},
	"RS512": {scheme: rsaPKCS1, hash: crypto.SHA512},
	"PS256": {scheme: rsaPSS, hash: crypto.SHA256},
	"PS384": {scheme: rsaPSS, hash: crypto.SHA384},
	"PS512": {scheme: rsaPSS, hash: crypto.SHA512},
	"ES256": {scheme: ecdsaRS, hash: crypto.SHA256, curve: elliptic.P256()},
	"ES384": {scheme: ecdsaRS, hash: crypto.SHA384, curve: elliptic.P384()},
	"ES512": {scheme: ecdsaRS, hash: crypto.SHA512, curve: elliptic.P521()},
	"EdDSA": {scheme: eddsa},
}

// fits says whether the algorithm is for keys of this type and curve.
func (a algorithm) fits(public crypto.PublicKey) bool {
	switch public := public.(type) {
	case *rsa.PublicKey:
		return a.scheme == rsaPKCS1 || a.scheme == rsaPSS
	case *ecdsa.PublicKey:
		return a.scheme == ecdsaRS && a.curve == public.Curve //check:key-curve
	case ed25519.PublicKey:
		return a.scheme == eddsa
	}
	return false
}

// verify says whether signature is one over signed by the owner of public, which fits.
func (a algorithm) verify(public crypto.PublicKey, signed, signature []byte) bool {
	if a.scheme == eddsa {
		return ed25519.Verify(public.(ed25519.PublicKey), signed, signature)
	}
	hash := a.hash.New()
	hash.Write(signed)
	digest := hash.Sum(nil)
	switch a.scheme {
	case rsaPKCS1:
		return rsa.VerifyPKCS1v15(public.(*rsa.PublicKey), a.hash, digest, signature) == nil
	case rsaPSS:
		// RFC 7518 section 3.5: the salt is as long as the hash.
		options := &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash}
		return rsa.VerifyPSS(public.(*rsa.PublicKey), a.hash, digest, signature, options) == nil
	case ecdsaRS:
		size := coordinateSize(a.curve)
		if len(signature) != 2*size { //check:ecdsa-length
			return false
		}
		r := new(big.Int).SetBytes(signature[:size])
		s := new(big.Int).SetBytes(signature[size:])
		return ecdsa.Verify(public.(*ecdsa.PublicKey), digest, r, s)
	}
	return false
}

// coordinateSize is the length in bytes of a coordinate, and of R and S.
func coordinateSize(curve elliptic.Curve) int { return (curve.Params().BitSize + 7) / 8 }
