package connectorstore

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/oidcsso/oidcsso"
)

// Errors name their package once, however deep they come from.
func TestErrorsNameThePackageOnce(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	key, err := NewKey([]byte("0123456789abcdef0123456789abcdef"))
	if err != nil {
		t.Fatal(err)
	}
	ring, err := NewRing(key)
	if err != nil {
		t.Fatal(err)
	}
	s := &Store{options: Options{Ring: ring, Sealer: ring}}
	_, gibberish := s.open(ctx, purposeCurrent, &oidcsso.Config{ID: "acme"}, "%")
	_, short := s.open(ctx, purposeCurrent, &oidcsso.Config{ID: "acme"}, "AAAA")
	_, dns := lookForProof(ctx, failing{}, defaultProofLabel, "acme.example", newProofToken())
	for name, err := range map[string]error{
		"refused": tampered("connector", "acme"), "wrapped": fmt.Errorf("listing: %w", notFound("claim")), "no base64": gibberish, "not sealed": short, "a look-up": dns,
	} {
		if err == nil || strings.Count(err.Error(), "connectorstore: ") != 1 {
			t.Errorf("%s: %v", name, err)
		}
	}
	if !errors.Is(gibberish, errOpen) || !errors.Is(short, errOpen) {
		t.Errorf("%v and %v are no failures to open", gibberish, short)
	}
}

type failing struct{}

func (failing) TXT(context.Context, string) ([]string, error) {
	return nil, errors.New("connectorstore: DNS server 192.0.2.1: timeout")
}
