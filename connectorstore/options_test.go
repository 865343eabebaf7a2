package connectorstore

import (
	"errors"
	"slices"
	"testing"

	"github.com/oidcsso/oidcsso"
)

// A label that somebody could register as a host name would be their proof of the domain above it.
func TestOptionsProofLabel(t *testing.T) {
	t.Parallel()
	for label, refused := range map[string]bool{"": false, "_acme-proof": false, "proof": true, "_": true, "_a.b": true, "_A": true, "_a b": true} {
		_, err := New(nil, &Options{ProofLabel: label}) // wrong in other ways too: a test has no driver
		var invalid *oidcsso.ConfigError
		if !errors.As(err, &invalid) {
			t.Fatal(err)
		}
		if got := slices.ContainsFunc(invalid.Fields, func(f oidcsso.FieldError) bool { return f.Field == "proof_label" }); got != refused {
			t.Errorf("%q: refused is %t: %v", label, got, err)
		}
	}
}
