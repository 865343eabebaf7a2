package keyset

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"math"
	"math/big"
	"slices"

	"github.com/oidcsso/oidcsso/internal/strictjson"
)

// Bounds of a key. RSA cost grows with the third power of the modulus, and no deadline stops it: a modulus of a million
// bits keeps a processor busy for half a minute.
const (
	minModulusBits = 2048
	maxModulusBits = 8192
	maxExponent    = math.MaxInt32 // the greatest that crypto/rsa verifies with
	maxKeyIDLength = 1024
)

// key is one key that may verify signatures.
type key struct {
	id     string // kid; empty if there is none
	alg    string // empty if the key is for every alg that fits it
	public crypto.PublicKey
}

// accepts says whether a token with this header could have been signed with the key.
func (k *key) accepts(t *token) bool {
	return (t.kid == "" || t.kid == k.id) && (k.alg == "" || k.alg == t.alg) && t.algorithm.fits(k.public) //check:key-match
}

// Why a key of a set is skipped. RFC 7517 section 5 wants keys that are not understood to be ignored one by one, so that
// an IdP can introduce new kinds of keys.
const (
	skipNotObject  = "not an object"
	skipKeyType    = "kty is not RSA, EC or OKP"
	skipSymmetric  = "a symmetric key"
	skipPrivate    = "a private key has been published"
	skipUse        = "use is not sig"
	skipOperations = "key_ops is without verify"
	skipAlgorithm  = "alg is not supported"
	skipMismatch   = "alg is for another type of key or curve"
	skipKeyID      = "kid is not a string or too long"
	skipModulus    = "the RSA modulus is not an odd number of 2048 to 8192 bits"
	skipExponent   = "the RSA exponent is not an odd number of at least 3 and at most 31 bits"
	skipCurve      = "crv is not supported"
	skipPoint      = "x and y are not a point on the curve"
	skipEd25519    = "x is not 32 bytes"
	skipSurplus    = "after 64 usable keys"
)

// parseKey reads one JSON Web Key (RFC 7517 section 4), or says why it is skipped. Certificates (x5c, x5t, x5u) are not
// looked at.
func parseKey(value strictjson.Value) (k key, skip string) {
	object, ok := value.Object()
	if !ok {
		return key{}, skipNotObject
	}
	if skip := purpose(object); skip != "" {
		return key{}, skip
	}
	if k.id, ok = optionalText(object, "kid"); !ok || len(k.id) > maxKeyIDLength { //check:key-id
		return key{}, skipKeyID
	}
	if k.public, skip = material(object); skip != "" {
		return key{}, skip
	}
	if k.alg, ok = optionalText(object, "alg"); !ok { //check:key-algorithm
		return key{}, skipAlgorithm
	}
	if k.alg != "" {
		algorithm, ok := algorithms[k.alg]
		if !ok { //check:key-algorithm
			return key{}, skipAlgorithm
		}
		if !algorithm.fits(k.public) { //check:key-algorithm
			return key{}, skipMismatch
		}
	}
	return k, ""
}

// purpose refuses keys that are not meant to verify signatures (RFC 7517 sections 4.2 and 4.3), and those whose private
// half anybody could have read.
func purpose(object strictjson.Object) (skip string) {
	for _, name := range []string{"d", "p", "q", "dp", "dq", "qi", "oth"} { // RFC 7518 sections 6.2.2 and 6.3.2
		if _, ok := object.Get(name); ok { //check:private-key
			return skipPrivate
		}
	}
	if value, ok := object.Get("use"); ok {
		if use, _ := value.Text(); use != "sig" { //check:key-use
			return skipUse
		}
	}
	if value, ok := object.Get("key_ops"); ok {
		if operations, _ := value.Texts(); !slices.Contains(operations, "verify") { //check:key-operations
			return skipOperations
		}
	}
	return ""
}

func material(object strictjson.Object) (public crypto.PublicKey, skip string) {
	kty, _ := optionalText(object, "kty")
	switch kty {
	case "RSA":
		return rsaKey(object)
	case "EC":
		return ecKey(object)
	case "OKP":
		return okpKey(object)
	case "oct":
		return nil, skipSymmetric
	}
	return nil, skipKeyType
}

// rsaKey reads RFC 7518 section 6.3.1. Lengths are checked before any number is made of the octets.
func rsaKey(object strictjson.Object) (public crypto.PublicKey, skip string) {
	n := number(object, "n", maxModulusBits/8)
	if len(n) < minModulusBits/8 || n[len(n)-1]&1 == 0 { //check:rsa-small
		return nil, skipModulus
	}
	modulus := new(big.Int).SetBytes(n)
	if modulus.BitLen() < minModulusBits { //check:rsa-small
		return nil, skipModulus
	}
	var exponent uint32
	for _, octet := range number(object, "e", 4) {
		exponent = exponent<<8 | uint32(octet)
	}
	if exponent < 3 || exponent > maxExponent || exponent%2 == 0 { //check:rsa-exponent
		return nil, skipExponent
	}
	return &rsa.PublicKey{N: modulus, E: int(exponent)}, ""
}

// ecKey reads RFC 7518 section 6.2.1, where both coordinates have the full length.
func ecKey(object strictjson.Object) (public crypto.PublicKey, skip string) {
	var curve elliptic.Curve
	switch crv, _ := optionalText(object, "crv"); crv {
	case "P-256":
		curve = elliptic.P256()
	case "P-384":
		curve = elliptic.P384()
	case "P-521":
		curve = elliptic.P521()
	default:
		return nil, skipCurve
	}
	size := coordinateSize(curve)
	x, y := octets(object, "x", size), octets(object, "y", size)
	if len(x) != size || len(y) != size { //check:key-point
		return nil, skipPoint
	}
	const uncompressed = 4 // SEC 1 section 2.3.3
	point, err := ecdsa.ParseUncompressedPublicKey(curve, slices.Concat([]byte{uncompressed}, x, y))
	if err != nil { //check:key-point
		return nil, skipPoint
	}
	return point, ""
}

// okpKey reads RFC 8037 section 2. Of its curves only Ed25519 is for signatures that this package verifies.
func okpKey(object strictjson.Object) (public crypto.PublicKey, skip string) {
	if crv, _ := optionalText(object, "crv"); crv != "Ed25519" { //check:ed25519-key
		return nil, skipCurve
	}
	x := octets(object, "x", ed25519.PublicKeySize)
	if len(x) != ed25519.PublicKeySize { //check:ed25519-key
		return nil, skipEd25519
	}
	return ed25519.PublicKey(x), ""
}

// number is an unsigned big-endian number of at most size octets, without leading zeros; nil if there is none. One zero
// octet too many is tolerated, because some IdPs write their numbers with a sign.
func number(object strictjson.Object, name string, size int) []byte {
	digits := bytes.TrimLeft(octets(object, name, size+1), "\x00")
	if len(digits) > size { //check:rsa-large
		return nil
	}
	return digits
}

// octets decodes a base64url member of at most limit octets; nil if there is none. Longer text is not decoded.
func octets(object strictjson.Object, name string, limit int) []byte {
	value, _ := object.Get(name)
	text, _ := value.Text()
	if len(text) > strictBase64URL.EncodedLen(limit) { //check:rsa-large
		return nil
	}
	data, err := appendDecoded(nil, []byte(text))
	if err != nil {
		return nil
	}
	return data
}

// optionalText is empty if the member is not there, and not ok if it is there and no string.
func optionalText(object strictjson.Object, name string) (text string, ok bool) {
	value, ok := object.Get(name)
	if !ok {
		return "", true
	}
	return value.Text()
}
