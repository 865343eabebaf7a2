package main

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"net/http"

	"github.com/oidcsso/oidcsso"
)

// What XAES-256-GCM adds to the plaintext, in bytes: the nonce and the tag.
const sealOverhead = 24 + 16

// sealRow is the Login into text and back, beside AES-256-GCM of as many bytes with base64url.
func sealRow(p plan) ([]*section, error) {
	provider, err := newIDP(basicOnly, rsaKey())
	if err != nil {
		return nil, err
	}
	defer provider.close()
	cookie, err := usualCookie(provider)
	if err != nil {
		return nil, err
	}
	connector, err := oidcsso.NewConnector(newConfig(provider.issuer(0)), newOptions())
	if err != nil {
		return nil, err
	}
	// What a Flow seals: no binding.
	_, login, err := connector.Begin(context.Background(), oidcsso.BeginParams{ReturnTo: "/", InsecureUnbound: true})
	if err != nil {
		return nil, err
	}
	key := oidcsso.RandomSealKey()
	keys := []oidcsso.SealKey{key}
	sealed, err := login.Seal(key)
	if err != nil {
		return nil, err
	}
	plain := newPlainSealer(base64.RawURLEncoding.DecodedLen(len(sealed)) - sealOverhead)
	plainText := plain.seal()
	seal, err := p.measure([]work{
		repeated(bareName, func() error { plain.seal(); return nil }),
		repeated(ourName, func() error { _, err := login.Seal(key); return err }),
	})
	if err != nil {
		return nil, err
	}
	open, err := p.measure([]work{
		repeated(bareName, func() error { return plain.open(plainText) }),
		repeated(ourName, func() error { _, err := oidcsso.OpenLogin(keys, sealed); return err }),
	})
	if err != nil {
		return nil, err
	}
	const about = "Bare is AES-256-GCM of as many bytes, with a key that is set up once and a random nonce, and base64url. " +
		"The peers have no row: they leave the state between redirect and callback to the backend."
	sealing := timed("Sealing the login", about, seal)
	sealing.atMost(2.5, seal, ourName, bareName)
	size := float64(len(cookie.Name) + len(cookie.Value))
	sealing.targets = append(sealing.targets, target{"cookie of a usual login, name and value", 400, size, "bytes"})
	opening := timed("Opening the login", "", open)
	opening.atMost(2.5, open, ourName, bareName)
	return []*section{sealing, opening}, nil
}

// usualCookie is the sealed cookie of a login without caller data: redirect URI https://app.example.com/sso/callback/acme,
// return target "/".
func usualCookie(provider *idp) (*http.Cookie, error) {
	opened, err := flowContender().open(context.Background(), provider.issuer(0))
	if err != nil {
		return nil, err
	}
	_, p, err := opened.begin(context.Background())
	if err != nil {
		return nil, err
	}
	return http.ParseSetCookie(p.cookie)
}

// plainSealer is the bare work.
type plainSealer struct {
	aead      cipher.AEAD
	plaintext []byte
}

func newPlainSealer(length int) *plainSealer {
	var key [32]byte
	rand.Read(key[:])
	block, err := aes.NewCipher(key[:])
	if err != nil {
		panic(err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		panic(err)
	}
	return &plainSealer{aead, make([]byte, length)}
}

func (s *plainSealer) seal() string {
	sealed := make([]byte, s.aead.NonceSize(), s.aead.NonceSize()+len(s.plaintext)+s.aead.Overhead())
	rand.Read(sealed)
	return base64.RawURLEncoding.EncodeToString(s.aead.Seal(sealed, sealed, s.plaintext, nil))
}

func (s *plainSealer) open(text string) error {
	sealed, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return err
	}
	_, err = s.aead.Open(nil, sealed[:s.aead.NonceSize()], sealed[s.aead.NonceSize():], nil)
	return err
}
