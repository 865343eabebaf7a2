package strictjson

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// A document may hold tokens, codes and personal data; error texts end up in
// logs.
func TestErrorsQuoteNothing(t *testing.T) {
	t.Parallel()
	const secret = "ya29-hunter2-secret"
	for _, row := range []struct{ name, doc string }{
		{"secret is no JSON", secret},
		{"secret in an unclosed string", `{"access_token":"` + secret},
		{"secret before invalid UTF-8", `{"access_token":"` + secret + "\xff" + `"}`},
		{"secret before a lone surrogate", `{"access_token":"` + secret + `\ud800"}`},
		{"secret before a line feed", `{"access_token":"` + secret + "\n" + `"}`},
		{"secret in an invalid escape", `{"access_token":"\` + secret + `"}`},
		{"secret is a duplicate key", `{"` + secret + `":1,"` + secret + `":2}`},
		{"secret is a key that collides", `{"` + secret + `":1,"` + strings.ToUpper(secret) + `":2}`},
		{"secret without quotes", `{"access_token":` + secret + `}`},
		{"secret is a key without quotes", `{` + secret + `:1}`},
		{"secret after the document", `{}` + secret},
		{"secret after a key", `{"access_token"` + secret + `}`},
		{"secret after a value", `{"access_token":1` + secret + `}`},
		{"secret is a string, no object", `"` + secret + `"`},
		{"secret begins like a literal", `{"a":t` + secret + `}`},
		{"secret within a number", `{"a":-` + secret + `}`},
		{"secret after too many brackets", strings.Repeat(`[`, 100) + secret},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			_, err := Parse([]byte(row.doc))
			var e *Error
			if !errors.As(err, &e) {
				t.Fatalf("error %v, want an *Error", err)
			}
			for _, text := range []string{err.Error(), fmt.Sprintf("%+v", err), fmt.Sprintf("%#v", err), e.Reason} {
				for _, part := range []string{"ya29", "hunter", "access_token"} {
					if strings.Contains(strings.ToLower(text), part) {
						t.Errorf("%q quotes the document", text)
					}
				}
			}
		})
	}
}

func TestErrorText(t *testing.T) {
	t.Parallel()
	err := Check([]byte(`{"email":1,"EMAIL":2}`))
	if got, want := err.Error(), "strictjson: keys in an object that differ only in case at byte 11"; got != want {
		t.Errorf("text %q, want %q", got, want)
	}
}
