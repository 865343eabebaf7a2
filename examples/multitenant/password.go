package main

import (
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"strings"
)

var iterations = 600_000 // of PBKDF2; tests take fewer

// newPassword is what is stored of a password: salt and hash.
func newPassword(text string) string {
	salt := rand.Text()
	return salt + "$" + derive(text, salt)
}

// isPassword compares. No text is the stored "", and finding that takes as long.
func isPassword(stored, text string) bool {
	salt, sum, ok := strings.Cut(stored, "$")
	return subtle.ConstantTimeCompare([]byte(derive(text, salt)), []byte(sum)) == 1 && ok
}

func derive(text, salt string) string {
	sum, err := pbkdf2.Key(sha256.New, text, []byte(salt), iterations, sha256.Size)
	if err != nil {
		return "" // no stored hash is
	}
	return hex.EncodeToString(sum)
}

// hashOf is for what was drawn at random (tokens, recovery codes), and needs no salt.
func hashOf(random string) string {
	sum := sha256.Sum256([]byte(random))
	return hex.EncodeToString(sum[:])
}

// sameHash compares a stored hash with that of what was typed.
func sameHash(stored, random string) bool {
	return subtle.ConstantTimeCompare([]byte(stored), []byte(hashOf(random))) == 1
}
