package oidcsso

import (
	"bytes"
	"encoding/base64"
	"reflect"
	"slices"
	"testing"

	"github.com/oidcsso/oidcsso/internal/xaes"
)

// Sealing works in place. That must neither reach into the Login, nor leave a part of it readable, nor use a nonce twice.
func TestSealingInPlaceTouchesNothingElse(t *testing.T) {
	t.Parallel()
	key := fixedSealKey(t)
	login := fixedLogin()
	room := append(make([]byte, 0, 4096), login.data...)
	login.data = room
	before := login.marshal(0)
	seen := map[string]bool{}
	for range 500 {
		text, err := login.Seal(key)
		if err != nil {
			t.Fatal(err)
		}
		sealed, err := base64.RawURLEncoding.DecodeString(text)
		if err != nil {
			t.Fatal(err)
		}
		if nonce := string(sealed[:xaes.NonceSize]); seen[nonce] {
			t.Fatal("a nonce came twice")
		} else {
			seen[nonce] = true
		}
		for at := 0; at+8 <= len(before); at += 8 { // zeros are nobody's secret, and the text may have some
			if part := before[at : at+8]; bytes.Count(part, part[:1]) < 8 && bytes.Contains(sealed, part) {
				t.Fatalf("%x of the Login stands in the sealed text", part)
			}
		}
		opened, err := OpenLogin([]SealKey{key}, text)
		if err != nil || !bytes.Equal(opened.marshal(0), before) {
			t.Fatalf("it opens as another Login, %v", err)
		}
	}
	if !bytes.Equal(login.marshal(0), before) || !bytes.Equal(room[:cap(room)][len(room):], make([]byte, cap(room)-len(room))) {
		t.Error("sealing changed the Login, or what lies behind its data")
	}
}

// Without room behind the message, sealing moves it, and seals the same.
func TestSealingWithoutRoom(t *testing.T) {
	t.Parallel()
	key := fixedSealKey(t)
	for _, spare := range []int{0, 1, xaes.Overhead - 1, xaes.Overhead, 100} {
		for _, length := range []int{0, 1, 15, 16, 17, 300} {
			message := bytes.Repeat([]byte{7}, length)
			b := append(make([]byte, xaes.NonceSize, xaes.NonceSize+length+spare), message...)
			text, err := key.seal(b, "somewhere")
			if err != nil {
				t.Fatal(err)
			}
			if got, err := open([]SealKey{key}, text, "somewhere"); err != nil || !bytes.Equal(got, message) {
				t.Errorf("%d bytes with room for %d more: %x, %v", length, spare, got, err)
			}
			if _, err := open([]SealKey{key}, text, "elsewhere"); err == nil {
				t.Error("it opens elsewhere")
			}
		}
	}
}

// What was opened is the Login's own: the texts of two cookies, and two Logins of one, have nothing in common.
func TestOpenedLoginsShareNothing(t *testing.T) {
	t.Parallel()
	key := fixedSealKey(t)
	text, err := fixedLogin().Seal(key)
	if err != nil {
		t.Fatal(err)
	}
	first, err1 := OpenLogin([]SealKey{key}, text)
	second, err2 := OpenLogin([]SealKey{RandomSealKey(), key}, text)
	if err1 != nil || err2 != nil || !reflect.DeepEqual(first, second) {
		t.Fatal(err1, err2)
	}
	want := slices.Clone(second.data)
	for i := range first.data {
		first.data[i] ^= 0xff
	}
	_ = append(first.data, 1, 2, 3)
	(*first.random())[0] ^= 0xff
	if !bytes.Equal(second.data, want) || second.State() == first.State() {
		t.Error("a change of one is seen in the other")
	}
}
