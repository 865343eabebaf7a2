package oidcsso

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/oidcsso/oidcsso/internal/keytext"
	"github.com/oidcsso/oidcsso/internal/lengthed"
	"github.com/oidcsso/oidcsso/internal/xaes"
)

// SealKey seals a [Login] while the browser carries it: 256 secret bits, the same on every replica. Whoever has it can forge
// the state of a sign-in. It redacts itself in print. To rotate, put the new key first and keep the old one for as long
// as a sign-in may take, ten minutes.
//
// The bytes hide behind two pointers because fmt can't call methods of an unexported field, and under a verb that does not
// fit prints the struct behind one.
type SealKey struct{ key **xaes.Key }

func sealKeyOf(secret [xaes.KeySize]byte) SealKey {
	key := xaes.NewKey(secret)
	return SealKey{&key} // see hidden
}

// NewSealKey makes a key of exactly 32 bytes. It refuses other lengths and 32 equal bytes, which are a forgotten setting.
func NewSealKey(secret []byte) (SealKey, error) {
	key, err := keytext.Check("seal key", secret)
	if err != nil {
		return SealKey{}, err
	}
	return sealKeyOf(key), nil
}

// ParseSealKey reads a key from a setting: 32 bytes in base64, as `openssl rand -base64 32` prints them.
func ParseSealKey(text string) (SealKey, error) {
	key, err := keytext.Parse("seal key", text)
	if err != nil {
		return SealKey{}, err
	}
	return sealKeyOf(key), nil
}

// RandomSealKey makes a key that only this process knows: for demonstrations and tests. A sign-in under way does not
// survive a restart, nor reach another replica.
func RandomSealKey() SealKey {
	var secret [xaes.KeySize]byte
	rand.Read(secret[:]) // never fails
	return sealKeyOf(secret)
}

// Format redacts under every verb of fmt.
func (k SealKey) Format(f fmt.State, verb rune) { io.WriteString(f, redacted) }

// MarshalText redacts wherever text is marshalled.
func (k SealKey) MarshalText() ([]byte, error) { return []byte(redacted), nil }

func (k SealKey) equal(other SealKey) bool { return (*k.key).Equal(*other.key) }

// sealDomain separates what these keys seal from anything else that is ever sealed with them.
const sealDomain = "oidcsso login v1"

// maxSealed bounds the text that seal makes and open looks at, in bytes; a cookie can't be larger anyway.
const maxSealed = 4096

// sealRoom is how much longer the sealed bytes are.
const sealRoom = xaes.NonceSize + xaes.Overhead

// seal encrypts and authenticates what follows the first xaes.NonceSize bytes of b, in its place, together with where it
// belongs. It needs sealRoom in all.
func (k SealKey) seal(b []byte, context ...string) (string, error) {
	if k.key == nil {
		return "", errors.New("oidcsso: the seal key is empty; make one with NewSealKey or ParseSealKey")
	}
	nonce, message := b[:xaes.NonceSize], b[xaes.NonceSize:]
	rand.Read(nonce)
	sealed := (*k.key).Seal(nonce, (*[xaes.NonceSize]byte)(nonce), message, additional(context))
	if base64.RawURLEncoding.EncodedLen(len(sealed)) > maxSealed {
		return "", fmt.Errorf("oidcsso: the sealed text is longer than %d bytes; shorten the redirect URI, the return target or the data", maxSealed)
	}
	var room [512]byte // more than most take
	return string(base64.RawURLEncoding.AppendEncode(room[:0], sealed)), nil
}

var errSealed = errors.New("oidcsso: the sealed text does not open")

// open is the reverse of seal, with the first key that fits.
func open(keys []SealKey, text string, context ...string) ([]byte, error) {
	if len(text) > maxSealed || strings.IndexByte(text, '\r') >= 0 || strings.IndexByte(text, '\n') >= 0 { // package base64 would pass over line breaks //check:sealed-text
		return nil, errSealed
	}
	sealed, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || len(sealed) < sealRoom { //check:sealed-text
		return nil, errSealed
	}
	nonce := (*[xaes.NonceSize]byte)(sealed)
	for _, k := range keys {
		if k.key == nil {
			continue
		}
		if plaintext, err := (*k.key).Open(nil, nonce, sealed[xaes.NonceSize:], additional(context)); err == nil {
			return plaintext, nil
		}
	}
	return nil, errSealed
}

var additionalAlone = lengthed.Join(sealDomain)

func additional(context []string) []byte {
	if len(context) == 0 {
		return additionalAlone
	}
	return lengthed.Append(lengthed.Append(make([]byte, 0, 128), sealDomain), context...)
}
