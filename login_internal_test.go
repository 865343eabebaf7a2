package oidcsso

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/oidcsso/oidcsso/internal/xaes"
)

// fixedSecret is a key of no value, for texts that are pinned here.
const fixedSecret = "0123456789abcdefghijklmnopqrstuv"

func fixedSealKey(t testing.TB) SealKey {
	t.Helper()
	key, err := NewSealKey([]byte(fixedSecret))
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func fill(b []byte, first byte) {
	for i := range b {
		b[i] = first + byte(i)
	}
}

// fixedLogin has something in every field.
func fixedLogin() *Login {
	random := hidden(drawn{})
	l := &Login{
		drawn: random, purpose: purposeSignIn, connector: "acme", redirectURI: "https://app.example.com/sso/callback/acme", issPromised: true, maxAge: 3600,
		expiry: time.Unix(1790000000, 0), bound: true, returnTo: "/home?x=1", data: []byte{0, 1, 0xff},
	}
	for first, field := range map[byte][]byte{0x10: l.fingerprint[:], 0x20: (*random).state(), 0x30: (*random).nonce(), 0x40: (*random).verifier(), 0x60: l.binding[:]} {
		fill(field, first)
	}
	return l
}

// loginLayout is the layout of version 1. Replicas of two versions of this library hand sign-ins to each other while a backend
// is rolled out: a change here needs another loginVersion.
const loginLayout = "01" + "01" + "03" + // version, purpose, flags (iss promised, bound)
	"000000006ab13b80" + "00000e10" + // expiry, max age
	"101112131415161718191a1b1c1d1e1f" + // fingerprint
	"202122232425262728292a2b2c2d2e2f" + // state
	"303132333435363738393a3b3c3d3e3f" + // nonce
	"404142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f" + // verifier
	"606162636465666768696a6b6c6d6e6f707172737475767778797a7b7c7d7e7f" + // binding
	"0004" + "61636d65" + // connector
	"0029" + "68747470733a2f2f6170702e6578616d706c652e636f6d2f73736f2f63616c6c6261636b2f61636d65" + // redirect URI
	"0009" + "2f686f6d653f783d31" + // return target
	"0003" + "0001ff" // data

func layout(t testing.TB) []byte {
	t.Helper()
	b, err := hex.DecodeString(loginLayout)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// A Login of a silent sign-in differs in one flag; all others are as they were before there was one.
func TestLayoutOfASilentLogin(t *testing.T) {
	t.Parallel()
	l := fixedLogin()
	l.silent = true
	want := layout(t)
	want[2] = 0x07
	got := new(Login)
	if err := got.unmarshal(l.marshal(0)); err != nil || !got.silent || !bytes.Equal(l.marshal(0), want) {
		t.Errorf("%x, %v", l.marshal(0), err)
	}
}

func TestLayoutOfALogin(t *testing.T) {
	t.Parallel()
	if got := hex.EncodeToString(fixedLogin().marshal(0)); got != loginLayout {
		t.Errorf("the layout is\n%s, not\n%s", got, loginLayout)
	}
	var l Login
	if err := l.unmarshal(layout(t)); err != nil || !reflect.DeepEqual(&l, fixedLogin()) {
		t.Errorf("read back it is another Login, %v", err)
	}

	// What is sealed is the layout, by XAES-256-GCM, with the domain in the additional data.
	key := fixedSealKey(t)
	text, err := fixedLogin().Seal(key)
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	secret, nonce := [xaes.KeySize]byte([]byte(fixedSecret)), [xaes.NonceSize]byte(sealed)
	plaintext, err := xaes.NewKey(secret).Open(nil, &nonce, sealed[xaes.NonceSize:], []byte("\x00\x00\x00\x10oidcsso login v1"))
	if err != nil || !bytes.Equal(plaintext, layout(t)) {
		t.Errorf("sealed is %x, %v", plaintext, err)
	}
	if again, _ := fixedLogin().Seal(key); again == text {
		t.Error("two seals of one Login are equal: the nonce is not random")
	}
}

// pinnedLogin was sealed once with fixedSealKey. It must open for as long as loginVersion is 1.
const pinnedLogin = "gIGCg4SFhoeIiYqLjI2Oj5CRkpOUlZaX35iY-1AoFMUzIh4wSZfm7HeMUL6-yBYlThlwIn5IStBrEl3pRw82lEyw_iKX7fy4KD1rCyVBvirXR9UEGXhASzHiYf28yXOCQ_KEo8a-SyItQ3SkbYfiFweN8NfdP8HhW-YPgJt75CHRnAqhn_Bm8RcrOgr4eZsDonyJ6-7N5li0mNcfisG2jIS68cs-Y6PqkERE3y12WHuEMssGGrnPZa_ikxbzpsoH7oC-5CNrM8vdOl_7xpNL4_qHaLZPo-TH9BjaKO3dIeMjWDJtnV_z2w"

func TestPinnedLoginOpens(t *testing.T) {
	t.Parallel()
	l, err := OpenLogin([]SealKey{RandomSealKey(), {}, fixedSealKey(t)}, pinnedLogin)
	if err != nil || !reflect.DeepEqual(l, fixedLogin()) {
		t.Errorf("another Login, %v", err)
	}
}

func TestOtherLayoutsAreRefused(t *testing.T) {
	t.Parallel()
	changed := func(at int, to byte) []byte {
		b := layout(t)
		b[at] = to
		return b
	}
	const lengthOfConnector = 3 + 8 + 4 + 3*16 + 2*32
	rows := map[string][]byte{
		"empty":                     {},
		"version 0":                 changed(0, 0),
		"version 2":                 changed(0, 2),
		"a flag of a later version": changed(2, 0x0b),
		"the highest flag":          changed(2, 0x83),
		"bound flag taken away":     changed(2, 0x01),
		"a byte more":               append(layout(t), 0),
		"connector longer than all": changed(lengthOfConnector, 0xff),
		"connector one byte longer": changed(lengthOfConnector+1, 5),
		"connector one byte less":   changed(lengthOfConnector+1, 3),
	}
	for n := range layout(t) {
		rows[fmt.Sprintf("cut to %d bytes", n)] = layout(t)[:n]
	}
	for name, b := range rows {
		if err := new(Login).unmarshal(b); !errors.Is(err, errLayout) {
			t.Errorf("%s: %v", name, err)
		}
		text, err := fixedSealKey(t).seal(append(make([]byte, xaes.NonceSize), b...))
		if err != nil {
			t.Fatal(err)
		}
		if l, err := OpenLogin([]SealKey{fixedSealKey(t)}, text); !errors.Is(err, CodeLoginMissing) || l != nil {
			t.Errorf("%s, well sealed: %v", name, err)
		}
	}
}

// What can't be opened must not be sealed either.
func TestTooLongALoginIsNotSealed(t *testing.T) {
	t.Parallel()
	key := fixedSealKey(t)
	l := fixedLogin()
	l.redirectURI = "https://app.example.com/" + strings.Repeat("a", maxURL-24)
	l.returnTo = strings.Repeat("b", maxReturnTo)
	l.data = bytes.Repeat([]byte{'c'}, maxData)
	if text, err := l.Seal(key); err == nil || text != "" {
		t.Errorf("%d bytes, %v", len(text), err)
	}
	for n := maxURL; n > 0; n-- { // the first that fits must open
		l.redirectURI = strings.Repeat("a", n)
		text, err := l.Seal(key)
		if err != nil {
			continue
		}
		if len(text) < maxSealed-3 {
			t.Errorf("the first that is sealed has %d bytes", len(text))
		}
		if _, err := OpenLogin([]SealKey{key}, text); err != nil {
			t.Error(err)
		}
		return
	}
	t.Error("none is sealed")
}

// A purpose that can't be begun yet can't be finished either, however it came into a sealed Login.
func TestOtherPurposesAreRefused(t *testing.T) {
	t.Parallel()
	cfg := routedConfig("acme", "acme.test")
	connector, err := NewConnector(cfg, routerOptions())
	if err != nil {
		t.Fatal(err)
	}
	for p := range 256 {
		l := &Login{purpose: purpose(p), connector: "acme", fingerprint: connector.fingerprint, redirectURI: connector.redirectURI(), expiry: time.Now().Add(time.Minute)}
		_, err := connector.Finish(t.Context(), l, Response{URL: "/sso/callback/acme?error=access_denied&state=" + l.State()})
		want := CodePurposeRefused
		if purpose(p) == purposeSignIn {
			want = CodeAccessDenied
		}
		if !errors.Is(err, want) {
			t.Errorf("purpose %d: %v, want %s", p, err, want)
		}
	}
}

// FuzzUnmarshalLogin: no text panics, and one Login has one text.
func FuzzUnmarshalLogin(f *testing.F) {
	f.Add(layout(f))
	unbound := fixedLogin()
	unbound.bound, unbound.data, unbound.returnTo = false, nil, ""
	f.Add(unbound.marshal(0))
	f.Add([]byte{})
	f.Add(layout(f)[:100])
	f.Fuzz(func(t *testing.T, b []byte) {
		before := bytes.Clone(b)
		var l Login
		err := l.unmarshal(b)
		if !bytes.Equal(b, before) {
			t.Fatal("it changed what it read")
		}
		if err != nil {
			if !errors.Is(err, errLayout) {
				t.Fatal(err)
			}
			return
		}
		if again := l.marshal(0); !bytes.Equal(again, b) {
			t.Fatalf("%x became %x", b, again)
		}
	})
}

// FuzzOpenLogin: nothing opens but what was sealed, and nothing panics.
func FuzzOpenLogin(f *testing.F) {
	key := fixedSealKey(f)
	planted, err := key.seal(append(make([]byte, xaes.NonceSize), layout(f)...), "flow", "https://app.example.com/sso", "__Host-oidcsso-abcdefghijkl")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(pinnedLogin)
	f.Add(planted)
	f.Add("")
	f.Add(pinnedLogin[:len(pinnedLogin)/2])
	f.Add(pinnedLogin + "\n")
	f.Add(strings.Repeat("A", maxSealed+1))
	f.Fuzz(func(t *testing.T, text string) {
		l, err := OpenLogin([]SealKey{key}, text)
		if text == pinnedLogin {
			return
		}
		if !errors.Is(err, CodeLoginMissing) || l != nil {
			t.Fatalf("%q opens: %v", text, err)
		}
	})
}

// fmt can't call the methods of an unexported field, and some verbs print what a pointer there leads to.
func TestLoginInAnUnexportedFieldPrintsNoSecret(t *testing.T) {
	t.Parallel()
	l := fixedLogin()
	secrets := []string{l.nonceText(), l.verifierText(), "48 49 50", "64 65 66", "3031323334", "4041424344", "0x30, 0x31", "@ABC", "0123456"}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%T", "%p", "%t", "%U"} {
		for _, value := range []any{struct{ l *Login }{l}, &struct{ l *Login }{l}, struct{ l Login }{*l}, []struct{ l *Login }{{l}}} {
			text := fmt.Sprintf(verb, value)
			for _, secret := range secrets {
				if strings.Contains(text, secret) {
					t.Errorf("%s of %T prints %q", verb, value, text)
				}
			}
		}
	}
}
