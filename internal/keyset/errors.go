package keyset

import "errors"

// What can be wrong with a token, or with the keys for it. No error text of this package quotes a token, a key ID or a
// key set: all three come from outside.
var (
	// ErrMalformed is a token that is not a JWT in the compact serialisation of RFC 7515 section 7.1 with one
	// signature, that is longer than MaxTokenLength, or whose header asks for an extension (crit, b64).
	ErrMalformed = errors.New("keyset: malformed token")
	// ErrAlgorithm is a token whose alg is not one of the ten that this package verifies. "none" and the HMAC
	// algorithms are never among them.
	ErrAlgorithm = errors.New("keyset: the token's algorithm is not allowed")
	// ErrNoKey is a token for which the key set has no usable key: none with its kid, or none of a type that fits its
	// alg. The keys were fetched again to look for it, unless a token had caused that less than Policy.Cooldown ago.
	ErrNoKey = errors.New("keyset: the key set has no key for the token")
	// ErrNoKeyID is a token without a kid when more than MaxTries keys could have signed it.
	ErrNoKeyID = errors.New("keyset: the token names no key and too many keys could have signed it")
	// ErrSignature is a token whose signature does not fit the keys that it could have been made with.
	ErrSignature = errors.New("keyset: the token's signature is wrong")
	// ErrDocument is a key set that is not one: no strict JSON (the *strictjson.Error is wrapped with it), or no
	// array "keys". It comes within a FetchError.
	ErrDocument = errors.New("keyset: not a JSON Web Key Set")
)

// FetchError says that the keys needed for a decision could not be had. It is no statement about the token.
type FetchError struct {
	// Err is the fetch's own error, ErrDocument, or the cause of the caller's context.
	Err error
}

// Error gives the text of Err after a few words.
func (e *FetchError) Error() string { return "keyset: the keys could not be fetched: " + e.Err.Error() }

// Unwrap returns Err.
func (e *FetchError) Unwrap() error { return e.Err }
