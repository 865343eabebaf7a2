package oidcssotest_test

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"github.com/oidcsso/oidcsso/oidcssotest"
)

type faults = oidcssotest.Faults

const configuration = "/.well-known/openid-configuration"

// Each row sets one switch and looks for what it should do.
func TestFaults(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name string
		set  func(*faults)
		see  func(*testing.T, *relyingParty)
	}{
		{"IssuerInDiscovery", func(f *faults) { f.IssuerInDiscovery = "https://other.test" }, func(t *testing.T, rp *relyingParty) {
			equal(t, document(t, rp.idp, configuration)["issuer"], "https://other.test")
		}},
		{"Metadata", func(f *faults) { f.Metadata = func(m map[string]any) { delete(m, "jwks_uri") } }, func(t *testing.T, rp *relyingParty) {
			equal(t, document(t, rp.idp, configuration)["jwks_uri"], nil)
		}},
		{"ExtraKeys", func(f *faults) { f.ExtraKeys = []any{map[string]any{"kty": "odd"}, 7} }, func(t *testing.T, rp *relyingParty) {
			keys := document(t, rp.idp, "/jwks")["keys"].([]any)
			equal(t, len(keys), 3)
			equal(t, keys[1], 7.0)
		}},
		{"DuplicateKid", func(f *faults) { f.DuplicateKid = true }, func(t *testing.T, rp *relyingParty) {
			signed, published := parsed(t, rp.idp, rp.signIn()["id_token"], "RS256")
			keys := published.Key(signed.Signatures[0].Header.KeyID)
			equal(t, len(keys), 2)
			_, err := signed.Verify(keys[0])
			equal(t, errors.Is(err, jose.ErrCryptoFailure), true)
			_, err = signed.Verify(keys[1])
			equal(t, err, nil)
		}},
		{"AuthorizeError", func(f *faults) { f.AuthorizeError, f.AuthorizeErrorDescription = "server_error", "sorry" }, func(t *testing.T, rp *relyingParty) {
			_, answer := rp.get(rp.authorizeURL())
			equal(t, answer.Get("error")+" "+answer.Get("error_description")+" "+answer.Get("iss"), "server_error sorry "+rp.idp.Issuer())
		}},
		{"OmitIss", func(f *faults) { f.OmitIss = true }, func(t *testing.T, rp *relyingParty) {
			equal(t, document(t, rp.idp, configuration)["authorization_response_iss_parameter_supported"], true)
			equal(t, rp.idp.Authorize(t, rp.authorizeURL(), "ann").Query().Has("iss"), false)
		}},
		{"IssInResponse", func(f *faults) { f.IssInResponse = "https://other.test" }, func(t *testing.T, rp *relyingParty) {
			equal(t, rp.idp.Authorize(t, rp.authorizeURL(), "ann").Query().Get("iss"), "https://other.test")
		}},
		{"AuthorizeResponse", func(f *faults) { f.AuthorizeResponse = func(v url.Values) { v.Add("state", "second") } }, func(t *testing.T, rp *relyingParty) {
			equal(t, len(rp.idp.Authorize(t, rp.authorizeURL(), "ann").Query()["state"]), 2)
		}},
		{"OmitIDToken", func(f *faults) { f.OmitIDToken = true }, func(t *testing.T, rp *relyingParty) {
			equal(t, rp.signIn()["id_token"], nil)
		}},
		{"TokenResponse", func(f *faults) { f.TokenResponse = func(m map[string]any) { m["expires_in"] = "soon" } }, func(t *testing.T, rp *relyingParty) {
			equal(t, rp.signIn()["expires_in"], "soon")
		}},
		{"WrongNonce", func(f *faults) { f.WrongNonce = true }, func(t *testing.T, rp *relyingParty) {
			equal(t, verified(t, rp.idp, rp.signIn()["id_token"], "RS256")["nonce"], "another nonce")
		}},
		{"IDTokenClaims", func(f *faults) { f.IDTokenClaims = func(m map[string]any) { m["iss"] = "https://other.test" } }, func(t *testing.T, rp *relyingParty) {
			equal(t, verified(t, rp.idp, rp.signIn()["id_token"], "RS256")["iss"], "https://other.test")
		}},
		{"IDTokenPayload", func(f *faults) {
			f.IDTokenPayload = func(b []byte) []byte { return append([]byte(`{"sub":"twice",`), b[1:]...) }
		}, func(t *testing.T, rp *relyingParty) {
			signed, err := jose.ParseSignedCompact(rp.signIn()["id_token"].(string), []jose.SignatureAlgorithm{jose.RS256})
			if err != nil {
				t.Fatal(err)
			}
			equal(t, bytes.Count(signed.UnsafePayloadWithoutVerification(), []byte(`"sub":`)), 2)
		}},
		{"OmitKid", func(f *faults) { f.OmitKid = true }, func(t *testing.T, rp *relyingParty) {
			header, _ := payload(t, rp.signIn()["id_token"])
			equal(t, header["kid"], nil)
			equal(t, header["alg"], "RS256")
		}},
		{"IDTokenHeader", func(f *faults) { f.IDTokenHeader = func(m map[string]any) { m["typ"] = "logout+jwt" } }, func(t *testing.T, rp *relyingParty) {
			token := rp.signIn()["id_token"]
			verified(t, rp.idp, token, "RS256") // the header is signed
			header, _ := payload(t, token)
			equal(t, header["typ"], "logout+jwt")
		}},
		{"IDTokenHeaderJSON", func(f *faults) {
			f.IDTokenHeaderJSON = func(b []byte) []byte { return append([]byte(`{ "x" : 1,`), b[1:]...) }
		}, func(t *testing.T, rp *relyingParty) {
			token := rp.signIn()["id_token"]
			equal(t, strings.HasPrefix(token.(string), base64.RawURLEncoding.EncodeToString([]byte(`{ "x" : 1,"`))[:12]), true)
			verified(t, rp.idp, token, "RS256") // the header is signed
		}},
		{"LogoutToken", func(f *faults) { f.LogoutToken = true }, func(t *testing.T, rp *relyingParty) {
			token := rp.signIn()["id_token"]
			claims := verified(t, rp.idp, token, "RS256")
			header, _ := payload(t, token)
			equal(t, header["typ"], "logout+jwt")
			_, hasEvent := claims["events"].(map[string]any)["http://schemas.openid.net/event/backchannel-logout"].(map[string]any)
			equal(t, hasEvent, true)
			equal(t, claims["sub"], "ann-1")
			equal(t, claims["sid"] != nil && claims["jti"] != nil, true)
			equal(t, len(claims), 8) // a nonce, above all, is not among them (Back-Channel Logout 1.0, 2.4)
		}},
		{"LogoutToken and WrongNonce", func(f *faults) { f.LogoutToken, f.WrongNonce = true, true }, func(t *testing.T, rp *relyingParty) {
			equal(t, verified(t, rp.idp, rp.signIn()["id_token"], "RS256")["nonce"], "another nonce")
		}},
		{"IDToken", func(f *faults) { f.IDToken = func(s string) string { return s + ".x" } }, func(t *testing.T, rp *relyingParty) {
			equal(t, strings.Count(rp.signIn()["id_token"].(string), "."), 3)
		}},
		{"SignNone", func(f *faults) { f.SignWith = oidcssotest.SignNone }, func(t *testing.T, rp *relyingParty) {
			token := rp.signIn()["id_token"]
			header, _ := payload(t, token)
			equal(t, header["alg"], "none")
			equal(t, strings.HasSuffix(token.(string), "."), true)
		}},
		{"SignClientSecret", func(f *faults) { f.SignWith = oidcssotest.SignClientSecret }, func(t *testing.T, rp *relyingParty) {
			token := rp.signIn()["id_token"].(string)
			header, _ := payload(t, token)
			equal(t, header["alg"], "HS256")
			end := strings.LastIndex(token, ".")
			mac := hmac.New(sha256.New, []byte(awkwardSecret))
			mac.Write([]byte(token[:end]))
			equal(t, token[end+1:], base64.RawURLEncoding.EncodeToString(mac.Sum(nil)))
		}},
		{"SignPublicKey", func(f *faults) { f.SignWith = oidcssotest.SignPublicKey }, func(t *testing.T, rp *relyingParty) {
			header, _ := payload(t, rp.signIn()["id_token"])
			equal(t, header["alg"], "HS256")
			equal(t, header["kid"], document(t, rp.idp, "/jwks")["keys"].([]any)[0].(map[string]any)["kid"])
		}},
		{"SignUnpublished", func(f *faults) { f.SignWith = oidcssotest.SignUnpublished }, func(t *testing.T, rp *relyingParty) {
			token := rp.signIn()["id_token"].(string)
			header, _ := payload(t, token)
			equal(t, header["kid"], document(t, rp.idp, "/jwks")["keys"].([]any)[0].(map[string]any)["kid"])
			signed, keys := parsed(t, rp.idp, token, "RS256")
			_, err := signed.Verify(keys.Keys[0])
			equal(t, errors.Is(err, jose.ErrCryptoFailure), true)
		}},
		{"SignHeaderKey", func(f *faults) { f.SignWith = oidcssotest.SignHeaderKey }, func(t *testing.T, rp *relyingParty) {
			signed, keys := parsed(t, rp.idp, rp.signIn()["id_token"], "RS256")
			_, err := signed.Verify(keys.Keys[0])
			equal(t, errors.Is(err, jose.ErrCryptoFailure), true)
			_, err = signed.Verify(signed.Signatures[0].Header.JSONWebKey)
			equal(t, err, nil)
		}},
		{"SignWithdrawn", func(f *faults) { f.SignWith = oidcssotest.SignWithdrawn }, func(t *testing.T, rp *relyingParty) {
			before := document(t, rp.idp, "/jwks")["keys"].([]any)[0].(map[string]any)
			rp.idp.RotateKeys()
			signed, keys := parsed(t, rp.idp, rp.signIn()["id_token"], "RS256")
			equal(t, len(keys.Keys), 1)
			equal(t, signed.Signatures[0].Header.KeyID, before["kid"])
			_, err := signed.Verify(keys.Keys[0])
			equal(t, errors.Is(err, jose.ErrCryptoFailure), true)
			var withdrawn jose.JSONWebKey
			text, _ := json.Marshal(before) // it came from JSON
			if err := withdrawn.UnmarshalJSON(text); err != nil {
				t.Fatal(err)
			}
			_, err = signed.Verify(withdrawn)
			equal(t, err, nil)
		}},
		{"UserInfoSubject", func(f *faults) { f.UserInfoSubject = "mallory" }, func(t *testing.T, rp *relyingParty) {
			_, claims := rp.userInfo(rp.signIn()["access_token"])
			equal(t, claims["sub"], "mallory")
		}},
		{"UserInfoClaims", func(f *faults) { f.UserInfoClaims = func(m map[string]any) { m["email_verified"] = nil } }, func(t *testing.T, rp *relyingParty) {
			_, claims := rp.userInfo(rp.signIn()["access_token"])
			value, present := claims["email_verified"]
			equal(t, present && value == nil, true)
		}},
		{"Discovery.Handler", func(f *faults) { f.Discovery.Handler = oidcssotest.Answer(418, "text/plain", "tea") }, func(t *testing.T, rp *relyingParty) {
			equal(t, fetch(t, rp, configuration), "418 text/plain tea")
		}},
		{"JWKS.Body", func(f *faults) {
			f.JWKS.Body = func(b []byte) []byte { return bytes.Replace(b, []byte(`"RSA"`), []byte(`"rsa" `), 1) }
		}, func(t *testing.T, rp *relyingParty) {
			equal(t, strings.Contains(fetch(t, rp, "/jwks"), `"kty":"rsa" `), true)
		}},
		{"Token.Handler and UserInfo.Down together", func(f *faults) {
			f.Token.Handler = oidcssotest.Answer(200, "application/json", `{"access_token":1}`)
			f.UserInfo.Down = true
		}, func(t *testing.T, rp *relyingParty) {
			equal(t, rp.signIn()["access_token"], 1.0)
			response, _ := rp.userInfo("x")
			equal(t, response.StatusCode, 503)
		}},
		{"Down", func(f *faults) { f.Down = true }, func(t *testing.T, rp *relyingParty) {
			for _, path := range []string{configuration, "/jwks", "/authorize", "/userinfo", "/logout"} {
				equal(t, strings.HasPrefix(fetch(t, rp, path), "503 "), true)
			}
			equal(t, rp.idp.Requests().JWKS, 1)
		}},
		{"RedirectTo", func(f *faults) {
			f.Discovery.RedirectTo, f.JWKS.RedirectTo, f.Token.RedirectTo = "https://evil.test/d", "https://evil.test/j", "https://evil.test/t"
			f.Authorize.RedirectTo, f.UserInfo.RedirectTo, f.EndSession.RedirectTo = "https://evil.test/a", "https://evil.test/u", "https://evil.test/e"
		}, func(t *testing.T, rp *relyingParty) {
			for path, letter := range map[string]string{configuration: "d", "/jwks": "j", "/authorize": "a", "/userinfo": "u", "/logout": "e"} {
				response, err := rp.client.Get(rp.idp.Issuer() + path)
				if err != nil {
					t.Fatal(err)
				}
				response.Body.Close()
				equal(t, response.Header.Get("Location"), "https://evil.test/"+letter)
				equal(t, response.StatusCode, http.StatusTemporaryRedirect)
			}
			response, _ := rp.tokens(rp.exchange("x"))
			equal(t, response.Header.Get("Location"), "https://evil.test/t")
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			idp := newIdP(t)
			idp.Faults(test.set)
			test.see(t, newRelyingParty(t, idp))

			idp.Faults(func(f *faults) { *f = faults{} })
			repaired := newRelyingParty(t, idp)
			verified(t, idp, repaired.signIn()["id_token"], "RS256")
		})
	}
}

func equal(t *testing.T, got, want any) {
	t.Helper()
	if got != want {
		t.Errorf("got %v, want %v", got, want)
	}
}

// fetch gives status, content type and body in a line.
func fetch(t *testing.T, rp *relyingParty, path string) string {
	t.Helper()
	response, err := rp.client.Get(rp.idp.Issuer() + path)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.Status[:3] + " " + response.Header.Get("Content-Type") + " " + string(body)
}

// blocked serves an identity provider whose JWKS hangs, and tells when a request has come and when it has been answered.
func blocked(t *testing.T, release <-chan struct{}) (target string, came, ended chan struct{}) {
	t.Helper()
	came, ended = make(chan struct{}), make(chan struct{})
	idp := oidcssotest.NewLocal("http://idp.test", "")
	idp.Faults(func(f *faults) { f.JWKS.Block = release })
	server := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		close(came)
		idp.ServeHTTP(w, r)
		close(ended)
	}))
	return server + "/jwks", came, ended
}

func TestBlockedUntilReleased(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	target, came, ended := blocked(t, release)
	answered := make(chan int)
	go func() { answered <- status(t, target) }()
	<-came
	select {
	case <-ended:
		t.Error("answered while blocked")
	default:
	}
	close(release)
	equal(t, <-answered, http.StatusOK)
}

func TestBlockedUntilTheClientGivesUp(t *testing.T) {
	t.Parallel()
	target, came, ended := blocked(t, make(chan struct{}))
	ctx, cancel := context.WithCancel(t.Context())
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, target, nil)
	if err != nil {
		t.Fatal(err)
	}
	failed := make(chan error)
	go func() {
		_, err := http.DefaultClient.Do(request)
		failed <- err
	}()
	<-came
	cancel()
	if err := <-failed; !errors.Is(err, context.Canceled) {
		t.Errorf("the client got %v", err)
	}
	<-ended
}
