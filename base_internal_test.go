package oidcsso

import (
	"errors"
	"net/url"
	"testing"
	"time"
)

// A Login that names one redirect URI and has the fingerprint of another was begun by no configuration. Nobody can seal one
// without the key; were there a way, this is what would stop it.
func TestFingerprintIsOfTheLoginsOwnRedirectURI(t *testing.T) {
	t.Parallel()
	opts := &Options{BaseURL: "https://app.example.test/sso", OtherBaseURLs: []string{"https://b.example.test/sso"}}
	c, err := NewConnector(Config{ID: "acme", Issuer: "https://idp.example.test", ClientID: "client"}, opts)
	if err != nil {
		t.Fatal(err)
	}
	begun := func(redirectURI string, print [fingerprintSize]byte) error {
		random := new(drawn)
		login := &Login{drawn: &random, purpose: purposeSignIn, connector: "acme", fingerprint: print, redirectURI: redirectURI, expiry: time.Now().Add(time.Minute)}
		_, err := c.checkLogin(login, Response{Values: url.Values{"state": {login.State()}}})
		return err
	}
	uris := append(c.CallbackURLs(), "https://evil.test/sso/callback/acme")
	for _, uri := range uris {
		for _, printed := range uris {
			err := begun(uri, fingerprint(c.cfg.Issuer, c.cfg.ClientID, printed))
			if sound := uri == printed && uri != uris[2]; sound != (err == nil) || !sound && !errors.Is(err, CodeConfigChanged) {
				t.Errorf("begun at %s with the fingerprint of %s: %v", uri, printed, err)
			}
		}
		if err := begun(uri, [fingerprintSize]byte{}); !errors.Is(err, CodeConfigChanged) {
			t.Errorf("begun at %s without a fingerprint: %v", uri, err)
		}
	}
}
