// Package keyset verifies the signatures of JSON Web Tokens with the keys that an OpenID provider publishes as a JSON
// Web Key Set (RFC 7517). A Set is a go-oidc KeySet.
//
// Both the token and the key set may come from an attacker. What a token can cost is bounded: in bytes, in signature
// operations (MaxTries) and in fetches (fresh.Policy). Only the argument is verified: nothing is taken from the context
// but its end.
package keyset

import (
	"context"
	"crypto"
	"errors"
	"slices"

	"github.com/oidcsso/oidcsso/internal/fresh"
)

// MaxTries is how many keys are tried on one token.
const MaxTries = 4

// Set is the key set of one IdP. Make it with New. It is safe for concurrent use. Two Sets for the same IdP have each
// their own budget of fetches, so that tokens sent to one endpoint cannot use up that of another.
type Set struct {
	documents *fresh.Value[*document]
}

// New returns the key set that fetch reads, which has to bound the length of what it returns. It does not call fetch.
// The Policy is kept: a key that the IdP has withdrawn is used no more after the first good fetch, and at the latest
// when Policy.Hard has passed; Policy.Cooldown is how often tokens that fit no known key can cause a good fetch, and
// Policy.RetryMin up to RetryMax how often they can cause one that fails.
func New(p *fresh.Policy, fetch func(context.Context) ([]byte, error)) *Set {
	return &Set{fresh.New(p, parsed(fetch))}
}

// NewWatched is New, and ended is told what came of each fetch: the error, also that of a key set that can't be read, or nil.
func NewWatched(p *fresh.Policy, fetch func(context.Context) ([]byte, error), ended func(context.Context, error)) *Set {
	return &Set{fresh.New(p, fresh.Watched(parsed(fetch), ended))}
}

func parsed(fetch func(context.Context) ([]byte, error)) func(context.Context) (*document, error) {
	return func(ctx context.Context) (*document, error) {
		body, err := fetch(ctx)
		if err != nil {
			return nil, err
		}
		return parseDocument(body)
	}
}

// Token is a token whose signature was verified.
type Token struct {
	// Algorithm is the alg of its header, one of the ten, and Type the typ, or empty.
	Algorithm, Type string
	// Payload is as it was signed: no claim has been looked at.
	Payload []byte
}

// VerifySignature is [Set.Verify] for go-oidc: it returns the payload alone.
func (s *Set) VerifySignature(ctx context.Context, jwt string) ([]byte, error) {
	t, err := s.Verify(ctx, jwt)
	return t.Payload, err
}

// Verify verifies the signature of a token.
//
// The algorithms are RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512 and EdDSA with Ed25519. A token with
// a kid is verified with the keys of that kid only. One without, or with an empty one, is verified with the keys that
// fit its alg, if there are at most MaxTries. If no key fits or the signature is wrong, the IdP may have changed its
// keys (OpenID Connect Core section 10.1.1), or even put a new key under an old kid: the keys are fetched again, and
// those that are new are tried. That holds for keys fetched a moment ago too, since they may have been changed between
// the Prefetch at the start of a sign-in and its end. Whatever tokens come, keys are fetched again in this way with
// success at most once per Policy.Cooldown, and after a failure not before the retry delay.
//
// The error is or wraps ErrMalformed, ErrAlgorithm, ErrNoKey, ErrNoKeyID or ErrSignature; a *FetchError if there are no
// keys young enough, or none for the token and they could not be fetched again; or the cause of ctx.
func (s *Set) Verify(ctx context.Context, jwt string) (Token, error) {
	t, err := parseToken(jwt)
	if err != nil {
		return Token{}, err
	}
	v := verification{token: t}
	if err := s.verify(ctx, &v); err != nil { //check:signature
		return Token{}, err
	}
	return Token{Algorithm: t.alg, Type: t.typ, Payload: t.payload}, nil
}

func (s *Set) verify(ctx context.Context, v *verification) error {
	known, err := s.documents.Get(ctx)
	if err != nil {
		return &FetchError{err}
	}
	err = v.with(ctx, known)
	if !errors.Is(err, ErrNoKey) && !errors.Is(err, ErrSignature) {
		return err
	}
	renewed, failure := s.documents.Renew(ctx)
	if renewed != nil && renewed != known {
		err = v.with(ctx, renewed)
	} else if ctx.Err() != nil {
		return &FetchError{context.Cause(ctx)} // leaving early must not look like a forgery
	}
	if failure != nil && errors.Is(err, ErrNoKey) {
		return &FetchError{failure}
	}
	return err
}

// Prefetch starts to fetch the keys if they are not there or due for a refresh. It does not wait.
func (s *Set) Prefetch() { s.documents.Warm() }

// Summary says what a key set holds.
type Summary struct {
	// Usable is the number of keys that signatures are verified with.
	Usable int
	// Skipped is the rest, by reason, in the order of the document.
	Skipped []Skipped
}

// Summary fetches the keys if it has none, and says what they are. The error is a *FetchError.
func (s *Set) Summary(ctx context.Context) (Summary, error) {
	d, err := s.documents.Get(ctx)
	if err != nil {
		return Summary{}, &FetchError{err}
	}
	return Summary{Usable: len(d.keys), Skipped: slices.Clone(d.skipped)}, nil
}

// Algorithms fetches the keys if it has none, and gives the algorithms that some usable key is for, sorted. The error is a
// *FetchError.
func (s *Set) Algorithms(ctx context.Context) ([]string, error) {
	d, err := s.documents.Get(ctx)
	if err != nil {
		return nil, &FetchError{err}
	}
	return d.algorithms(), nil
}

// verification is one token and the keys that were tried on it.
type verification struct {
	token *token
	tried [MaxTries]crypto.PublicKey
	tries int // how many of tried are used
}

// with tries the keys of d that the token could have been signed with, but none twice.
func (v *verification) with(ctx context.Context, d *document) error {
	candidates := 0
	for i := range d.keys {
		if d.keys[i].accepts(v.token) {
			candidates++
		}
	}
	if candidates == 0 {
		return ErrNoKey
	}
	if v.token.kid == "" && candidates > MaxTries { //check:kid-required
		return ErrNoKeyID
	}
	for i := range d.keys {
		public := d.keys[i].public
		if v.tries == MaxTries { //check:key-tries
			break
		}
		if !d.keys[i].accepts(v.token) || v.hasTried(public) {
			continue
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		v.tried[v.tries] = public
		v.tries++
		if v.token.algorithm.verify(public, v.token.signed, v.token.signature) {
			return nil
		}
	}
	return ErrSignature
}

func (v *verification) hasTried(public crypto.PublicKey) bool {
	for _, tried := range v.tried[:v.tries] {
		if tried.(interface{ Equal(crypto.PublicKey) bool }).Equal(public) {
			return true
		}
	}
	return false
}
