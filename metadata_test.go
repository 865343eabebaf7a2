package oidcsso

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"golang.org/x/oauth2"
)

var updateMetadata = flag.Bool("update", false, "write testdata/discovery/*.metadata.json anew; review the difference")

// realProviders are those whose discovery documents are in testdata/discovery, and what follows from each: how a client with
// a secret authenticates, and whether the authorization response will name the issuer.
var realProviders = map[string]struct {
	style       oauth2.AuthStyle
	issPromised bool
	algorithms  string
}{
	"adfs":          {oauth2.AuthStyleInHeader, false, "RS256"},
	"auth0":         {oauth2.AuthStyleInHeader, false, "RS256 PS256"},
	"authentik":     {oauth2.AuthStyleInHeader, false, "RS256"},
	"cognito":       {oauth2.AuthStyleInHeader, false, "RS256"},
	"dex":           {oauth2.AuthStyleInHeader, false, "RS256"},
	"entra":         {oauth2.AuthStyleInHeader, false, "RS256"},
	"google":        {oauth2.AuthStyleInHeader, true, "RS256"},
	"hydra":         {oauth2.AuthStyleInHeader, false, "RS256"},
	"keycloak":      {oauth2.AuthStyleInHeader, true, "RS256 RS384 RS512 PS256 PS384 PS512 ES256 ES384 ES512 EdDSA"},
	"oidc-provider": {oauth2.AuthStyleInHeader, true, "RS256 PS256 ES256 EdDSA"},
	"okta":          {oauth2.AuthStyleInHeader, false, "RS256"},
	"onelogin":      {oauth2.AuthStyleInHeader, false, "RS256 PS256"},
	"pingone":       {oauth2.AuthStyleInHeader, false, "RS256"},
}

func TestMetadataOfRealProviders(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/discovery/*.json")
	if err != nil {
		t.Fatal(err)
	}
	tested := 0
	for _, file := range files {
		if strings.HasSuffix(file, ".metadata.json") {
			continue
		}
		tested++
		name := strings.TrimSuffix(filepath.Base(file), ".json")
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want, known := realProviders[name]
			if !known {
				t.Fatal("it has no row in the table")
			}
			document, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var configured struct{ Issuer string }
			if err := json.Unmarshal(document, &configured); err != nil {
				t.Fatal(err)
			}
			opts := optionsServing(string(document))
			opts.Egress.InsecureAllowLoopback = strings.HasPrefix(configured.Issuer, "http:") // servers on the author's machine
			md, err := Discover(t.Context(), configured.Issuer, opts)
			if err != nil {
				t.Fatal(err)
			}
			checkGolden(t, strings.TrimSuffix(file, ".json")+".metadata.json", md)
			if got := strings.Join(md.algorithms, " "); got != want.algorithms {
				t.Errorf("ID tokens are accepted with %s, want %s", got, want.algorithms)
			}

			// The whole way: a sign-in begins, at the real authorization endpoint.
			c, err := NewConnector(Config{ID: "acme", Issuer: configured.Issuer, ClientID: "x", ClientSecret: NewSecret("y")}, opts)
			if err != nil {
				t.Fatal(err)
			}
			u, login, err := c.Begin(t.Context(), BeginParams{Binding: "session"})
			if err != nil || !strings.HasPrefix(u, md.AuthorizationEndpoint+"?response_type=code&") {
				t.Fatalf("got %s, %v", u, err)
			}
			if login.issPromised != want.issPromised || md.AuthorizationResponseIssParameterSupported != want.issPromised {
				t.Errorf("iss promised: %t, want %t", login.issPromised, want.issPromised)
			}
			if style, err := c.authStyle(md.kept()); err != nil || style != want.style {
				t.Errorf("client authentication: %v, %v, want %v", style, err, want.style)
			}
		})
	}
	if tested != len(realProviders) {
		t.Errorf("%d documents, but %d rows", tested, len(realProviders))
	}
}

func checkGolden(t *testing.T, file string, md *Metadata) {
	t.Helper()
	got, err := json.MarshalIndent(md, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	got = append(got, '\n')
	if *updateMetadata {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs; got\n%s", file, got)
	}
}

// What the golden files say is checked against the documents themselves: each member of the Metadata is the document's,
// under the same name.
func TestMetadataSaysWhatTheDocumentSays(t *testing.T) {
	t.Parallel()
	for name := range realProviders {
		var document, metadata map[string]any
		for file, to := range map[string]*map[string]any{
			"testdata/discovery/" + name + ".json": &document, "testdata/discovery/" + name + ".metadata.json": &metadata,
		} {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal(text, to); err != nil {
				t.Fatal(err)
			}
		}
		delete(metadata, "fetched_at")
		for member, value := range metadata {
			if said, ok := document[member]; ok && !reflect.DeepEqual(said, value) {
				t.Errorf("%s: %s is %v, but the document says %v", name, member, value, said)
			} else if !ok && value != false {
				t.Errorf("%s: %s is %v, but the document does not say so", name, member, value)
			}
		}
		for member, said := range document {
			if _, ok := metadata[member]; !ok && said != false && slices.Contains(metadataMembers(), member) {
				t.Errorf("%s: %s is lost", name, member)
			}
		}
	}
}

// metadataMembers are the JSON names of Metadata.
func metadataMembers() []string {
	var names []string
	for field := range reflect.TypeFor[Metadata]().Fields() {
		if name, _, _ := strings.Cut(field.Tag.Get("json"), ","); name != "" {
			names = append(names, name)
		}
	}
	return names
}

// metadataOf parses a document of an issuer, given as members that replace or follow those of a sound one.
func metadataOf(t *testing.T, issuer string, loopback bool, members ...string) (*Metadata, error) {
	t.Helper()
	sound := map[string]string{
		"issuer": issuer, "authorization_endpoint": issuer + "/authorize", "token_endpoint": issuer + "/token", "jwks_uri": issuer + "/keys",
	}
	document := map[string]json.RawMessage{}
	for name, value := range sound {
		document[name], _ = json.Marshal(value)
	}
	for i := 0; i < len(members); i += 2 {
		if document[members[i]] = json.RawMessage(members[i+1]); members[i+1] == "" {
			delete(document, members[i])
		}
	}
	text, err := json.Marshal(document)
	if err != nil {
		t.Fatal(err)
	}
	opts := optionsServing(string(text))
	opts.Egress.InsecureAllowLoopback = loopback
	return Discover(t.Context(), issuer, opts)
}

var badEndpoints = map[string]string{
	"missing":                                `""`,
	"null":                                   `null`,
	"a script":                               `"javascript:alert(1)"`,
	"data":                                   `"data:text/html,x"`,
	"a file":                                 `"file:///etc/passwd"`,
	"another scheme":                         `"ftp://idp.acme.example/x"`,
	"relative":                               `"/x"`,
	"relative to a scheme":                   `"//idp.acme.example/x"`,
	"opaque":                                 `"https:idp.acme.example"`,
	"without a host":                         `"https:///x"`,
	"of a port alone":                        `"https://:8443/x"`,
	"with user info":                         `"https://idp.acme.example@evil.example/x"`,
	"with a password":                        `"https://u:p@idp.acme.example/x"`,
	"with a fragment":                        `"https://idp.acme.example/x#y"`,
	"with an empty fragment":                 `"https://idp.acme.example/x#"`,
	"with a space":                           `"https://idp.acme.example/x y"`,
	"with a line break":                      `"https://idp.acme.example/x\r\nSet-Cookie: a=b"`,
	"with a backslash":                       `"https://idp.acme.example\\@evil.example/x"`,
	"outside ASCII":                          `"https://idp.аcme.example/x"`,
	"of three kilobytes":                     `"https://idp.acme.example/` + strings.Repeat("x", 3000) + `"`,
	"http":                                   `"http://idp.acme.example/x"`,
	"http on loopback":                       `"http://127.0.0.1:9000/x"`,
	"http on loopback by name":               `"http://localhost/x"`,
	"http on an address of the network here": `"http://10.0.0.1/x"`,
}

func TestBadEndpoints(t *testing.T) {
	t.Parallel()
	const issuer = "https://idp.acme.example"
	for name, raw := range badEndpoints {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, endpoint := range []string{"authorization_endpoint", "token_endpoint", "jwks_uri", "userinfo_endpoint"} {
				// Even where loopback is allowed: it is for issuers that are there themselves.
				for _, loopback := range []bool{false, true} {
					md, err := metadataOf(t, issuer, loopback, endpoint, raw)
					if endpoint == "userinfo_endpoint" && (raw == `""` || raw == "null") {
						if err != nil || md.UserInfoEndpoint != "" {
							t.Errorf("%s: got %v, want metadata without it", endpoint, err)
						}
						continue
					}
					var e *Error
					if !errors.As(err, &e) || e.Code != CodeMetadataInvalid || !strings.Contains(err.Error(), endpoint+" ") {
						t.Errorf("%s: got %v, want CodeMetadataInvalid that names it", endpoint, err)
					}
				}
			}
			for _, endpoint := range []string{
				"end_session_endpoint", "revocation_endpoint", "introspection_endpoint", "registration_endpoint", "device_authorization_endpoint",
				"pushed_authorization_request_endpoint", "service_documentation",
			} {
				md, err := metadataOf(t, issuer, false, endpoint, raw)
				if err != nil {
					t.Fatalf("%s is not used, but: %v", endpoint, err)
				}
				for _, field := range md.otherEndpoints() {
					if *field.to != "" {
						t.Errorf("%s is %q", field.name, *field.to)
					}
				}
			}
		})
	}
}

func TestLoopbackEndpoints(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name, issuer, endpoint string
		accepted               bool
	}{
		{"http beside http", "http://127.0.0.1:9000", `"http://127.0.0.1:9001/x"`, true},
		{"http by another name of loopback", "http://127.0.0.1:9000", `"http://localhost:9000/x"`, true},
		{"https beside http", "http://127.0.0.1:9000", `"https://idp.acme.example/x"`, true},
		{"http of another host beside http", "http://127.0.0.1:9000", `"http://10.0.0.1/x"`, false},
		{"http beside https, both on loopback", "https://127.0.0.1:9000", `"http://127.0.0.1:9000/x"`, false},
		{"https beside https on loopback", "https://127.0.0.1:9000", `"https://127.0.0.1:9001/x"`, true},
	} {
		_, err := metadataOf(t, row.issuer, true, "token_endpoint", row.endpoint)
		if row.accepted && err != nil || !row.accepted && !errors.Is(err, CodeMetadataInvalid) {
			t.Errorf("%s: got %v", row.name, err)
		}
	}
}

func TestMetadataLists(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 1025)
	for _, row := range []struct {
		name, raw string
		want      []string
	}{
		{"absent", ``, nil},
		{"null", `null`, nil},
		{"a string", `"openid"`, nil},
		{"an object", `{"a":"openid"}`, nil},
		{"empty", `[]`, []string{}},
		{"strings", `["openid","email"]`, []string{"openid", "email"}},
		{"strings among others", `["openid",null,1,true,["x"],{"a":"b"},"email",""]`, []string{"openid", "email"}},
		{"texts that break a page or a log", `["openid","a\nb","a\u202eb","a\u2028b","\u0000"]`, []string{"openid"}},
		{"a text of a kilobyte", `["openid","` + long + `"]`, []string{"openid"}},
		{"300 of them", `[` + strings.Repeat(`"a",`, 299) + `"a"]`, slices.Repeat([]string{"a"}, 200)},
	} {
		md, err := metadataOf(t, "https://idp.acme.example", false, "scopes_supported", row.raw)
		if err != nil || !slices.Equal(md.ScopesSupported, row.want) || (md.ScopesSupported == nil) != (row.want == nil) {
			t.Errorf("%s: got %q, %v, want %q", row.name, md.ScopesSupported, err, row.want)
		}
	}
}

// A promise is true or nothing: a word or a number is none.
func TestMetadataFlags(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]bool{
		`true`: true, `false`: false, ``: false, `null`: false, `"true"`: false, `1`: false, `[true]`: false, `{}`: false,
	} {
		md, err := metadataOf(t, "https://idp.acme.example", false,
			"authorization_response_iss_parameter_supported", raw, "require_pushed_authorization_requests", raw, "backchannel_logout_supported", raw,
			"backchannel_logout_session_supported", raw, "frontchannel_logout_supported", raw)
		if err != nil {
			t.Fatalf("%s: %v", raw, err)
		}
		got := []bool{md.AuthorizationResponseIssParameterSupported, md.RequirePushedAuthorizationRequests, md.BackchannelLogoutSupported,
			md.BackchannelLogoutSessionSupported, md.FrontchannelLogoutSupported}
		if !slices.Equal(got, slices.Repeat([]bool{want}, 5)) {
			t.Errorf("%s: got %v", raw, got)
		}
	}
}

func TestMetadataAlgorithms(t *testing.T) {
	t.Parallel()
	for _, row := range []struct{ name, raw, want string }{
		{"not said", ``, "RS256"},
		{"null", `null`, "RS256"},
		{"one", `["ES256"]`, "ES256"},
		{"in the order of the specification, each once", `["EdDSA","ES512","RS256","ES512"]`, "RS256 ES512 EdDSA"},
		{"those of shared secrets and none are left out", `["none","HS256","HS384","HS512","PS384"]`, "PS384"},
		{"an unknown one is left out", `["RS256","ML-DSA-65","rs512"]`, "RS256"},
		{"shared secrets only", `["HS256"]`, ""},
		{"none only", `["none"]`, ""},
		{"nothing", `[]`, ""},
		{"another case", `["rs256"]`, ""},
		{"null in a list", `[null]`, ""},
	} {
		md, err := metadataOf(t, "https://idp.acme.example", false, "id_token_signing_alg_values_supported", row.raw)
		if row.want == "" {
			if e := wantMetadataInvalid(t, row.name, err); e != nil && !strings.Contains(e.Remedy, "RS256") {
				t.Errorf("%s: the remedy is %q", row.name, e.Remedy)
			}
			continue
		}
		if err != nil || strings.Join(md.algorithms, " ") != row.want {
			t.Errorf("%s: got %v, %v, want %s", row.name, md, err, row.want)
		}
	}
}

func wantMetadataInvalid(t *testing.T, name string, err error) *Error {
	t.Helper()
	var e *Error
	if !errors.As(err, &e) || e.Code != CodeMetadataInvalid {
		t.Errorf("%s: got %v, want CodeMetadataInvalid", name, err)
		return nil
	}
	return e
}

func TestMetadataNeedsTheEndpointsOfTheCodeFlow(t *testing.T) {
	t.Parallel()
	for _, endpoint := range []string{"authorization_endpoint", "token_endpoint", "jwks_uri"} {
		_, err := metadataOf(t, "https://idp.acme.example", false, endpoint, "")
		if e := wantMetadataInvalid(t, endpoint, err); e != nil && !strings.Contains(e.Error(), endpoint+" is missing") {
			t.Errorf("%s: got %v", endpoint, e)
		}
	}
	if md, err := metadataOf(t, "https://idp.acme.example", false); err != nil || md.UserInfoEndpoint != "" {
		t.Errorf("without UserInfo: %v", err)
	}
}
