package oidcsso_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/oidcsso/oidcsso"
)

// Keys of nobody's: the points are the base points of the curves.
const (
	p256Key = `{"kty":"EC","crv":"P-256","kid":"1","x":"axfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5RdiYwpY","y":"T-NC4v4af5uO5-tKfA-eFivOM1drMV7Oy7ZAaDe_UfU"}`
	encKey  = `{"kty":"EC","crv":"P-256","use":"enc","x":"axfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5RdiYwpY","y":"T-NC4v4af5uO5-tKfA-eFivOM1drMV7Oy7ZAaDe_UfU"}`
	badKey  = `{"kty":"EC","crv":"P-256","d":"AQAB"}`
)

// checked is a world in which nothing is wrong, but for what a test makes wrong.
type checked struct {
	*world
	members []string // of the discovery document
	keys    string   // of the key set
	token   func() (*http.Response, error)
	asked   []*http.Request // token requests, with their bodies
	forms   []url.Values
}

func newChecked(members ...string) *checked {
	w := &checked{world: newWorld(""), members: append([]string{
		"authorization_response_iss_parameter_supported", "true", "code_challenge_methods_supported", `["S256"]`,
		"id_token_signing_alg_values_supported", `["ES256"]`, "scopes_supported", `["openid","profile","email","groups"]`,
		"claims_supported", `["email","groups"]`, "acr_values_supported", `["urn:mfa"]`,
	}, members...), keys: p256Key}
	w.token = func() (*http.Response, error) {
		return httpAnswer(http.StatusBadRequest, `{"error":"invalid_grant","error_description":"`+planted+`"}`), nil
	}
	w.answers(func(req *http.Request) (*http.Response, error) {
		switch {
		case strings.HasSuffix(req.URL.Path, wellKnownPath):
			return httpAnswer(http.StatusOK, document(worldIssuer, w.members...)), nil
		case req.URL.Path == "/keys":
			return httpAnswer(http.StatusOK, `{"keys":[`+w.keys+`]}`), nil
		case req.URL.Path == "/token":
			body, _ := io.ReadAll(req.Body)
			form, _ := url.ParseQuery(string(body))
			w.asked, w.forms = append(w.asked, req), append(w.forms, form)
			return w.token()
		}
		return nil, errDown
	})
	return w
}

// found gives the findings as "LEVEL code", sorted, and what is wrong with their texts.
func found(t *testing.T, findings []oidcsso.Finding) []string {
	t.Helper()
	var codes []string
	for i, f := range findings {
		codes = append(codes, f.Level.String()+" "+f.Code)
		if f.Message == "" || strings.ContainsFunc(f.Message+f.Remedy, func(r rune) bool { return r < ' ' || r == 0x7f || r == 0x9b || r == 0x202e }) {
			t.Errorf("the texts of %+v are empty or can't be printed", f)
		}
		if f.Level > slog.LevelInfo && f.Remedy == "" {
			t.Errorf("%s has no remedy", f.Code)
		}
		if i > 0 && findings[i-1].Level < f.Level {
			t.Errorf("%s comes after what is less grave", f.Code)
		}
		if strings.Trim(f.Code, "abcdefghijklmnopqrstuvwxyz_") != "" {
			t.Errorf("the code %q is not in snake case", f.Code)
		}
	}
	slices.Sort(codes)
	return codes
}

// What Check finds where nothing is wrong.
var nothingWrong = []string{"INFO client_accepted", "INFO keys_usable"}

// checkRow is one thing that is wrong, and what Check then finds beside, or in place of, what it finds otherwise.
type checkRow struct {
	name    string
	members []string
	keys    string
	change  func(*oidcsso.Config)
	want    []string
	// not is what is not found any more.
	not []string
	// begin is what a sign-in is refused with, if it can't begin.
	begin oidcsso.Code
}

var checkRows = []checkRow{
	{name: "nothing"},
	{name: "lists that are not there", members: []string{"scopes_supported", "", "claims_supported", "", "acr_values_supported", "", "response_types_supported", ""}},

	{name: "another host", members: []string{"token_endpoint", `"https://token.acme.example/token"`}, want: []string{"INFO endpoints_elsewhere"}},
	{name: "no code flow", members: []string{"response_types_supported", `["id_token"]`}, want: []string{"ERROR code_flow_not_announced"}, not: nothingWrong[:1]},
	{name: "no authorization codes", members: []string{"grant_types_supported", `["implicit"]`}, want: []string{"ERROR code_flow_not_announced"}, not: nothingWrong[:1]},
	{name: "no queries", members: []string{"response_modes_supported", `["form_post"]`}, want: []string{"WARN query_mode_not_announced"}},
	{name: "pushed requests", members: []string{"require_pushed_authorization_requests", "true"}, want: []string{"ERROR par_required"}, not: nothingWrong[:1], begin: oidcsso.CodeMetadataInvalid},
	{name: "no PKCE", members: []string{"code_challenge_methods_supported", ""}, want: []string{"INFO pkce_not_announced"}},
	{name: "plain PKCE", members: []string{"code_challenge_methods_supported", `["plain"]`}, want: []string{"WARN pkce_not_announced"}},
	{name: "alg none", members: []string{"id_token_signing_alg_values_supported", `["ES256","none","HS256"]`}, want: []string{"INFO algorithms_refused"}},
	{name: "no alg", members: []string{"id_token_signing_alg_values_supported", ""}, want: []string{"INFO algorithms_not_announced", "ERROR no_fitting_key"}, not: nothingWrong},
	{name: "HS256 alone", members: []string{"id_token_signing_alg_values_supported", `["HS256"]`}, want: []string{"ERROR metadata_invalid"}, not: nothingWrong, begin: oidcsso.CodeMetadataInvalid},

	{name: "another issuer's document", members: []string{"issuer", `"https://evil.example"`}, want: []string{"ERROR issuer_mismatch"}, not: nothingWrong, begin: oidcsso.CodeIssuerMismatch},
	{name: "no token endpoint", members: []string{"token_endpoint", ""}, want: []string{"ERROR metadata_invalid"}, not: nothingWrong, begin: oidcsso.CodeMetadataInvalid},

	{name: "keys for something else", keys: p256Key + "," + encKey, want: []string{"INFO keys_skipped"}},
	{name: "a private key", keys: p256Key + "," + badKey, want: []string{"WARN private_key_published"}},
	{name: "no key", keys: encKey, want: []string{"INFO keys_skipped", "ERROR no_usable_key"}, not: nothingWrong},
	{name: "keys of another type", members: []string{"id_token_signing_alg_values_supported", `["RS256"]`}, want: []string{"ERROR no_fitting_key"}, not: nothingWrong},
	{name: "keys that are none", keys: `{}]],"x":[[`, want: []string{"ERROR keys_unavailable"}, not: nothingWrong},

	{name: "scopes", members: []string{"scopes_supported", `["openid","email","profile"]`}, want: []string{"WARN scopes_not_announced"}},
	{name: "no email scope", members: []string{"scopes_supported", `["openid","profile","groups"]`}, want: []string{"WARN scopes_not_announced"}},
	{name: "no email claim", members: []string{"claims_supported", `["sub","groups"]`}, want: []string{"INFO email_not_announced"}},
	{name: "no email claim, which is required", members: []string{"claims_supported", `["sub","groups"]`},
		change: func(cfg *oidcsso.Config) { cfg.RequireEmail = true }, want: []string{"WARN email_not_announced"}},
	{name: "no groups claim", change: func(cfg *oidcsso.Config) { cfg.GroupsClaim = "realm_access.roles" }, want: []string{"INFO groups_not_announced"}},
	{name: "prompt", members: []string{"prompt_values_supported", `["none","login"]`},
		change: func(cfg *oidcsso.Config) { cfg.Prompt = "login consent" }, want: []string{"WARN prompt_not_announced"}},
	{name: "acr", members: []string{"acr_values_supported", `["0"]`}, want: []string{"WARN acr_not_announced"}},
	{name: "no UserInfo", members: []string{"userinfo_endpoint", ""}, want: []string{"INFO userinfo_missing"}},
	{name: "no UserInfo, never asked", members: []string{"userinfo_endpoint", ""},
		change: func(cfg *oidcsso.Config) { cfg.UserInfo = oidcsso.UserInfoNever }},
	{name: "no UserInfo, always asked", members: []string{"userinfo_endpoint", ""},
		change: func(cfg *oidcsso.Config) { cfg.UserInfo = oidcsso.UserInfoAlways }, want: []string{"ERROR userinfo_missing"}, not: nothingWrong[:1]},

	{name: "disabled", change: func(cfg *oidcsso.Config) { cfg.Disabled = true }, want: []string{"WARN connector_disabled"}, begin: oidcsso.CodeConnectorDisabled},
	{name: "a button", change: func(cfg *oidcsso.Config) { cfg.Domains = nil }, want: []string{"INFO no_domains"}},
	{name: "claimed domains", change: func(cfg *oidcsso.Config) { cfg.Domains = append(cfg.Domains, oidcsso.Domain{Name: "other.example"}) }, want: []string{"WARN domains_claimed"}},
	{name: "a frozen domain", change: func(cfg *oidcsso.Config) { cfg.Domains[0].State = oidcsso.DomainFrozen }, want: []string{"WARN domains_frozen"}},
	{name: "a lapsed domain", change: func(cfg *oidcsso.Config) { cfg.Domains[0].State = oidcsso.DomainLapsed }, want: []string{"WARN domains_frozen"}},
	{name: "a verified domain", change: func(cfg *oidcsso.Config) { cfg.Domains[0].State = oidcsso.DomainVerified }, want: []string{"INFO domains_not_enforced"}},
	{name: "a routed domain and a claimed one", change: func(cfg *oidcsso.Config) {
		cfg.Domains = []oidcsso.Domain{{Name: "acme.example", State: oidcsso.DomainRouted}, {Name: "other.example"}}
	}, want: []string{"INFO domains_not_enforced", "WARN domains_claimed"}},
	{name: "an enforced domain and a report-only one", change: func(cfg *oidcsso.Config) {
		cfg.Domains = []oidcsso.Domain{{Name: "acme.example", State: oidcsso.DomainEnforced}, {Name: "other.example", State: oidcsso.DomainReportOnly}}
	}, want: []string{"INFO domains_not_enforced"}},
	{name: "guests who can't get in", change: func(cfg *oidcsso.Config) { cfg.AllowGuests, cfg.RequireEmail = true, true }, want: []string{"WARN guests_refused"}},
	{name: "no iss", members: []string{"authorization_response_iss_parameter_supported", ""}, want: []string{"INFO iss_not_announced"}},
	{name: "no iss, a redirect URI of others too", members: []string{"authorization_response_iss_parameter_supported", ""},
		change: func(cfg *oidcsso.Config) { cfg.RedirectURL = "https://app.example.com/callback" }, want: []string{"ERROR iss_not_promised"}, not: nothingWrong[:1], begin: oidcsso.CodeIssNotPromised},
	{name: "client authentication", members: []string{"token_endpoint_auth_methods_supported", `["private_key_jwt"]`}, want: []string{"ERROR client_auth_mismatch"}, not: nothingWrong[:1], begin: oidcsso.CodeClientAuthMismatch},
	{name: "no secret", change: func(cfg *oidcsso.Config) { cfg.ClientSecret = oidcsso.Secret{} }, want: []string{"INFO public_client"}},
	{name: "no secret, which is wanted", members: []string{"token_endpoint_auth_methods_supported", `["client_secret_basic"]`},
		change: func(cfg *oidcsso.Config) { cfg.ClientSecret = oidcsso.Secret{} }, want: []string{"WARN public_client"}},
}

func TestCheckFindsWhatIsWrong(t *testing.T) {
	t.Parallel()
	for _, row := range checkRows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			w := newChecked(row.members...)
			if row.keys != "" {
				w.keys = row.keys
			}
			connector := w.connector(t, func(cfg *oidcsso.Config) {
				if row.change != nil {
					row.change(cfg)
				}
			})
			md, findings := connector.Check(t.Context())
			want := slices.Concat(row.want, slices.DeleteFunc(slices.Clone(nothingWrong), func(s string) bool { return slices.Contains(row.not, s) }))
			slices.Sort(want)
			if got := found(t, findings); !slices.Equal(got, want) {
				t.Errorf("found %q, want %q", got, want)
			}
			discovered := !slices.ContainsFunc(row.want, func(s string) bool { return s == "ERROR issuer_mismatch" || s == "ERROR metadata_invalid" })
			if (md != nil) != discovered {
				t.Errorf("got the metadata %v", md)
			}
			// Check must not be content with what a sign-in then ends at.
			_, _, err := begin(t.Context(), connector)
			if row.begin == "" && err != nil || row.begin != "" && !errors.Is(err, row.begin) {
				t.Errorf("Begin gives %v, want %q", err, row.begin)
			}
		})
	}
}

func TestCheckNamesWhatToDo(t *testing.T) {
	t.Parallel()
	w := newChecked("issuer", quoted(worldIssuer+"/"))
	_, findings := w.connector(t).Check(t.Context())
	if len(findings) != 1 || findings[0].Code != "issuer_mismatch" || !strings.Contains(findings[0].Remedy, "Use exactly: "+worldIssuer+"/") {
		t.Errorf("found %+v", findings)
	}
	text, err := json.Marshal(findings[0])
	if err != nil || !strings.HasPrefix(string(text), `{"code":"issuer_mismatch","level":"ERROR","message":"`) {
		t.Errorf("as JSON it is %s, %v", text, err)
	}
	w = newChecked("issuer", `"https://login.example/{tenantid}/v2.0"`)
	if _, findings := w.connector(t).Check(t.Context()); len(findings) != 1 || !strings.Contains(findings[0].Remedy, "your own tenant") {
		t.Errorf("found %+v", findings)
	}
}

// The secret goes to the token endpoint once, as in a sign-in, and nowhere else; CheckIssuer sends nothing at all.
func TestCheckSendsTheSecretOnceAndShowsItNowhere(t *testing.T) {
	t.Parallel()
	w := newChecked()
	secret := "s3cret&" + planted
	connector := w.connector(t, func(cfg *oidcsso.Config) { cfg.ClientSecret = oidcsso.NewSecret(secret) })
	md, findings := connector.CheckIssuer(t.Context())
	if got := found(t, findings); md == nil || !slices.Equal(got, []string{"INFO keys_usable"}) || len(w.asked) != 0 {
		t.Errorf("CheckIssuer found %q with %d token requests", got, len(w.asked))
	}
	_, findings = connector.Check(t.Context())
	if len(w.asked) != 1 {
		t.Fatalf("%d token requests", len(w.asked))
	}
	id, sent, _ := w.asked[0].BasicAuth()
	if form := w.forms[0]; id != "0oa1b2c3" || sent != url.QueryEscape(secret) || form.Get("grant_type") != "authorization_code" ||
		form.Get("code") == "" || form.Get("redirect_uri") != connector.CallbackURL() || strings.Contains(fmt.Sprint(form), planted) {
		t.Errorf("sent are %v and %q", form, sent)
	}
	connector.Check(t.Context())
	if len(w.forms) != 2 || w.forms[0].Get("code") == w.forms[1].Get("code") {
		t.Error("the code that nobody was given is always the same")
	}
	for _, request := range w.requests() {
		if strings.Contains(request, planted) {
			t.Errorf("the secret is in %s", request)
		}
	}
	if text, _ := json.Marshal(findings); strings.Contains(fmt.Sprintf("%+v %s", findings, text), planted) || strings.Contains(w.logged(), planted) {
		t.Error("the secret, or what the identity provider said of an error, is in what is shown")
	}
}

func TestCheckTellsWhetherTheClientIsAccepted(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name   string
		status int
		body   string
		err    error
		want   string
	}{
		{"invalid_grant", 400, `{"error":"invalid_grant"}`, nil, "INFO client_accepted"},
		{"invalid_client", 401, `{"error":"invalid_client"}`, nil, "ERROR client_rejected"},
		{"unauthorized_client", 400, `{"error":"unauthorized_client"}`, nil, "ERROR client_rejected"},
		{"invalid_request", 400, `{"error":"invalid_request"}`, nil, "INFO client_unconfirmed"},
		{"an error of its own, with an escape", 400, `{"error":"\u001b[2J` + planted + `"}`, nil, "INFO client_unconfirmed"},
		{"a page", 401, `<html>`, nil, "INFO client_unconfirmed"},
		{"out of order", 500, `{"error":"server_error"}`, nil, "INFO client_unconfirmed"},
		{"out of order, with a page", 503, `<html>`, nil, "INFO client_unconfirmed"},
		{"tokens without an ID token", 200, `{"access_token":"a","token_type":"Bearer"}`, nil, "INFO client_unconfirmed"},
		{"tokens", 200, `{"access_token":"a","token_type":"Bearer","id_token":"x"}`, nil, "ERROR code_not_checked"},
		{"nobody there", 0, "", errDown, "ERROR unavailable"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			w := newChecked()
			w.token = func() (*http.Response, error) {
				if row.err != nil {
					return nil, row.err
				}
				return httpAnswer(row.status, row.body), nil
			}
			md, findings := w.connector(t).Check(t.Context())
			want := []string{row.want, "INFO keys_usable"}
			slices.Sort(want)
			if got := found(t, findings); md == nil || !slices.Equal(got, want) {
				t.Errorf("found %q, want %q", got, want)
			}
			if strings.Contains(fmt.Sprint(findings), planted) {
				t.Error("it quotes the answer")
			}
		})
	}
}

func TestCheckComparesTheClocks(t *testing.T) {
	t.Parallel()
	for apart, want := range map[time.Duration]bool{0: false, time.Minute: false, -time.Minute: false, 2 * time.Minute: true, -time.Hour: true} {
		w := newChecked()
		w.token = func() (*http.Response, error) {
			answer := httpAnswer(http.StatusBadRequest, `{"error":"invalid_grant"}`)
			answer.Header.Set("Date", w.clock().Add(apart).UTC().Format(http.TimeFormat))
			return answer, nil
		}
		_, findings := w.connector(t).Check(t.Context())
		if got := slices.Contains(found(t, findings), "WARN clock_differs"); got != want {
			t.Errorf("with clocks %s apart: found %v, want %v", apart, got, want)
		}
	}
}

// What an administrator has just changed at the identity provider is seen at the next Check, and holds for sign-ins.
func TestCheckLooksAnew(t *testing.T) {
	t.Parallel()
	w := newChecked("token_endpoint_auth_methods_supported", `["private_key_jwt"]`)
	connector := w.connector(t)
	_, _, err := begin(t.Context(), connector)
	wantError(t, err, oidcsso.CodeClientAuthMismatch)
	w.members = append(w.members, "token_endpoint_auth_methods_supported", `["client_secret_post"]`)
	w.advance(2 * time.Second)
	if _, findings := connector.Check(t.Context()); !slices.Equal(found(t, findings), nothingWrong) {
		t.Errorf("found %+v", findings)
	}
	if _, _, err := begin(t.Context(), connector); err != nil {
		t.Errorf("a sign-in is still refused: %v", err)
	}
}

// Sign-ins go on with the metadata that is kept while the identity provider is down, so that this is no error yet.
func TestCheckWhileDiscoveryIsDown(t *testing.T) {
	t.Parallel()
	w := newChecked()
	connector := w.connector(t)
	if _, err := connector.Metadata(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.down()
	w.advance(time.Hour)
	md, findings := connector.Check(t.Context())
	if got := found(t, findings); md == nil || !slices.Equal(got, []string{"ERROR keys_unavailable", "WARN unavailable"}) || !strings.Contains(findings[1].Message, "1h0m0s ago") {
		t.Errorf("found %+v", findings)
	}
	md, findings = w.connector(t).Check(t.Context())
	if got := found(t, findings); md != nil || !slices.Equal(got, []string{"ERROR unavailable"}) {
		t.Errorf("found %+v", findings)
	}
}

func TestCheckOfAnIssuerOnThisMachine(t *testing.T) {
	t.Parallel()
	const issuer = "http://127.0.0.1:9"
	w := newChecked()
	w.members = append(w.members, "issuer", quoted(issuer), "authorization_endpoint", quoted(issuer+"/authorize"), "token_endpoint", quoted(issuer+"/token"),
		"jwks_uri", quoted(issuer+"/keys"), "userinfo_endpoint", quoted(issuer+"/userinfo"))
	cfg := soundConfig()
	cfg.Issuer = issuer
	opts := w.options()
	opts.Egress.InsecureAllowLoopback = true
	connector, err := oidcsso.NewConnector(cfg, opts)
	if err != nil {
		t.Fatal(err)
	}
	_, findings := connector.Check(t.Context())
	if got := found(t, findings); !slices.Equal(got, append(nothingWrong, "WARN issuer_http")) {
		t.Errorf("found %q", got)
	}
}

// A secret must not go where no sign-in would take it.
func TestCheckSendsNothingWhereNoSignInWouldEnd(t *testing.T) {
	t.Parallel()
	for _, members := range [][]string{
		{"issuer", `"https://evil.example"`}, {"authorization_response_iss_parameter_supported", "false"}, {"id_token_signing_alg_values_supported", `["RS256"]`},
	} {
		w := newChecked(members...)
		_, findings := w.connector(t, func(cfg *oidcsso.Config) { cfg.RedirectURL = "https://app.example.com/callback" }).Check(t.Context())
		if len(w.asked) != 0 || findings[0].Level != slog.LevelError {
			t.Errorf("with %q: %d token requests, findings %+v", members, len(w.asked), findings)
		}
	}
}

// A token endpoint that sends the request on to somebody else, as a sign-in's is never sent on: its body and its header have
// the secret.
func TestCheckFollowsNoRedirect(t *testing.T) {
	t.Parallel()
	for _, status := range []int{301, 302, 303, 307, 308} {
		for _, to := range []string{"https://evil.example/token", worldIssuer + "/elsewhere", "http://169.254.169.254/"} {
			w := newChecked()
			w.token = func() (*http.Response, error) {
				answer := httpAnswer(status, `{"error":"invalid_grant"}`)
				answer.Header.Set("Location", to)
				return answer, nil
			}
			_, findings := w.connector(t).Check(t.Context())
			found(t, findings)
			for _, request := range w.requests() {
				if strings.Contains(request, "evil") || strings.Contains(request, "elsewhere") || strings.Contains(request, "169.254") {
					t.Errorf("%d to %s: %s", status, to, request)
				}
			}
			if len(w.asked) != 1 {
				t.Errorf("%d to %s: %d token requests", status, to, len(w.asked))
			}
		}
	}
}

// The lists of a discovery document are hostile: they are cut, and must not write to a terminal.
func TestCheckPrintsNothingHostile(t *testing.T) {
	t.Parallel()
	hostile := quoted("\x1b]0;owned\x07\x9b2J\u202e")
	w := newChecked("response_types_supported", `[`+hostile+`,"`+strings.Repeat("x", 1000)+`"]`, "scopes_supported", `[`+hostile+`]`,
		"code_challenge_methods_supported", `["`+strings.Repeat("<y>", 300)+`"]`, "token_endpoint_auth_methods_supported", `[`+hostile+`]`)
	_, findings := w.connector(t).Check(t.Context())
	found(t, findings)
	for _, f := range findings {
		if len(f.Message) > 700 {
			t.Errorf("%s has a message of %d bytes", f.Code, len(f.Message))
		}
	}
	w = newChecked("issuer", quoted("https://evil.example/\x1b[2J"))
	_, findings = w.connector(t).Check(t.Context())
	found(t, findings)
}

// What is in use leads to no error, and to no warning that would be wrong.
func TestCheckOfRealIdentityProviders(t *testing.T) {
	t.Parallel()
	warnings := map[string][]string{
		"adfs":          {"email_not_announced"},
		"dex":           {"issuer_http"}, // on the machine where it was fetched
		"hydra":         {"email_not_announced", "scopes_not_announced"},
		"keycloak":      {"scopes_not_announced"},
		"oidc-provider": {"issuer_http"},
	}
	files, err := filepath.Glob("testdata/discovery/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no documents: %v", err)
	}
	for _, file := range files {
		name, text := strings.TrimSuffix(filepath.Base(file), ".json"), readFile(t, file)
		if strings.HasSuffix(name, ".metadata") { // what is read from the other one
			continue
		}
		var discovered struct{ Issuer string }
		if err := json.Unmarshal([]byte(text), &discovered); err != nil {
			t.Fatal(err)
		}
		w := newChecked()
		w.answers(func(req *http.Request) (*http.Response, error) {
			switch {
			case strings.HasSuffix(req.URL.Path, wellKnownPath):
				return httpAnswer(http.StatusOK, text), nil
			case req.Method == http.MethodPost:
				return w.token()
			}
			return httpAnswer(http.StatusOK, `{"keys":[`+p256Key+`,`+rsaJWK(2048, 0)+`]}`), nil
		})
		cfg := oidcsso.Config{ID: "acme", Issuer: discovered.Issuer, ClientID: "rp", ClientSecret: oidcsso.NewSecret("s3cret"), RequireEmail: true}
		opts := w.options()
		opts.Egress.InsecureAllowLoopback = true
		connector, err := oidcsso.NewConnector(cfg, opts)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		_, findings := connector.Check(t.Context())
		found(t, findings)
		var grave []string
		for _, f := range findings {
			if f.Level == slog.LevelError {
				t.Errorf("%s: %+v", name, f)
			} else if f.Level == slog.LevelWarn {
				grave = append(grave, f.Code)
			}
		}
		if slices.Sort(grave); !slices.Equal(grave, warnings[name]) {
			t.Errorf("%s: warnings %q, want %q", name, grave, warnings[name])
		}
	}
}

func readFile(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// The reference lists every finding.
func TestFindingsAreDocumented(t *testing.T) {
	t.Parallel()
	text := readFile(t, "docs/cli.md")
	var documented []string
	for _, match := range regexp.MustCompile("(?m)^\\| `([a-z_]+)` \\|").FindAllStringSubmatch(text, -1) {
		documented = append(documented, match[1])
	}
	known := []string{"client_rejected", "client_unconfirmed", "code_not_checked", "unavailable", "clock_differs", "issuer_http",
		"client_secret_expired", "client_secret_expires_soon", "next_client_secret_expired", "next_client_secret_expires_soon", "client_secret_refused",
		"next_client_secret_refused", "next_client_secret_accepted", "next_client_secret_in_use", "next_client_secret_unused"} // in clientsecret_test.go
	for _, row := range checkRows {
		for _, want := range append(row.want, nothingWrong...) {
			_, code, _ := strings.Cut(want, " ")
			known = append(known, code)
		}
	}
	slices.Sort(known)
	slices.Sort(documented)
	if known = slices.Compact(known); !slices.Equal(documented, known) {
		t.Errorf("documented are\n%q\nand tested are\n%q", documented, known)
	}
}
