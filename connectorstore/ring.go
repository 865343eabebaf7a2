package connectorstore

import (
	"context"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/oidcsso/oidcsso/internal/keytext"
	"github.com/oidcsso/oidcsso/internal/xaes"
)

// Sealer keeps client secrets unreadable in the database. A [Ring] is one; another may hand its work to a key management
// service. additional is not secret: what was sealed with it opens only with the same, so that a secret that is copied to
// another row, or whose connector was edited behind the store's back, does not open.
//
// Open is called for every connector that has a secret when a replica starts: a Sealer over a service unwraps a data key
// once and keeps it. Seal and Open must return once ctx is done, which is after five seconds at most, since everybody else who
// changes something may be waiting; a connector whose secret did not open in time is out of order until it does. They must not
// use the store, nor its database. Implementations are safe for concurrent use.
type Sealer interface {
	// Seal makes a text that only Open reads.
	Seal(ctx context.Context, plaintext, additional []byte) (sealed []byte, err error)
	// Open gives the plaintext back, or an error that says nothing of it.
	Open(ctx context.Context, sealed, additional []byte) (plaintext []byte, err error)
	// Stale says whether sealed was made with an older key than Seal uses now: [Store.Reseal] then seals it anew.
	Stale(sealed []byte) bool
}

// Key is 256 secret bits of a [Ring], the same on every replica. Who has it and the database can read the client secrets and
// make rows that replicas trust. It redacts itself in print.
type Key struct{ key **ringKey }

// ringKey is what is made of the secret: each use has a key of its own (NIST SP 800-108r1, by HKDF).
type ringKey struct {
	id     string
	seal   *xaes.Key
	macKey []byte
}

const keyIDSize = 4 // bytes

func keyOf(secret [keytext.Size]byte) Key {
	derive := func(use string, size int) []byte {
		key, err := hkdf.Key(sha256.New, secret[:], nil, "oidcsso connectorstore v1 "+use, size)
		if err != nil {
			panic(err) // only for a size beyond what HKDF gives
		}
		return key
	}
	key := &ringKey{
		id:     hex.EncodeToString(derive("id", keyIDSize)),
		seal:   xaes.NewKey([xaes.KeySize]byte(derive("seal", xaes.KeySize))),
		macKey: derive("mac", sha256.Size),
	}
	return Key{&key} // fmt prints what is behind one pointer
}

// NewKey makes a key of exactly 32 bytes. It refuses other lengths and 32 equal bytes, which are a forgotten setting.
func NewKey(secret []byte) (Key, error) {
	checked, err := keytext.Check("store key", secret)
	if err != nil {
		return Key{}, err
	}
	return keyOf(checked), nil
}

// ParseKey reads a key from a setting: 32 bytes in base64, as `openssl rand -base64 32` prints them.
func ParseKey(text string) (Key, error) {
	secret, err := keytext.Parse("store key", text)
	if err != nil {
		return Key{}, err
	}
	return keyOf(secret), nil
}

// ID names the key in the database: 8 characters that say nothing of the secret.
func (k Key) ID() string {
	if k.key == nil {
		return ""
	}
	return (*k.key).id
}

// Format redacts under every verb of fmt.
func (k Key) Format(f fmt.State, verb rune) { io.WriteString(f, "[redacted]") }

// MarshalText redacts wherever text is marshalled.
func (k Key) MarshalText() ([]byte, error) { return []byte("[redacted]"), nil }

// Ring is the keys of a [Store]: the first seals and signs, all open and verify.
//
// To rotate, give every replica the new key as the second one; then put it first everywhere; then call [Store.Reseal], and
// when it has come to its end take the old key away. A replica that still has the old key first, and ends only after that, may
// have signed another row with it: when the last such has ended, call Reseal again. A Ring is immutable and safe for concurrent use.
type Ring struct{ keys []*ringKey }

// NewRing makes a ring of the newest key and older ones. It refuses empty keys and two that are the same.
func NewRing(newest Key, older ...Key) (*Ring, error) {
	r := new(Ring)
	for _, k := range append([]Key{newest}, older...) {
		if k.key == nil {
			return nil, errors.New("connectorstore: a key is empty; make one with ParseKey")
		}
		if r.find(k.ID()) != nil { //check:ring-twice
			return nil, fmt.Errorf("connectorstore: the key %s is there twice", k.ID())
		}
		r.keys = append(r.keys, *k.key)
	}
	return r, nil
}

func (r *Ring) find(id string) *ringKey {
	for _, k := range r.keys {
		if k.id == id {
			return k
		}
	}
	return nil
}

// Format says nothing of the keys, under every verb of fmt.
func (r *Ring) Format(f fmt.State, verb rune) { io.WriteString(f, "[redacted]") }

var errOpen = errors.New("the sealed text does not open")

// Seal seals with the first key: XAES-256-GCM under a random nonce, behind the key's ID.
func (r *Ring) Seal(_ context.Context, plaintext, additional []byte) ([]byte, error) {
	key := r.keys[0]
	id, _ := hex.DecodeString(key.id)
	sealed := make([]byte, keyIDSize+xaes.NonceSize, keyIDSize+xaes.NonceSize+len(plaintext)+xaes.Overhead)
	copy(sealed, id)
	nonce := (*[xaes.NonceSize]byte)(sealed[keyIDSize:])
	rand.Read(nonce[:]) // never fails
	return key.seal.Seal(sealed, nonce, plaintext, additional), nil
}

// Open opens what any of the keys sealed.
func (r *Ring) Open(_ context.Context, sealed, additional []byte) ([]byte, error) {
	key := r.keyOf(sealed)
	if key == nil {
		return nil, errOpen
	}
	plaintext, err := key.seal.Open(nil, (*[xaes.NonceSize]byte)(sealed[keyIDSize:]), sealed[keyIDSize+xaes.NonceSize:], additional)
	if err != nil { //check:store-sealed
		return nil, errOpen
	}
	return plaintext, nil
}

// Stale says whether another key than the first sealed it.
func (r *Ring) Stale(sealed []byte) bool { return r.keyOf(sealed) != r.keys[0] }

func (r *Ring) keyOf(sealed []byte) *ringKey {
	if len(sealed) < keyIDSize+xaes.NonceSize+xaes.Overhead { //check:store-sealed-short
		return nil
	}
	return r.find(hex.EncodeToString(sealed[:keyIDSize]))
}

// mac authenticates the columns of a row: by the first key, behind its ID.
func (r *Ring) mac(columns []byte) string { return r.keys[0].mac(columns) }

// verify says whether a row's MAC is by one of the keys. Texts are compared: a MAC has one spelling.
func (r *Ring) verify(columns []byte, mac string) bool {
	id, _, _ := strings.Cut(mac, ".")
	key := r.find(id)
	if key == nil { //check:row-mac-key
		return false
	}
	return hmac.Equal([]byte(mac), []byte(key.mac(columns))) //check:row-mac
}

// staleMAC says whether another key than the first made it.
func (r *Ring) staleMAC(mac string) bool { return !strings.HasPrefix(mac, r.keys[0].id+".") }

func (k *ringKey) mac(columns []byte) string {
	h := hmac.New(sha256.New, k.macKey)
	h.Write(columns)
	return k.id + "." + base64.RawURLEncoding.EncodeToString(h.Sum(nil))
}
