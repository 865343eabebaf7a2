package oidcsso

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"golang.org/x/oauth2"
)

// documentTransport answers every request with one document.
type documentTransport string

func (d documentTransport) RoundTrip(*http.Request) (*http.Response, error) {
	return &http.Response{
		StatusCode: http.StatusOK, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(string(d))),
	}, nil
}

// optionsServing are Options under which every URL answers with the document.
func optionsServing(document string) *Options {
	return &Options{
		BaseURL: "https://app.example.com/sso",
		Logger:  slog.New(slog.DiscardHandler),
		Now:     func() time.Time { return time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC) },
		Egress:  Egress{WrapTransport: func(http.RoundTripper) http.RoundTripper { return documentTransport(document) }},
	}
}

const goldenDocument = `{"issuer":"https://idp.acme.example","authorization_endpoint":"https://idp.acme.example/authorize?policy=b2c",
	"token_endpoint":"https://idp.acme.example/token","jwks_uri":"https://idp.acme.example/keys","keys":[]}`

// zeroToSixtyThree are the random bytes of the golden URLs: state 0 to 15, nonce 16 to 31, PKCE verifier 32 to 63.
func zeroToSixtyThree() io.Reader {
	b := make([]byte, 64)
	for i := range b {
		b[i] = byte(i)
	}
	return bytes.NewReader(b)
}

func TestAuthorizationURLIsGolden(t *testing.T) {
	t.Parallel()
	// Independently of the code under test, the challenge is SHA-256 over the text of the verifier (RFC 7636, 4.2).
	verifier := make([]byte, 32)
	for i := range verifier {
		verifier[i] = byte(32 + i)
	}
	sum := sha256.Sum256([]byte(base64.RawURLEncoding.EncodeToString(verifier)))
	challenge := base64.RawURLEncoding.EncodeToString(sum[:])

	for _, row := range []struct {
		name   string
		cfg    Config
		params BeginParams
		want   string
	}{
		{"the least", Config{}, BeginParams{},
			"https://idp.acme.example/authorize?policy=b2c&response_type=code&client_id=0oa1b2c3" +
				"&redirect_uri=https%3A%2F%2Fapp.example.com%2Fsso%2Fcallback%2Facme&scope=openid+profile+email" +
				"&state=AAECAwQFBgcICQoLDA0ODw&nonce=EBESExQVFhcYGRobHB0eHw&code_challenge=" + challenge + "&code_challenge_method=S256"},
		{"everything",
			Config{
				Scopes: []string{"groups", "offline_access"}, Prompt: "consent", MaxAge: 1, ACRValues: []string{"urn:x"},
				AuthParams: map[string]string{
					"domain_hint": "1", "hd": "2", "resource": "3", "audience": "4", "connection": "5", "organization": "6", "kc_idp_hint": "7",
					"login_realm": "8", "access_type": "9", "include_granted_scopes": "10", "idp": "11", "claims_locales": "12 13",
				},
			},
			BeginParams{
				LoginHint: "ada+sso@acme.example", ReturnTo: "/home", Prompt: "login select_account", MaxAge: 28800,
				ACRValues: []string{"urn:mfa", "urn:pwd"}, UILocales: []string{"de-CH", "en"}, Data: []byte("data"),
			},
			"https://idp.acme.example/authorize?policy=b2c&response_type=code&client_id=0oa1b2c3" +
				"&redirect_uri=https%3A%2F%2Fapp.example.com%2Fsso%2Fcallback%2Facme&scope=openid+profile+email+groups+offline_access" +
				"&state=AAECAwQFBgcICQoLDA0ODw&nonce=EBESExQVFhcYGRobHB0eHw&code_challenge=" + challenge + "&code_challenge_method=S256" +
				"&login_hint=ada%2Bsso%40acme.example&prompt=login+select_account&max_age=28800&acr_values=urn%3Amfa+urn%3Apwd" +
				"&ui_locales=de-CH+en&domain_hint=1&hd=2&resource=3&audience=4&connection=5&organization=6&kc_idp_hint=7&login_realm=8" +
				"&access_type=9&include_granted_scopes=10&idp=11&claims_locales=12+13"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			opts := optionsServing(goldenDocument)
			opts.random = zeroToSixtyThree()
			row.cfg.ID, row.cfg.Issuer, row.cfg.ClientID = "acme", "https://idp.acme.example", "0oa1b2c3"
			c, err := NewConnector(row.cfg, opts)
			if err != nil {
				t.Fatal(err)
			}
			row.params.Binding = "session"
			got, login, err := c.Begin(t.Context(), row.params)
			if err != nil {
				t.Fatal(err)
			}
			if got != row.want {
				t.Errorf("got  %s\nwant %s", got, row.want)
			}
			if login.nonceText() != "EBESExQVFhcYGRobHB0eHw" || login.verifierText() != base64.RawURLEncoding.EncodeToString(verifier) {
				t.Error("the Login has another nonce or verifier")
			}
			if !login.boundTo("session") || login.boundTo("") || login.maxAge != max(row.params.MaxAge, row.cfg.MaxAge) {
				t.Error("the Login is not bound as it was asked")
			}
		})
	}
}

func TestBeginWithoutRandomness(t *testing.T) {
	t.Parallel()
	for name, random := range map[string]io.Reader{
		"a source that fails":          iotest.ErrReader(errors.New("no entropy")),
		"a source that is exhausted":   bytes.NewReader(nil),
		"a source that ends too early": bytes.NewReader(make([]byte, 63)),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			opts := optionsServing(goldenDocument)
			opts.random = random
			c, err := NewConnector(Config{ID: "acme", Issuer: "https://idp.acme.example", ClientID: "x"}, opts)
			if err != nil {
				t.Fatal(err)
			}
			u, login, err := c.Begin(t.Context(), BeginParams{Binding: "session"})
			var e *Error
			if !errors.As(err, &e) || e.Code != CodeInternal || u != "" || login != nil {
				t.Errorf("got %q, %v, %v, want nothing but CodeInternal", u, login, err)
			}
		})
	}
}

func TestClientAuthenticationIsChosenFromMetadata(t *testing.T) {
	t.Parallel()
	const header, params = oauth2.AuthStyleInHeader, oauth2.AuthStyleInParams
	for _, row := range []struct {
		name    string
		offered []string
		want    oauth2.AuthStyle // 0: CodeClientAuthMismatch
	}{
		{"none named", nil, header}, // client_secret_basic by Discovery 1.0, 3
		{"an empty list", []string{}, header},
		{"basic", []string{"client_secret_basic"}, header},
		{"both", []string{"client_secret_post", "client_secret_basic"}, header},
		{"post", []string{"none", "client_secret_post", "private_key_jwt"}, params},
		{"none that fits", []string{"private_key_jwt", "tls_client_auth", "none"}, 0},
		{"one in another case", []string{"Client_Secret_Post"}, 0},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			md := &Metadata{TokenEndpointAuthMethodsSupported: row.offered}
			c := &Connector{cfg: Config{ID: "acme", ClientSecret: NewSecret("s3cret")}}
			style, err := c.authStyle(md.kept())
			if style != row.want || (err != nil) != (row.want == 0) || err != nil && !errors.Is(err, CodeClientAuthMismatch) {
				t.Errorf("with a secret: got %v, %v", style, err)
			}
			for method, want := range map[string]oauth2.AuthStyle{"client_secret_post": params, "client_secret_basic": header} {
				c.cfg.TokenEndpointAuthMethod = method
				if style, err := c.authStyle(md.kept()); style != want || err != nil {
					t.Errorf("with %s in the Config: got %v, %v", method, style, err)
				}
			}
			public := &Connector{cfg: Config{ID: "acme"}}
			if style, err := public.authStyle(md.kept()); style != params || err != nil {
				t.Errorf("a public client: got %v, %v, want its ID in the body", style, err)
			}
		})
	}
}

func TestFingerprintSeesEachPart(t *testing.T) {
	t.Parallel()
	seen := map[[fingerprintSize]byte][3]string{}
	for _, parts := range [][3]string{
		{"issuer", "client", "uri"}, {"issuer", "clienturi", ""}, {"issuerclient", "", "uri"}, {"", "issuerclient", "uri"},
		{"issue", "rclient", "uri"}, {"client", "issuer", "uri"}, {"", "", ""}, {"\x00\x00\x00\x00", "", ""},
	} {
		f := fingerprint(parts[0], parts[1], parts[2])
		if other, there := seen[f]; there {
			t.Errorf("%q has the fingerprint of %q", parts, other)
		}
		seen[f] = parts
	}
}

func TestLeeway(t *testing.T) {
	t.Parallel()
	for given, want := range map[time.Duration]time.Duration{
		0: time.Minute, time.Second: time.Second, 5 * time.Minute: 5 * time.Minute, -1: 0, -time.Hour: 0,
	} {
		env, err := (&Options{Leeway: given}).environment()
		if err != nil || env.leeway != want {
			t.Errorf("%v: got %v, %v, want %v", given, env.leeway, err, want)
		}
	}
}

func TestNilOptionsShareOnePool(t *testing.T) {
	t.Parallel()
	var none *Options
	first, err := none.environment()
	if err != nil {
		t.Fatal(err)
	}
	second, _ := none.environment()
	if first != second || first.loopback || first.tokens || first.bases != nil {
		t.Errorf("got %p and %p, %+v", first, second, first)
	}
	// Other Options have a pool of their own: what one profile allows, another's connections must not serve.
	other, _ := (&Options{}).environment()
	if other.transport == first.transport {
		t.Error("two Options share a pool")
	}
}

// "Enter the current secret" would be no help to who entered none.
func TestRejectedClientWithoutASecretIsToldSo(t *testing.T) {
	t.Parallel()
	refused := &oauth2.RetrieveError{ErrorCode: "invalid_client"}
	with := (&Connector{cfg: Config{ID: "acme", ClientSecret: NewSecret("s3cret")}}).tokenError(refused)
	without := (&Connector{cfg: Config{ID: "acme"}}).tokenError(refused)
	if with.Code != CodeClientRejected || without.Code != CodeClientRejected {
		t.Errorf("the codes are %s and %s", with.Code, without.Code)
	}
	if !strings.Contains(without.Remedy, "has no client secret") || strings.Contains(with.Remedy, "has no client secret") {
		t.Errorf("with a secret: %q; without: %q", with.Remedy, without.Remedy)
	}
}
