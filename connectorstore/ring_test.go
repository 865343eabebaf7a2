package connectorstore_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/oidcsso/oidcsso/connectorstore"
	"github.com/oidcsso/oidcsso/connectorstore/storetest"
)

// keyOf is the key that storetest.Ring makes of a name.
func keyOf(t *testing.T, name string) (connectorstore.Key, []byte) {
	t.Helper()
	secret := sha256.Sum256([]byte(name))
	key, err := connectorstore.NewKey(secret[:])
	if err != nil {
		t.Fatal(err)
	}
	return key, secret[:]
}

func TestRing(t *testing.T) {
	t.Parallel()
	first, _ := keyOf(t, "first")
	second, _ := keyOf(t, "second")
	for name, test := range map[string]struct {
		newest connectorstore.Key
		older  []connectorstore.Key
		ok     bool
	}{
		"one":                 {first, nil, true},
		"two":                 {second, []connectorstore.Key{first}, true},
		"twice":               {first, []connectorstore.Key{second, first}, false},
		"empty":               {connectorstore.Key{}, nil, false},
		"an empty one behind": {first, []connectorstore.Key{{}}, false},
	} {
		t.Run(name, func(t *testing.T) {
			if ring, err := connectorstore.NewRing(test.newest, test.older...); (err == nil) != test.ok || (ring != nil) != test.ok {
				t.Errorf("%v, %v", ring, err)
			}
		})
	}
}

func TestKey(t *testing.T) {
	t.Parallel()
	key, secret := keyOf(t, "first")
	text := base64.StdEncoding.EncodeToString(secret)
	parsed, err := connectorstore.ParseKey(text)
	if err != nil || parsed.ID() != key.ID() || len(key.ID()) != 8 {
		t.Errorf("%q and %q, %v", parsed.ID(), key.ID(), err)
	}
	for name, bad := range map[string][]byte{"short": secret[:31], "long": append(slices.Clone(secret), 1), "none": nil, "zeros": make([]byte, 32)} {
		if _, err := connectorstore.NewKey(bad); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	for _, bad := range []string{"", "hunter2", text + "A", text[:40], " " + text + "x"} {
		if _, err := connectorstore.ParseKey(bad); err == nil || bad != "" && strings.Contains(err.Error(), bad) {
			t.Errorf("%q: %v", bad, err)
		}
	}
	if id := (connectorstore.Key{}).ID(); id != "" {
		t.Errorf("the zero Key has the ID %q", id)
	}
	ring := storetest.Ring(t, "first")
	body, err := json.Marshal(map[string]any{"key": key, "ring": ring})
	if err != nil {
		t.Fatal(err)
	}
	type holder struct {
		key  connectorstore.Key
		ring *connectorstore.Ring
	}
	printed := fmt.Sprintf("%s %v %+v %#v %x %q %d %v %+v", body, key, key, key, key, key, key, ring, holder{key, ring})
	for _, form := range []string{string(secret), text, fmt.Sprintf("%x", secret), fmt.Sprint(secret)[1:40]} {
		if strings.Contains(printed, form) {
			t.Errorf("a key is printed: %s", printed)
		}
	}
}

// A secret is bound to where it may be sent. This is the last line: it holds where somebody has got a row past its MAC, by asking
// an operator to readmit it, say.
func TestSealedOpensOnlyWhereItWasEntered(t *testing.T) {
	t.Parallel()
	const secret = "hunter2"
	ctx, ring := context.Background(), storetest.Ring(t, "first")
	seal := func(ring *connectorstore.Ring) []byte {
		sealed, err := ring.Seal(ctx, []byte(secret), []byte("here"))
		if err != nil {
			t.Fatal(err)
		}
		return sealed
	}
	sealed := seal(ring)
	refused := func(t *testing.T, ring *connectorstore.Ring, sealed []byte, where string) {
		t.Helper()
		if text, err := ring.Open(ctx, sealed, []byte(where)); err == nil {
			t.Fatalf("it opens: %q", text)
		}
	}
	t.Run("here", func(t *testing.T) {
		for _, ring := range []*connectorstore.Ring{ring, storetest.Ring(t, "second", "first")} {
			if text, err := ring.Open(ctx, sealed, []byte("here")); err != nil || string(text) != secret {
				t.Errorf("%q, %v", text, err)
			}
		}
	})
	t.Run("elsewhere", func(t *testing.T) {
		for _, where := range []string{"", "there", "here ", "her"} {
			refused(t, ring, sealed, where)
		}
	})
	t.Run("with another key", func(t *testing.T) { refused(t, storetest.Ring(t, "second"), sealed, "here") })
	t.Run("with a byte changed", func(t *testing.T) {
		for i := range sealed {
			bad := slices.Clone(sealed)
			bad[i] ^= 1
			refused(t, ring, bad, "here")
		}
	})
	t.Run("cut", func(t *testing.T) {
		for i := range sealed {
			refused(t, ring, sealed[:i], "here")
		}
	})
	t.Run("never the same twice", func(t *testing.T) {
		if again := seal(ring); bytes.Equal(again, sealed) || bytes.Contains(again, []byte(secret)) {
			t.Error("the same, or in clear")
		}
	})
	t.Run("stale", func(t *testing.T) {
		rotated := storetest.Ring(t, "second", "first")
		if ring.Stale(sealed) || !rotated.Stale(sealed) || rotated.Stale(seal(rotated)) || !rotated.Stale(nil) {
			t.Error("Stale says it wrong")
		}
	})
}
