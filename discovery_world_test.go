package oidcsso_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/oidcsso/oidcsso"
)

// world is all that there is to be reached in a test: a function answers each request, no address is dialled, and the clock
// stands still until it is moved.
type world struct {
	mu     sync.Mutex
	answer func(*http.Request) (*http.Response, error)
	asked  []string
	now    time.Time
	log    bytes.Buffer
}

// newWorld answers discovery requests with the document, and all others with an empty key set.
func newWorld(document string) *world {
	w := &world{now: time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)}
	w.publish(document)
	return w
}

const wellKnownPath = "/.well-known/openid-configuration"

func (w *world) publish(document string) {
	w.answers(func(req *http.Request) (*http.Response, error) {
		if strings.HasSuffix(req.URL.Path, wellKnownPath) {
			return httpAnswer(http.StatusOK, document), nil
		}
		return httpAnswer(http.StatusOK, `{"keys":[]}`), nil
	})
}

func (w *world) answers(f func(*http.Request) (*http.Response, error)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.answer = f
}

func httpAnswer(status int, body string) *http.Response {
	return &http.Response{
		StatusCode: status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(body)),
	}
}

var errDown = errors.New("nothing answers")

func (w *world) down() {
	w.answers(func(*http.Request) (*http.Response, error) { return nil, errDown })
}

func (w *world) RoundTrip(req *http.Request) (*http.Response, error) {
	w.mu.Lock()
	w.asked = append(w.asked, req.Method+" "+req.URL.String())
	answer := w.answer
	w.mu.Unlock()
	return answer(req)
}

func (w *world) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

func (w *world) advance(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

// Write takes the log.
func (w *world) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.log.Write(p)
}

func (w *world) logged() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.log.String()
}

// discoveries is how often a discovery document was asked for; requests is all that was.
func (w *world) discoveries() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := 0
	for _, url := range w.asked {
		if strings.HasSuffix(url, wellKnownPath) {
			n++
		}
	}
	return n
}

func (w *world) requests() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]string(nil), w.asked...)
}

func (w *world) options() *oidcsso.Options {
	return &oidcsso.Options{
		BaseURL: "https://app.example.com/sso", Now: w.clock, Logger: slog.New(slog.NewJSONHandler(w, nil)),
		Egress: oidcsso.Egress{WrapTransport: func(http.RoundTripper) http.RoundTripper { return w }},
	}
}

func (w *world) connector(t *testing.T, changes ...func(*oidcsso.Config)) *oidcsso.Connector {
	t.Helper()
	cfg := soundConfig()
	cfg.Issuer = worldIssuer
	for _, change := range changes {
		change(&cfg)
	}
	c, err := oidcsso.NewConnector(cfg, w.options())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

const worldIssuer = "https://idp.acme.example"

// document is a sound discovery document of an issuer; the members, pairs of name and raw JSON, replace or follow its own.
// One whose raw JSON is empty is left out.
func document(issuer string, members ...string) string {
	base := []string{
		"issuer", quoted(issuer), "authorization_endpoint", quoted(issuer + "/authorize"), "token_endpoint", quoted(issuer + "/token"),
		"jwks_uri", quoted(issuer + "/keys"), "userinfo_endpoint", quoted(issuer + "/userinfo"), "response_types_supported", `["code"]`,
		"subject_types_supported", `["public"]`, "id_token_signing_alg_values_supported", `["RS256"]`,
	}
	for i := 0; i < len(members); i += 2 {
		found := false
		for j := 0; j < len(base); j += 2 {
			if base[j] == members[i] {
				base[j+1], found = members[i+1], true
			}
		}
		if !found {
			base = append(base, members[i], members[i+1])
		}
	}
	var b strings.Builder
	separator := "{"
	for i := 0; i < len(base); i += 2 {
		if base[i+1] != "" {
			fmt.Fprintf(&b, "%s%q:%s", separator, base[i], base[i+1])
			separator = ","
		}
	}
	return b.String() + "}"
}

func quoted(s string) string {
	b, _ := json.Marshal(s)
	return string(b)
}

// begin starts a plain sign-in.
func begin(ctx context.Context, c *oidcsso.Connector) (string, *oidcsso.Login, error) {
	return c.Begin(ctx, oidcsso.BeginParams{Binding: "session"})
}

// wantFailure fails the test unless err is an *Error with the code, and gives it.
func wantFailure(t *testing.T, err error, code oidcsso.Code) *oidcsso.Error {
	t.Helper()
	var e *oidcsso.Error
	if !errors.As(err, &e) || !errors.Is(err, code) || e.Code != code {
		t.Fatalf("got %v, want an *Error with %s", err, code)
	}
	if e.Public == "" || e.Remedy == "" || e.ID == "" {
		t.Errorf("the error lacks a text: %+v", e)
	}
	return e
}

// facesOf is every text that an error can become.
func facesOf(err error) string {
	var b strings.Builder
	for _, format := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x"} {
		fmt.Fprintf(&b, format+"\n", err)
	}
	marshalled, _ := json.Marshal(err)
	b.Write(marshalled)
	slog.New(slog.NewTextHandler(&b, nil)).Error("failed", "error", err)
	slog.New(slog.NewJSONHandler(&b, nil)).Error("failed", "error", err, "wrapped", fmt.Errorf("around: %w", err))
	for cause := err; cause != nil; cause = errors.Unwrap(cause) {
		fmt.Fprintf(&b, "%v %+v %#v\n", cause, cause, cause)
	}
	return b.String()
}
