package main

import (
	"encoding/json"
	"flag"
	"maps"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/oidcsso/oidcsso/oidcssotest"
)

var update = flag.Bool("update", false, "write the golden files anew")

// wantGolden compares with a file, in which the identity provider is at a fixed place.
func wantGolden(t *testing.T, name, got string, server *httptest.Server) {
	t.Helper()
	got = strings.ReplaceAll(got, server.URL, "http://127.0.0.1:65000")
	got = regexp.MustCompile(`"fetched_at": "[^"]*"`).ReplaceAllString(got, `"fetched_at": "2030-01-01T00:00:00Z"`)
	file := "testdata/" + name
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s: got\n%s\nwant\n%s", name, got, want)
	}
}

func TestCheckPrintsConfigurationAndFindings(t *testing.T) {
	t.Parallel()
	_, server := newIdP(t)
	for _, row := range []struct {
		golden string
		code   int
		args   []string
	}{
		{"sound.txt", exitOK, []string{"-client-id", "rp", "-client-secret-env", "SECRET", "-domains", "acme.test"}},
		{"sound.json", exitOK, []string{"-client-id", "rp", "-client-secret-env", "SECRET", "-domains", "acme.test", "-json"}},
		{"unregistered.txt", exitOK, nil},
		{"rejected.txt", exitFailed, []string{"-client-id", "rp", "-client-secret-env", "OTHER", "-scopes", "offline_access, groups", "-prompt", "consent"}},
	} {
		t.Run(row.golden, func(t *testing.T) {
			t.Parallel()
			r := newRun(t)
			r.env["OTHER"] = "another-secret"
			if code := r.do(append([]string{"check", server.URL, "-allow-loopback"}, row.args...)...); code != row.code {
				t.Errorf("exit code %d, want %d: %s", code, row.code, r.err)
			}
			wantGolden(t, row.golden, r.out.String(), server)
			if r.err.String() != "" {
				t.Errorf("beside it: %s", r.err)
			}
		})
	}
}

// Scripts go by the exit code.
func TestExitCodes(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name   string
		args   []string // ISSUER stands for the issuer
		stdin  string
		faults func(*oidcssotest.Faults)
		code   int
		says   string
	}{
		{name: "nothing wrong", args: []string{"check", "ISSUER", "-allow-loopback"}, code: exitOK},
		{name: "flags first", args: []string{"check", "-allow-loopback", "-json", "ISSUER"}, code: exitOK, says: `"findings"`},
		{name: "a warning", args: []string{"check", "ISSUER", "-allow-loopback", "-strict"}, code: exitFailed},
		{name: "the secret from standard input", args: []string{"check", "ISSUER", "-allow-loopback", "-client-id", "rp", "-client-secret-stdin"},
			stdin: confidential + "\r\nmore", code: exitOK, says: "client_accepted"},
		{name: "another secret", args: []string{"check", "ISSUER", "-allow-loopback", "-client-id", "rp", "-client-secret-stdin"},
			stdin: "another-secret", code: exitFailed, says: "client_rejected"},
		{name: "the client left alone", args: []string{"check", "ISSUER", "-allow-loopback", "-client-id", "rp", "-client-secret-stdin", "-no-client-check"},
			stdin: "another-secret", code: exitOK},
		{name: "a slash too many", args: []string{"check", "ISSUER/", "-allow-loopback"}, code: exitFailed, says: "Use exactly: "},
		{name: "a shared Callback URI", args: []string{"check", "ISSUER", "-allow-loopback", "-client-id", "rp", "-callback", "https://app.example.com/cb", "-shared-callback"},
			faults: func(f *oidcssotest.Faults) {
				f.Metadata = func(m map[string]any) { delete(m, "authorization_response_iss_parameter_supported") }
			}, code: exitFailed, says: "iss_not_promised"},
		{name: "down", args: []string{"check", "ISSUER", "-allow-loopback"}, faults: func(f *oidcssotest.Faults) { f.Down = true }, code: exitUnreachable, says: "status 503"},
		{name: "not on the internet", args: []string{"check", "https://10.0.0.1"}, code: exitUnreachable, says: "-allow-prefix"},
		{name: "a page", args: []string{"check", "ISSUER", "-allow-loopback"}, faults: func(f *oidcssotest.Faults) {
			f.Discovery.Handler = oidcssotest.Answer(404, "text/html", "<html>")
		}, code: exitFailed, says: "metadata_invalid"},
		{name: "login, down", args: []string{"login", "ISSUER", "-allow-loopback", "-client-id", "rp", "-port", "0"},
			faults: func(f *oidcssotest.Faults) { f.Down = true }, code: exitUnreachable, says: "Not signed in: unavailable"},
		{name: "login, a slash too many", args: []string{"login", "ISSUER/", "-allow-loopback", "-client-id", "rp", "-port", "0"}, code: exitFailed, says: "Use exactly: "},

		{name: "no command", code: exitUsage, says: "oidcsso check"},
		{name: "another command", args: []string{"another-secret"}, code: exitUsage, says: "no such command"},
		{name: "no issuer", args: []string{"check"}, code: exitUsage, says: "the issuer is missing"},
		{name: "an issuer that is none", args: []string{"check", "acme"}, code: exitUsage, says: "ISSUER is not an absolute https URL"},
		{name: "an issuer on this machine", args: []string{"check", "ISSUER"}, code: exitUsage, says: "-allow-loopback"},
		{name: "the discovery document", args: []string{"check", "https://idp.example/.well-known/openid-configuration"}, code: exitUsage, says: "https://idp.example\n"},
		{name: "two issuers", args: []string{"check", "ISSUER", "another-secret"}, code: exitUsage, says: "no flag"},
		{name: "an unknown flag", args: []string{"check", "ISSUER", "-colour"}, code: exitUsage, says: "-colour"},
		{name: "a client secret", args: []string{"check", "ISSUER", "-client-secret", "another-secret"}, code: exitUsage, says: "-client-secret-env or"},
		{name: "a client secret with =", args: []string{"login", "ISSUER", "--client-secret=another-secret"}, code: exitUsage, says: "-client-secret-env or"},
		{name: "a variable that is not set", args: []string{"check", "ISSUER", "-client-id", "rp", "-client-secret-env", "NONE"}, code: exitUsage, says: "is empty"},
		{name: "nothing in standard input", args: []string{"check", "ISSUER", "-client-id", "rp", "-client-secret-stdin"}, code: exitUsage, says: "is empty"},
		{name: "two secrets", args: []string{"check", "ISSUER", "-client-id", "rp", "-client-secret-stdin", "-client-secret-env", "SECRET"}, code: exitUsage, says: "two places"},
		{name: "a secret of nobody's", args: []string{"check", "ISSUER", "-allow-loopback", "-client-secret-env", "SECRET"}, code: exitUsage, says: "-client-id"},
		{name: "a secret that is none", args: []string{"check", "ISSUER", "-allow-loopback", "-client-id", "rp", "-client-secret-stdin"}, stdin: "another-secret\x1b[2J", code: exitUsage, says: "the client secret"},
		{name: "a network that is none", args: []string{"check", "ISSUER", "-allow-prefix", "10.0.0.1"}, code: exitUsage, says: "-allow-prefix"},
		{name: "no authorities", args: []string{"check", "ISSUER", "-ca", "testdata/sound.txt"}, code: exitUsage, says: "no certificate"},
		{name: "a prompt that is none", args: []string{"check", "ISSUER", "-allow-loopback", "-prompt", "please"}, code: exitUsage, says: "-prompt is not a prompt"},
		{name: "login without a client", args: []string{"login", "ISSUER"}, code: exitUsage, says: "-client-id is missing"},
		{name: "login that waits too long", args: []string{"login", "ISSUER", "-client-id", "rp", "-timeout", "1h"}, code: exitUsage, says: "-timeout"},
		{name: "login at a port that is none", args: []string{"login", "ISSUER", "-client-id", "rp", "-port", "65536"}, code: exitUsage, says: "-port"},

		{name: "help", args: []string{"-h"}, code: exitOK, says: "Exit codes"},
		{name: "help of check", args: []string{"check", "-h"}, code: exitOK, says: "-client-secret-env"},
		{name: "help of login", args: []string{"login", "ISSUER", "-h"}, code: exitOK, says: "-login-hint"},
		{name: "version", args: []string{"version"}, code: exitOK, says: "oidcsso "},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			idp, server := newIdP(t)
			if row.faults != nil {
				idp.Faults(row.faults)
			}
			r := newRun(t)
			r.stdin = row.stdin
			var args []string
			for _, arg := range row.args {
				args = append(args, strings.ReplaceAll(arg, "ISSUER", server.URL))
			}
			code := r.do(args...)
			if text := r.out.String() + r.err.String(); code != row.code || !strings.Contains(text, row.says) {
				t.Errorf("exit code %d, want %d, and %q in %s", code, row.code, row.says, text)
			}
			wantPlain(t, r.out.String(), r.err.String())
		})
	}
}

// Without a client ID nobody has registered anything, so that the token endpoint is left alone.
func TestCheckWithoutClientSendsNothing(t *testing.T) {
	t.Parallel()
	idp, server := newIdP(t)
	newRun(t).do("check", server.URL, "-allow-loopback", "-scopes", "groups")
	if n := idp.Requests(); n.Token != 0 || n.Discovery != 1 || n.JWKS != 1 {
		t.Errorf("requests: %+v", n)
	}
	newRun(t).do("check", server.URL, "-allow-loopback", "-client-id", "rp", "-client-secret-env", "SECRET")
	if n := idp.Requests(); n.Token != 1 {
		t.Errorf("requests: %+v", n)
	}
}

func TestCheckTrustsTheAuthoritiesOfAFile(t *testing.T) {
	t.Parallel()
	idp, server := newTLSIdP(t)
	if code := newRun(t).do("check", server.URL, "-allow-loopback"); code != exitUnreachable {
		t.Errorf("exit code %d for a certificate of nobody's", code)
	}
	r := newRun(t)
	if code := r.do("check", server.URL, "-allow-loopback", "-ca", authorities(t, server)); code != exitOK || idp.Requests().JWKS != 1 {
		t.Errorf("exit code %d: %s%s", code, r.out, r.err)
	}
}

// hostile is all that a terminal could take for a command, a new line or another direction of text.
const hostile = "\x1b]0;owned\x07\x1b[2J\r\n\t\u009b1m\u0085\u2028\u202e\u200b\x7fend"

// What an identity provider says of itself is printed as text, in both forms.
func TestIdentityProviderCannotWriteToTheTerminal(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(map[string]any){
		"lists": func(m map[string]any) {
			for _, list := range []string{"scopes_supported", "claims_supported", "response_modes_supported", "acr_values_supported", "code_challenge_methods_supported"} {
				m[list] = []string{hostile, "plain"}
			}
		},
		"another issuer":        func(m map[string]any) { m["issuer"] = "https://idp.example/" + hostile },
		"an endpoint":           func(m map[string]any) { m["token_endpoint"] = "https://idp.example/" + hostile },
		"the documentation":     func(m map[string]any) { m["service_documentation"] = "https://idp.example/" + hostile },
		"client authentication": func(m map[string]any) { m["token_endpoint_auth_methods_supported"] = []string{hostile} },
		"what is no metadata":   func(m map[string]any) { clear(m); m[hostile] = hostile },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			idp, server := newIdP(t)
			idp.Faults(func(f *oidcssotest.Faults) { f.Metadata = change })
			for _, form := range []string{"-json=false", "-json"} {
				r := newRun(t)
				r.do("check", server.URL, "-allow-loopback", "-client-id", "rp", form)
				wantPlain(t, r.out.String(), r.err.String())
				if form == "-json" && !json.Valid([]byte(r.out.String())) {
					t.Errorf("no JSON: %s", r.out)
				}
			}
		})
	}
}

// The names of the metadata in JSON are the specifications', and a list of findings is always there.
func TestCheckAsJSON(t *testing.T) {
	t.Parallel()
	idp, server := newIdP(t)
	idp.Stop()
	r := newRun(t)
	r.do("check", server.URL, "-allow-loopback", "-json")
	var report map[string]json.RawMessage
	if err := json.Unmarshal([]byte(r.out.String()), &report); err != nil {
		t.Fatal(err)
	}
	if names := slices.Sorted(maps.Keys(report)); !slices.Equal(names, []string{"findings", "issuer", "metadata"}) || string(report["metadata"]) != "null" {
		t.Errorf("got %s", r.out)
	}
}
