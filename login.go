package oidcsso

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/oidcsso/oidcsso/internal/xaes"
)

// loginLifetime is how long a person may take at the identity provider.
const loginLifetime = 10 * time.Minute

// Login is a sign-in under way: what must be remembered between the redirect to the identity provider and the callback. It
// holds secrets (the PKCE verifier, the nonce); seal it before it leaves the process. It has no exported fields and prints
// nothing of itself.
type Login struct {
	purpose     purpose
	connector   string
	fingerprint [fingerprintSize]byte
	redirectURI string
	issPromised bool
	silent      bool    // prompt=none
	final       bool    // it is not begun again by itself: see BeginParams.final
	drawn       **drawn // see hidden
	maxAge      int     // seconds; 0: not asked
	expiry      time.Time
	bound       bool
	binding     [sha256.Size]byte
	returnTo    string
	data        []byte
}

// drawn is what was drawn at random: 16 bytes of state and 16 of nonce, 128 bits each as RFC 6749, 10.10 demands, and 32 of
// PKCE verifier (RFC 7636, 4.1).
type drawn [64]byte

func (d *drawn) state() []byte    { return d[:16] }
func (d *drawn) nonce() []byte    { return d[16:32] }
func (d *drawn) verifier() []byte { return d[32:] }

// random is the drawn values; those of a Login that nobody began are zero.
func (l *Login) random() *drawn {
	if l.drawn == nil {
		return new(drawn)
	}
	return *l.drawn
}

// purpose is what a sign-in is for. Only the first can be begun so far; Finish refuses all others.
type purpose uint8

const (
	purposeSignIn purpose = iota + 1
	purposeLink
	purposeStepUp
	purposeTest
)

// State is the state parameter, under which a caller that keeps Logins on its server may file this one.
func (l *Login) State() string { return base64Text(l.random().state()) }

// Connector is the ID of the connector that began the sign-in: where to find the one that finishes it.
func (l *Login) Connector() string { return l.connector }

// ReturnTo is the return target given to Begin.
func (l *Login) ReturnTo() string { return l.returnTo }

// Data is the caller's own data given to Begin.
func (l *Login) Data() []byte { return l.data }

// Expires is when the sign-in must be finished at the latest.
func (l *Login) Expires() time.Time { return l.expiry }

// Format says nothing of it, under every verb of fmt.
func (l Login) Format(f fmt.State, verb rune) { io.WriteString(f, redacted) }

func (l *Login) nonceText() string    { return base64Text(l.random().nonce()) }
func (l *Login) verifierText() string { return base64Text(l.random().verifier()) }

// bind keeps a digest, so that the sealed text has a fixed length and the session's value is nowhere else.
func (l *Login) bind(value string) {
	l.bound, l.binding = true, sha256.Sum256([]byte(value))
}

func (l *Login) boundTo(value string) bool {
	if !l.bound {
		return value == "" //check:binding
	}
	digest := sha256.Sum256([]byte(value))
	return subtle.ConstantTimeCompare(digest[:], l.binding[:]) == 1
}

// Seal encrypts the Login into a text of URL-safe characters, about 300 bytes without data, that only the holder of the key
// can read or make. A [Flow] does it by itself. It fails with an empty key, and where the text would be over 4096 bytes long
// because of the redirect URI.
func (l *Login) Seal(key SealKey) (string, error) { return key.seal(l.marshal(xaes.NonceSize)) }

// OpenLogin reads what [Login.Seal] made, with the first key that fits. The error is an [*Error] with CodeLoginMissing.
func OpenLogin(keys []SealKey, text string) (*Login, error) { return openLogin(keys, text) }

func openLogin(keys []SealKey, text string, context ...string) (*Login, error) {
	plaintext, err := open(keys, text, context...)
	if err != nil {
		return nil, newError(CodeLoginMissing, "", err)
	}
	l := new(Login)
	if err := l.unmarshal(plaintext); err != nil {
		return nil, newError(CodeLoginMissing, "", err)
	}
	return l, nil
}

const (
	flagIssPromised = 1 << iota
	flagBound
	flagSilent
	flagFinal
)

// loginVersion changes with the layout below; texts of another version don't open.
const loginVersion = 1

// marshal writes the fields one after the other behind some room: fixed ones as they are, the others behind their length.
func (l *Login) marshal(room int) []byte {
	var flags byte
	if l.issPromised {
		flags |= flagIssPromised
	}
	if l.bound {
		flags |= flagBound
	}
	if l.silent {
		flags |= flagSilent
	}
	if l.final {
		flags |= flagFinal
	}
	b := make([]byte, room, room+192+len(l.redirectURI)+len(l.returnTo)+len(l.data)+xaes.Overhead)
	b = append(b, loginVersion, byte(l.purpose), flags)
	b = binary.BigEndian.AppendUint64(b, uint64(l.expiry.Unix()))
	b = binary.BigEndian.AppendUint32(b, uint32(l.maxAge))
	b = append(b, l.fingerprint[:]...)
	b = append(b, l.random()[:]...)
	if l.bound {
		b = append(b, l.binding[:]...)
	}
	for _, field := range [...]string{l.connector, l.redirectURI, l.returnTo} {
		b = append(binary.BigEndian.AppendUint16(b, uint16(len(field))), field...)
	}
	return append(binary.BigEndian.AppendUint16(b, uint16(len(l.data))), l.data...)
}

var errLayout = errors.New("oidcsso: the sealed text has another layout")

func (l *Login) unmarshal(b []byte) error {
	r := &reader{rest: b}
	head := r.take(3)
	if r.failed || head[0] != loginVersion || head[2]&^(flagIssPromised|flagBound|flagSilent|flagFinal) != 0 { //check:login-layout
		return errLayout
	}
	l.purpose = purpose(head[1])
	l.issPromised, l.bound = head[2]&flagIssPromised != 0, head[2]&flagBound != 0
	l.silent, l.final = head[2]&flagSilent != 0, head[2]&flagFinal != 0
	l.expiry = time.Unix(int64(binary.BigEndian.Uint64(r.take(8))), 0)
	l.maxAge = int(binary.BigEndian.Uint32(r.take(4)))
	l.drawn = hidden(drawn{})
	copy(l.fingerprint[:], r.take(len(l.fingerprint)))
	copy((*l.drawn)[:], r.take(len(*l.drawn)))
	if l.bound {
		copy(l.binding[:], r.take(len(l.binding)))
	}
	for _, field := range [...]*string{&l.connector, &l.redirectURI, &l.returnTo} {
		*field = string(r.variable())
	}
	if data := r.variable(); len(data) > 0 {
		l.data = data
	}
	if r.failed || len(r.rest) != 0 { //check:login-layout
		return errLayout
	}
	return nil
}

// reader takes fields off a text. Past its end it gives zeros and remembers that it failed.
type reader struct {
	rest   []byte
	failed bool
}

func (r *reader) take(n int) []byte {
	if len(r.rest) < n {
		r.failed = true
		return make([]byte, n)
	}
	field := r.rest[:n:n]
	r.rest = r.rest[n:]
	return field
}

func (r *reader) variable() []byte { return r.take(int(binary.BigEndian.Uint16(r.take(2)))) }
