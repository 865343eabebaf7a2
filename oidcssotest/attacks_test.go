package oidcssotest_test

import (
	"bytes"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/oidcsso/oidcsso"
	"github.com/oidcsso/oidcsso/oidcssotest"
)

// attacks are the rows of the table at Faults, made as it says, and what the library makes of them: the code of its error,
// or the status of the email address where a sign-in may go on.
var attacks = []struct {
	name string
	user oidcssotest.User // default: ann
	also func(*testing.T, *oidcssotest.IdP)
	set  func(*faults)
	want string
	// cause is the check of the contract that the error names.
	cause string
}{
	{name: "no signature", set: func(f *faults) { f.SignWith = oidcssotest.SignNone }, want: "token_rejected", cause: "ID token: signature"},
	{name: "HS256 with the public key", set: func(f *faults) { f.SignWith = oidcssotest.SignPublicKey }, want: "token_rejected", cause: "ID token: signature"},
	{name: "HS256 with the client secret", set: func(f *faults) { f.SignWith = oidcssotest.SignClientSecret }, want: "token_rejected", cause: "ID token: signature"},
	{name: "a key of nobody's", set: func(f *faults) { f.SignWith = oidcssotest.SignUnpublished }, want: "token_rejected", cause: "ID token: signature"},
	{name: "a key that the header brings", set: func(f *faults) { f.SignWith = oidcssotest.SignHeaderKey }, want: "token_rejected", cause: "ID token: signature"},
	{name: "a key that was withdrawn", set: func(f *faults) { f.SignWith = oidcssotest.SignWithdrawn }, want: "token_rejected", cause: "ID token: signature",
		also: func(t *testing.T, idp *oidcssotest.IdP) {
			document(t, idp, "/jwks") // which makes the key
			idp.RotateKeys()
		}},
	{name: "another algorithm's name", set: header(func(m map[string]any) { m["alg"] = "nOnE" }), want: "token_rejected", cause: "ID token: signature"},
	{name: "an unknown kid", set: header(func(m map[string]any) { m["kid"] = "unknown" }), want: "token_rejected", cause: "ID token: signature"},
	{name: "no kid", set: func(f *faults) { f.OmitKid = true }, want: "trusted"}, // the only key is meant
	{name: "a kid of two keys", set: func(f *faults) { f.DuplicateKid = true }, want: "trusted"},
	{name: "a header key twice", set: func(f *faults) {
		f.IDTokenHeaderJSON = func(b []byte) []byte { return append([]byte(`{"alg":"none",`), b[1:]...) }
	}, want: "token_rejected", cause: "ID token: signature"},
	{name: "another iss, aud, azp, sub, at_hash", set: claims(func(m map[string]any) { m["iss"] = "https://other.test" }), want: "token_rejected", cause: "ID token: issuer"},
	{name: "another iss, aud, azp, sub, at_hash", set: claims(func(m map[string]any) { m["aud"] = "other" }), want: "token_rejected", cause: "ID token: audience"},
	{name: "another iss, aud, azp, sub, at_hash", set: claims(func(m map[string]any) { m["azp"] = "other" }), want: "token_rejected", cause: "ID token: audience"},
	{name: "another iss, aud, azp, sub, at_hash", set: claims(func(m map[string]any) { m["at_hash"] = "other" }), want: "token_rejected", cause: "ID token: access token"},
	{name: "another iss, aud, azp, sub, at_hash", set: claims(func(m map[string]any) { m["sub"] = "mallory" }), want: "userinfo_rejected", cause: "sub"},
	{name: "expired, or of the future", set: claims(func(m map[string]any) { m["exp"] = 0 }), want: "token_rejected", cause: "ID token: time"},
	{name: "expired, or of the future", set: claims(func(m map[string]any) { m["iat"] = 4e9 }), want: "token_rejected", cause: "ID token: time"},
	{name: "expired, or of the future", set: claims(func(m map[string]any) { m["nbf"] = 4e9 }), want: "token_rejected", cause: "ID token: time"},
	{name: "a claim that is missing", set: claims(func(m map[string]any) { delete(m, "exp") }), want: "token_rejected", cause: "ID token: time"},
	{name: "another nonce", set: func(f *faults) { f.WrongNonce = true }, want: "token_rejected", cause: "ID token: nonce"},
	{name: "a claim twice", set: func(f *faults) {
		f.IDTokenPayload = func(b []byte) []byte { return append([]byte(`{"sub":"mallory",`), b[1:]...) }
	}, want: "token_rejected", cause: "ID token: strict"},
	{name: "a claim in another case as well", set: claims(func(m map[string]any) { m["SUB"] = "mallory" }), want: "token_rejected", cause: "ID token: strict"},
	{name: "a logout token", set: func(f *faults) { f.LogoutToken = true }, want: "token_rejected", cause: "ID token: kind"},
	{name: "a logout token", set: func(f *faults) {
		f.LogoutToken = true
		f.IDTokenHeader = func(m map[string]any) { m["typ"] = "JWT" }
	}, want: "token_rejected", cause: "ID token: kind: it has events"},
	{name: "claims that nobody signed", set: func(f *faults) {
		f.IDToken = func(token string) string {
			parts := strings.Split(token, ".")
			return parts[0] + ".e30." + parts[2]
		}
	}, want: "token_rejected", cause: "ID token: signature"},

	{name: "another iss", set: func(f *faults) { f.IssInResponse = "https://other.test" }, want: "response_misplaced"},
	{name: "no iss", set: func(f *faults) { f.OmitIss = true }, want: "response_misplaced"},
	{name: "iss twice, another parameter twice", set: answer(func(v url.Values) { v.Add("iss", v.Get("iss")) }), want: "response_invalid"},
	{name: "iss twice, another parameter twice", set: answer(func(v url.Values) { v.Add("code", "other") }), want: "response_invalid"},
	{name: "code and error together", set: answer(func(v url.Values) { v.Set("error", "access_denied") }), want: "response_invalid"},
	{name: "another state, a stolen code", set: answer(func(v url.Values) { v.Set("state", "other") }), want: "login_missing"},
	{name: "another state, a stolen code", set: answer(func(v url.Values) { v.Set("code", "stolen") }), want: "code_rejected"},
	{name: "an error", set: func(f *faults) { f.AuthorizeError = "access_denied" }, want: "access_denied"},

	{name: "a page", set: func(f *faults) { f.Token.Handler = oidcssotest.Answer(200, "text/html", "<p>Hello") }, want: "token_rejected"},
	{name: "a page", set: func(f *faults) { f.UserInfo.Handler = oidcssotest.Answer(200, "text/html", "<p>Hello") }, want: "userinfo_rejected"},
	{name: "an error with status 200", set: func(f *faults) {
		f.Token.Handler = oidcssotest.Answer(200, "application/json", `{"error":"invalid_grant"}`)
	}, want: "code_rejected"},
	{name: "an error with status 200", set: func(f *faults) {
		f.UserInfo.Handler = oidcssotest.Answer(200, "application/json", `{"error":"invalid_token"}`)
	}, want: "userinfo_rejected"},
	{name: "a redirect", set: func(f *faults) { f.Token.RedirectTo = "https://other.test/token" }, want: "provider_error"},
	{name: "a redirect", set: func(f *faults) { f.UserInfo.RedirectTo = "https://other.test/userinfo" }, want: "userinfo_rejected"},
	{name: "a redirect", set: func(f *faults) { f.Discovery.RedirectTo = "https://other.test/" }, want: "metadata_invalid"},
	{name: "a redirect", set: func(f *faults) { f.JWKS.RedirectTo = "https://other.test/jwks" }, want: "unavailable"},
	{name: "a body without end", set: func(f *faults) { f.Token.Body = long }, want: "token_rejected"},
	{name: "a body without end", set: func(f *faults) { f.UserInfo.Body = long }, want: "userinfo_rejected"},
	{name: "no answer", set: func(f *faults) { f.Token.Down = true }, want: "unavailable"},
	{name: "a member twice", set: func(f *faults) {
		f.Token.Body = func(b []byte) []byte { return append([]byte(`{"id_token":"other",`), b[1:]...) }
	}, want: "token_rejected"},
	{name: "no ID token", set: func(f *faults) { f.OmitIDToken = true }, want: "token_rejected"},
	{name: "another token type", set: func(f *faults) { f.TokenResponse = func(m map[string]any) { m["token_type"] = "mac" } }, want: "token_rejected"},
	{name: "UserInfo of another person", set: func(f *faults) { f.UserInfoSubject = "mallory" }, want: "userinfo_rejected"},
	{name: "a claim that UserInfo alone has", set: func(f *faults) {
		f.UserInfoClaims = func(m map[string]any) { m["email"] = "mallory@other.test" }
	}, want: "email_outside", also: func(_ *testing.T, idp *oidcssotest.IdP) {
		idp.Configure(func(s *oidcssotest.Settings) { s.ClaimsInUserInfoOnly = true })
	}},

	{name: "another issuer", set: func(f *faults) { f.IssuerInDiscovery = "https://other.test" }, want: "issuer_mismatch"},
	{name: "an endpoint elsewhere, or of http", set: func(f *faults) {
		f.Metadata = func(m map[string]any) { m["jwks_uri"] = "http://other.test" }
	}, want: "metadata_invalid"},
	{name: "no promise of iss", set: func(f *faults) {
		f.Metadata = func(m map[string]any) { delete(m, "authorization_response_iss_parameter_supported") }
	}, want: "trusted"}, // the redirect URI is this connector's alone
	{name: "odd keys, a thousand keys", set: func(f *faults) { f.ExtraKeys = []any{nil, 7, map[string]any{"kty": "odd"}} }, want: "trusted"},
	{name: "keys that are removed", want: "trusted", also: func(t *testing.T, idp *oidcssotest.IdP) {
		document(t, idp, "/jwks")
		idp.RotateKeys()
	}},
	{name: "no keys", set: func(f *faults) { f.JWKS.Handler = oidcssotest.Answer(200, "application/json", `{"keys":[]}`) }, want: "token_rejected", cause: "ID token: signature"},

	{name: "an address of another domain", user: oidcssotest.User{Subject: "mallory", Email: "ann@other.test"}, want: "email_outside"},
	{name: "an address that is not verified", want: "unverified",
		user: oidcssotest.User{Subject: "mallory", Email: "ann@acme.test", EmailVerified: oidcssotest.SaysUnverified}},
	{name: "an address about which it is silent", want: "trusted", // inside the connector's domain
		user: oidcssotest.User{Subject: "ann", Email: "ann@acme.test", EmailVerified: oidcssotest.SaysNothing}},
	{name: "verified by what is no boolean", want: "unverified",
		user: oidcssotest.User{Subject: "mallory", Email: "ann@acme.test", Claims: map[string]any{"email_verified": 1}}},
}

func header(edit func(map[string]any)) func(*faults) {
	return func(f *faults) { f.IDTokenHeader = edit }
}

func claims(edit func(map[string]any)) func(*faults) {
	return func(f *faults) { f.IDTokenClaims = edit }
}

func answer(edit func(url.Values)) func(*faults) {
	return func(f *faults) { f.AuthorizeResponse = edit }
}

func long(b []byte) []byte { return append(b, bytes.Repeat([]byte(" "), 2<<20)...) }

func TestAttacks(t *testing.T) {
	t.Parallel()
	for _, attack := range attacks {
		t.Run(attack.name, func(t *testing.T) {
			t.Parallel()
			user := attack.user
			if user.Subject == "" {
				user = ann
			}
			idp := oidcssotest.New(t, "https://app.example.test/sso")
			idp.Configure(func(s *oidcssotest.Settings) { s.Algorithm = "ES256" })
			idp.AddUser(user)
			if attack.also != nil {
				attack.also(t, idp)
			}
			if attack.set != nil {
				idp.Faults(attack.set)
			}
			status, err := finished(t, idp, user)
			if err == nil {
				equal(t, status, attack.want)
				return
			}
			e := oidcsso.AsError(err)
			equal(t, string(e.Code), attack.want)
			if cause := e.Unwrap(); attack.cause != "" && !strings.HasPrefix(cause.Error(), attack.cause) {
				t.Errorf("the cause is %v, want %s", cause, attack.cause)
			}
		})
	}
}

// finished signs the user in through a new connector, and gives what came of the address.
func finished(t *testing.T, idp *oidcssotest.IdP, user oidcssotest.User) (string, error) {
	t.Helper()
	cfg := idp.Config("acme", "acme.test")
	cfg.UserInfo = oidcsso.UserInfoAlways
	connector, err := oidcsso.NewConnector(cfg, idp.Options())
	if err != nil {
		t.Fatal(err)
	}
	authorizationURL, login, err := connector.Begin(t.Context(), oidcsso.BeginParams{Binding: "session"})
	if err != nil {
		return "", err
	}
	response := oidcsso.Response{URL: idp.Authorize(t, authorizationURL, user.Subject).String(), Binding: "session"}
	id, err := connector.Finish(t.Context(), login, response)
	if err != nil {
		return "", err
	}
	return string(id.EmailStatus), nil
}

// The table at Faults promises that each attack can be made as it says: every row has its test, and no test is missing in it.
func TestTableOfAttacks(t *testing.T) {
	t.Parallel()
	source, err := os.ReadFile("faults.go")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(source), "This is how each attack is made")
	table, _, _ = strings.Cut(table, "\ntype Faults struct")
	documented := map[string]bool{}
	for line := range strings.Lines(table) {
		row, ok := strings.CutPrefix(line, "//\t")
		if name, _, switched := strings.Cut(row, "  "); ok && switched {
			documented[name] = true
		}
	}
	tested := map[string]bool{}
	for _, attack := range attacks {
		tested[attack.name] = true
		if !documented[attack.name] {
			t.Errorf("%q is not in the table", attack.name)
		}
	}
	for name := range documented {
		if !tested[name] {
			t.Errorf("%q is in the table and has no test", name)
		}
	}
	if len(documented) < 40 {
		t.Errorf("only %d rows were found", len(documented))
	}
}

func TestSignWithdrawnNeedsAWithdrawnKey(t *testing.T) {
	t.Parallel()
	idp := newIdP(t)
	idp.Faults(func(f *faults) { f.SignWith = oidcssotest.SignWithdrawn })
	rp := newRelyingParty(t, idp)
	response, _ := rp.tokens(rp.exchange(rp.code()))
	equal(t, response.StatusCode, 500)
}
