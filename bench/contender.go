package main

import (
	"context"
	"errors"
	"net/http"

	"github.com/oidcsso/oidcsso/internal/benchwork"
)

// contender is one way to sign people in.
type contender struct {
	name string
	// open makes a client of the identity provider as a backend does at its start; some discover then, others later.
	open func(ctx context.Context, issuer string) (client, error)
	// prefetches says that it fetches the keys in the background as soon as a sign-in has begun.
	prefetches bool
	// lacks says what of the common work it does not do, and ignores which attacks it therefore does not refuse.
	lacks   string
	ignores []string
}

// The attacks that the tests try.
const (
	wrongState     = "a wrong state"
	wrongNonce     = "a wrong nonce"
	wrongSignature = "a wrong signature"
)

// The names that figures are compared by.
const (
	bareName   = "bare"
	goOIDCName = "go-oidc + x/oauth2"
	ourName    = "oidcsso"
	sealedName = "oidcsso, with the sealed cookie"
)

// client is one configured identity provider in the hands of a contender.
type client interface {
	// begin gives an authorization URL with state, nonce and PKCE, and what must be remembered meanwhile.
	begin(ctx context.Context) (string, pending, error)
	// finish turns the callback request into the subject: the state compared, the code redeemed, the ID token verified, the
	// nonce compared, the claims read.
	finish(r *http.Request, p pending) (subject string, err error)
	// verifier gives what verifies ID tokens of this key and nonce and reads their claims; nil where the library has no
	// such function. Only the bare work knows the key without fetching it.
	verifier(key *benchwork.Key, nonce string) func(ctx context.Context, idToken string) (subject string, err error)
	// close releases what the library says must be released.
	close()
}

// pending is what one sign-in must remember.
type pending struct {
	state, nonce, verifier string
	own                    any    // a library's own form of it
	cookie                 string // the Set-Cookie header that the browser got, if the library sets one
}

var (
	errState = errors.New("the state is wrong")
	errNonce = errors.New("the nonce is wrong")
	errToken = errors.New("there is no ID token")
)

// contenders are all, the limit first, then us, then the one that the ratios are also for.
func contenders() []contender {
	return []contender{bareContender(), oidcssoContender(), goOIDCContender(), capContender(), zitadelContender(), gothContender()}
}
