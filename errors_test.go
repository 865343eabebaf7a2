package oidcsso_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/oidcsso/oidcsso"
)

// failed is an error with all that it can have: code, connector, remedy and cause.
func failed(t *testing.T) *oidcsso.Error {
	t.Helper()
	w := newWorld("")
	w.down()
	_, _, err := begin(t.Context(), w.connector(t))
	return wantFailure(t, err, oidcsso.CodeUnavailable)
}

func TestErrorIsItsCodeAndItsCause(t *testing.T) {
	t.Parallel()
	e := failed(t)
	wrapped := fmt.Errorf("signing in: %w", errors.Join(errors.New("beside"), e))
	for _, err := range []error{e, wrapped} {
		if !errors.Is(err, oidcsso.CodeUnavailable) || errors.Is(err, oidcsso.CodeInternal) || errors.Is(err, oidcsso.Code("")) {
			t.Errorf("errors.Is finds another code in %v", err)
		}
		if !errors.Is(err, errDown) {
			t.Errorf("errors.Is does not find the cause of %v", err)
		}
		var request *url.Error
		if !errors.As(err, &request) || request.Op != "Get" {
			t.Errorf("errors.As does not find the cause of %v", err)
		}
		var found *oidcsso.Error
		if !errors.As(err, &found) || found != e {
			t.Errorf("errors.As does not find the error in %v", err)
		}
	}
	if errors.Is(e, errors.New("other")) || errors.Is(oidcsso.CodeUnavailable, oidcsso.CodeInternal) {
		t.Error("errors.Is finds what is not there")
	}
	if e.Kind() != oidcsso.KindUnavailable || e.HTTPStatus() != http.StatusServiceUnavailable {
		t.Errorf("it is %q with status %d", e.Kind(), e.HTTPStatus())
	}
}

func TestErrorAsJSONIsThePublicFace(t *testing.T) {
	t.Parallel()
	e := failed(t)
	e.ReturnTo, e.Data = "/return-to", []byte("data")
	want := `{"code":"unavailable","message":"` + e.Public + `","id":"` + e.ID + `"}`
	for _, value := range []any{e, map[string]any{"a": e}, []error{e}, struct{ E error }{e}} {
		got, err := json.Marshal(value)
		if err != nil || !strings.Contains(string(got), want) {
			t.Errorf("got %s, %v, want %s", got, err, want)
		}
		for _, private := range []string{"acme", "nothing answers", "reached", "return-to", "data"} {
			if strings.Contains(string(got), private) {
				t.Errorf("the person is told %q: %s", private, got)
			}
		}
	}
}

func TestErrorTextIsTheAdministratorsFace(t *testing.T) {
	t.Parallel()
	e := failed(t)
	for _, part := range []string{"oidcsso: unavailable", `(connector "acme")`, "nothing answers", "[" + e.Remedy + "]"} {
		if !strings.Contains(e.Error(), part) {
			t.Errorf("%q is not in %v", part, e)
		}
	}
	if got, want := (&oidcsso.Error{Code: oidcsso.CodeRefused}).Error(), "oidcsso: refused"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestErrorInLogs(t *testing.T) {
	t.Parallel()
	e := failed(t)
	var b bytes.Buffer
	slog.New(slog.NewJSONHandler(&b, nil)).LogAttrs(context.Background(), slog.LevelError, "failed", slog.Any("error", e))
	var line struct {
		Error struct{ Code, ID, Connector, Remedy, Cause string }
	}
	if err := json.Unmarshal(b.Bytes(), &line); err != nil {
		t.Fatal(err)
	}
	if got := line.Error; got.Code != "unavailable" || got.ID != e.ID || got.Connector != "acme" || got.Remedy != e.Remedy || !strings.Contains(got.Cause, "nothing answers") {
		t.Errorf("got %+v", got)
	}
	b.Reset()
	slog.New(slog.NewJSONHandler(&b, nil)).Error("failed", "error", &oidcsso.Error{Code: oidcsso.CodeTokenRejected, Check: "nonce"})
	if got := b.String(); !strings.Contains(got, `"check":"nonce"`) {
		t.Errorf("the check is not in the log: %s", got)
	}
	b.Reset()
	slog.New(slog.NewJSONHandler(&b, nil)).Error("failed", "error", &oidcsso.Error{Code: oidcsso.CodeRefused, ID: "x"})
	if got := b.String(); !strings.Contains(got, `"error":{"code":"refused","id":"x"}`) {
		t.Errorf("what is empty is in the log: %s", got)
	}
}

// The correlation id is on the page and in the log: it must tell two failures apart and stand in a URL or a telephone call.
func TestErrorIDsAreUnique(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for range 5000 {
		id := oidcsso.Refuse("No.").ID
		if len(id) != 10 || strings.Trim(id, "abcdefghijklmnopqrstuvwxyz234567") != "" || seen[id] {
			t.Fatalf("the id %q is not unique or not plain", id)
		}
		seen[id] = true
	}
}

func TestRefuse(t *testing.T) {
	t.Parallel()
	e := oidcsso.Refuse("Your account is locked.")
	if !errors.Is(e, oidcsso.CodeRefused) || e.Public != "Your account is locked." || e.Kind() != oidcsso.KindRefused || e.HTTPStatus() != http.StatusForbidden {
		t.Errorf("got %+v", e)
	}
	if got, _ := json.Marshal(e); !strings.Contains(string(got), `"message":"Your account is locked."`) {
		t.Errorf("got %s", got)
	}
	if !strings.Contains(e.Error(), "Your account is locked.") {
		t.Errorf("the log does not say why: %v", e)
	}
}

func TestConfigErrorIsItsCodeAlone(t *testing.T) {
	t.Parallel()
	_, err := oidcsso.NewConnector(oidcsso.Config{}, nil)
	if !errors.Is(fmt.Errorf("loading: %w", err), oidcsso.CodeConfigInvalid) || errors.Is(err, oidcsso.CodeParamsInvalid) {
		t.Errorf("errors.Is finds another code in %v", err)
	}
	var e *oidcsso.Error
	if errors.As(err, &e) {
		t.Errorf("it is an *Error too: %v", e)
	}
}

func TestAsError(t *testing.T) {
	t.Parallel()
	if got := oidcsso.AsError(nil); got != nil {
		t.Errorf("nil became %v", got)
	}
	e := failed(t)
	if got := oidcsso.AsError(fmt.Errorf("around: %w", e)); got != e {
		t.Errorf("got %v, want the error within", got)
	}
	cause := errors.New("duplicate key value: ada@acme.example")
	got := oidcsso.AsError(cause)
	if !errors.Is(got, oidcsso.CodeInternal) || !errors.Is(got, cause) || strings.Contains(got.Public, "ada") {
		t.Errorf("got %+v", got)
	}
	if text, _ := json.Marshal(got); strings.Contains(string(text), "ada") {
		t.Errorf("the person is told %s", text)
	}
}

func TestAsErrorKeepsTheCode(t *testing.T) {
	t.Parallel()
	config := &oidcsso.ConfigError{Connector: "acme", Fields: []oidcsso.FieldError{{Field: "issuer", Message: "is missing", Remedy: "enter it"}}}
	for name, c := range map[string]struct {
		err  error
		code oidcsso.Code
	}{
		"a ConfigError": {fmt.Errorf("around: %w", config), oidcsso.CodeConfigInvalid},
		"a bare Code":   {fmt.Errorf("around: %w", oidcsso.CodeEmailOutside), oidcsso.CodeEmailOutside},
	} {
		if got := oidcsso.AsError(c.err); got.Code != c.code || !errors.Is(got, c.err) {
			t.Errorf("%s: got %v", name, got)
		}
	}
}
