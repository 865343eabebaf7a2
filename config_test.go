package oidcsso_test

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/oidcsso/oidcsso"
)

// soundConfig is accepted as it is; each row of a table makes one thing of it wrong.
func soundConfig() oidcsso.Config {
	return oidcsso.Config{
		ID: "acme", Name: "Acme", Issuer: "https://acme.okta.com", ClientID: "0oa1b2c3", ClientSecret: oidcsso.NewSecret("s3cret"),
		Scopes: []string{"groups"}, Domains: oidcsso.AssertDomains("acme.example"), ACRValues: []string{"urn:mfa"},
		AuthParams: map[string]string{"hd": "acme.example"},
	}
}

func soundOptions() *oidcsso.Options { return &oidcsso.Options{BaseURL: "https://app.example.com/sso"} }

// problems gives the fields of a ConfigError, and fails the test for any other error.
func problems(t *testing.T, err error) []oidcsso.FieldError {
	t.Helper()
	var invalid *oidcsso.ConfigError
	if !errors.As(err, &invalid) {
		t.Fatalf("got %v, want a ConfigError", err)
	}
	if !errors.Is(err, oidcsso.CodeConfigInvalid) || errors.Is(err, oidcsso.CodeInternal) {
		t.Errorf("errors.Is does not find the code of %v", err)
	}
	for _, f := range invalid.Fields {
		if f.Message == "" || f.Remedy == "" || !strings.Contains(err.Error(), f.Field+": "+f.Message) {
			t.Errorf("the problem is told badly: %+v in %v", f, err)
		}
	}
	return invalid.Fields
}

func fieldNames(fields []oidcsso.FieldError) string {
	names := make([]string, len(fields))
	for i, f := range fields {
		names[i] = f.Field
	}
	return strings.Join(names, " ")
}

func TestConfigRefusals(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 1025)
	for _, row := range []struct {
		name    string
		change  func(*oidcsso.Config)
		field   string
		message string
	}{
		{"no issuer", func(c *oidcsso.Config) { c.Issuer = "" }, "issuer", "is missing"},
		{"an issuer without a scheme", func(c *oidcsso.Config) { c.Issuer = "acme.okta.com" }, "issuer", "absolute https URL"},
		{"an issuer relative to a scheme", func(c *oidcsso.Config) { c.Issuer = "//acme.okta.com" }, "issuer", "absolute https URL"},
		{"a path as issuer", func(c *oidcsso.Config) { c.Issuer = "/realms/acme" }, "issuer", "absolute https URL"},
		{"javascript as issuer", func(c *oidcsso.Config) { c.Issuer = "javascript:alert(1)" }, "issuer", "absolute https URL"},
		{"data as issuer", func(c *oidcsso.Config) { c.Issuer = "data:text/html,x" }, "issuer", "absolute https URL"},
		{"a file as issuer", func(c *oidcsso.Config) { c.Issuer = "file:///etc/passwd" }, "issuer", "absolute https URL"},
		{"an opaque https URL", func(c *oidcsso.Config) { c.Issuer = "https:acme.okta.com" }, "issuer", "no host"},
		{"an issuer without a host", func(c *oidcsso.Config) { c.Issuer = "https:///realms" }, "issuer", "no host"},
		{"an issuer of a port alone", func(c *oidcsso.Config) { c.Issuer = "https://:8443" }, "issuer", "no host"},
		{"an http issuer", func(c *oidcsso.Config) { c.Issuer = "http://acme.okta.com" }, "issuer", "http"},
		{"an http issuer on loopback that is not allowed", func(c *oidcsso.Config) { c.Issuer = "http://127.0.0.1:9000" }, "issuer", "http"},
		{"an http issuer on IPv6 loopback that is not allowed", func(c *oidcsso.Config) { c.Issuer = "http://[::1]:9000" }, "issuer", "http"},
		{"an issuer with a query", func(c *oidcsso.Config) { c.Issuer = "https://acme.okta.com?a=b" }, "issuer", "query"},
		{"an issuer with an empty query", func(c *oidcsso.Config) { c.Issuer = "https://acme.okta.com?" }, "issuer", "query"},
		{"an issuer with a fragment", func(c *oidcsso.Config) { c.Issuer = "https://acme.okta.com#x" }, "issuer", "fragment"},
		{"an issuer with an empty fragment", func(c *oidcsso.Config) { c.Issuer = "https://acme.okta.com#" }, "issuer", "fragment"},
		{"an issuer with user info", func(c *oidcsso.Config) { c.Issuer = "https://acme.okta.com@evil.example" }, "issuer", "user info"},
		{"an issuer with a password", func(c *oidcsso.Config) { c.Issuer = "https://u:p@acme.okta.com" }, "issuer", "user info"},
		{"an issuer with empty user info", func(c *oidcsso.Config) { c.Issuer = "https://@acme.okta.com" }, "issuer", "user info"},
		{"an issuer with a space before it", func(c *oidcsso.Config) { c.Issuer = " https://acme.okta.com" }, "issuer", "space"},
		{"an issuer with a line break after it", func(c *oidcsso.Config) { c.Issuer = "https://acme.okta.com\n" }, "issuer", "space"},
		{"an issuer with a tab in it", func(c *oidcsso.Config) { c.Issuer = "https://acme\t.okta.com" }, "issuer", "space"},
		{"an issuer with a backslash", func(c *oidcsso.Config) { c.Issuer = `https://acme.okta.com\@evil.example` }, "issuer", "backslash"},
		{"an issuer with a letter that looks like another", func(c *oidcsso.Config) { c.Issuer = "https://аcme.okta.com" }, "issuer", "ASCII"},
		{"an issuer with a zero byte", func(c *oidcsso.Config) { c.Issuer = "https://acme.okta.com\x00" }, "issuer", "space"},
		{"an issuer with an impossible escape", func(c *oidcsso.Config) { c.Issuer = "https://acme.okta.com/%zz" }, "issuer", "not a URL"},
		{"an issuer with an impossible port", func(c *oidcsso.Config) { c.Issuer = "https://acme.okta.com:x" }, "issuer", "not a URL"},
		{"an issuer of three kilobytes", func(c *oidcsso.Config) { c.Issuer = "https://acme.okta.com/" + strings.Repeat("a", 3000) }, "issuer", "longer than 2048"},

		{"a name of 101 characters", func(c *oidcsso.Config) { c.Name = strings.Repeat("ä", 101) }, "name", "too long"},
		{"a name with a line break", func(c *oidcsso.Config) { c.Name = "Acme\nAdmin" }, "name", "control characters"},
		{"a name that turns the text around", func(c *oidcsso.Config) { c.Name = "Acme \u202egro" }, "name", "control characters"},
		{"a name with a line separator", func(c *oidcsso.Config) { c.Name = "Acme\u2028" }, "name", "control characters"},
		{"a name of invalid UTF-8", func(c *oidcsso.Config) { c.Name = "Acme\xff" }, "name", "control characters"},

		{"no client ID", func(c *oidcsso.Config) { c.ClientID = "" }, "client_id", "empty"},
		{"a client ID with a line break", func(c *oidcsso.Config) { c.ClientID = "0oa\n" }, "client_id", "unusual"},
		{"a client ID with a space after it", func(c *oidcsso.Config) { c.ClientID = "0oa " }, "client_id", "space"},
		{"a client ID outside ASCII", func(c *oidcsso.Config) { c.ClientID = "0oä" }, "client_id", "unusual"},
		{"a client ID of a kilobyte", func(c *oidcsso.Config) { c.ClientID = long }, "client_id", "too long"},

		{"the print of a secret", func(c *oidcsso.Config) { c.ClientSecret = oidcsso.NewSecret("[redacted]") }, "client_secret", "stands for a secret"},
		{"a secret with a line break", func(c *oidcsso.Config) { c.ClientSecret = oidcsso.NewSecret("s3cret\n") }, "client_secret", "line breaks"},
		{"a secret with a line break of Windows", func(c *oidcsso.Config) { c.ClientSecret = oidcsso.NewSecret("s3c\r\nret") }, "client_secret", "line breaks"},
		{"a secret with a space before it", func(c *oidcsso.Config) { c.ClientSecret = oidcsso.NewSecret(" s3cret") }, "client_secret", "space"},
		{"a secret outside ASCII", func(c *oidcsso.Config) { c.ClientSecret = oidcsso.NewSecret("s3crét") }, "client_secret", "unusual"},
		{"a secret of a kilobyte", func(c *oidcsso.Config) { c.ClientSecret = oidcsso.NewSecret(long) }, "client_secret", "too long"},

		{"the print of a secret as the next one", func(c *oidcsso.Config) { c.NextClientSecret = oidcsso.NewSecret("[redacted]") }, "next_client_secret", "stands for a secret"},
		{"a next secret with a line break", func(c *oidcsso.Config) { c.NextClientSecret = oidcsso.NewSecret("n3xt\n") }, "next_client_secret", "line breaks"},
		{"a next secret with a space after it", func(c *oidcsso.Config) { c.NextClientSecret = oidcsso.NewSecret("n3xt ") }, "next_client_secret", "space"},
		{"a next secret of a kilobyte", func(c *oidcsso.Config) { c.NextClientSecret = oidcsso.NewSecret(long) }, "next_client_secret", "too long"},
		{"a next secret alone", func(c *oidcsso.Config) {
			c.ClientSecret, c.NextClientSecret = oidcsso.Secret{}, oidcsso.NewSecret("n3xt")
		}, "next_client_secret", "without a current one"},
		{"a next secret that is the current one", func(c *oidcsso.Config) { c.NextClientSecret = oidcsso.NewSecret("s3cret") }, "next_client_secret", "is the current one"},

		{"a way to authenticate that is none", func(c *oidcsso.Config) { c.TokenEndpointAuthMethod = "private_key_jwt" }, "token_endpoint_auth_method", "can be chosen"},
		{"a way to authenticate in capitals", func(c *oidcsso.Config) { c.TokenEndpointAuthMethod = "CLIENT_SECRET_POST" }, "token_endpoint_auth_method", "can be chosen"},
		{"a way to authenticate without a secret", func(c *oidcsso.Config) {
			c.TokenEndpointAuthMethod, c.ClientSecret = "client_secret_post", oidcsso.Secret{}
		}, "token_endpoint_auth_method", "without a client secret"},

		{"all scopes in one", func(c *oidcsso.Config) { c.Scopes = []string{"groups", "a b"} }, "scopes[1]", "not a scope"},
		{"an empty scope", func(c *oidcsso.Config) { c.Scopes = []string{""} }, "scopes[0]", "not a scope"},
		{"a scope with a quote", func(c *oidcsso.Config) { c.Scopes = []string{`gr"oups`} }, "scopes[0]", "not a scope"},
		{"a scope with a backslash", func(c *oidcsso.Config) { c.Scopes = []string{`gr\oups`} }, "scopes[0]", "not a scope"},
		{"a scope with a line break", func(c *oidcsso.Config) { c.Scopes = []string{"groups\n"} }, "scopes[0]", "not a scope"},
		{"a scope outside ASCII", func(c *oidcsso.Config) { c.Scopes = []string{"grüppen"} }, "scopes[0]", "not a scope"},
		{"a scope of a kilobyte", func(c *oidcsso.Config) { c.Scopes = []string{long} }, "scopes[0]", "not a scope"},
		{"51 scopes", func(c *oidcsso.Config) { c.Scopes = slices.Repeat([]string{"a"}, 51) }, "scopes", "too many"},

		{"a domain that is none", func(c *oidcsso.Config) { c.Domains = oidcsso.AssertDomains("acme.example", "acme") }, "domains[1]", "not a domain name"},
		{"a domain of everybody", func(c *oidcsso.Config) { c.Domains = oidcsso.AssertDomains("gmail.com") }, "domains[0]", "mailbox"},
		{"a public suffix", func(c *oidcsso.Config) { c.Domains = oidcsso.AssertDomains("co.uk") }, "domains[0]", "public suffix"},

		{"a prompt that is none", func(c *oidcsso.Config) { c.Prompt = "signup" }, "prompt", "not a prompt"},
		{"a prompt of none beside another", func(c *oidcsso.Config) { c.Prompt = "none login" }, "prompt", "none beside"},
		{"a prompt of another beside none", func(c *oidcsso.Config) { c.Prompt = "login none" }, "prompt", "none beside"},
		{"a prompt of a space", func(c *oidcsso.Config) { c.Prompt = " " }, "prompt", "not a prompt"},
		{"a prompt with two spaces", func(c *oidcsso.Config) { c.Prompt = "login  consent" }, "prompt", "not a prompt"},
		{"a prompt with a line break", func(c *oidcsso.Config) { c.Prompt = "login\nconsent" }, "prompt", "not a prompt"},
		{"a prompt with another parameter behind it", func(c *oidcsso.Config) { c.Prompt = "login&scope=x" }, "prompt", "not a prompt"},

		{"a max age in the past", func(c *oidcsso.Config) { c.MaxAge = -1 }, "max_age", "out of range"},
		{"a max age of eleven years", func(c *oidcsso.Config) { c.MaxAge = 11 * 365 * 24 * 3600 }, "max_age", "out of range"},

		{"an ACR value with a space", func(c *oidcsso.Config) { c.ACRValues = []string{"a b"} }, "acr_values", "space"},
		{"an empty ACR value", func(c *oidcsso.Config) { c.ACRValues = []string{""} }, "acr_values", "empty"},
		{"51 ACR values", func(c *oidcsso.Config) { c.ACRValues = slices.Repeat([]string{"a"}, 51) }, "acr_values", "too many"},

		{"an empty parameter", func(c *oidcsso.Config) { c.AuthParams["hd"] = "" }, "auth_params.hd", "empty"},
		{"a parameter with a line break", func(c *oidcsso.Config) { c.AuthParams["hd"] = "a\r\nb" }, "auth_params.hd", "control"},
		{"a parameter of a kilobyte", func(c *oidcsso.Config) { c.AuthParams["hd"] = long }, "auth_params.hd", "too long"},
		{"a parameter in another case", func(c *oidcsso.Config) { c.AuthParams["HD"] = "a" }, "auth_params.HD", "may be set"},
		{"a parameter with another behind it", func(c *oidcsso.Config) { c.AuthParams["hd=a&state"] = "b" }, "auth_params.hd=a&state", "may be set"},
		{"a parameter with a name to break a log", func(c *oidcsso.Config) { c.AuthParams["a\nb"] = "c" }, "auth_params.a?b", "may be set"},

		{"an email claim with a space after it", func(c *oidcsso.Config) { c.EmailClaim = "upn " }, "email_claim", "not the name"},
		{"an email claim with a line break", func(c *oidcsso.Config) { c.EmailClaim = "up\nn" }, "email_claim", "not the name"},
		{"an email claim of 101 bytes", func(c *oidcsso.Config) { c.EmailClaim = long[:101] }, "email_claim", "not the name"},
		{"a groups claim with a dot before it", func(c *oidcsso.Config) { c.GroupsClaim = ".roles" }, "groups_claim", "not the name"},
		{"a groups claim with a dot after it", func(c *oidcsso.Config) { c.GroupsClaim = "roles." }, "groups_claim", "not the name"},
		{"a groups claim with two dots", func(c *oidcsso.Config) { c.GroupsClaim = "a..b" }, "groups_claim", "not the name"},
		{"a groups claim with a space before it", func(c *oidcsso.Config) { c.GroupsClaim = " roles" }, "groups_claim", "not the name"},
		{"a groups claim of 101 bytes", func(c *oidcsso.Config) { c.GroupsClaim = long[:101] }, "groups_claim", "not the name"},

		{"a UserInfo mode that is none", func(c *oidcsso.Config) { c.UserInfo = "sometimes" }, "userinfo", "not a mode"},

		{"a redirect URI of another scheme", func(c *oidcsso.Config) { c.RedirectURL = "myapp://callback" }, "redirect_url", "absolute https URL"},
		{"an http redirect URI", func(c *oidcsso.Config) { c.RedirectURL = "http://app.example.com/cb" }, "redirect_url", "http"},
		{"a redirect URI with a fragment", func(c *oidcsso.Config) { c.RedirectURL = "https://app.example.com/cb#x" }, "redirect_url", "fragment"},
		{"a redirect URI with user info", func(c *oidcsso.Config) { c.RedirectURL = "https://u@app.example.com/cb" }, "redirect_url", "user info"},
		{"a redirect URI with the default port", func(c *oidcsso.Config) { c.RedirectURL = "https://app.example.com:443/cb" }, "redirect_url", "default port"},
		{"a redirect URI on loopback with the default port", func(c *oidcsso.Config) { c.RedirectURL = "http://localhost:80/cb" }, "redirect_url", "default port"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			cfg := soundConfig()
			row.change(&cfg)
			c, err := oidcsso.NewConnector(cfg, soundOptions())
			if c != nil {
				t.Error("there is a Connector beside the error")
			}
			fields := problems(t, err)
			if len(fields) != 1 || fields[0].Field != row.field || !strings.Contains(fields[0].Message, row.message) {
				t.Errorf("got %+v, want %s with %q", fields, row.field, row.message)
			}
			for _, secret := range []string{"s3cret", "s3c\r", "s3cr\u00e9t"} {
				if strings.Contains(err.Error(), secret) {
					t.Errorf("the error tells the secret: %v", err)
				}
			}
		})
	}
}

// Parameters that the library sets, or that change what its request means, can't be set from a form.
func TestConfigCannotSetParametersOfTheLibrary(t *testing.T) {
	t.Parallel()
	for _, name := range []string{
		"response_type", "response_mode", "client_id", "redirect_uri", "scope", "state", "nonce", "code_challenge",
		"code_challenge_method", "request", "request_uri", "registration", "claims", "id_token_hint", "login_hint", "prompt",
		"max_age", "acr_values", "ui_locales", "dpop_jkt", "client_secret", "code", "code_verifier", "display", "",
	} {
		cfg := soundConfig()
		cfg.AuthParams = map[string]string{name: "x"}
		_, err := oidcsso.NewConnector(cfg, soundOptions())
		fields := problems(t, err)
		if len(fields) != 1 || fields[0].Field != "auth_params."+name || !strings.Contains(fields[0].Remedy, "domain_hint") {
			t.Errorf("%q: got %+v", name, fields)
		}
	}
}

func TestConfigAccepts(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*oidcsso.Config){
		"the sound one":                     func(*oidcsso.Config) {},
		"nothing that is optional":          func(c *oidcsso.Config) { *c = oidcsso.Config{ID: "a", Issuer: c.Issuer, ClientID: "b"} },
		"an issuer with a slash at its end": func(c *oidcsso.Config) { c.Issuer = "https://acme.eu.auth0.com/" },
		"an issuer with a port and a path":  func(c *oidcsso.Config) { c.Issuer = "https://sso.acme.example:8443/realms/acme" },
		"an issuer in upper case":           func(c *oidcsso.Config) { c.Issuer = "https://ADFS.ACME.EXAMPLE/adfs" },
		"an issuer by IP address":           func(c *oidcsso.Config) { c.Issuer = "https://[2001:db8::1]/" },
		"an issuer in punycode":             func(c *oidcsso.Config) { c.Issuer = "https://xn--bcher-kva.example" },
		"a secret with all special signs":   func(c *oidcsso.Config) { c.ClientSecret = oidcsso.NewSecret("a b~!@#$%^&*()_+`-={}|[]\\:\";'<>?,./") },
		"a name of 100 characters":          func(c *oidcsso.Config) { c.Name = strings.Repeat("漢", 100) },
		"a scope that is a URL":             func(c *oidcsso.Config) { c.Scopes = []string{"https://graph.microsoft.com/User.Read"} },
		"required scopes said again":        func(c *oidcsso.Config) { c.Scopes = []string{"email", "openid", "groups", "groups"} },
		"all prompts":                       func(c *oidcsso.Config) { c.Prompt = "login consent select_account" },
		"a prompt of none alone":            func(c *oidcsso.Config) { c.Prompt = "none" },
		"a groups claim that is a URL":      func(c *oidcsso.Config) { c.GroupsClaim = "https://acme.example/groups" },
		"a nested groups claim":             func(c *oidcsso.Config) { c.GroupsClaim = "realm_access.roles" },
		"an email claim that is a URL": func(c *oidcsso.Config) {
			c.EmailClaim = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/emailaddress"
		},
		"each UserInfo mode":               func(c *oidcsso.Config) { c.UserInfo = oidcsso.UserInfoAlways },
		"a redirect URI with a query":      func(c *oidcsso.Config) { c.RedirectURL = "https://app.example.com/cb?tenant=acme" },
		"a redirect URI on loopback":       func(c *oidcsso.Config) { c.RedirectURL = "http://127.0.0.1:8080/cb" },
		"a redirect URI with another port": func(c *oidcsso.Config) { c.RedirectURL = "https://app.example.com:80/cb" },
		"an ID of 64 characters":           func(c *oidcsso.Config) { c.ID = strings.Repeat("a", 64) },
		"an ID of all kinds of characters": func(c *oidcsso.Config) { c.ID = "0a-_z9" },
		"a claimed domain":                 func(c *oidcsso.Config) { c.Domains = []oidcsso.Domain{{Name: "acme.example"}} },
		"a max age of eight hours":         func(c *oidcsso.Config) { c.MaxAge = 8 * 3600 },
		"two secrets":                      func(c *oidcsso.Config) { c.NextClientSecret = oidcsso.NewSecret("n3xt") },
		"dates without secrets": func(c *oidcsso.Config) {
			c.ClientSecret, c.ClientSecretExpiry, c.NextClientSecretExpiry = oidcsso.Secret{}, time.Now(), time.Now()
		},
		"a public client":                    func(c *oidcsso.Config) { c.ClientSecret = oidcsso.Secret{} },
		"a client ID with a space in it":     func(c *oidcsso.Config) { c.ClientID = "acme backend" },
		"all parameters that may be set":     func(c *oidcsso.Config) { c.AuthParams = allAuthParams() },
		"an http issuer on loopback":         func(c *oidcsso.Config) { c.Issuer = "http://127.0.0.1:9000" },
		"an http issuer on IPv6 loopback":    func(c *oidcsso.Config) { c.Issuer = "http://[::1]:9000/realm" },
		"an http issuer on the host's name":  func(c *oidcsso.Config) { c.Issuer = "http://localhost" },
		"an https issuer on the host's name": func(c *oidcsso.Config) { c.Issuer = "https://localhost:9000" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := soundConfig()
			change(&cfg)
			opts := soundOptions()
			opts.Egress.InsecureAllowLoopback = true
			if _, err := oidcsso.NewConnector(cfg, opts); err != nil {
				t.Error(err)
			}
		})
	}
}

func allAuthParams() map[string]string {
	params := map[string]string{}
	for _, name := range []string{"domain_hint", "hd", "resource", "audience", "connection", "organization", "kc_idp_hint",
		"login_realm", "access_type", "include_granted_scopes", "idp", "claims_locales"} {
		params[name] = "x y"
	}
	return params
}

// Allowing loopback opens nothing else to http.
func TestConfigHTTPIsForLoopbackOnly(t *testing.T) {
	t.Parallel()
	for _, issuer := range []string{
		"http://acme.okta.com", "http://10.0.0.1", "http://169.254.169.254", "http://0.0.0.0", "http://[::]", "http://LOCALHOST",
		"http://localhost.", "http://localhost.evil.example", "http://127.0.0.1.evil.example", "http://127.1", "http://2130706433",
	} {
		cfg := soundConfig()
		cfg.Issuer = issuer
		opts := soundOptions()
		opts.Egress.InsecureAllowLoopback = true
		_, err := oidcsso.NewConnector(cfg, opts)
		if fields := problems(t, err); fieldNames(fields) != "issuer" || !strings.Contains(fields[0].Message, "loopback") {
			t.Errorf("%s: got %+v", issuer, fields)
		}
	}
}

func TestConfigIDs(t *testing.T) {
	t.Parallel()
	for _, id := range []string{
		"", "-acme", "_acme", "Acme", "ACME", "ac me", "acme ", "acme\n", "a.b", "..", "a/b", `a\b`, "a%2fb", "a?b", "a#b", "acmé", "ａcme", "a\x00",
		strings.Repeat("a", 65),
	} {
		cfg := soundConfig()
		cfg.ID = id
		_, err := oidcsso.NewConnector(cfg, soundOptions())
		if fields := problems(t, err); fieldNames(fields) != "id" || !strings.Contains(fields[0].Message, "not a connector ID") {
			t.Errorf("%q: got %+v", id, fields)
		}
	}
	for _, id := range []string{"start", "callback", "logout", "setup", "test", "admin", "api", "static", "new", "none", "null", "undefined"} {
		cfg := soundConfig()
		cfg.ID = id
		_, err := oidcsso.NewConnector(cfg, soundOptions())
		if fields := problems(t, err); fieldNames(fields) != "id" || !strings.Contains(fields[0].Message, "reserved") {
			t.Errorf("%q: got %+v", id, fields)
		}
	}
}

func TestConfigErrorIsBoundedAndPrintable(t *testing.T) {
	t.Parallel()
	cfg := soundConfig()
	cfg.ID = strings.Repeat("x\n", 1<<19)
	_, err := oidcsso.NewConnector(cfg, soundOptions())
	problems(t, err)
	if text := err.Error(); len(text) > 1000 || strings.Contains(text, "\n") {
		t.Errorf("the error has %d bytes", len(text))
	}
}

func TestConfigReportsAllProblemsAtOnce(t *testing.T) {
	t.Parallel()
	cfg := oidcsso.Config{
		ID: "Acme", Name: "a\nb", Issuer: "http://x.example", ClientSecret: oidcsso.NewSecret("[redacted]"), Scopes: []string{"a b", "ok", ""},
		Domains: oidcsso.AssertDomains("co.uk"), Prompt: "now", MaxAge: -5, ACRValues: []string{""},
		AuthParams: map[string]string{"state": "x", "hd": "", "nonce": "y", "claims": "z"}, EmailClaim: " ", GroupsClaim: ".",
		UserInfo: "x", RedirectURL: "x",
	}
	const want = "id name issuer client_id client_secret scopes[0] scopes[2] prompt max_age acr_values auth_params.claims auth_params.hd " +
		"auth_params.nonce auth_params.state email_claim groups_claim userinfo domains[0] redirect_url"
	for range 10 { // the order does not depend on that of a map
		_, err := oidcsso.NewConnector(cfg, soundOptions())
		if got := fieldNames(problems(t, err)); got != want {
			t.Fatalf("got  %s\nwant %s", got, want)
		}
	}
	_, err := oidcsso.NewConnector(oidcsso.Config{}, nil)
	if got, want := fieldNames(problems(t, err)), "id issuer client_id redirect_url"; got != want {
		t.Errorf("the zero Config: got %s, want %s", got, want)
	}
}

func TestConfigErrorAsJSON(t *testing.T) {
	t.Parallel()
	cfg := soundConfig()
	cfg.UserInfo = "x"
	_, err := oidcsso.NewConnector(cfg, soundOptions())
	got, _ := json.Marshal(err)
	const want = `{"connector":"acme","fields":[{"field":"userinfo","message":"is not a mode","remedy":"enter never, always or nothing"}]}`
	if string(got) != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestConfigDefaults(t *testing.T) {
	t.Parallel()
	c, err := oidcsso.NewConnector(oidcsso.Config{ID: "acme", Issuer: "https://acme.okta.com", ClientID: "x"}, soundOptions())
	if err != nil {
		t.Fatal(err)
	}
	if c.ID() != "acme" || c.Name() != "acme" || c.Disabled() || c.CallbackURL() != "https://app.example.com/sso/callback/acme" {
		t.Errorf("got %q, %q, %t, %q", c.ID(), c.Name(), c.Disabled(), c.CallbackURL())
	}
	if got := c.Config(); got.Name != "acme" || got.RedirectURL != "" || !got.ClientSecret.IsZero() {
		t.Errorf("got %+v", got)
	}
}

func TestConfigFromJSONTakesNothingThatIsTheDevelopers(t *testing.T) {
	t.Parallel()
	var cfg oidcsso.Config
	err := json.Unmarshal([]byte(`{
		"id": "evil", "issuer": "https://evil.example", "client_id": "x", "client_secret": "y",
		"redirect_url": "https://evil.example/", "RedirectURL": "https://evil.example/", "-": "https://evil.example/",
		"domains": ["victim.example", {"name": "*.bank.example", "state": "asserted", "State": "asserted", "claim_id": "c", "ClaimID": "c", "since": "2020-01-01T00:00:00Z"}]
	}`), &cfg)
	if err != nil {
		t.Fatal(err)
	}
	if cfg.RedirectURL != "" {
		t.Errorf("the redirect URI is %q", cfg.RedirectURL)
	}
	want := []oidcsso.Domain{{Name: "victim.example"}, {Name: "bank.example", Wildcard: true}}
	if !slices.Equal(cfg.Domains, want) {
		t.Errorf("the domains are %+v", cfg.Domains)
	}

	// A form decoded over a stored Config leaves no asserted domain behind in the slice that it fills in again.
	cfg = soundConfig()
	if err := json.Unmarshal([]byte(`{"domains": [null]}`), &cfg); err != nil {
		t.Fatal(err)
	}
	if len(cfg.Domains) != 1 || cfg.Domains[0].State != oidcsso.DomainClaimed {
		t.Errorf("the domains are %+v", cfg.Domains)
	}
}

func TestConfigAsJSON(t *testing.T) {
	t.Parallel()
	cfg := soundConfig()
	cfg.Prompt, cfg.MaxAge, cfg.Disabled, cfg.RequireEmail, cfg.AllowGuests = "login", 60, true, true, true
	cfg.EmailClaim, cfg.GroupsClaim, cfg.UserInfo, cfg.RedirectURL = "upn", "roles", oidcsso.UserInfoNever, "https://app.example.com/cb"
	got, err := json.Marshal(cfg)
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"id":"acme","name":"Acme","issuer":"https://acme.okta.com","client_id":"0oa1b2c3","client_secret":"[redacted]",` +
		`"scopes":["groups"],"domains":[{"name":"acme.example","wildcard":false,"state":"asserted"}],"disabled":true,"prompt":"login",` +
		`"max_age":60,"acr_values":["urn:mfa"],"auth_params":{"hd":"acme.example"},"email_claim":"upn","groups_claim":"roles",` +
		`"require_email":true,"allow_guests":true,"userinfo":"never"}`
	if string(got) != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}

	// Read back, it has the print of the secret for a secret, which no connector takes, and claims for domains.
	var back oidcsso.Config
	if err := json.Unmarshal(got, &back); err != nil {
		t.Fatal(err)
	}
	if back.Domains[0].State != oidcsso.DomainClaimed {
		t.Errorf("the domain came back as %q", back.Domains[0].State)
	}
	_, err = oidcsso.NewConnector(back, soundOptions())
	if got := fieldNames(problems(t, err)); got != "client_secret" {
		t.Errorf("read back, it has problems with %s", got)
	}

	cfg = oidcsso.Config{ID: "acme", Issuer: "https://acme.okta.com", ClientID: "x"}
	if got, _ := json.Marshal(cfg); string(got) != `{"id":"acme","issuer":"https://acme.okta.com","client_id":"x"}` {
		t.Errorf("a public client is %s", got)
	}
}

func TestParseScopes(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                                     "",
		" \t\r\n":                              "",
		"groups":                               "groups",
		"groups+offline_access\nfoo  bar, baz": "groups|offline_access|foo|bar|baz",
		"openid profile email":                 "openid|profile|email",
		"a,b;c":                                "a|b;c",
		"\r\na\tb\r\n":                         "a|b",
		"a\u00a0b":                             "a\u00a0b", // NewConnector refuses it: no other sign divides scopes
	} {
		if got := strings.Join(oidcsso.ParseScopes(text), "|"); got != want {
			t.Errorf("%q: got %s, want %s", text, got, want)
		}
	}
}

func TestConnectorKeepsItsOwnCopy(t *testing.T) {
	t.Parallel()
	spoil := func(c oidcsso.Config) {
		c.Scopes[0], c.ACRValues[0], c.AuthParams["hd"] = "admin", "weak", "evil.example"
		c.AuthParams["audience"] = "evil"
		c.Domains[0].Name, c.Domains[0].Wildcard = "example", true
	}
	cfg := soundConfig()
	c, err := oidcsso.NewConnector(cfg, soundOptions())
	if err != nil {
		t.Fatal(err)
	}
	spoil(cfg)
	spoil(c.Config())
	got, _ := json.Marshal(c.Config())
	want, _ := json.Marshal(soundConfig())
	if string(got) != string(want) {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// What administrators paste most often instead of the issuer.
func TestIssuerThatIsTheDiscoveryDocument(t *testing.T) {
	t.Parallel()
	_, err := oidcsso.NewConnector(oidcsso.Config{ID: "acme", ClientID: "c", Issuer: "https://acme.okta.com/oauth2/.well-known/openid-configuration"},
		&oidcsso.Options{BaseURL: "https://app.example.test/sso"})
	var invalid *oidcsso.ConfigError
	if !errors.As(err, &invalid) || len(invalid.Fields) != 1 || invalid.Fields[0].Field != "issuer" ||
		!strings.HasSuffix(invalid.Fields[0].Remedy, ": https://acme.okta.com/oauth2") {
		t.Errorf("got %v", err)
	}
}
