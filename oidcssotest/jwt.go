package oidcssotest

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"maps"
	"slices"
	"time"
)

// idTokenLifetime is how long an ID token is valid.
const idTokenLifetime = 10 * time.Minute

// claims are what the scopes give about the user (OpenID Connect Core 1.0, 5.4).
func (u *User) claims(scopes []string) map[string]any {
	claims := map[string]any{}
	add := func(name, value string) {
		if value != "" {
			claims[name] = value
		}
	}
	if slices.Contains(scopes, "profile") {
		add("name", u.Name)
		add("given_name", u.GivenName)
		add("family_name", u.FamilyName)
		add("preferred_username", u.PreferredUsername)
	}
	if slices.Contains(scopes, "email") && u.Email != "" {
		claims["email"] = u.Email
		if u.EmailVerified != SaysNothing {
			claims["email_verified"] = u.EmailVerified == SaysVerified
		}
	}
	if u.Groups != nil {
		claims["groups"] = u.Groups
	}
	maps.Copy(claims, u.Claims)
	return claims
}

// idToken makes the ID token of OpenID Connect Core 1.0, 2 and 3.1.3.6, with the faults that are set.
func (p *IdP) idToken(s *state, g *grant, u User, client Client, accessToken string) (string, error) {
	k := p.signingKey(s.Algorithm)
	claims := map[string]any{
		"iss": p.issuer, "sub": u.Subject, "aud": g.clientID, "exp": s.now.Add(idTokenLifetime).Unix(), "iat": s.now.Unix(),
		"auth_time": g.session.authTime.Unix(), "nonce": g.nonce, "at_hash": accessTokenHash(k.algorithm, accessToken),
		"sid": g.session.id, "acr": g.acr, "amr": []string{"pwd"},
	}
	if !s.ClaimsInUserInfoOnly {
		maps.Copy(claims, u.claims(g.scopes))
	}
	typ := "JWT"
	if s.LogoutToken {
		claims, typ = logoutClaims(claims), "logout+jwt"
	}
	if s.WrongNonce {
		claims["nonce"] = "another nonce"
	}
	if s.IDTokenClaims != nil {
		s.IDTokenClaims(claims)
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		return "", err
	}
	if s.IDTokenPayload != nil {
		payload = s.IDTokenPayload(payload)
	}
	token, err := p.sign(s, k, client, typ, payload)
	if err == nil && s.IDToken != nil {
		token = s.IDToken(token)
	}
	return token, err
}

// logoutClaims are those of OpenID Connect Back-Channel Logout 1.0, 2.4, for the session of an ID token.
func logoutClaims(idToken map[string]any) map[string]any {
	claims := map[string]any{
		"jti": rand.Text(), "events": map[string]any{"http://schemas.openid.net/event/backchannel-logout": map[string]any{}},
	}
	for _, name := range []string{"iss", "sub", "aud", "exp", "iat", "sid"} {
		claims[name] = idToken[name]
	}
	return claims
}

// sign makes a JWS in compact form (RFC 7515, 7.1).
func (p *IdP) sign(s *state, k *key, client Client, typ string, payload []byte) (string, error) {
	if s.SignWith == SignWithdrawn {
		if k = p.withdrawn(k.algorithm); k == nil {
			return "", errors.New("oidcssotest: IdP.RotateKeys has withdrawn no key of this algorithm yet")
		}
	}
	header := map[string]any{"alg": k.algorithm, "typ": typ, "kid": k.id}
	if s.OmitKid {
		delete(header, "kid")
	}
	signature := k.sign
	switch s.SignWith {
	case SignNone:
		header["alg"] = "none"
		signature = func([]byte) ([]byte, error) { return nil, nil }
	case SignPublicKey:
		header["alg"] = "HS256"
		der, err := x509.MarshalPKIXPublicKey(k.signer.Public())
		if err != nil {
			return "", err
		}
		signature = hs256(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
	case SignClientSecret:
		header["alg"] = "HS256"
		signature = hs256([]byte(client.Secret))
	case SignUnpublished:
		signature = newKey(k.algorithm).sign
	case SignHeaderKey:
		own := newKey(k.algorithm)
		header["jwk"] = own.public()
		signature = own.sign
	}
	if s.IDTokenHeader != nil {
		s.IDTokenHeader(header)
	}
	head, err := json.Marshal(header)
	if err != nil {
		return "", err
	}
	if s.IDTokenHeaderJSON != nil {
		head = s.IDTokenHeaderJSON(head)
	}
	input := encode(head) + "." + encode(payload)
	signed, err := signature([]byte(input))
	if err != nil {
		return "", err
	}
	return input + "." + encode(signed), nil
}

func hs256(secret []byte) func([]byte) ([]byte, error) {
	return func(input []byte) ([]byte, error) {
		mac := hmac.New(sha256.New, secret)
		mac.Write(input)
		return mac.Sum(nil), nil
	}
}

// accessTokenHash is at_hash: the left half of the hash that goes with the algorithm, SHA-512 for Ed25519.
func accessTokenHash(algorithm, accessToken string) string {
	if algorithm == "EdDSA" {
		sum := sha512.Sum512([]byte(accessToken))
		return encode(sum[:32])
	}
	sum := sha256.Sum256([]byte(accessToken))
	return encode(sum[:16])
}
