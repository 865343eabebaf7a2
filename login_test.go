package oidcsso_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/oidcsso/oidcsso"
	"github.com/oidcsso/oidcsso/oidcssotest"
)

// alone is a connector without a Flow.
func alone(t *testing.T, changes ...func(*oidcsso.Config, *oidcsso.Options)) (*oidcsso.Connector, *oidcssotest.IdP) {
	t.Helper()
	idp := oidcssotest.New(t, "https://app.example.test/sso")
	idp.AddUser(oidcssotest.User{Subject: "alice", Email: "alice@acme.test"})
	cfg, opts := idp.Config("acme", "acme.test"), idp.Options()
	for _, change := range changes {
		change(&cfg, opts)
	}
	connector, err := oidcsso.NewConnector(cfg, opts)
	if err != nil {
		t.Fatal(err)
	}
	return connector, idp
}

func beginAlone(t *testing.T, c *oidcsso.Connector, p oidcsso.BeginParams) (string, *oidcsso.Login) {
	t.Helper()
	authorizationURL, login, err := c.Begin(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	return authorizationURL, login
}

func sealed(t *testing.T, l *oidcsso.Login, key oidcsso.SealKey) string {
	t.Helper()
	text, err := l.Seal(key)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestSealedLoginFinishesTheSignIn(t *testing.T) {
	t.Parallel()
	connector, idp := alone(t)
	key := oidcsso.RandomSealKey()
	for name, p := range map[string]oidcsso.BeginParams{
		"bound to a session":   {Binding: "session-1", ReturnTo: "/home"},
		"unbound":              {InsecureUnbound: true},
		"all fields at bounds": {Binding: strings.Repeat("s", 10_000), ReturnTo: "/" + strings.Repeat("r", 1023), Data: bytes.Repeat([]byte{0, 0xff}, 256), MaxAge: 3600},
		"data that is no text": {Binding: "session-1", Data: []byte("\x00\xff\r\n;\"")},
		"a return target of zero bytes and data of one": {Binding: "session-1", Data: []byte{0}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			authorizationURL, login := beginAlone(t, connector, p)
			opened, err := oidcsso.OpenLogin([]oidcsso.SealKey{key}, sealed(t, login, key))
			if err != nil {
				t.Fatal(err)
			}
			if opened.State() != login.State() || opened.Connector() != "acme" || opened.ReturnTo() != p.ReturnTo || !bytes.Equal(opened.Data(), p.Data) ||
				opened.Expires().Unix() != login.Expires().Unix() {
				t.Errorf("state %q, connector %q, return %q, data %q, expires %s", opened.State(), opened.Connector(), opened.ReturnTo(), opened.Data(), opened.Expires())
			}
			answer := idp.Authorize(t, authorizationURL, "alice").String()
			id, err := connector.Finish(t.Context(), opened, oidcsso.Response{URL: answer, Binding: p.Binding})
			if err != nil || id.Email != "alice@acme.test" {
				t.Errorf("%+v, %v", id, err)
			}
		})
	}
}

func TestSealedLoginKeepsItsBinding(t *testing.T) {
	t.Parallel()
	connector, idp := alone(t)
	key := oidcsso.RandomSealKey()
	authorizationURL, login := beginAlone(t, connector, oidcsso.BeginParams{Binding: "session-1"})
	opened, err := oidcsso.OpenLogin([]oidcsso.SealKey{key}, sealed(t, login, key))
	if err != nil {
		t.Fatal(err)
	}
	answer := idp.Authorize(t, authorizationURL, "alice").String()
	for _, binding := range []string{"", "session-2", "session-1 ", "session-", "session-1\x00"} {
		_, err := connector.Finish(t.Context(), opened, oidcsso.Response{URL: answer, Binding: binding})
		wantError(t, err, oidcsso.CodeBindingMismatch)
	}
	if n := idp.Requests().Token; n != 0 {
		t.Errorf("%d token requests from other sessions", n)
	}
}

func TestSealedLoginIsSmall(t *testing.T) {
	t.Parallel()
	connector, _ := alone(t)
	_, login := beginAlone(t, connector, oidcsso.BeginParams{Binding: "session-1", ReturnTo: "/projects/42?tab=members"})
	text := sealed(t, login, oidcsso.RandomSealKey())
	if len(text) > 400 {
		t.Errorf("a usual Login has %d bytes, want at most 400", len(text))
	}
	if strings.Trim(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") != "" {
		t.Errorf("%q is not URL-safe", text)
	}
	longID := strings.Repeat("i", 64)
	connector, _ = alone(t, func(cfg *oidcsso.Config, _ *oidcsso.Options) { cfg.ID = longID })
	_, login = beginAlone(t, connector, oidcsso.BeginParams{Binding: "session-1", ReturnTo: "/" + strings.Repeat("r", 1023), Data: make([]byte, 512), MaxAge: 1 << 28})
	if text := sealed(t, login, oidcsso.RandomSealKey()); len(text) >= 4096 {
		t.Errorf("a Login at its bounds has %d bytes", len(text))
	}
}

func TestLoginPrintsNothingOfItself(t *testing.T) {
	t.Parallel()
	connector, _ := alone(t)
	_, login := beginAlone(t, connector, oidcsso.BeginParams{Binding: "session-1", ReturnTo: "/private", Data: []byte("private")})
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		for _, value := range []any{login, *login, struct{ L oidcsso.Login }{*login}} {
			text := fmt.Sprintf(verb, value)
			for _, secret := range []string{"private", login.State(), "acme", "70726976617465"} {
				if strings.Contains(text, secret) {
					t.Errorf("%s prints %q", verb, text)
				}
			}
		}
	}
	if text, err := json.Marshal([]any{login}); err != nil || string(text) != "[{}]" {
		t.Errorf("as JSON it is %s, %v", text, err)
	}
}

func TestHostileTextOpensNoLogin(t *testing.T) {
	t.Parallel()
	connector, _ := alone(t)
	key, other := oidcsso.RandomSealKey(), oidcsso.RandomSealKey()
	_, login := beginAlone(t, connector, oidcsso.BeginParams{Binding: "session-1"})
	text := sealed(t, login, key)
	rows := map[string]string{
		"empty":                 "",
		"white space":           " ",
		"not base64":            "!!!!",
		"only a nonce":          text[:32],
		"padded":                text + "=",
		"another alphabet":      strings.NewReplacer("-", "+", "_", "/").Replace("-_" + text[2:]),
		"line break at the end": text + "\n",
		"line break within":     text[:10] + "\r\n" + text[10:],
		"space before":          " " + text,
		"quoted":                `"` + text + `"`,
		"null byte":             text + "\x00",
		"twice":                 text + text,
		"oversized":             strings.Repeat("A", 4097),
		"a megabyte":            strings.Repeat("A", 1<<20),
		"a byte more":           text + "A",
		"four bytes more":       text + "AAAA",
	}
	for n := range text {
		rows[fmt.Sprintf("cut to %d bytes", n)] = text[:n]
	}
	for i := range text {
		for bit := range 8 {
			flipped := []byte(text)
			flipped[i] ^= 1 << bit
			rows[fmt.Sprintf("bit %d of byte %d flipped", bit, i)] = string(flipped)
		}
	}
	for name, hostile := range rows {
		l, err := oidcsso.OpenLogin([]oidcsso.SealKey{key}, hostile)
		var e *oidcsso.Error
		if !errors.As(err, &e) || e.Code != oidcsso.CodeLoginMissing || l != nil {
			t.Errorf("%s: %v", name, err)
		} else if len(hostile) > 10 && strings.Contains(e.Error(), hostile[:10]) {
			t.Errorf("%s: the error quotes the text: %v", name, e)
		}
	}
	for name, keys := range map[string][]oidcsso.SealKey{"no key": nil, "an empty key": {{}}, "a foreign key": {other}} {
		if _, err := oidcsso.OpenLogin(keys, text); !errors.Is(err, oidcsso.CodeLoginMissing) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := oidcsso.OpenLogin([]oidcsso.SealKey{{}, other, key}, text); err != nil {
		t.Errorf("the right key behind others: %v", err)
	}
}

func TestLoginExpiresAfterTenMinutes(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		after time.Duration
		code  oidcsso.Code // empty: it finishes
	}{{10*time.Minute - time.Second, ""}, {10 * time.Minute, ""}, {10*time.Minute + time.Second, oidcsso.CodeLoginExpired}, {-time.Hour, ""}} {
		t.Run(row.after.String(), func(t *testing.T) {
			t.Parallel()
			now := wholeSecond()
			connector, idp := alone(t, func(_ *oidcsso.Config, o *oidcsso.Options) { o.Now = now.Now })
			idp.Configure(func(s *oidcssotest.Settings) { s.Now = now.Now })
			key := oidcsso.RandomSealKey()
			authorizationURL, login := beginAlone(t, connector, oidcsso.BeginParams{Binding: "session-1", ReturnTo: "/home", Data: []byte("x")})
			if got := login.Expires(); !got.Equal(now.Now().Add(10 * time.Minute)) {
				t.Errorf("it expires %s from now", got.Sub(now.Now()))
			}
			text := sealed(t, login, key)
			now.advance(row.after)
			opened, err := oidcsso.OpenLogin([]oidcsso.SealKey{key}, text) // opening asks no clock
			if err != nil {
				t.Fatal(err)
			}
			answer := idp.Authorize(t, authorizationURL, "alice").String()
			_, err = connector.Finish(t.Context(), opened, oidcsso.Response{URL: answer, Binding: "session-1"})
			if row.code == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			wantError(t, err, row.code)
			var e *oidcsso.Error
			if errors.As(err, &e); e.ReturnTo != "/home" || string(e.Data) != "x" || e.Kind() != oidcsso.KindExpired {
				t.Errorf("return %q, data %q, kind %s", e.ReturnTo, e.Data, e.Kind())
			}
		})
	}
}

// wholeSecond is a clock without a fraction: what is sealed counts in seconds.
func wholeSecond() *clock { return &clock{now: time.Now().Truncate(time.Second)} }

func TestEachLoginHasItsOwnRandomness(t *testing.T) {
	t.Parallel()
	connector, _ := alone(t)
	seen := map[string]string{}
	for range 20 {
		authorizationURL, login := beginAlone(t, connector, oidcsso.BeginParams{Binding: "session-1"})
		u, err := url.Parse(authorizationURL)
		if err != nil {
			t.Fatal(err)
		}
		if u.Query().Get("state") != login.State() {
			t.Error("the state is not the Login's")
		}
		for name, size := range map[string]int{"state": 22, "nonce": 22, "code_challenge": 43} {
			value := u.Query().Get(name)
			if len(value) != size || seen[value] != "" {
				t.Errorf("%s is %q, which was the %s of another sign-in or has another length", name, value, seen[value])
			}
			seen[value] = name
		}
	}
}
