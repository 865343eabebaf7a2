package oidcsso_test

import (
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/oidcsso/oidcsso"
	"github.com/oidcsso/oidcsso/oidcssotest"
)

// Most attacks on the claims are payloads of testdata/tokens. Here is what a payload alone can't say.

// claim is an ID token with one claim more or another one.
func claim(name string, code oidcsso.Code, claim string, value any) attack {
	return claimsEdited(name, code, func(m map[string]any) { m[claim] = value })
}

func claimsEdited(name string, code oidcsso.Code, edit func(map[string]any)) attack {
	return attack{name: name, code: code, before: editClaims(edit)}
}

func editClaims(edit func(map[string]any)) func(*trial) {
	return func(tr *trial) { tr.faults(func(f *oidcssotest.Faults) { f.IDTokenClaims = edit }) }
}

const rejected = oidcsso.CodeTokenRejected

var attacksOnStrictness = []attack{
	{name: "33 brackets deep", code: rejected, before: payload(nested(32))},
	{name: "32 brackets deep", before: payload(nested(31))},
	{name: "ten thousand arrays", code: rejected, before: payload(nested(10000))},
	{name: "nine hundred claims", before: payload(func(p string) string {
		var b strings.Builder
		for i := range 900 {
			fmt.Fprintf(&b, `"c%d":%d,`, i, i)
		}
		return "{" + b.String() + p[1:]
	})},
	{name: "nine hundred claims and one of them again in upper case", code: rejected, before: payload(func(p string) string {
		var b strings.Builder
		for i := range 900 {
			fmt.Fprintf(&b, `"c%d":%d,`, i, i)
		}
		return "{" + b.String() + `"C500":1,` + p[1:]
	})},
}

// payload edits the text of the payload.
func payload(edit func(string) string) func(*trial) {
	return func(tr *trial) {
		tr.faults(func(f *oidcssotest.Faults) {
			f.IDTokenPayload = func(b []byte) []byte { return []byte(edit(string(b))) }
		})
	}
}

func nested(depth int) func(string) string {
	return func(p string) string {
		return `{"deep":` + strings.Repeat("[", depth) + strings.Repeat("]", depth) + "," + p[1:]
	}
}

var attacksOnKind = []attack{
	typ("an access token of RFC 9068", rejected, "at+jwt"), typ("an access token in full", rejected, "application/at+jwt"),
	typ("an access token in upper case", rejected, "AT+JWT"), typ("a logout token", rejected, "logout+jwt"),
	typ("a security event token", rejected, "secevent+jwt"), typ("a client assertion", rejected, "client-authentication+jwt"),
	typ("a DPoP proof", rejected, "dpop+jwt"), typ("a request object", rejected, "oauth-authz-req+jwt"),
	typ("a type of somebody's own", rejected, planted), typ("a type with a space", rejected, "JWT "),
	{name: "a type that is no text", code: rejected, cause: "ID token: signature: ", check: "signature", before: editHeader(func(h map[string]any) { h["typ"] = []string{"JWT"} })},
	{name: "a whole logout token", code: rejected, before: func(tr *trial) {
		tr.faults(func(f *oidcssotest.Faults) {
			f.IDTokenHeader = func(h map[string]any) { h["typ"] = "logout+jwt" }
			f.IDTokenClaims = makeLogoutToken
		})
	}},
	{name: "a whole logout token that says it is a JWT, with a nonce", code: rejected, before: editClaims(func(m map[string]any) {
		nonce := m["nonce"]
		makeLogoutToken(m)
		m["nonce"] = nonce
	})},
	{name: "a whole access token that says it is a JWT", code: rejected, cause: "ID token: nonce: ", check: "nonce", before: editClaims(func(m map[string]any) {
		delete(m, "nonce")
		delete(m, "at_hash")
		m["scope"], m["client_id"], m["jti"] = "openid", m["aud"], "1"
	})},
	typ("no type", "", ""), typ("a JWT in lower case", "", "jwt"), typ("a JWT in full", "", "application/jwt"), typ("a JWT in full, in capitals", "", "Application/JWT"),
	{name: "a typ that is not there", before: editHeader(func(h map[string]any) { delete(h, "typ") })},
}

func typ(name string, code oidcsso.Code, typ string) attack {
	return attack{name: name, code: code, before: editHeader(func(h map[string]any) { h["typ"] = typ })}
}

func editHeader(edit func(map[string]any)) func(*trial) {
	return func(tr *trial) { tr.faults(func(f *oidcssotest.Faults) { f.IDTokenHeader = edit }) }
}

// makeLogoutToken is OpenID Connect Back-Channel Logout 1.0, 2.4.
func makeLogoutToken(m map[string]any) {
	for _, name := range []string{"nonce", "at_hash", "auth_time", "email", "email_verified", "name"} {
		delete(m, name)
	}
	m["jti"] = "1"
	m["events"] = map[string]any{"http://schemas.openid.net/event/backchannel-logout": map[string]any{}}
}

var attacksOnIssuer = []attack{
	// go-oidc makes an exception for Google, with which one person would have two keys.
	{name: "Google's without its scheme", code: rejected, issuer: "https://accounts.google.com",
		before: editClaims(func(m map[string]any) { m["iss"] = "accounts.google.com" })},
	{name: "Google's as it is configured", issuer: "https://accounts.google.com"},
	{name: "an issuer with a path", issuer: "https://idp.example.test/realms/acme"},
	{name: "another realm of the same host", code: rejected, issuer: "https://idp.example.test/realms/acme",
		before: editClaims(func(m map[string]any) { m["iss"] = "https://idp.example.test/realms/globex" })},
}

var attacksOnAudience = []attack{
	claim("the client ID with a thousand strangers", rejected, "aud", append(make([]string, 1000), "acme-client")),
	claim("the connector's ID", rejected, "aud", "acme"),
	claim("the redirect URI", rejected, "aud", trialPlace),
}

var attacksOnTime = []attack{
	within("without a leeway: at the second of its end", rejected, -1, "exp", 0),
	within("without a leeway: a second before its end", "", -1, "exp", 1),
	within("without a leeway: issued this second", "", -1, "iat", 0),
	within("without a leeway: issued in a second", rejected, -1, "iat", 1),
	within("without a leeway: valid from this second", "", -1, "nbf", 0),
	within("without a leeway: valid in a second", rejected, -1, "nbf", 1),
	within("five minutes of leeway: at their end", rejected, 5*time.Minute, "exp", -300),
	within("five minutes of leeway: a second before their end", "", 5*time.Minute, "exp", -299),
	within("five minutes of leeway: issued in five minutes", "", 5*time.Minute, "iat", 300),
	within("five minutes of leeway: issued a second later", rejected, 5*time.Minute, "iat", 301),
	within("five minutes of leeway: valid a second later", rejected, 5*time.Minute, "nbf", 301),
}

// within sets a claim to so many seconds from now, under a leeway.
func within(name string, code oidcsso.Code, leeway time.Duration, claim string, seconds int64) attack {
	return attack{name: name, code: code, before: func(tr *trial) {
		tr.opts.Leeway = leeway
		tr.faults(func(f *oidcssotest.Faults) {
			f.IDTokenClaims = func(m map[string]any) { m[claim] = trialTime.Unix() + seconds }
		})
	}}
}

var attacksOnNonce = []attack{
	{name: "of another attempt of the same browser", code: rejected, during: func(tr *trial) {
		mine, request, response := tr.login, tr.request, tr.response
		tr.attempt()
		others := tr.request.Get("nonce")
		tr.login, tr.request, tr.response = mine, request, response
		tr.faults(func(f *oidcssotest.Faults) { f.IDTokenClaims = func(m map[string]any) { m["nonce"] = others } })
	}},
	{name: "the fault switch of the test's identity provider", code: rejected, before: func(tr *trial) {
		tr.faults(func(f *oidcssotest.Faults) { f.WrongNonce = true })
	}},
	{name: "the state in its place", code: rejected, during: func(tr *trial) {
		state := tr.request.Get("state")
		tr.faults(func(f *oidcssotest.Faults) { f.IDTokenClaims = func(m map[string]any) { m["nonce"] = state } })
	}},
	claimsEdited("cut", rejected, func(m map[string]any) { m["nonce"] = m["nonce"].(string)[:21] }),
	claimsEdited("with a space behind it", rejected, func(m map[string]any) { m["nonce"] = m["nonce"].(string) + " " }),
	claimsEdited("in a list", rejected, func(m map[string]any) { m["nonce"] = []any{m["nonce"]} }),
	claimsEdited("under the name Nonce", rejected, func(m map[string]any) { m["Nonce"] = m["nonce"]; delete(m, "nonce") }),
	claimsEdited("hashed", rejected, func(m map[string]any) {
		sum := sha256.Sum256([]byte(m["nonce"].(string)))
		m["nonce"] = base64.RawURLEncoding.EncodeToString(sum[:])
	}),
}

var attacksOnSubject = []attack{
	subject("40,000 bytes", rejected, strings.Repeat("s", 40000)),
	subject("255 bytes", "", strings.Repeat("s", 255)),
	subject("254 bytes and a letter of two", rejected, strings.Repeat("s", 254)+"é"),
	subject("253 bytes and a letter of two", "", strings.Repeat("s", 253)+"é"),
}

func subject(name string, code oidcsso.Code, sub string) attack {
	return attack{name: name, code: code, before: func(tr *trial) { tr.alice.Subject = sub; tr.signInAs(sub) }, also: func(t *testing.T, id *oidcsso.Identity, _ *oidcsso.Error) {
		if id != nil && id.Subject != sub {
			t.Errorf("subject %q", id.Subject)
		}
	}}
}

// signInAs makes the identity provider sign in the user with this subject.
func (tr *trial) signInAs(sub string) {
	tr.idp.Configure(func(s *oidcssotest.Settings) { s.AutoSignIn = sub })
}

var attacksOnAccessToken = []attack{
	claim("the hash of another token", rejected, "at_hash", base64url(strings.Repeat("x", 16))),
	claim("an empty hash", rejected, "at_hash", ""), claim("null", rejected, "at_hash", nil), claim("a number", rejected, "at_hash", 1),
	claimsEdited("cut", rejected, func(m map[string]any) { m["at_hash"] = m["at_hash"].(string)[:21] }),
	claimsEdited("with padding", rejected, func(m map[string]any) { m["at_hash"] = m["at_hash"].(string) + "==" }),
	{name: "the access token was exchanged for another", code: rejected, before: func(tr *trial) {
		tr.faults(func(f *oidcssotest.Faults) {
			f.TokenResponse = func(m map[string]any) { m["access_token"] = "somebody-else's" }
		})
	}},
	claimsEdited("not there", "", func(m map[string]any) { delete(m, "at_hash") }),
	hashedWith("RS256", "", "RS256"), hashedWith("PS256", "", "PS256"), hashedWith("ES256", "", "ES256"), hashedWith("EdDSA", "", "EdDSA"),
	hashedWith("ES256 with the hash of EdDSA", rejected, "ES256"), hashedWith("EdDSA with the hash of ES256", rejected, "EdDSA"),
}

// hashedWith signs with the algorithm; one that is to be refused has a hash of another algorithm, computed here.
func hashedWith(name string, code oidcsso.Code, algorithm string) attack {
	return attack{name: name, code: code, before: func(tr *trial) {
		tr.idp.Configure(func(s *oidcssotest.Settings) { s.Algorithm = algorithm })
		if code == "" {
			return
		}
		tr.faults(func(f *oidcssotest.Faults) {
			f.TokenResponse = func(m map[string]any) { m["access_token"] = "fixed-access-token" }
			f.IDTokenClaims = func(m map[string]any) {
				half256, half512 := sha256.Sum256([]byte("fixed-access-token")), sha512.Sum512([]byte("fixed-access-token"))
				m["at_hash"] = base64url(string(half512[:32]))
				if algorithm == "EdDSA" {
					m["at_hash"] = base64url(string(half256[:16]))
				}
			}
		})
	}}
}

var attacksOnAuthTime = []attack{
	authTime("missing", rejected, func(m map[string]any) { delete(m, "auth_time") }),
	authTime("null", rejected, func(m map[string]any) { m["auth_time"] = nil }),
	authTime("a text", rejected, func(m map[string]any) { m["auth_time"] = fmt.Sprint(trialTime.Unix()) }),
	authTime("negative", rejected, func(m map[string]any) { m["auth_time"] = -1 }),
	authTime("the epoch", rejected, func(m map[string]any) { m["auth_time"] = 0 }),
	authTime("a second beyond the max age and the leeway", rejected, func(m map[string]any) { m["auth_time"] = trialTime.Unix() - 3600 - 61 }),
	authTime("at the max age and the leeway", "", func(m map[string]any) { m["auth_time"] = trialTime.Unix() - 3600 - 60 }),
	authTime("this second", "", nil),
	{name: "under the name Auth_Time", code: rejected, before: func(tr *trial) {
		tr.params.MaxAge = 60
		tr.faults(func(f *oidcssotest.Faults) {
			f.IDTokenClaims = func(m map[string]any) { m["Auth_Time"] = m["auth_time"]; delete(m, "auth_time") }
		})
	}},
	{name: "missing, though UserInfo has it", code: rejected, before: func(tr *trial) {
		tr.cfg.MaxAge = 3600
		tr.faults(func(f *oidcssotest.Faults) {
			f.IDTokenClaims = func(m map[string]any) { delete(m, "auth_time") }
			f.UserInfoClaims = func(m map[string]any) { m["auth_time"] = trialTime.Unix() }
		})
	}},
	{name: "young enough for the connector, too old for this sign-in", code: rejected, before: func(tr *trial) {
		tr.cfg.MaxAge, tr.params.MaxAge = 3600, 60
		tr.faults(func(f *oidcssotest.Faults) {
			f.IDTokenClaims = func(m map[string]any) { m["auth_time"] = trialTime.Unix() - 121 }
		})
	}},
	{name: "too old for the connector, but it asked when another max age was configured", before: func(tr *trial) {
		tr.faults(func(f *oidcssotest.Faults) {
			f.IDTokenClaims = func(m map[string]any) { m["auth_time"] = trialTime.Unix() - 9999 }
		})
	}, during: func(tr *trial) { tr.reconfigure(func(c *oidcsso.Config) { c.MaxAge = 60 }) }},
	{name: "asked for less, after the connector was relaxed", code: rejected, before: func(tr *trial) {
		tr.cfg.MaxAge = 60
		tr.faults(func(f *oidcssotest.Faults) {
			f.IDTokenClaims = func(m map[string]any) { m["auth_time"] = trialTime.Unix() - 121 }
		})
	}, during: func(tr *trial) { tr.reconfigure(func(c *oidcsso.Config) { c.MaxAge = 0 }) }},
	// Nobody asked: what can't be read is as good as absent.
	unasked("a text", "1893456000"), unasked("null", nil), unasked("a list", []int{1}), unasked("negative", -5),
}

func authTime(name string, code oidcsso.Code, edit func(map[string]any)) attack {
	return attack{name: name, code: code, before: func(tr *trial) {
		tr.cfg.MaxAge = 3600
		tr.faults(func(f *oidcssotest.Faults) { f.IDTokenClaims = edit })
	}}
}

func unasked(name string, value any) attack {
	a := claim("not asked for, and "+name, "", "auth_time", value)
	a.also = func(t *testing.T, id *oidcsso.Identity, _ *oidcsso.Error) {
		if !id.AuthTime.IsZero() {
			t.Errorf("AuthTime %v", id.AuthTime)
		}
	}
	return a
}
