package oidcsso

import (
	"crypto/subtle"
	"encoding/json"
	"fmt"
	"log/slog"
)

// redacted stands for a secret wherever one would be printed. A Config whose secret is this very text is refused, because
// it can only come from such a print.
const redacted = "[redacted]"

// Secret is a client secret or a token that redacts itself wherever it is printed, logged or marshalled. The zero value is
// the empty secret. It is read with [Secret.Reveal], a word that one can search for.
//
// The text hides behind a pointer because fmt can't call methods of an unexported field and would print a string there.
type Secret struct{ text *string }

// NewSecret keeps text as a Secret. NewSecret("") is the zero Secret.
func NewSecret(text string) Secret {
	if text == "" {
		return Secret{}
	}
	return Secret{&text}
}

// Reveal gives the text. Whoever calls it must keep it out of logs, pages and errors.
func (s Secret) Reveal() string {
	if s.text == nil {
		return ""
	}
	return *s.text
}

// IsZero says whether the secret is empty; with omitzero an empty one is left out of JSON.
func (s Secret) IsZero() bool { return s.text == nil }

// Equal compares in constant time.
func (s Secret) Equal(other Secret) bool {
	return subtle.ConstantTimeCompare([]byte(s.Reveal()), []byte(other.Reveal())) == 1
}

// String is "[redacted]", or "" for an empty secret.
func (s Secret) String() string {
	if s.text == nil {
		return ""
	}
	return redacted
}

// Format redacts under every verb of fmt, also %x and %#v.
func (s Secret) Format(f fmt.State, verb rune) { fmt.Fprint(f, s.String()) }

// LogValue redacts in log/slog.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalText redacts in JSON, XML and everything else that marshals text. To store a secret, call Reveal and encrypt it.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalJSON reads a JSON string, as an administrator's form sends it.
func (s *Secret) UnmarshalJSON(data []byte) error {
	var text string
	if err := json.Unmarshal(data, &text); err != nil {
		return fmt.Errorf("oidcsso: a secret is a JSON string") // not the cause: it could quote the secret
	}
	*s = NewSecret(text)
	return nil
}

// hidden keeps a value behind two pointers, in one allocation: fmt can't call methods of an unexported field, and under a
// verb that does not fit prints what is behind one pointer.
func hidden[T any](value T) **T {
	h := &struct {
		to    *T
		value T
	}{value: value}
	h.to = &h.value
	return &h.to
}
