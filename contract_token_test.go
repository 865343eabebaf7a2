package oidcsso_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/oidcsso/oidcsso"
	"github.com/oidcsso/oidcsso/oidcssotest"
)

const (
	inTokenResponse = "token response: "
	jsonType        = "application/json"
	soundTokens     = `{"access_token":"` + planted + `","token_type":"Bearer","id_token":"` + planted + `"}`
)

var attacksOnTokenResponse = []attack{
	// What is no token response at all.
	tokenAnswer("HTML", oidcsso.CodeTokenRejected, inTokenResponse, 200, "text/html", "<h1>"+planted),
	tokenAnswer("JSON that says it is text", oidcsso.CodeTokenRejected, inTokenResponse, 200, "text/plain", soundTokens),
	tokenAnswer("JSON that says nothing", oidcsso.CodeTokenRejected, inTokenResponse, 200, "", soundTokens),
	tokenAnswer("a form", oidcsso.CodeTokenRejected, inTokenResponse, 200, "application/x-www-form-urlencoded", "access_token="+planted+"&token_type=Bearer&id_token="+planted),
	tokenAnswer("a JWT", oidcsso.CodeTokenRejected, inTokenResponse, 200, "application/jwt", planted),
	tokenAnswer("nothing", oidcsso.CodeTokenRejected, inTokenResponse, 200, jsonType, ""),
	tokenAnswer("null", oidcsso.CodeTokenRejected, inTokenResponse, 200, jsonType, "null"),
	tokenAnswer("an array", oidcsso.CodeTokenRejected, inTokenResponse, 200, jsonType, "["+soundTokens+"]"),
	tokenAnswer("two documents", oidcsso.CodeTokenRejected, inTokenResponse, 200, jsonType, soundTokens+soundTokens),
	tokenAnswer("broken JSON", oidcsso.CodeTokenRejected, inTokenResponse, 200, jsonType, soundTokens[:40]),
	tokenAnswer("over a megabyte", oidcsso.CodeTokenRejected, inTokenResponse, 200, jsonType, soundTokens+strings.Repeat(" ", 1<<20)),
	tokenBody("an ID token twice", func(b string) string { return strings.Replace(b, "{", `{"id_token":"`+planted+`",`, 1) }),
	tokenBody("an ID_TOKEN beside the id_token", func(b string) string { return strings.Replace(b, "{", `{"ID_TOKEN":"`+planted+`",`, 1) }),
	tokenBody("invalid UTF-8 in what nobody reads", func(b string) string { return strings.Replace(b, "{", "{\"x\":\"\xff\",", 1) }),
	tokenBody("a lone surrogate in what nobody reads", func(b string) string { return strings.Replace(b, "{", `{"x":"\ud800",`, 1) }),
	tokenBody("a token under the name ID_token alone", func(b string) string { return strings.Replace(b, `"id_token"`, `"ID_token"`, 1) }),
	tokenBody("an access token under another case alone", func(b string) string { return strings.Replace(b, `"access_token"`, `"Access_Token"`, 1) }),
	{name: "it breaks off", code: oidcsso.CodeUnavailable, cause: "broke off", before: func(tr *trial) {
		tr.wire.instead = func(r *http.Request) *http.Response {
			if r.Method != http.MethodPost {
				return nil
			}
			return answered(200, jsonType, io.MultiReader(strings.NewReader(soundTokens[:40]), iotest.ErrReader(io.ErrUnexpectedEOF)))
		}
	}},

	// Refusals, with and without the JSON of RFC 6749, 5.2.
	refusedTokens("invalid_client", oidcsso.CodeClientRejected, 401, `{"error":"invalid_client","error_description":"`+planted+`"}`, "invalid_client"),
	refusedTokens("unauthorized_client", oidcsso.CodeClientRejected, 400, `{"error":"unauthorized_client"}`, "unauthorized_client"),
	refusedTokens("invalid_grant", oidcsso.CodeCodeRejected, 400, `{"error":"invalid_grant","error_description":"`+planted+`"}`, "invalid_grant"),
	refusedTokens("invalid_grant with status 200", oidcsso.CodeCodeRejected, 200, `{"error":"invalid_grant","access_token":"`+planted+`"}`, "invalid_grant"),
	refusedTokens("an error with status 200 beside sound tokens", oidcsso.CodeProviderError, 200, strings.Replace(soundTokens, "{", `{"error":"invalid_request",`, 1), "invalid_request"),
	refusedTokens("invalid_request", oidcsso.CodeProviderError, 400, `{"error":"invalid_request","error_uri":"https://x.example/`+planted+`"}`, "invalid_request"),
	refusedTokens("temporarily_unavailable", oidcsso.CodeUnavailable, 400, `{"error":"temporarily_unavailable"}`, "temporarily_unavailable"),
	refusedTokens("a hostile error", oidcsso.CodeProviderError, 400, `{"error":"<script>`+planted+`"}`, "other"),
	refusedTokens("an error that is no text", oidcsso.CodeProviderError, 400, `{"error":{"message":"`+planted+`"}}`, "other"),
	refusedTokens("status 400 and JSON without an error", oidcsso.CodeProviderError, 400, `{"message":"`+planted+`"}`, "other"),
	refusedTokens("status 500 and JSON", oidcsso.CodeUnavailable, 500, `{"message":"`+planted+`"}`, "other"),
	refusedTokens("status 429 and JSON", oidcsso.CodeUnavailable, 429, `{"error":"slow_down"}`, "slow_down"),
	tokenAnswer("status 400 and a page", oidcsso.CodeProviderError, "status 400", 400, "text/html", planted),
	tokenAnswer("status 401 and nothing", oidcsso.CodeProviderError, "status 401", 401, "", ""),
	tokenAnswer("status 404 and ambiguous JSON", oidcsso.CodeProviderError, "status 404", 404, jsonType, `{"error":"invalid_grant","ERROR":"`+planted+`"}`),
	tokenAnswer("status 429 and a page", oidcsso.CodeUnavailable, "status 429", 429, "text/html", planted),
	tokenAnswer("status 500 and a page", oidcsso.CodeUnavailable, "status 500", 500, "text/html", planted),
	tokenAnswer("status 503 and nothing", oidcsso.CodeUnavailable, "status 503", 503, "", ""),
	{name: "a redirect to another host", code: oidcsso.CodeProviderError, cause: "redirect", before: func(tr *trial) {
		tr.faults(func(f *oidcssotest.Faults) { f.Token.RedirectTo = "https://evil.example/" + planted })
	}},
	{name: "the client secret is an old one", code: oidcsso.CodeClientRejected, cause: "invalid_client", during: func(tr *trial) {
		tr.idp.AddClient(oidcssotest.Client{ID: tr.cfg.ClientID, Secret: "the-new-secret", RedirectURIs: []string{trialPlace}})
	}},
	{name: "a code of somebody's own making", code: oidcsso.CodeCodeRejected, cause: "invalid_grant",
		during: func(tr *trial) { tr.answer(func(v url.Values) { v.Set("code", "stolen") }) }},
	{name: "a code of 8192 bytes goes to the identity provider, which refuses it", code: oidcsso.CodeCodeRejected, cause: "invalid_grant",
		during: func(tr *trial) { tr.answer(func(v url.Values) { v.Set("code", strings.Repeat("c", 8192)) }) }},
	{name: "a code of another attempt", code: oidcsso.CodeCodeRejected, cause: "invalid_grant", during: func(tr *trial) {
		mine, request, state := tr.login, tr.request, tr.login.State()
		_, tr.response = tr.attempt() // its code has another PKCE challenge
		tr.login, tr.request = mine, request
		tr.answer(func(v url.Values) { v.Set("state", state) })
	}},

	// Members of a token response.
	noIDToken("missing", func(m map[string]any) { delete(m, "id_token") }),
	noIDToken("empty", func(m map[string]any) { m["id_token"] = "" }),
	noIDToken("null", func(m map[string]any) { m["id_token"] = nil }),
	noIDToken("a number", func(m map[string]any) { m["id_token"] = 1 }),
	noIDToken("in an array", func(m map[string]any) { m["id_token"] = []any{m["id_token"]} }),
	noIDToken("the decoded claims", func(m map[string]any) { m["id_token"] = map[string]any{"sub": planted} }),
	tokenMember("no access token", oidcsso.CodeTokenRejected, "access_token", func(m map[string]any) { delete(m, "access_token") }),
	tokenMember("an empty access token", oidcsso.CodeTokenRejected, "access_token", func(m map[string]any) { m["access_token"] = "" }),
	tokenMember("an access token that is a number", oidcsso.CodeTokenRejected, "access_token", func(m map[string]any) { m["access_token"] = 1 }),
	tokenMember("an access token that would break a header", oidcsso.CodeTokenRejected, "access_token", func(m map[string]any) { m["access_token"] = "x\r\nX-Planted: " + planted }),
	tokenMember("no token type", oidcsso.CodeTokenRejected, "token_type is not Bearer", func(m map[string]any) { delete(m, "token_type") }),
	tokenMember("the token type mac", oidcsso.CodeTokenRejected, "token_type is not Bearer", func(m map[string]any) { m["token_type"] = "mac" }),
	tokenMember("the token type DPoP", oidcsso.CodeTokenRejected, "token_type is not Bearer", func(m map[string]any) { m["token_type"] = "DPoP" }),
	tokenMember("the token type Bearer with a line break", oidcsso.CodeTokenRejected, "token_type is not Bearer", func(m map[string]any) { m["token_type"] = "Bearer\r\nX: " + planted }),
	tokenMember("the token type in lower case", "", "", func(m map[string]any) { m["token_type"] = "bearer" }),
	tokenMember("the token type in upper case", "", "", func(m map[string]any) { m["token_type"] = "BEARER" }),
	tokenMember("a refresh token, which is dropped", "", "", func(m map[string]any) { m["refresh_token"] = "refresh-" + planted }),
	expiresIn(`"3600"`), expiresIn("3600.0"), expiresIn(`""`), expiresIn("null"), expiresIn("-1"), expiresIn("1e400"), expiresIn("[]"), expiresIn("99999999999999999999"),
	tokenMember("without expires_in", "", "", func(m map[string]any) { delete(m, "expires_in") }),
	{name: "a charset behind the content type", before: func(tr *trial) {
		tr.wire.edit = func(r *http.Response) { r.Header.Set("Content-Type", "Application/JSON; charset=utf-8") }
	}},
}

func tokenAnswer(name string, code oidcsso.Code, cause string, status int, contentType, body string) attack {
	return attack{name: "it is " + name, code: code, cause: cause, before: func(tr *trial) {
		tr.faults(func(f *oidcssotest.Faults) { f.Token.Handler = oidcssotest.Answer(status, contentType, body) })
	}}
}

func tokenBody(name string, edit func(string) string) attack {
	return attack{name: name, code: oidcsso.CodeTokenRejected, cause: inTokenResponse, before: func(tr *trial) {
		tr.faults(func(f *oidcssotest.Faults) { f.Token.Body = func(b []byte) []byte { return []byte(edit(string(b))) } })
	}}
}

func refusedTokens(name string, code oidcsso.Code, status int, body, kept string) attack {
	a := tokenAnswer(name, code, kept, status, jsonType, body)
	a.also = func(t *testing.T, _ *oidcsso.Identity, e *oidcsso.Error) {
		var provider *oidcsso.ProviderError
		if !errors.As(e, &provider) || provider.Code != kept {
			t.Errorf("the cause is %v, want the code %q", e.Unwrap(), kept)
		}
	}
	return a
}

func tokenMember(name string, code oidcsso.Code, cause string, edit func(map[string]any)) attack {
	if code != "" {
		cause = inTokenResponse
	}
	return attack{name: name, code: code, cause: cause, before: func(tr *trial) {
		tr.faults(func(f *oidcssotest.Faults) { f.TokenResponse = func(m map[string]any) { m["note"] = planted; edit(m) } })
	}}
}

func noIDToken(name string, edit func(map[string]any)) attack {
	a := tokenMember("the ID token is "+name, oidcsso.CodeTokenRejected, "", edit)
	a.cause = inTokenResponse + "there is no ID token"
	return a
}

// expiresIn is of no interest to a sign-in, so no shape of it fails one.
func expiresIn(raw string) attack {
	return attack{name: "expires_in is " + raw, before: func(tr *trial) {
		tr.faults(func(f *oidcssotest.Faults) {
			f.Token.Body = func(b []byte) []byte {
				return []byte(strings.Replace(string(b), `"expires_in":3600`, `"expires_in":`+raw, 1))
			}
		})
	}}
}

var attacksOnSignature = []attack{
	// No signature, or one that anybody could have made.
	signed("none", func(f *oidcssotest.Faults) { f.SignWith = oidcssotest.SignNone }),
	withAlg("None"), withAlg("NONE"), withAlg("nOnE"), withAlg("none "), withAlg(""), withAlg("ES256 "), withAlg("es256"), withAlg("ES256K"), withAlg("HS256"),
	withHeader("without an algorithm", func(h map[string]any) { delete(h, "alg") }),
	withHeader("with an algorithm that is a list", func(h map[string]any) { h["alg"] = []string{"ES256"} }),
	signed("with an empty signature", func(f *oidcssotest.Faults) {
		f.IDToken = func(s string) string { return s[:strings.LastIndexByte(s, '.')+1] }
	}),
	signed("with a signature of zeros", withSignature(make([]byte, 64))),
	signed("with a signature of R = S = 1", withSignature(append(append(make([]byte, 31), 1), append(make([]byte, 31), 1)...))),
	signed("with half a signature", func(f *oidcssotest.Faults) { f.IDToken = func(s string) string { return s[:len(s)-43] } }),
	signed("with another signature's length", func(f *oidcssotest.Faults) { f.IDToken = func(s string) string { return s + "AAAA" } }),
	signed("with a key that is not published", func(f *oidcssotest.Faults) { f.SignWith = oidcssotest.SignUnpublished }),
	signed("over other claims", func(f *oidcssotest.Faults) {
		f.IDToken = func(s string) string {
			parts := strings.Split(s, ".")
			return parts[0] + "." + base64url(strings.Replace(payloadOf(s), "alice", "mallory", 1)) + "." + parts[2]
		}
	}),
	signed("over another header", func(f *oidcssotest.Faults) {
		f.IDToken = func(s string) string {
			parts := strings.Split(s, ".")
			return base64url(`{"alg":"ES256"}`) + "." + parts[1] + "." + parts[2]
		}
	}),

	// Algorithm confusion (RFC 8725, 2.1).
	signed("HS256 with the public key", func(f *oidcssotest.Faults) { f.SignWith = oidcssotest.SignPublicKey }),
	signed("HS256 with the client secret", func(f *oidcssotest.Faults) { f.SignWith = oidcssotest.SignClientSecret }),
	{name: "HS256 with the client secret, which discovery announces", code: oidcsso.CodeTokenRejected, before: func(tr *trial) {
		tr.faults(func(f *oidcssotest.Faults) {
			f.SignWith = oidcssotest.SignClientSecret
			f.Metadata = func(m map[string]any) {
				m["id_token_signing_alg_values_supported"] = []string{"HS256", "ES256", "none"}
			}
		})
	}},
	{name: "none, which discovery announces", code: oidcsso.CodeTokenRejected, before: func(tr *trial) {
		tr.faults(func(f *oidcssotest.Faults) {
			f.SignWith = oidcssotest.SignNone
			f.Metadata = func(m map[string]any) { m["id_token_signing_alg_values_supported"] = []string{"none", "ES256"} }
		})
	}},
	{name: "HS256 with a symmetric key of the JWKS", code: oidcsso.CodeTokenRejected, before: func(tr *trial) {
		tr.faults(func(f *oidcssotest.Faults) {
			f.ExtraKeys = []any{map[string]any{"kty": "oct", "kid": "oct-1", "k": base64url(tr.cfg.ClientSecret.Reveal())}}
			f.SignWith = oidcssotest.SignClientSecret
			f.IDTokenHeader = func(h map[string]any) { h["kid"] = "oct-1" }
		})
	}},
	{name: "an algorithm that discovery does not announce", code: oidcsso.CodeTokenRejected, before: announce("RS256", "PS256")},
	{name: "ES256, where discovery announces nothing, which means RS256", code: oidcsso.CodeTokenRejected, before: func(tr *trial) {
		tr.faults(func(f *oidcssotest.Faults) {
			f.Metadata = func(m map[string]any) { delete(m, "id_token_signing_alg_values_supported") }
		})
	}},
	withAlg("RS256"), withAlg("PS256"), withAlg("EdDSA"), withAlg("ES384"), // of a key for ES256

	// Keys of somebody else's.
	forged("signed with a key that the header brings (jwk)", nil, func(f *forger) string {
		return fmt.Sprintf(`{"alg":"ES256","jwk":%s}`, f.jwkText())
	}),
	forged("signed with a key that the header brings under a published kid", nil, func(f *forger) string {
		return fmt.Sprintf(`{"alg":"ES256","kid":%q,"jwk":%s}`, f.idpKid, f.jwkText())
	}),
	forged("signed with a key that is to be fetched (jku)", nil, func(*forger) string {
		return `{"alg":"ES256","kid":"forger","jku":"https://evil.example/jwks"}`
	}),
	forged("signed with a key in a certificate (x5u)", nil, func(*forger) string { return `{"alg":"ES256","x5u":"https://evil.example/x5c"}` }),
	forged("signed with an encryption key of the JWKS", func(f *forger) { f.publish["use"] = "enc" }, forgersHeader),
	forged("signed with a key of the JWKS for another algorithm", func(f *forger) { f.publish["alg"] = "ES384" }, forgersHeader),
	forged("signed with a key of the JWKS under another kid", func(f *forger) { f.publish["kid"] = "other" }, forgersHeader),
	forged("signed with one key, naming another", publishedKey, func(f *forger) string { return fmt.Sprintf(`{"alg":"ES256","kid":%q}`, f.idpKid) }),
	withHeader("naming no key that there is", func(h map[string]any) { h["kid"] = "nobody" }),
	withHeader("naming a key in another case", func(h map[string]any) { h["kid"] = strings.ToLower(h["kid"].(string)) }),
	withHeader("naming a key by a number", func(h map[string]any) { h["kid"] = 1 }),
	{name: "naming none of five keys", code: oidcsso.CodeTokenRejected, before: func(tr *trial) {
		tr.faults(func(f *oidcssotest.Faults) {
			f.OmitKid = true
			for i := range 4 {
				f.ExtraKeys = append(f.ExtraKeys, newForger(fmt.Sprint(i)).publish)
			}
		})
	}},
	{name: "signed with a key that was withdrawn while Alice was away", code: oidcsso.CodeTokenRejected, before: func(tr *trial) {
		old := newForger("old")
		tr.faults(func(f *oidcssotest.Faults) {
			f.ExtraKeys = []any{old.publish}
			f.IDToken = func(s string) string { return old.sign(`{"alg":"ES256","kid":"old"}`, payloadOf(s)) }
		})
	}, during: func(tr *trial) {
		tr.faults(func(f *oidcssotest.Faults) { f.ExtraKeys = nil })
		tr.connector = tr.newConnector() // which has seen no other keys
	}},

	// Headers and forms of a JWS that mean something else than they seem to.
	withHeader("with a critical extension", func(h map[string]any) { h["crit"], h["exp"] = []string{"exp"}, 1 }),
	withHeader("with an empty list of critical extensions", func(h map[string]any) { h["crit"] = []string{} }),
	withHeader("with an unencoded payload", func(h map[string]any) { h["b64"], h["crit"] = false, []string{"b64"} }),
	{name: "signed with another published key", before: forged("", publishedKey, forgersHeader).before},
	forged("with the algorithm twice", publishedKey, func(*forger) string { return `{"alg":"ES256","alg":"none","kid":"forger"}` }),
	forged("with ALG beside alg", publishedKey, func(*forger) string { return `{"alg":"ES256","ALG":"none","kid":"forger"}` }),
	forged("with a header that is an array", publishedKey, func(*forger) string { return `[{"alg":"ES256"}]` }),
	forged("with data behind the header", publishedKey, func(*forger) string { return `{"alg":"ES256","kid":"forger"}{}` }),
	signed("as flattened JSON", func(f *oidcssotest.Faults) {
		f.IDToken = func(s string) string {
			p := strings.Split(s, ".")
			return fmt.Sprintf(`{"protected":%q,"payload":%q,"signature":%q}`, p[0], p[1], p[2])
		}
	}),
	signed("as JSON with two signatures", func(f *oidcssotest.Faults) {
		f.IDToken = func(s string) string {
			p := strings.Split(s, ".")
			one := fmt.Sprintf(`{"protected":%q,"signature":%q}`, p[0], p[2])
			return fmt.Sprintf(`{"payload":%q,"signatures":[%s,%s]}`, p[1], one, one)
		}
	}),
	reshaped("with a part too few", func(s string) string { return s[:strings.LastIndexByte(s, '.')] }),
	reshaped("with a part too many", func(s string) string { return s + ".x" }),
	reshaped("in the five parts of a JWE", func(s string) string { return s + "." + s[strings.LastIndexByte(s, '.')+1:] + ".x" }),
	reshaped("without a payload", func(s string) string {
		p := strings.Split(s, ".")
		return p[0] + ".." + p[2]
	}),
	reshaped("with white space around it", func(s string) string { return " " + s + "\n" }),
	reshaped("with a line break within it", func(s string) string { return s[:40] + "\n" + s[40:] }),
	reshaped("with padding", func(s string) string { return strings.Replace(s, ".", "=.", 1) }),
	reshaped("in base64 with plus and slash", func(s string) string { return s[:len(s)-4] + "+/+/" }),
	reshaped("an opaque text", func(string) string { return planted }),
	{name: "over 64 KiB", code: oidcsso.CodeTokenRejected, cause: "token response: ", check: "token response", before: func(tr *trial) {
		tr.faults(func(f *oidcssotest.Faults) {
			f.IDToken = func(s string) string { return s + strings.Repeat("A", 64<<10) }
		})
	}},

	// What a sound identity provider may do.
	{name: "a token without a kid, where one key fits", before: func(tr *trial) {
		tr.faults(func(f *oidcssotest.Faults) { f.OmitKid = true })
	}},
	{name: "a new key since the sign-in began", during: func(tr *trial) { tr.idp.RotateKeys() }},
	{name: "odd keys in the JWKS", before: func(tr *trial) {
		tr.faults(func(f *oidcssotest.Faults) {
			f.ExtraKeys = []any{nil, 1, map[string]any{"kty": "RSA", "n": "AA"}, map[string]any{"kty": "EC", "crv": "P-999"}}
		})
	}},
	{name: "EdDSA", before: func(tr *trial) { tr.idp.Configure(func(s *oidcssotest.Settings) { s.Algorithm = "EdDSA" }) }},
	{name: "RS256, which nobody has to announce", before: func(tr *trial) {
		tr.idp.Configure(func(s *oidcssotest.Settings) { s.Algorithm = "RS256" })
		tr.faults(func(f *oidcssotest.Faults) {
			f.Metadata = func(m map[string]any) { delete(m, "id_token_signing_alg_values_supported") }
		})
	}},
	{name: "HS256 with the public RSA key", code: oidcsso.CodeTokenRejected, before: func(tr *trial) {
		tr.idp.Configure(func(s *oidcssotest.Settings) { s.Algorithm = "RS256" })
		tr.faults(func(f *oidcssotest.Faults) { f.SignWith = oidcssotest.SignPublicKey })
	}},
}

// signed is an ID token whose signature must not be accepted.
func signed(name string, set func(*oidcssotest.Faults)) attack {
	return attack{name: name, code: oidcsso.CodeTokenRejected, before: func(tr *trial) { tr.faults(set) }}
}

func withHeader(name string, edit func(map[string]any)) attack {
	return signed(name, func(f *oidcssotest.Faults) { f.IDTokenHeader = edit })
}

// withAlg is a token that is signed with ES256 and says otherwise.
func withAlg(alg string) attack {
	return withHeader(fmt.Sprintf("ES256 that is called %q", alg), func(h map[string]any) { h["alg"] = alg })
}

func withSignature(signature []byte) func(*oidcssotest.Faults) {
	return func(f *oidcssotest.Faults) {
		f.IDToken = func(s string) string { return s[:strings.LastIndexByte(s, '.')+1] + base64url(string(signature)) }
	}
}

func reshaped(name string, edit func(string) string) attack {
	return signed(name, func(f *oidcssotest.Faults) { f.IDToken = edit })
}

func announce(algorithms ...string) func(*trial) {
	return func(tr *trial) {
		tr.faults(func(f *oidcssotest.Faults) {
			f.Metadata = func(m map[string]any) { m["id_token_signing_alg_values_supported"] = algorithms }
		})
	}
}
