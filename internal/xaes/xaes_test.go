package xaes

import (
	"bytes"
	"crypto/sha3"
	"encoding/hex"
	"testing"
)

// The vectors are those of the specification, which the Go distribution's own tests use too.
func TestVectors(t *testing.T) {
	t.Parallel()
	for name, v := range map[string]struct {
		key      byte
		aad      string
		expected string
	}{
		"without additional data": {1, "", "ce546ef63c9cc60765923609b33a9a1974e96e52daf2fcf7075e2271"},
		"with additional data":    {3, "c2sp.org/XAES-256-GCM", "986ec1832593df5443a179437fd083bf3fdb41abd740a21f71eb769d"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			key := [KeySize]byte(bytes.Repeat([]byte{v.key}, KeySize))
			nonce := [NonceSize]byte([]byte("ABCDEFGHIJKLMNOPQRSTUVWX"))
			got := NewKey(key).Seal(nil, &nonce, []byte("XAES-256-GCM"), []byte(v.aad))
			if hex.EncodeToString(got) != v.expected {
				t.Errorf("sealed %x, want %s", got, v.expected)
			}
			plain, err := NewKey(key).Open(nil, &nonce, got, []byte(v.aad))
			if err != nil || string(plain) != "XAES-256-GCM" {
				t.Errorf("opened %q, %v", plain, err)
			}
		})
	}
}

// Ten thousand random messages, as one digest: the specification's accumulated vector.
func TestAccumulatedVector(t *testing.T) {
	t.Parallel()
	in, out := sha3.NewSHAKE128(), sha3.NewSHAKE128()
	read := func(n int) []byte {
		b := make([]byte, n)
		in.Read(b)
		return b
	}
	for range 10_000 {
		key := [KeySize]byte(read(KeySize))
		nonce := [NonceSize]byte(read(NonceSize))
		plaintext := read(int(read(1)[0]))
		aad := read(int(read(1)[0]))
		sealed := NewKey(key).Seal(nil, &nonce, plaintext, aad)
		opened, err := NewKey(key).Open(nil, &nonce, sealed, aad)
		if err != nil || !bytes.Equal(opened, plaintext) {
			t.Fatalf("does not open: %v", err)
		}
		out.Write(sealed)
	}
	sum := make([]byte, 32)
	out.Read(sum)
	if got := hex.EncodeToString(sum); got != "e6b9edf2df6cec60c8cbd864e2211b597fb69a529160cd040d56c0c210081939" {
		t.Errorf("accumulated %s", got)
	}
}

// Each bit of the key, the nonce, the message and the additional data counts.
func TestChangedBitDoesNotOpen(t *testing.T) {
	t.Parallel()
	zero := NewKey([KeySize]byte{})
	message := zero.Seal(nil, new([NonceSize]byte), []byte("secret"), []byte("context"))
	flip := func(b []byte, bit int) []byte {
		b = bytes.Clone(b)
		b[bit/8] ^= 1 << (bit % 8)
		return b
	}
	for bit := range KeySize * 8 {
		key := [KeySize]byte(flip(make([]byte, KeySize), bit))
		if _, err := NewKey(key).Open(nil, new([NonceSize]byte), message, []byte("context")); err == nil {
			t.Errorf("opens with bit %d of the key flipped", bit)
		}
	}
	for bit := range NonceSize * 8 {
		nonce := [NonceSize]byte(flip(make([]byte, NonceSize), bit))
		if _, err := zero.Open(nil, &nonce, message, []byte("context")); err == nil {
			t.Errorf("opens with bit %d of the nonce flipped", bit)
		}
	}
	for bit := range len(message) * 8 {
		if _, err := zero.Open(nil, new([NonceSize]byte), flip(message, bit), []byte("context")); err == nil {
			t.Errorf("opens with bit %d of the message flipped", bit)
		}
	}
	for n := range len(message) {
		if _, err := zero.Open(nil, new([NonceSize]byte), message[:n], []byte("context")); err == nil {
			t.Errorf("opens when cut to %d bytes", n)
		}
	}
	if _, err := zero.Open(nil, new([NonceSize]byte), message, []byte("other")); err == nil {
		t.Error("opens with other additional data")
	}
}
