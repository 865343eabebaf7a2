package oidcsso_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"github.com/oidcsso/oidcsso"
)

func randomLooking() []byte { return []byte("\x00\xff\xfe0123456789abcdefghijklmnopq!\xfb") }

func TestNewSealKey(t *testing.T) {
	t.Parallel()
	if _, err := oidcsso.NewSealKey(randomLooking()); err != nil {
		t.Fatal(err)
	}
	for name, secret := range map[string][]byte{
		"nil":                nil,
		"empty":              {},
		"31 bytes":           randomLooking()[:31],
		"33 bytes":           append(randomLooking(), 'x'),
		"16 bytes":           randomLooking()[:16],
		"64 bytes":           bytes.Repeat(randomLooking(), 2),
		"32 zeros":           make([]byte, 32),
		"32 equal letters":   bytes.Repeat([]byte("x"), 32),
		"32 bytes of 0xff":   bytes.Repeat([]byte{0xff}, 32),
		"base64 of 32 bytes": []byte(base64.StdEncoding.EncodeToString(randomLooking())),
	} {
		key, err := oidcsso.NewSealKey(secret)
		if err == nil || key != (oidcsso.SealKey{}) {
			t.Errorf("%s is a key", name)
		} else if len(secret) > 0 && strings.Contains(err.Error(), string(secret)) {
			t.Errorf("%s: the error quotes it: %v", name, err)
		}
	}
}

// The key is a copy: a caller that wipes its buffer does not wipe the key.
func TestSealKeyIsACopy(t *testing.T) {
	t.Parallel()
	connector, _ := alone(t)
	_, login := beginAlone(t, connector, oidcsso.BeginParams{Binding: "session-1"})
	secret := randomLooking()
	key, err := oidcsso.NewSealKey(secret)
	if err != nil {
		t.Fatal(err)
	}
	text := sealed(t, login, key)
	clear(secret)
	if _, err := oidcsso.OpenLogin([]oidcsso.SealKey{key}, text); err != nil {
		t.Error(err)
	}
}

func TestSealKeyFromASetting(t *testing.T) {
	t.Parallel()
	connector, _ := alone(t)
	_, login := beginAlone(t, connector, oidcsso.BeginParams{Binding: "session-1"})
	key, err := oidcsso.NewSealKey(randomLooking())
	if err != nil {
		t.Fatal(err)
	}
	text := sealed(t, login, key)
	standard := base64.StdEncoding.EncodeToString(randomLooking())
	if !strings.ContainsAny(standard, "+/") {
		t.Fatalf("%q tells nothing about alphabets", standard)
	}
	for name, setting := range map[string]string{
		"as openssl prints it":       standard + "\n",
		"without padding":            strings.TrimRight(standard, "="),
		"URL-safe":                   base64.URLEncoding.EncodeToString(randomLooking()),
		"URL-safe, without padding":  base64.RawURLEncoding.EncodeToString(randomLooking()),
		"with white space around it": " \t" + standard + "\r\n ",
	} {
		parsed, err := oidcsso.ParseSealKey(setting)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		} else if _, err := oidcsso.OpenLogin([]oidcsso.SealKey{parsed}, text); err != nil {
			t.Errorf("%s: another key: %v", name, err)
		}
	}
	for name, setting := range map[string]string{
		"empty":                  "",
		"white space":            " \n",
		"padding alone":          "====",
		"a password":             "correct horse battery staple",
		"a placeholder":          "changeme",
		"hexadecimal":            fmt.Sprintf("%x", randomLooking()),
		"24 bytes":               base64.StdEncoding.EncodeToString(randomLooking()[:24]),
		"33 bytes":               base64.StdEncoding.EncodeToString(append(randomLooking(), 1)),
		"zeros":                  base64.StdEncoding.EncodeToString(make([]byte, 32)),
		"a space within":         standard[:10] + " " + standard[10:],
		"padding within":         standard[:10] + "=" + standard[11:],
		"bits behind the end":    strings.TrimRight(standard, "=")[:42] + "t",
		"a redacted print of it": "[redacted]",
		"two keys":               standard + "," + standard,
	} {
		parsed, err := oidcsso.ParseSealKey(setting)
		if err == nil || parsed != (oidcsso.SealKey{}) {
			t.Errorf("%s is a key", name)
		} else if len(setting) > 4 && strings.Contains(err.Error(), setting) {
			t.Errorf("%s: the error quotes it: %v", name, err)
		}
	}
}

func TestSealKeysOfTwoProcessesDiffer(t *testing.T) {
	t.Parallel()
	connector, _ := alone(t)
	_, login := beginAlone(t, connector, oidcsso.BeginParams{Binding: "session-1"})
	text := sealed(t, login, oidcsso.RandomSealKey())
	_, err := oidcsso.OpenLogin([]oidcsso.SealKey{oidcsso.RandomSealKey()}, text)
	wantError(t, err, oidcsso.CodeLoginMissing)
}

func TestEmptySealKeySealsNothing(t *testing.T) {
	t.Parallel()
	connector, _ := alone(t)
	_, login := beginAlone(t, connector, oidcsso.BeginParams{Binding: "session-1"})
	if text, err := login.Seal(oidcsso.SealKey{}); err == nil || text != "" {
		t.Errorf("%q, %v", text, err)
	}
}
