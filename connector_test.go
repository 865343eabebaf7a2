package oidcsso_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/oidcsso/oidcsso"
)

func query(t *testing.T, authorizationURL string) url.Values {
	t.Helper()
	u, err := url.Parse(authorizationURL)
	if err != nil {
		t.Fatal(err)
	}
	values, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		t.Fatal(err)
	}
	for name, all := range values {
		if len(all) != 1 {
			t.Errorf("%s is there %d times", name, len(all))
		}
	}
	return values
}

func TestBeginAsksForTheRequiredScopesFirst(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		configured []string
		want       string
	}{
		{nil, "openid profile email"},
		{[]string{"groups"}, "openid profile email groups"},
		{[]string{"email", "openid"}, "openid profile email"},
		{[]string{"zeta", "alpha", "zeta", "openid", "offline_access", "alpha"}, "openid profile email zeta alpha offline_access"},
		{[]string{"OpenID"}, "openid profile email OpenID"}, // scopes are case-sensitive (RFC 6749, 3.3)
	} {
		c := newWorld(document(worldIssuer)).connector(t, func(c *oidcsso.Config) { c.Scopes = row.configured })
		u, _, err := begin(t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		if got := query(t, u).Get("scope"); got != row.want {
			t.Errorf("%v: got %q, want %q", row.configured, got, row.want)
		}
	}
}

func TestBeginParamsGoBeforeTheConfig(t *testing.T) {
	t.Parallel()
	configured := func(c *oidcsso.Config) {
		c.Prompt, c.MaxAge, c.ACRValues = "login", 600, []string{"urn:a", "urn:b"}
	}
	nothing := func(c *oidcsso.Config) { c.ACRValues = nil }
	names := []string{"prompt", "max_age", "acr_values", "login_hint", "ui_locales"}
	for _, row := range []struct {
		name   string
		change func(*oidcsso.Config)
		params oidcsso.BeginParams
		want   []string
	}{
		{"nothing", nothing, oidcsso.BeginParams{}, []string{"", "", "", "", ""}},
		{"the Config alone", configured, oidcsso.BeginParams{}, []string{"login", "600", "urn:a urn:b", "", ""}},
		{"params alone", nothing, oidcsso.BeginParams{Prompt: "consent", MaxAge: 5, ACRValues: []string{"c"}, LoginHint: "ada@acme.example", UILocales: []string{"de-CH", "en"}},
			[]string{"consent", "5", "c", "ada@acme.example", "de-CH en"}},
		{"both", configured, oidcsso.BeginParams{Prompt: "none", MaxAge: 5, ACRValues: []string{"c"}}, []string{"none", "5", "c", "", ""}},
		{"one of them", configured, oidcsso.BeginParams{MaxAge: 5}, []string{"login", "5", "urn:a urn:b", "", ""}},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			row.params.Binding = "session"
			u, _, err := newWorld(document(worldIssuer)).connector(t, row.change).Begin(t.Context(), row.params)
			if err != nil {
				t.Fatal(err)
			}
			values := query(t, u)
			for i, name := range names {
				if got := values.Get(name); got != row.want[i] || values.Has(name) != (row.want[i] != "") {
					t.Errorf("%s is %q, want %q", name, got, row.want[i])
				}
			}
		})
	}
}

func TestBeginEscapesEveryValue(t *testing.T) {
	t.Parallel()
	const nasty = `a&state=evil#x?y=z%00+ "<é`
	c := newWorld(document(worldIssuer)).connector(t, func(c *oidcsso.Config) {
		c.ClientID = `id&redirect_uri=https://evil.example`
		c.AuthParams = map[string]string{"hd": nasty}
	})
	u, login, err := c.Begin(t.Context(), oidcsso.BeginParams{Binding: "session", LoginHint: nasty})
	if err != nil {
		t.Fatal(err)
	}
	values := query(t, u)
	for name, want := range map[string]string{
		"client_id": `id&redirect_uri=https://evil.example`, "hd": nasty, "login_hint": nasty, "state": login.State(),
		"redirect_uri": "https://app.example.com/sso/callback/acme", "response_type": "code", "code_challenge_method": "S256",
	} {
		if got := values.Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if strings.Contains(u, "#") {
		t.Errorf("a value made a fragment: %s", u)
	}
}

func TestBeginSendsNoSecretAndNoDataOfOurs(t *testing.T) {
	t.Parallel()
	u, login, err := newWorld(document(worldIssuer)).connector(t).Begin(t.Context(), oidcsso.BeginParams{
		Binding: "b1nd1ng", ReturnTo: "/r3turn", Data: []byte("d4ta"),
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, private := range []string{"s3cret", "b1nd1ng", "r3turn", "d4ta"} {
		if strings.Contains(u, private) {
			t.Errorf("%s is in the URL: %s", private, u)
		}
	}
	if login.Connector() != "acme" || login.ReturnTo() != "/r3turn" || string(login.Data()) != "d4ta" {
		t.Errorf("the Login has %q, %q, %q", login.Connector(), login.ReturnTo(), login.Data())
	}
}

func TestBeginKeepsItsOwnCopyOfData(t *testing.T) {
	t.Parallel()
	data := []byte("data")
	_, login, err := newWorld(document(worldIssuer)).connector(t).Begin(t.Context(), oidcsso.BeginParams{Binding: "session", Data: data})
	if err != nil {
		t.Fatal(err)
	}
	data[0] = 'X'
	if got := string(login.Data()); got != "data" {
		t.Errorf("the Login's data is %q", got)
	}
}

func TestBeginGivesTenMinutes(t *testing.T) {
	t.Parallel()
	w := newWorld(document(worldIssuer))
	_, login, err := begin(t.Context(), w.connector(t))
	if err != nil {
		t.Fatal(err)
	}
	if got := login.Expires().Sub(w.clock()); got != 10*time.Minute {
		t.Errorf("it gives %v", got)
	}
}

func TestNoTwoBeginsShareAnything(t *testing.T) {
	t.Parallel()
	c := newWorld(document(worldIssuer)).connector(t)
	seen := map[string]bool{}
	for range 500 {
		u, login, err := begin(t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		values := query(t, u)
		if values.Get("state") != login.State() {
			t.Fatal("the Login has another state")
		}
		for name, size := range map[string]int{"state": 16, "nonce": 16, "code_challenge": 32} {
			value := values.Get(name)
			if raw, err := base64.RawURLEncoding.DecodeString(value); err != nil || len(raw) != size {
				t.Fatalf("%s is %q", name, value)
			}
			if seen[value] {
				t.Fatalf("%s %q was there before", name, value)
			}
			seen[value] = true
		}
	}
}

func TestBeginWithAnEndpointThatHasAQuery(t *testing.T) {
	t.Parallel()
	for endpoint, start := range map[string]string{
		worldIssuer + "/authorize?p=B2C_1_signin":       worldIssuer + "/authorize?p=B2C_1_signin&response_type=code&client_id=",
		worldIssuer + "/authorize?p=a%26b&q=":           worldIssuer + "/authorize?p=a%26b&q=&response_type=code&client_id=",
		worldIssuer + "/authorize?":                     worldIssuer + "/authorize?&response_type=code&client_id=",
		worldIssuer + "/authorize":                      worldIssuer + "/authorize?response_type=code&client_id=",
		worldIssuer:                                     worldIssuer + "?response_type=code&client_id=",
		"https://login.other.example:8443/a/%2Fb;c=d?e": "https://login.other.example:8443/a/%2Fb;c=d?e&response_type=code&client_id=",
	} {
		c := newWorld(document(worldIssuer, "authorization_endpoint", quoted(endpoint))).connector(t)
		u, _, err := begin(t.Context(), c)
		if err != nil || !strings.HasPrefix(u, start) {
			t.Errorf("%s: got %s, %v", endpoint, u, err)
		}
		query(t, u)
	}
}

// A parameter that is in the endpoint already would be sent twice, and the identity provider could take either.
func TestEndpointMustNotHaveParametersOfTheLibrary(t *testing.T) {
	t.Parallel()
	for _, name := range []string{
		"response_type", "response_mode", "client_id", "redirect_uri", "scope", "state", "nonce", "code_challenge",
		"code_challenge_method", "request", "request_uri", "registration", "claims", "id_token_hint", "login_hint", "prompt",
		"max_age", "acr_values", "ui_locales", "dpop_jkt",
	} {
		for _, tail := range []string{"?" + name + "=x", "?" + name, "?p=1&" + name + "=x", "?%" + hex(name[0]) + name[1:] + "=x"} {
			c := newWorld(document(worldIssuer, "authorization_endpoint", quoted(worldIssuer+"/authorize"+tail))).connector(t)
			_, _, err := begin(t.Context(), c)
			e := wantFailure(t, err, oidcsso.CodeMetadataInvalid)
			if !strings.Contains(e.Error(), name) {
				t.Errorf("%s: the error does not name it: %v", tail, err)
			}
		}
	}
	for _, tail := range []string{"?state=%zz", "?p=1;state=x", "?%"} {
		c := newWorld(document(worldIssuer, "authorization_endpoint", quoted(worldIssuer+"/authorize"+tail))).connector(t)
		_, _, err := begin(t.Context(), c)
		if e := wantFailure(t, err, oidcsso.CodeMetadataInvalid); !strings.Contains(e.Error(), "query") {
			t.Errorf("%s: got %v", tail, err)
		}
	}
}

func hex(b byte) string { return string("0123456789abcdef"[b>>4]) + string("0123456789abcdef"[b&15]) }

func TestBeginRefusesParams(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 2000)
	for name, change := range map[string]func(*oidcsso.BeginParams){
		"no binding":                         func(p *oidcsso.BeginParams) { p.Binding = "" },
		"a hint of 321 bytes":                func(p *oidcsso.BeginParams) { p.LoginHint = long[:321] },
		"a hint with a line break":           func(p *oidcsso.BeginParams) { p.LoginHint = "a\r\nb" },
		"a hint of invalid UTF-8":            func(p *oidcsso.BeginParams) { p.LoginHint = "a\xff" },
		"a return target of 1025 bytes":      func(p *oidcsso.BeginParams) { p.ReturnTo = long[:1025] },
		"data of 513 bytes":                  func(p *oidcsso.BeginParams) { p.Data = []byte(long[:513]) },
		"an unknown prompt":                  func(p *oidcsso.BeginParams) { p.Prompt = "create" },
		"a prompt of none beside another":    func(p *oidcsso.BeginParams) { p.Prompt = "none login" },
		"a prompt of a space":                func(p *oidcsso.BeginParams) { p.Prompt = " " },
		"a max age in the past":              func(p *oidcsso.BeginParams) { p.MaxAge = -1 },
		"a max age of eleven years":          func(p *oidcsso.BeginParams) { p.MaxAge = 11 * 365 * 24 * 3600 },
		"an ACR value with a space":          func(p *oidcsso.BeginParams) { p.ACRValues = []string{"a b"} },
		"51 ACR values":                      func(p *oidcsso.BeginParams) { p.ACRValues = slices.Repeat([]string{"a"}, 51) },
		"a locale with a space":              func(p *oidcsso.BeginParams) { p.UILocales = []string{"de CH"} },
		"an empty locale":                    func(p *oidcsso.BeginParams) { p.UILocales = []string{""} },
		"a locale of a kilobyte":             func(p *oidcsso.BeginParams) { p.UILocales = []string{long} },
		"no binding, and data of 513 bytes":  func(p *oidcsso.BeginParams) { p.Binding, p.Data = "", []byte(long[:513]) },
		"unbound on purpose, with bad hints": func(p *oidcsso.BeginParams) { p.Binding, p.InsecureUnbound, p.LoginHint = "", true, "\x00" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(document(worldIssuer))
			p := oidcsso.BeginParams{Binding: "session"}
			change(&p)
			u, login, err := w.connector(t).Begin(t.Context(), p)
			wantFailure(t, err, oidcsso.CodeParamsInvalid)
			if u != "" || login != nil {
				t.Errorf("there is more than the error: %q, %v", u, login)
			}
			if asked := w.requests(); len(asked) != 0 {
				t.Errorf("it asked %v", asked)
			}
		})
	}
}

func TestBeginAcceptsParamsAtTheirBounds(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 2000)
	c := newWorld(document(worldIssuer)).connector(t)
	for _, p := range []oidcsso.BeginParams{
		{Binding: "session", LoginHint: long[:320], ReturnTo: long[:1024], Data: []byte(long[:512])},
		{Binding: "session", LoginHint: "ädä@bücher.example", MaxAge: 1, UILocales: []string{"de-CH-1996"}},
		{InsecureUnbound: true},
		{Binding: "session", InsecureUnbound: true},
		{Binding: long},
	} {
		if _, _, err := c.Begin(t.Context(), p); err != nil {
			t.Errorf("%+v: %v", p, err)
		}
	}
}

func TestBeginOfADisabledConnector(t *testing.T) {
	t.Parallel()
	w := newWorld(document(worldIssuer))
	c := w.connector(t, func(c *oidcsso.Config) { c.Disabled = true })
	if !c.Disabled() {
		t.Error("it does not say so")
	}
	_, _, err := begin(t.Context(), c)
	wantFailure(t, err, oidcsso.CodeConnectorDisabled)
	if asked := w.requests(); len(asked) != 0 {
		t.Errorf("it asked %v", asked)
	}
}

// Two connectors that share a redirect URI can be mixed up unless the identity provider names itself in the response.
func TestForeignRedirectURINeedsIssOrExclusiveness(t *testing.T) {
	t.Parallel()
	const own, foreign = "https://app.example.com/sso/callback/acme", "https://app.example.com/oauth/callback"
	for _, row := range []struct {
		name        string
		base        string
		redirectURL string
		exclusive   []string
		promised    string
		refused     bool
	}{
		{"the default one", "https://app.example.com/sso", "", nil, "", false},
		{"the default one, said", "https://app.example.com/sso", own, nil, "", false},
		{"a foreign one", "https://app.example.com/sso", foreign, nil, "", true},
		{"a foreign one, without a BaseURL", "", foreign, nil, "", true},
		{"a foreign one, and iss not promised", "https://app.example.com/sso", foreign, nil, "false", true},
		{"a foreign one, and iss promised by a word", "https://app.example.com/sso", foreign, nil, `"true"`, true},
		{"a foreign one, and iss promised by a number", "https://app.example.com/sso", foreign, nil, `1`, true},
		{"a foreign one, and iss promised", "https://app.example.com/sso", foreign, nil, "true", false},
		{"a foreign one that is exclusive", "https://app.example.com/sso", foreign, []string{foreign}, "", false},
		{"a foreign one beside an exclusive one", "https://app.example.com/sso", foreign + "/acme", []string{foreign}, "", true},
		{"the default one in another spelling", "https://app.example.com/sso", "https://APP.example.com/sso/callback/acme", nil, "", true},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(document(worldIssuer, "authorization_response_iss_parameter_supported", row.promised))
			opts := w.options()
			opts.BaseURL, opts.ExclusiveRedirectURLs = row.base, row.exclusive
			cfg := soundConfig()
			cfg.Issuer, cfg.RedirectURL = worldIssuer, row.redirectURL
			c, err := oidcsso.NewConnector(cfg, opts)
			if err != nil {
				t.Fatal(err)
			}
			u, _, err := begin(t.Context(), c)
			if row.refused {
				wantFailure(t, err, oidcsso.CodeIssNotPromised)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := query(t, u).Get("redirect_uri"); got != c.CallbackURL() {
				t.Errorf("redirect_uri is %q, want %q", got, c.CallbackURL())
			}
		})
	}
}

func TestBeginRefusesWhatTheTokenEndpointWouldRefuse(t *testing.T) {
	t.Parallel()
	for methods, refused := range map[string]bool{
		``:                        false,
		`[]`:                      false,
		`null`:                    false,
		`["client_secret_basic"]`: false,
		`["private_key_jwt","client_secret_post"]`: false,
		`["private_key_jwt"]`:                      true,
		`["none"]`:                                 true,
		`["tls_client_auth","client_secret_jwt"]`:  true,
		`["CLIENT_SECRET_BASIC"]`:                  true,
	} {
		w := newWorld(document(worldIssuer, "token_endpoint_auth_methods_supported", methods))
		_, _, err := begin(t.Context(), w.connector(t))
		if refused {
			e := wantFailure(t, err, oidcsso.CodeClientAuthMismatch)
			if e.Connector != "acme" || !strings.Contains(e.Error(), strings.Trim(strings.Split(methods, ",")[0], `[]"`)) {
				t.Errorf("%s: the error does not say what is offered: %v", methods, err)
			}
		} else if err != nil {
			t.Errorf("%s: %v", methods, err)
		}
		public := w.connector(t, func(c *oidcsso.Config) { c.ClientSecret = oidcsso.Secret{} })
		if _, _, err := begin(t.Context(), public); err != nil {
			t.Errorf("%s: a public client: %v", methods, err)
		}
	}
}

func TestBeginRefusesWhereRequestsMustBePushed(t *testing.T) {
	t.Parallel()
	w := newWorld(document(worldIssuer, "require_pushed_authorization_requests", "true"))
	_, _, err := begin(t.Context(), w.connector(t))
	wantFailure(t, err, oidcsso.CodeMetadataInvalid)
}

func TestBeginWithAContextThatEnded(t *testing.T) {
	t.Parallel()
	w := newWorld(document(worldIssuer))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, _, err := begin(ctx, w.connector(t))
	wantFailure(t, err, oidcsso.CodeUnavailable)
	if asked := w.requests(); len(asked) != 0 {
		t.Errorf("it asked %v", asked)
	}
}

func TestMetadataIsACopy(t *testing.T) {
	t.Parallel()
	w := newWorld(document(worldIssuer))
	c := w.connector(t)
	first, err := c.Metadata(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want, _ := json.Marshal(first)
	first.AuthorizationEndpoint = "https://evil.example"
	first.ResponseTypesSupported[0] = "token"
	second, err := c.Metadata(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if got, _ := json.Marshal(second); string(got) != string(want) {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if u, _, err := begin(t.Context(), c); err != nil || !strings.HasPrefix(u, worldIssuer+"/authorize?") {
		t.Errorf("got %s, %v", u, err)
	}
	if n := w.discoveries(); n != 1 {
		t.Errorf("%d discoveries", n)
	}
}
