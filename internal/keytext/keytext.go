// Package keytext reads secret keys of 32 bytes from settings, and refuses what is none.
package keytext

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
)

// Size is the length of a key in bytes.
const Size = 32

// Check refuses other lengths and 32 equal bytes, which are a forgotten setting. what names the key in the error.
func Check(what string, secret []byte) ([Size]byte, error) {
	if len(secret) != Size { //check:seal-key-length
		return [Size]byte{}, fmt.Errorf("oidcsso: a %s has %d bytes, not %d; `openssl rand -base64 32` prints one in base64", what, Size, len(secret))
	}
	if strings.Count(string(secret), string(secret[:1])) == len(secret) { //check:weak-seal-key
		return [Size]byte{}, fmt.Errorf("oidcsso: a %s of 32 equal bytes is not random", what)
	}
	return [Size]byte(secret), nil
}

// Parse reads base64 in any of its alphabets, as `openssl rand -base64 32` prints it.
func Parse(what, text string) ([Size]byte, error) {
	text = strings.TrimRight(strings.TrimSpace(text), "=")
	text = strings.NewReplacer("-", "+", "_", "/").Replace(text)
	secret, err := base64.RawStdEncoding.Strict().DecodeString(text)
	if err != nil {
		return [Size]byte{}, errors.New("oidcsso: a " + what + " is 32 bytes in base64, such as `openssl rand -base64 32` prints")
	}
	return Check(what, secret)
}
