// Package strictjson reads JSON that an identity provider or an HTTP client
// sent, and refuses every document that two parsers could read differently.
//
// encoding/json is too lenient for claims: it matches "EMAIL" to a field
// "email", takes the last of duplicate keys, and replaces invalid UTF-8 and
// unpaired surrogates by U+FFFD, so that several different subjects become one
// and the same. RFC 8259 section 4 leaves the meaning of duplicate keys open,
// and RFC 7519 section 4 lets a JWT with duplicate claim names be rejected;
// here it always is. What this package accepts is a subset of what encoding/json
// accepts, and reads the same there.
package strictjson

import (
	"math"
	"strconv"
)

// MaxDepth is how deep arrays and objects may nest: MaxDepth opening brackets
// may be open at once, one more is refused.
const MaxDepth = 32

// MaxNumberLength is the greatest length of one number, in bytes as written.
const MaxNumberLength = 64

// MaxMembers is how many members one object may have. The largest documents
// that identity providers send, discovery documents and ID tokens, have about a
// hundred. Without a bound, the index of an object with very many short keys
// would take 25 times the document's own size.
const MaxMembers = 1000

// MaxItems is how many values one array may have. A list of values takes up to
// 24 bytes for each, so that an array of empty strings would take 12 times its
// own size. The longest arrays that are meant well are the groups of a person
// and the keys of a key set; both stay far below.
const MaxItems = 10_000

// The reasons in an [Error] for documents that RFC 8259 allows, or that
// encoding/json accepts.
const (
	ReasonInvalidUTF8    = "invalid UTF-8 in a string"
	ReasonLoneSurrogate  = "unpaired surrogate escape in a string"
	ReasonDuplicateKey   = "duplicate key in an object"
	ReasonKeyCollision   = "keys in an object that differ only in case"
	ReasonTooDeep        = "arrays and objects nested too deep"
	ReasonNumberTooLong  = "number too long"
	ReasonTooManyMembers = "too many members in an object"
	ReasonTooManyItems   = "too many values in an array"
	ReasonNotObject      = "not an object"
	ReasonTooLong        = "document too long"
)

// The reasons in an [Error] for what is not JSON by RFC 8259.
const (
	ReasonEmpty            = "empty document"
	ReasonByteOrderMark    = "byte order mark"
	ReasonUnexpectedEnd    = "unexpected end of the document"
	ReasonTrailingData     = "data after the document"
	ReasonNoValue          = "no value where one is expected"
	ReasonNoKey            = "no key where one is expected"
	ReasonNoColon          = "no colon after a key"
	ReasonNoComma          = "no comma or closing bracket after a value"
	ReasonInvalidNumber    = "invalid number"
	ReasonInvalidEscape    = "invalid escape in a string"
	ReasonControlCharacter = "unescaped control character in a string"
)

// Error says where and why a document was refused. It never quotes the
// document, which may hold tokens or a person's data.
type Error struct {
	Offset int    // in bytes from the start of the document
	Reason string // one of the Reason constants
}

// Error gives the reason and the offset.
func (e *Error) Error() string {
	return "strictjson: " + e.Reason + " at byte " + strconv.Itoa(e.Offset)
}

// Check tells whether data is one JSON value of any kind, with nothing but
// white space around it, that passes all rules of this package. The error is an
// [*Error].
func Check(data []byte) error {
	if err := checkLength(len(data)); err != nil {
		return err
	}
	s := newScanner(data)
	defer s.release()
	if !s.start() || !s.value() || !s.finish() {
		return s.failure()
	}
	return nil
}

// Parse does what [Check] does, refuses every value but an object, and indexes
// the object's members. The [Object] keeps data, which must not be changed
// afterwards. The error is an [*Error].
func Parse(data []byte) (Object, error) {
	if err := checkLength(len(data)); err != nil {
		return Object{}, err
	}
	s := newScanner(data)
	defer s.release()
	if !s.start() {
		return Object{}, s.failure()
	}
	if data[s.pos] != '{' { //check:json-object
		// Malformed documents are called malformed, so that only a
		// well-formed one is told to be of the wrong kind.
		at := s.pos
		if s.value() && s.finish() {
			s.fail(at, ReasonNotObject)
		}
		return Object{}, s.failure()
	}
	var o Object
	if !s.object(&o) || !s.finish() {
		return Object{}, s.failure()
	}
	return o, nil
}

// checkLength keeps every offset within the 32 bits that an index has for it.
// Callers bound what they read far below this.
func checkLength(n int) error {
	if n > math.MaxInt32 {
		return &Error{Offset: math.MaxInt32, Reason: ReasonTooLong}
	}
	return nil
}
