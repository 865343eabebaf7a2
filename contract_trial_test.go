package oidcsso_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/oauth2"

	"github.com/oidcsso/oidcsso"
	"github.com/oidcsso/oidcsso/oidcssotest"
)

const (
	trialIssuer = "https://idp.example.test"
	trialBase   = "https://app.example.test/sso"
	trialPlace  = trialBase + "/callback/acme"
	// planted is in every document of the identity provider, and must get into no error, no log and no print.
	planted = "planted-7d1cbe"
)

// trialTime is what the clocks show unless a test moves them.
var trialTime = time.Unix(1893456000, 0).UTC() // 2030-01-01

// trial is one sign-in of Alice, by a Connector alone and without a network, with which somebody interferes: in what is set
// up, then in what came back from the identity provider.
type trial struct {
	t      testing.TB
	clock  *clock
	idp    *oidcssotest.IdP
	wire   *wire
	source *sourceOfTrial
	logs   *lockedBuffer
	events *recorder // of a test that looks at them
	ctx    context.Context
	// Set up before begin.
	alice  oidcssotest.User
	cfg    oidcsso.Config
	opts   *oidcsso.Options
	params oidcsso.BeginParams
	// Known after it.
	begun     *oidcsso.Connector
	connector *oidcsso.Connector // that finishes
	login     *oidcsso.Login
	request   url.Values // of the authorization request
	response  oidcsso.Response
}

// newTrial has an identity provider with Alice, and a connector that asks UserInfo always, so that a check of the ID token
// that fails is seen to stop what follows.
func newTrial(t testing.TB, issuer string) *trial {
	if issuer == "" {
		issuer = trialIssuer
	}
	tr := &trial{t: t, clock: &clock{now: trialTime}, idp: oidcssotest.NewLocal(issuer, trialBase), logs: &lockedBuffer{}, ctx: t.Context()}
	tr.idp.Configure(func(s *oidcssotest.Settings) {
		s.Algorithm, s.AutoSignIn, s.Now = "ES256", "alice", tr.clock.Now // ES256: an RSA key takes long to make
	})
	tr.idp.Faults(func(f *oidcssotest.Faults) {
		f.TokenResponse = func(m map[string]any) { m["note"] = planted }
		f.AuthorizeResponse = func(v url.Values) { v.Set("note", planted) }
	})
	tr.wire = &wire{idp: tr.idp, begins: issuer + "/", keys: make(chan struct{}, 1)}
	tr.alice = oidcssotest.User{Subject: "alice", Email: "alice@acme.test", Name: "Alice Ames", Claims: map[string]any{"note": planted}}
	tr.cfg = tr.idp.Config("acme", "acme.test")
	tr.cfg.UserInfo = oidcsso.UserInfoAlways
	tr.opts = tr.idp.Options(func(o *oidcsso.Options) {
		o.Logger = slog.New(slog.NewTextHandler(tr.logs, nil))
		o.Egress.WrapTransport = func(http.RoundTripper) http.RoundTripper { return tr.wire }
	})
	tr.params = oidcsso.BeginParams{Binding: "session-1", ReturnTo: "/inbox", Data: []byte("tab 3")}
	return tr
}

func (tr *trial) faults(change func(*oidcssotest.Faults)) { tr.idp.Faults(change) }

// begin goes as far as the authorization response.
func (tr *trial) begin() {
	tr.t.Helper()
	tr.idp.AddUser(tr.alice)
	if tr.source == nil {
		tr.source = &sourceOfTrial{}
		router := oidcsso.NewRouter(tr.opts)
		if err := router.Put(tr.cfg); err != nil {
			tr.t.Fatal(err)
		}
		tr.source.Source = router
	}
	tr.begun = tr.newConnector()
	tr.connector = tr.begun
	tr.login, tr.response = tr.attempt()
}

// attempt is one more sign-in, up to the authorization response.
func (tr *trial) attempt() (*oidcsso.Login, oidcsso.Response) {
	tr.t.Helper()
	authorizationURL, login, err := tr.begun.Begin(tr.ctx, tr.params)
	if err != nil {
		tr.t.Fatal(err)
	}
	u, err := url.Parse(authorizationURL)
	if err != nil {
		tr.t.Fatal(err)
	}
	tr.request = u.Query()
	return login, oidcsso.Response{URL: tr.authorize(authorizationURL), Binding: tr.params.Binding, Source: tr.source}
}

// authorize is what the identity provider answers to an authorization request: Alice signs in at once.
func (tr *trial) authorize(authorizationURL string) string {
	tr.t.Helper()
	recorder := httptest.NewRecorder()
	tr.idp.ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, authorizationURL, nil))
	location, err := recorder.Result().Location()
	if err != nil {
		tr.t.Fatalf("the identity provider answered with status %d and no redirect", recorder.Code)
	}
	return location.String()
}

func (tr *trial) newConnector() *oidcsso.Connector {
	tr.t.Helper()
	connector, err := oidcsso.NewConnector(tr.cfg, tr.opts)
	if err != nil {
		tr.t.Fatal(err)
	}
	return connector
}

// reconfigure changes the connector while Alice is at the identity provider.
func (tr *trial) reconfigure(change func(*oidcsso.Config)) {
	tr.t.Helper()
	change(&tr.cfg)
	tr.connector = tr.newConnector()
}

// answer edits the parameters of the authorization response.
func (tr *trial) answer(edit func(url.Values)) {
	tr.t.Helper()
	u, err := url.Parse(tr.response.URL)
	if err != nil {
		tr.t.Fatal(err)
	}
	values := u.Query()
	edit(values)
	u.RawQuery = values.Encode()
	tr.response.URL = u.String()
}

func (tr *trial) finish() (*oidcsso.Identity, error) {
	return tr.connector.Finish(tr.ctx, tr.login, tr.response)
}

// secrets is all that was said in confidence, and Alice's name. What a response said of itself is no secret, but hostile.
func (tr *trial) secrets() []string {
	secrets := append(tr.wire.confidences(), tr.cfg.ClientSecret.Reveal(), url.QueryEscape(tr.cfg.ClientSecret.Reveal()),
		tr.request.Get("nonce"), tr.request.Get("state"), planted)
	if u, err := url.Parse(tr.response.URL); err == nil {
		values := u.Query()
		secrets = append(append(secrets, values["code"]...), values["state"]...)
	}
	return secrets
}

// wantNoLeak looks for secrets in every form in which the outcome of a sign-in could be printed.
func (tr *trial) wantNoLeak(id *oidcsso.Identity, err error) {
	tr.t.Helper()
	prints := []string{tr.logs.String()}
	if tr.events != nil {
		prints = append(prints, tr.events.since(0)...)
	}
	if err != nil {
		prints = append(prints, printsOf(err)...)
	}
	for _, print := range prints {
		if strings.Contains(strings.ToLower(print), "alice") {
			tr.t.Errorf("a person's data is in %q", print)
		}
	}
	if id != nil {
		text, jsonErr := json.Marshal(id)
		if jsonErr != nil {
			tr.t.Error(jsonErr)
		}
		prints = append(prints, string(text), logged(id))
		held := struct { // as a backend would hold them, out of reach of their methods
			id    oidcsso.Identity
			login oidcsso.Login
		}{*id, *tr.login}
		for _, value := range []any{id, *id, tr.login, held, &held} {
			prints = append(prints, fmt.Sprintf("%v %+v %#v %s %q %d %x", value, value, value, value, value, value, value))
		}
	}
	for _, secret := range tr.secrets() {
		for _, print := range prints {
			if len(secret) > 7 && strings.Contains(print, secret) {
				tr.t.Errorf("%q is in %q", secret, print)
			}
		}
	}
}

// printsOf is how the error, and everything behind it, could get into a page or a log.
func printsOf(err error) []string {
	text, jsonErr := json.Marshal(err)
	if jsonErr != nil {
		text = []byte(jsonErr.Error())
	}
	prints := []string{string(text), logged(err)}
	var e *oidcsso.Error
	if errors.As(err, &e) {
		prints = append(prints, e.Public, e.Remedy)
	}
	var walk func(error)
	walk = func(err error) {
		prints = append(prints, err.Error(), fmt.Sprintf("%+v", err), fmt.Sprintf("%#v", err))
		switch wrapper := err.(type) {
		case interface{ Unwrap() error }:
			if inner := wrapper.Unwrap(); inner != nil {
				walk(inner)
			}
		case interface{ Unwrap() []error }:
			for _, inner := range wrapper.Unwrap() {
				walk(inner)
			}
		}
	}
	walk(err)
	return prints
}

// logged is what log/slog makes of it.
func logged(value any) string {
	var b bytes.Buffer
	slog.New(slog.NewTextHandler(&b, nil)).Error("sign-in", "outcome", value)
	slog.New(slog.NewJSONHandler(&b, nil)).Error("sign-in", "outcome", value)
	return b.String()
}

// wantExchanges checks that the code, the PKCE verifier and the redirect URI of the authorization request went out n times.
func (tr *trial) wantExchanges(n int, code string) {
	tr.t.Helper()
	exchanges := tr.wire.exchanged()
	if len(exchanges) != n {
		tr.t.Errorf("%d token requests, want %d", len(exchanges), n)
	}
	for _, form := range exchanges {
		sum := sha256.Sum256([]byte(form.Get("code_verifier")))
		if base64.RawURLEncoding.EncodeToString(sum[:]) != tr.request.Get("code_challenge") {
			tr.t.Errorf("the PKCE verifier does not fit the challenge")
		}
		if form.Get("code") != code || form.Get("redirect_uri") != tr.request.Get("redirect_uri") || form.Get("grant_type") != "authorization_code" {
			tr.t.Errorf("token request with %v", form)
		}
	}
}

// wire brings the library's requests to the identity provider, and keeps what went over it.
type wire struct {
	idp    http.Handler
	begins string // what URLs of the identity provider begin with
	// instead, if set, may answer in the identity provider's place; nil: it doesn't.
	instead func(*http.Request) *http.Response
	edit    func(*http.Response) // if set, of each answer
	// forgetful keeps nothing but numbers, for a long run.
	forgetful bool
	keys      chan struct{} // gets one for each answer with keys

	mu        sync.Mutex
	secrets   []string
	exchanges []url.Values
	sent      int // token requests
	userInfos int
}

func (w *wire) RoundTrip(r *http.Request) (*http.Response, error) {
	if !strings.HasPrefix(r.URL.String(), w.begins) {
		return nil, fmt.Errorf("nothing is served at %s", r.URL)
	}
	var body []byte
	if r.Body != nil {
		defer r.Body.Close()
		body, _ = io.ReadAll(r.Body)
	}
	path := r.URL.Path[strings.LastIndexByte(r.URL.Path, '/'):]
	w.note(path, body, r.Header)
	answer, err := w.answer(r, body)
	switch {
	case err != nil:
	case path == "/token":
		w.hear(answer)
	case path == "/jwks":
		select {
		case w.keys <- struct{}{}:
		default:
		}
	}
	return answer, err
}

func (w *wire) answer(r *http.Request, body []byte) (*http.Response, error) {
	if w.instead != nil {
		if response := w.instead(r); response != nil {
			response.Request = r
			return response, nil
		}
	}
	request := r.Clone(r.Context())
	request.Body = io.NopCloser(bytes.NewReader(body))
	recorder := httptest.NewRecorder()
	w.idp.ServeHTTP(recorder, request)
	if err := r.Context().Err(); err != nil { // as a connection would see it
		return nil, err
	}
	response := recorder.Result()
	response.Request = r
	if w.edit != nil {
		w.edit(response)
	}
	return response, nil
}

func (w *wire) note(path string, body []byte, header http.Header) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch path {
	case "/token":
		w.sent++
		if w.forgetful {
			return
		}
		form, _ := url.ParseQuery(string(body))
		w.exchanges = append(w.exchanges, form)
		w.secrets = append(w.secrets, form.Get("code"), form.Get("code_verifier"), strings.TrimPrefix(header.Get("Authorization"), "Basic "))
	case "/userinfo":
		w.userInfos++
	}
}

// hear keeps the tokens of a token response.
func (w *wire) hear(response *http.Response) {
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return // the test's own broken body
	}
	response.Body = struct {
		io.Reader
		io.Closer
	}{bytes.NewReader(body), response.Body}
	var tokens map[string]any
	if json.Unmarshal(body, &tokens) != nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, name := range []string{"access_token", "refresh_token", "id_token"} {
		if token, ok := tokens[name].(string); ok && token != "" {
			w.secrets = append(w.secrets, token)
			if parts := strings.Split(token, "."); len(parts) == 3 {
				w.secrets = append(w.secrets, parts...)
			}
		}
	}
}

func (w *wire) confidences() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]string(nil), w.secrets...)
}

func (w *wire) exchanged() []url.Values {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]url.Values(nil), w.exchanges...)
}

func (w *wire) exchangeCount() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.sent
}

func (w *wire) askedUserInfo() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.userInfos
}

// waitForKeys waits for the fetch of the keys that Begin starts in the background.
func (w *wire) waitForKeys(t testing.TB) {
	t.Helper()
	select {
	case <-w.keys:
	case <-t.Context().Done():
		t.Fatal("the keys were not fetched")
	}
}

// answered is a response of the test's own.
func answered(status int, contentType string, body io.Reader) *http.Response {
	return &http.Response{
		StatusCode: status, Status: http.StatusText(status), Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{"Content-Type": {contentType}}, Body: io.NopCloser(body), ContentLength: -1,
	}
}

// sourceOfTrial counts the questions for a domain.
type sourceOfTrial struct {
	oidcsso.Source
	mu     sync.Mutex
	routed int
}

func (s *sourceOfTrial) Route(ctx context.Context, domain string) (*oidcsso.Route, error) {
	s.mu.Lock()
	s.routed++
	s.mu.Unlock()
	return s.Source.Route(ctx, domain)
}

func (s *sourceOfTrial) asked() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.routed
}

// lockedBuffer may be written to by a refresh in the background.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// finishError checks that the error is one of Finish, and gives it.
func finishError(t testing.TB, err error) *oidcsso.Error {
	t.Helper()
	e, ok := err.(*oidcsso.Error)
	if !ok {
		t.Fatalf("got %#v, want an *oidcsso.Error", err)
	}
	var retrieve *oauth2.RetrieveError
	if errors.As(err, &retrieve) {
		t.Error("the cause keeps the body of the token endpoint's answer")
	}
	if e.ID == "" || e.Public == "" || e.Kind() == "" || e.HTTPStatus() < 400 {
		t.Errorf("the error lacks a face: %#v", e)
	}
	return e
}
