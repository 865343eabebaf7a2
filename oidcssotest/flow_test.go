package oidcssotest_test

import (
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"hash"
	"net/http"
	"net/url"
	"reflect"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/oidcsso/oidcsso/oidcssotest"
)

// parsed gives a token and the published keys to go-jose.
func parsed(t *testing.T, idp *oidcssotest.IdP, token any, algorithm string) (*jose.JSONWebSignature, *jose.JSONWebKeySet) {
	t.Helper()
	signed, err := jose.ParseSignedCompact(token.(string), []jose.SignatureAlgorithm{jose.SignatureAlgorithm(algorithm)})
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(document(t, idp, "/jwks"))
	if err != nil {
		t.Fatal(err)
	}
	keys := &jose.JSONWebKeySet{}
	if err := json.Unmarshal(text, keys); err != nil {
		t.Fatal(err)
	}
	return signed, keys
}

// verified is the payload of an ID token whose signature go-jose accepts with the published key.
func verified(t *testing.T, idp *oidcssotest.IdP, token any, algorithm string) map[string]any {
	t.Helper()
	signed, keys := parsed(t, idp, token, algorithm)
	found := keys.Key(signed.Signatures[0].Header.KeyID)
	if len(found) != 1 || !found[0].Valid() || !found[0].IsPublic() || found[0].Use != "sig" || found[0].Algorithm != algorithm {
		t.Fatalf("keys %v", found)
	}
	body, err := signed.Verify(found[0])
	if err != nil {
		t.Fatal(err)
	}
	var claims map[string]any
	if err := json.Unmarshal(body, &claims); err != nil {
		t.Fatal(err)
	}
	return claims
}

func TestCodeFlow(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		algorithm string
		hash      func() hash.Hash
	}{{"", sha256.New}, {"RS256", sha256.New}, {"PS256", sha256.New}, {"ES256", sha256.New}, {"EdDSA", sha512.New}} {
		t.Run("signed with "+test.algorithm, func(t *testing.T) {
			t.Parallel()
			idp := newIdP(t)
			idp.Configure(func(s *oidcssotest.Settings) { s.Algorithm = test.algorithm })
			rp := newRelyingParty(t, idp)
			before := time.Now().Unix()
			answer := idp.Authorize(t, rp.authorizeURL(), "ANN@acme.test").Query()
			want := url.Values{"code": answer["code"], "state": {rp.state}, "iss": {idp.Issuer()}}
			if !reflect.DeepEqual(answer, want) {
				t.Fatalf("authorization response %v, want %v", answer, want)
			}
			response, tokens := rp.tokens(rp.exchange(answer.Get("code")))
			if response.StatusCode != http.StatusOK || response.Header.Get("Content-Type") != "application/json" ||
				response.Header.Get("Cache-Control") != "no-store" {
				t.Fatalf("%s %v %v", response.Status, response.Header, tokens)
			}
			if got, want := without(tokens, "access_token", "id_token"), map[string]any{
				"token_type": "Bearer", "expires_in": 3600.0, "scope": "openid profile email",
			}; !reflect.DeepEqual(got, want) {
				t.Errorf("token response %v, want %v", got, want)
			}
			algorithm := test.algorithm
			if algorithm == "" {
				algorithm = "RS256"
			}
			claims := verified(t, idp, tokens["id_token"], algorithm)
			after := time.Now().Unix()
			iat := int64(claims["iat"].(float64))
			if iat < before || iat > after || claims["auth_time"].(float64) < float64(before) || claims["sid"] == "" {
				t.Errorf("times or session: %v", claims)
			}
			sum := test.hash()
			sum.Write([]byte(tokens["access_token"].(string)))
			half := sum.Sum(nil)[:sum.Size()/2]
			profile := map[string]any{
				"sub": "ann-1", "email": "ann@acme.test", "email_verified": true, "name": "Ann Example", "given_name": "Ann",
				"family_name": "Example", "preferred_username": "ann", "groups": []any{"staff", "admins"},
			}
			wantClaims := map[string]any{
				"iss": idp.Issuer(), "aud": awkwardID, "nonce": rp.nonce, "acr": "0", "amr": []any{"pwd"},
				"exp": float64(iat + 600), "at_hash": base64.RawURLEncoding.EncodeToString(half),
			}
			for name, value := range profile {
				wantClaims[name] = value
			}
			if got := without(claims, "iat", "auth_time", "sid"); !reflect.DeepEqual(got, wantClaims) {
				t.Errorf("ID token %v\nwant %v", got, wantClaims)
			}
			if response, got := rp.userInfo(tokens["access_token"]); response.StatusCode != http.StatusOK || !reflect.DeepEqual(got, profile) {
				t.Errorf("UserInfo %s %v\nwant %v", response.Status, got, profile)
			}
			if got, want := idp.Requests(), (oidcssotest.Requests{JWKS: 1, Authorize: 1, SignIn: 1, Token: 1, UserInfo: 1}); got != want {
				t.Errorf("requests %+v, want %+v", got, want)
			}
		})
	}
}

func TestClaims(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name     string
		user     oidcssotest.User
		scope    string
		userOnly bool
		idToken  string // the user's claims in the ID token
		userInfo string
	}{
		{"email says unverified", oidcssotest.User{Subject: "1", Email: "a@x.test", EmailVerified: oidcssotest.SaysUnverified}, "openid email", false,
			`{"sub":"1","email":"a@x.test","email_verified":false}`, `{"sub":"1","email":"a@x.test","email_verified":false}`},
		{"email says nothing", oidcssotest.User{Subject: "1", Email: "a@x.test", EmailVerified: oidcssotest.SaysNothing}, "openid email", false,
			`{"sub":"1","email":"a@x.test"}`, `{"sub":"1","email":"a@x.test"}`},
		{"no email", oidcssotest.User{Subject: "1"}, "openid email", false, `{"sub":"1"}`, `{"sub":"1"}`},
		{"no subject", oidcssotest.User{Email: "a@x.test"}, "openid", false, `{"sub":"sub-15a8717ffa4f3d4f"}`, `{"sub":"sub-15a8717ffa4f3d4f"}`},
		{"scope openid alone", oidcssotest.User{Subject: "1", Email: "a@x.test", Name: "A"}, "openid", false, `{"sub":"1"}`, `{"sub":"1"}`},
		{"scope profile", oidcssotest.User{Subject: "1", Email: "a@x.test", Name: "A"}, "openid profile", false, `{"sub":"1","name":"A"}`, `{"sub":"1","name":"A"}`},
		{"claims in UserInfo only", oidcssotest.User{Subject: "1", Email: "a@x.test", Groups: []string{"g"}, Claims: map[string]any{"dept": 7}}, "openid email", true,
			`{"sub":"1"}`, `{"sub":"1","email":"a@x.test","email_verified":true,"groups":["g"],"dept":7}`},
		{"further claims override", oidcssotest.User{Subject: "1", Email: "a@x.test", Claims: map[string]any{"email_verified": "true", "hd": "x.test"}}, "openid email", false,
			`{"sub":"1","email":"a@x.test","email_verified":"true","hd":"x.test"}`, `{"sub":"1","email":"a@x.test","email_verified":"true","hd":"x.test"}`},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			idp := newIdP(t)
			idp.AddUser(test.user)
			idp.Configure(func(s *oidcssotest.Settings) { s.ClaimsInUserInfoOnly, s.Algorithm = test.userOnly, "ES256" })
			rp := newRelyingParty(t, idp)
			name := test.user.Subject
			if name == "" {
				name = test.user.Email
			}
			code := idp.Authorize(t, rp.authorizeURL("scope", test.scope), name).Query().Get("code")
			_, tokens := rp.tokens(rp.exchange(code))
			_, claims := payload(t, tokens["id_token"])
			claims = without(claims, "iss", "aud", "exp", "iat", "auth_time", "nonce", "at_hash", "sid", "acr", "amr")
			_, userInfo := rp.userInfo(tokens["access_token"])
			for _, pair := range []struct {
				got  map[string]any
				want string
			}{{claims, test.idToken}, {userInfo, test.userInfo}} {
				var want map[string]any
				if err := json.Unmarshal([]byte(pair.want), &want); err != nil {
					t.Fatal(err)
				}
				if !reflect.DeepEqual(pair.got, want) {
					t.Errorf("got %v, want %v", pair.got, want)
				}
			}
		})
	}
}

func TestRefreshTokenOnlyForOfflineAccess(t *testing.T) {
	t.Parallel()
	rp := newRelyingParty(t, newIdP(t))
	if _, ok := rp.signIn()["refresh_token"]; ok {
		t.Error("a refresh token that nobody asked for")
	}
	if rp.signIn("scope", "openid offline_access")["refresh_token"] == "" {
		t.Error("no refresh token")
	}
}

func TestAcrValues(t *testing.T) {
	t.Parallel()
	rp := newRelyingParty(t, newIdP(t))
	if _, claims := payload(t, rp.signIn("acr_values", "urn:mfa urn:pwd")["id_token"]); claims["acr"] != "urn:mfa" {
		t.Errorf("acr %v, want the first one that was asked for", claims["acr"])
	}
}

func TestRotateKeys(t *testing.T) {
	t.Parallel()
	idp := newIdP(t)
	rp := newRelyingParty(t, idp)
	kids := func() []string {
		t.Helper()
		var list []string
		for _, k := range document(t, idp, "/jwks")["keys"].([]any) {
			list = append(list, k.(map[string]any)["kid"].(string))
		}
		return list
	}
	signedWith := func() string {
		t.Helper()
		token := rp.signIn()["id_token"]
		verified(t, idp, token, "RS256")
		header, _ := payload(t, token)
		return header["kid"].(string)
	}
	first := kids()
	if len(first) != 1 || signedWith() != first[0] {
		t.Fatalf("at first: %v", first)
	}
	idp.RotateKeysKeepingOld()
	second := kids()
	if len(second) != 2 || second[0] != first[0] || second[1] == first[0] || signedWith() != second[1] {
		t.Fatalf("after a rotation that keeps the old key: %v, then %v", first, second)
	}
	idp.RotateKeys()
	third := kids()
	if len(third) != 1 || third[0] == second[0] || third[0] == second[1] || signedWith() != third[0] {
		t.Fatalf("after a rotation: %v, then %v", second, third)
	}
}

func TestTwoIdPsNeverShareAKey(t *testing.T) {
	t.Parallel()
	modulus := func(idp *oidcssotest.IdP) any {
		return document(t, idp, "/jwks")["keys"].([]any)[0].(map[string]any)["n"]
	}
	one, two := newIdP(t), newIdP(t)
	if modulus(one) == modulus(two) {
		t.Error("the same key in two identity providers")
	}
	old := modulus(one)
	if one.RotateKeys(); modulus(one) == old {
		t.Error("the same key after a rotation")
	}
}

func TestDiscovery(t *testing.T) {
	t.Parallel()
	idp := newIdP(t)
	metadata := document(t, idp, "/.well-known/openid-configuration")
	for name, want := range map[string]any{
		"issuer":                                         idp.Issuer(),
		"authorization_endpoint":                         idp.Issuer() + "/authorize",
		"token_endpoint":                                 idp.Issuer() + "/token",
		"userinfo_endpoint":                              idp.Issuer() + "/userinfo",
		"jwks_uri":                                       idp.Issuer() + "/jwks",
		"end_session_endpoint":                           idp.Issuer() + "/logout",
		"response_types_supported":                       []any{"code"},
		"subject_types_supported":                        []any{"public"},
		"id_token_signing_alg_values_supported":          []any{"RS256", "PS256", "ES256", "EdDSA"},
		"token_endpoint_auth_methods_supported":          []any{"client_secret_basic", "client_secret_post", "none"},
		"code_challenge_methods_supported":               []any{"S256"},
		"authorization_response_iss_parameter_supported": true,
		"request_uri_parameter_supported":                false,
	} {
		if !reflect.DeepEqual(metadata[name], want) {
			t.Errorf("%s: %v, want %v", name, metadata[name], want)
		}
	}
}

func TestIssNotSupported(t *testing.T) {
	t.Parallel()
	idp := newIdP(t)
	idp.Configure(func(s *oidcssotest.Settings) { s.IssNotSupported = true })
	if _, promised := document(t, idp, "/.well-known/openid-configuration")["authorization_response_iss_parameter_supported"]; promised {
		t.Error("iss is promised")
	}
	if rp := newRelyingParty(t, idp); idp.Authorize(t, rp.authorizeURL(), "ann").Query().Has("iss") {
		t.Error("iss is sent")
	}
}

// An IdP of NewLocal lives below a path of somebody else's server, several of them side by side.
func TestNewLocalBelowAPath(t *testing.T) {
	t.Parallel()
	mux := http.NewServeMux()
	server := serve(t, mux)
	for _, slash := range []string{"", "/"} {
		t.Run(fmt.Sprintf("issuer ends in %q", "acme"+slash), func(t *testing.T) {
			path := "/idp" + map[string]string{"": "1", "/": "2"}[slash] + "/acme"
			idp := oidcssotest.NewLocal(server+path+slash, "")
			mux.Handle(path+"/", idp)
			idp.AddUser(ann)
			idp.AddClient(oidcssotest.Client{ID: "c", RedirectURIs: []string{redirectURI}, AuthMethod: "none"})
			response, err := http.Get(server + path + "/.well-known/openid-configuration")
			if err != nil {
				t.Fatal(err)
			}
			defer response.Body.Close()
			var metadata map[string]any
			if err := json.NewDecoder(response.Body).Decode(&metadata); err != nil {
				t.Fatal(err)
			}
			if metadata["issuer"] != server+path+slash || metadata["token_endpoint"] != server+path+"/token" {
				t.Fatalf("metadata %v", metadata)
			}
			rp := newRelyingParty(t, idp)
			answer := idp.Authorize(t, metadata["authorization_endpoint"].(string)+"?"+rp.authorizeParams("client_id", "c").Encode(), "ann")
			e := rp.exchange(answer.Query().Get("code"))
			e.header.Del("Authorization")
			e.form.Set("client_id", "c")
			if response, tokens := rp.post(metadata["token_endpoint"].(string), e); response.StatusCode != http.StatusOK || tokens["id_token"] == nil {
				t.Errorf("%s %v", response.Status, tokens)
			}

			idp.Stop()
			if got := status(t, server+path+"/jwks"); got != http.StatusServiceUnavailable {
				t.Errorf("stopped: %d", got)
			}
			idp.Start()
			if got := status(t, server+path+"/jwks"); got != http.StatusOK {
				t.Errorf("started again: %d", got)
			}
		})
	}
	if got := status(t, server+"/idp1/acme/nowhere"); got != http.StatusNotFound {
		t.Errorf("an unknown route: %d", got)
	}
}
