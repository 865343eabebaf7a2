package keyset

import (
	"fmt"
	"slices"

	"github.com/oidcsso/oidcsso/internal/strictjson"
)

// MaxKeys is how many usable keys of a key set are kept. Those after them are ignored.
const MaxKeys = 64

// document is a JSON Web Key Set (RFC 7517 section 5), reduced to the keys that may verify signatures.
type document struct {
	keys    []key
	skipped []Skipped
}

// Skipped is how many keys of a key set were not kept for the same reason.
type Skipped struct {
	// Reason is for an administrator. It is one of a few fixed texts.
	Reason string
	// Count is at least 1.
	Count int
}

// ReasonPrivate is the Reason of a key whose private half is in the key set, for everybody to sign with.
const ReasonPrivate = skipPrivate

// algorithms are those that some key is for, sorted.
func (d *document) algorithms() []string {
	var names []string
	for name, algorithm := range algorithms {
		if slices.ContainsFunc(d.keys, func(k key) bool {
			return (k.alg == "" || k.alg == name) && algorithm.fits(k.public)
		}) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// parseDocument reads a key set. Keys that cannot be used are skipped one by one; none at all is a key set too: the IdP
// has withdrawn them all. The error is ErrDocument.
func parseDocument(body []byte) (*document, error) {
	object, err := strictjson.Parse(body)
	if err != nil { //check:key-set-json
		return nil, fmt.Errorf("%w: %w", ErrDocument, err)
	}
	member, _ := object.Get("keys")
	values, ok := member.Array()
	if !ok { //check:key-set-json
		return nil, fmt.Errorf("%w: it has no array \"keys\"", ErrDocument)
	}
	d := &document{}
	for i, value := range values {
		if len(d.keys) == MaxKeys { //check:key-count
			d.skip(skipSurplus, len(values)-i)
			break
		}
		k, skip := parseKey(value)
		if skip != "" { //check:odd-keys
			d.skip(skip, 1)
			continue
		}
		d.keys = append(d.keys, k)
	}
	d.keys = slices.Clip(d.keys)
	return d, nil
}

func (d *document) skip(reason string, count int) {
	for i := range d.skipped {
		if d.skipped[i].Reason == reason {
			d.skipped[i].Count += count
			return
		}
	}
	d.skipped = append(d.skipped, Skipped{Reason: reason, Count: count})
}
