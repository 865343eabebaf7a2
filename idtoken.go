package oidcsso

import (
	"context"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/oidcsso/oidcsso/internal/egress"
	"github.com/oidcsso/oidcsso/internal/keyset"
	"github.com/oidcsso/oidcsso/internal/strictjson"
)

// verifyIDToken is 12 to 21 of the contract. go-oidc's verifier is the first stage; it leaves out nonce, azp, sub, iat,
// at_hash and auth_time, folds the case of keys, and takes a logout token for an ID token.
func (c *Connector) verifyIDToken(ctx context.Context, md *keptMetadata, login *Login, token *oauth2.Token) (claims, error) {
	raw := idTokenOf(token)
	keys := &strictKeySet{set: c.provider().keys}
	verifier := oidc.NewVerifier(c.cfg.Issuer, keys, &oidc.Config{
		ClientID: c.cfg.ClientID, SupportedSigningAlgs: md.algorithms,
		SkipExpiryCheck: true, // checked below, with a leeway
	})
	_, err := verifier.Verify(ctx, raw)
	switch {
	case keys.err != nil:
		return claims{}, c.keysError(ctx, keys.err)
	case !keys.called:
		return claims{}, c.rejected("signature", errors.New("the token is not a JWT with one signature by an algorithm that the identity provider announces"))
	}
	cl := claims{idToken: keys.payload}
	now := c.env.now()
	for _, check := range [...]struct {
		name string
		err  error
	}{
		{"kind", checkKind(keys.token.Type, cl.idToken)},
		{"issuer", exactText(cl.idToken, "iss", c.cfg.Issuer)},
		{"audience", c.checkAudience(cl.idToken)},
		{"time", c.checkTimes(cl, now)},
		{"nonce", exactBase64(cl.idToken, "nonce", login.random().nonce())},
		{"subject", checkSubject(cl.idToken)},
		{"access token", checkAccessTokenHash(cl.idToken, keys.token.Algorithm, token.AccessToken)},
		{"auth_time", c.checkAuthTime(cl, login.maxAge, now)},
	} {
		if check.err != nil {
			return claims{}, c.rejected(check.name, check.err)
		}
	}
	if err != nil { // go-oidc found something that the checks above did not
		return claims{}, c.rejected("go-oidc", errors.New(plain(err.Error()))).at("strict")
	}
	return cl, nil
}

func (c *Connector) rejected(check string, err error) *Error {
	return newError(CodeTokenRejected, c.cfg.ID, fmt.Errorf("ID token: %s: %w", check, err)).at(check)
}

// strictKeySet is the KeySet for one token: it keeps what go-oidc would flatten, the cause of a failure, and refuses a
// payload that go-oidc would read ambiguously.
type strictKeySet struct {
	set     *keyset.Set
	called  bool
	err     error
	token   keyset.Token
	payload strictjson.Object // of the token
}

func (k *strictKeySet) VerifySignature(ctx context.Context, jwt string) ([]byte, error) {
	k.called = true
	if k.token, k.err = k.set.Verify(ctx, jwt); k.err == nil {
		k.payload, k.err = strictjson.Parse(k.token.Payload)
	}
	return k.token.Payload, k.err
}

// keysError tells a key set that could not be had from a token that is wrong: a time-out must not look like a forgery.
func (c *Connector) keysError(ctx context.Context, err error) *Error {
	var fetch *keyset.FetchError
	var body *egress.BodyError
	switch {
	case errors.As(err, &fetch) && errors.As(err, &body) || errors.Is(err, keyset.ErrDocument):
		return newError(CodeUnavailable, c.cfg.ID, err).withRemedy("The identity provider's key set (jwks_uri) can't be used.")
	case errors.As(err, &fetch) || ctx.Err() != nil: // whatever cause the caller gave its context
		return newError(CodeUnavailable, c.cfg.ID, err)
	}
	var syntax *strictjson.Error
	if errors.As(err, &syntax) && !errors.Is(err, keyset.ErrMalformed) {
		return c.rejected("strict", err)
	}
	return c.rejected("signature", err)
}

// checkKind keeps out tokens that are signed by the same keys for another use: a logout token (OpenID Connect Back-Channel
// Logout 1.0, 2.4) and an access token (RFC 9068, 2.1).
func checkKind(typ string, object strictjson.Object) error {
	if typ = strings.ToLower(strings.TrimPrefix(strings.ToLower(typ), "application/")); typ != "" && typ != "jwt" && typ != "id_token+jwt" { //check:token-kind
		return errors.New("its typ is not that of an ID token")
	}
	if _, ok := object.Get("events"); ok { //check:logout-token
		return errors.New("it has events, as a logout token has")
	}
	return nil
}

// exactText compares a claim byte for byte, in constant time.
func exactText(object strictjson.Object, name, want string) error {
	return exactBytes(object, name, []byte(want))
}

// exactBase64 compares a claim with up to 32 bytes in base64url.
func exactBase64(object strictjson.Object, name string, want []byte) error {
	var room [43]byte
	return exactBytes(object, name, base64.RawURLEncoding.AppendEncode(room[:0], want))
}

func exactBytes(object strictjson.Object, name string, want []byte) error {
	value, ok := object.Get(name)
	if !ok { //check:exact-claims
		return fmt.Errorf("%s is missing", name)
	}
	var room [128]byte                                                                            // a nonce, a client ID or most issuers
	if got, ok := value.AppendText(room[:0]); !ok || subtle.ConstantTimeCompare(got, want) != 1 { //check:exact-claims
		return fmt.Errorf("%s is not the expected one", name)
	}
	return nil
}

// checkAudience: aud is the client ID, as a string or as the only entry of an array; another audience could replay the token.
func (c *Connector) checkAudience(object strictjson.Object) error {
	value, _ := object.Get("aud")
	if list, ok := value.Array(); ok && len(list) == 1 {
		value = list[0]
	}
	var room [128]byte
	if audience, ok := value.AppendText(room[:0]); !ok || string(audience) != c.cfg.ClientID { //check:audience
		return errors.New("aud is not the client ID alone")
	}
	if _, ok := object.Get("azp"); ok { //check:azp
		return exactText(object, "azp", c.cfg.ClientID)
	}
	return nil
}

func (c *Connector) checkTimes(cl claims, now time.Time) error {
	exp, hasExp, okExp := cl.idTokenTime("exp")
	iat, hasIat, okIat := cl.idTokenTime("iat")
	nbf, hasNbf, okNbf := cl.idTokenTime("nbf")
	switch {
	case !hasExp || !hasIat || !okExp || !okIat || !okNbf: //check:times-missing
		return errors.New("exp or iat is missing, or one of exp, iat and nbf is not a time")
	case !now.Before(exp.Add(c.env.leeway)): //check:expired
		return errors.New("it has expired; the clocks may differ")
	case iat.After(now.Add(c.env.leeway)): //check:issued-in-future
		return errors.New("it was issued in the future; the clocks differ")
	case hasNbf && nbf.After(now.Add(c.env.leeway)): //check:not-before
		return errors.New("it is not valid yet; the clocks differ")
	}
	return nil
}

// checkAccessTokenHash: OpenID Connect Core 1.0, 3.1.3.6. at_hash is optional in the code flow, but must fit if it is there.
func checkAccessTokenHash(object strictjson.Object, alg, accessToken string) error {
	if _, ok := object.Get("at_hash"); !ok {
		return nil
	}
	var left []byte // half of the hash of the access token
	switch {
	case strings.HasSuffix(alg, "256"):
		sum := sha256.Sum256([]byte(accessToken))
		left = sum[:16]
	case strings.HasSuffix(alg, "384"):
		sum := sha512.Sum384([]byte(accessToken))
		left = sum[:24]
	default: // 512, and EdDSA with Ed25519
		sum := sha512.Sum512([]byte(accessToken))
		left = sum[:32]
	}
	if exactBase64(object, "at_hash", left) != nil { //check:at-hash
		return errors.New("at_hash is not that of the access token")
	}
	return nil
}

// checkAuthTime: OpenID Connect Core 1.0, 3.1.2.1, max_age.
func (c *Connector) checkAuthTime(cl claims, maxAge int, now time.Time) error {
	at, present, valid := cl.idTokenTime("auth_time")
	switch {
	case maxAge == 0:
		return nil
	case !present || !valid: //check:auth-time
		return errors.New("a max age was asked, and auth_time is missing or not a time")
	case now.After(at.Add(time.Duration(maxAge)*time.Second + c.env.leeway)): //check:auth-time
		return errors.New("the person signed in at the identity provider too long ago")
	}
	return nil
}
