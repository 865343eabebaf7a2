package strictjson

import (
	"bytes"
	"sync"
	"unicode/utf8"
)

// scanner walks over one document. Its methods return false once they have
// recorded a failure; the walk then ends.
type scanner struct {
	data  []byte
	pos   int
	depth int
	err   Error

	// keys and folds are stacks: what an object puts there it takes away at
	// its end. They start in the two buffers, which most documents fit in.
	keys    []key
	folds   []byte
	keyBuf  [linearKeys]key
	foldBuf [256]byte
	itemBuf [8]Value // for an array's values that only pass through
}

// scanners are used again: the buffers are large beside what most documents
// leave behind.
var scanners = sync.Pool{New: func() any { return new(scanner) }}

func newScanner(data []byte) *scanner {
	s := scanners.Get().(*scanner)
	s.data, s.pos, s.depth, s.err = data, 0, 0, Error{}
	s.keys = s.keyBuf[:0]
	s.folds = s.foldBuf[:0]
	return s
}

// release ends the use of a scanner. It keeps nothing of the document but
// names of members.
func (s *scanner) release() {
	s.data, s.keys, s.folds = nil, nil, nil
	clear(s.itemBuf[:])
	scanners.Put(s)
}

func (s *scanner) fail(offset int, reason string) bool {
	s.err = Error{Offset: offset, Reason: reason}
	return false
}

// failure returns a copy, so that an error kept in a log does not keep the
// document.
func (s *scanner) failure() error {
	err := s.err
	return &err
}

// start moves to the first byte of the value.
func (s *scanner) start() bool {
	// RFC 8259 section 8.1 lets parsers ignore a byte order mark. Ignoring it
	// would accept what encoding/json refuses.
	if bytes.HasPrefix(s.data, []byte("\xef\xbb\xbf")) { //check:json-byte-order-mark
		return s.fail(0, ReasonByteOrderMark)
	}
	s.space()
	if s.pos == len(s.data) {
		return s.fail(s.pos, ReasonEmpty)
	}
	return true
}

// finish makes sure that nothing follows the value.
func (s *scanner) finish() bool {
	s.space()
	if s.pos < len(s.data) { //check:json-trailing
		return s.fail(s.pos, ReasonTrailingData)
	}
	return true
}

// space skips the white space of RFC 8259 section 2, which is not Unicode's.
func (s *scanner) space() {
	for s.pos < len(s.data) {
		switch s.data[s.pos] {
		case ' ', '\t', '\n', '\r':
			s.pos++
		default:
			return
		}
	}
}

// peek skips white space and returns the byte after it.
func (s *scanner) peek() (byte, bool) {
	s.space()
	if s.pos == len(s.data) {
		return 0, s.fail(s.pos, ReasonUnexpectedEnd)
	}
	return s.data[s.pos], true
}

// value reads the value that begins at the next byte but white space.
func (s *scanner) value() bool {
	c, ok := s.peek()
	if !ok {
		return false
	}
	switch c {
	case '{':
		return s.object(nil)
	case '[':
		return s.array(nil)
	case '"':
		_, ok := s.text()
		return ok
	case 't':
		return s.literal("true")
	case 'f':
		return s.literal("false")
	case 'n':
		return s.literal("null")
	case '-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9':
		return s.number()
	}
	return s.fail(s.pos, ReasonNoValue)
}

// object reads an object at the current byte. If index is not nil, it receives
// the object's members.
func (s *scanner) object(index *Object) bool {
	if !s.open() {
		return false
	}
	set := s.openKeys()
	c, ok := s.peek()
	if !ok {
		return false
	}
	for more := c != '}'; more; {
		if c, ok = s.peek(); !ok {
			return false
		}
		if c != '"' {
			return s.fail(s.pos, ReasonNoKey)
		}
		at := s.pos
		plain, ok := s.text()
		if !ok || !s.addKey(&set, at, plain) {
			return false
		}
		if c, ok = s.peek(); !ok {
			return false
		}
		if c != ':' {
			return s.fail(s.pos, ReasonNoColon)
		}
		s.pos++
		s.space()
		from := s.pos
		if !s.value() {
			return false
		}
		s.keys[len(s.keys)-1].value = span{uint32(from), uint32(s.pos)}
		if more, ok = s.comma('}'); !ok {
			return false
		}
	}
	if index != nil {
		*index = newObject(s.data, s.keys[set.first:], set.byFold)
	}
	s.closeKeys(set)
	s.close()
	return true
}

// array reads an array at the current byte. If items is not nil, the array's
// values are appended to it.
func (s *scanner) array(items *[]Value) bool {
	if !s.open() {
		return false
	}
	c, ok := s.peek()
	if !ok {
		return false
	}
	n := 0
	for more := c != ']'; more; n++ {
		s.space()
		from := s.pos
		if n == MaxItems { //check:json-items
			return s.fail(from, ReasonTooManyItems)
		}
		if !s.value() {
			return false
		}
		if items != nil {
			*items = append(*items, Value{s.data[from:s.pos:s.pos]})
		}
		if more, ok = s.comma(']'); !ok {
			return false
		}
	}
	s.close()
	return true
}

// open takes the opening bracket, and bounds the recursion.
func (s *scanner) open() bool {
	if s.depth == MaxDepth { //check:json-depth
		return s.fail(s.pos, ReasonTooDeep)
	}
	s.depth++
	s.pos++
	return true
}

// close takes the closing bracket.
func (s *scanner) close() {
	s.depth--
	s.pos++
}

// comma takes a comma, or finds the closing bracket and leaves it.
func (s *scanner) comma(closing byte) (more, ok bool) {
	c, ok := s.peek()
	switch {
	case !ok:
		return false, false
	case c == closing:
		return false, true
	case c == ',':
		s.pos++
		return true, true
	}
	return false, s.fail(s.pos, ReasonNoComma)
}

func (s *scanner) literal(word string) bool {
	for i := range len(word) {
		if s.pos+i == len(s.data) {
			return s.fail(s.pos+i, ReasonUnexpectedEnd)
		}
		if s.data[s.pos+i] != word[i] {
			return s.fail(s.pos, ReasonNoValue)
		}
	}
	s.pos += len(word)
	return true
}

// number reads a number by the grammar of RFC 8259 section 6.
func (s *scanner) number() bool {
	from := s.pos
	if s.data[s.pos] == '-' {
		s.pos++
	}
	first := s.pos
	if !s.digits() {
		return false
	}
	if s.data[first] == '0' && s.pos > first+1 {
		return s.fail(first, ReasonInvalidNumber)
	}
	if s.at('.') {
		s.pos++
		if !s.digits() {
			return false
		}
	}
	if s.at('e') || s.at('E') {
		s.pos++
		if s.at('+') || s.at('-') {
			s.pos++
		}
		if !s.digits() {
			return false
		}
	}
	if s.pos-from > MaxNumberLength { //check:json-number-length
		return s.fail(from, ReasonNumberTooLong)
	}
	return true
}

// at tells whether the current byte is c.
func (s *scanner) at(c byte) bool {
	return s.pos < len(s.data) && s.data[s.pos] == c
}

// digits reads at least one decimal digit.
func (s *scanner) digits() bool {
	from := s.pos
	for s.pos < len(s.data) && '0' <= s.data[s.pos] && s.data[s.pos] <= '9' {
		s.pos++
	}
	switch {
	case s.pos > from:
		return true
	case s.pos == len(s.data):
		return s.fail(s.pos, ReasonUnexpectedEnd)
	}
	return s.fail(s.pos, ReasonInvalidNumber)
}

// text reads a string at the current byte, both quotes included. It is plain
// if it is ASCII without escapes.
func (s *scanner) text() (plain, ok bool) {
	plain = true
	s.pos++
	for {
		s.pos += plainLength(s.data[s.pos:])
		if s.pos == len(s.data) {
			return false, s.fail(s.pos, ReasonUnexpectedEnd)
		}
		switch c := s.data[s.pos]; {
		case c == '"':
			s.pos++
			return plain, true
		case c == '\\':
			plain = false
			if !s.escape() {
				return false, false
			}
		case c < ' ': //check:json-control-characters
			return false, s.fail(s.pos, ReasonControlCharacter)
		case c < utf8.RuneSelf: // DEL
			s.pos++
		default:
			plain = false
			// One byte is never the length of a valid encoding here;
			// U+FFFD itself has three.
			_, size := utf8.DecodeRune(s.data[s.pos:])
			if size == 1 { //check:json-utf8
				return false, s.fail(s.pos, ReasonInvalidUTF8)
			}
			s.pos += size
		}
	}
}

// plainLength is how many bytes at the start of b are printable ASCII and
// nothing special: nearly all of a document, and most of the time goes here.
func plainLength(b []byte) int {
	for i, c := range b {
		if c < ' ' || c == '"' || c == '\\' || c > '~' {
			return i
		}
	}
	return len(b)
}

// escape reads an escape sequence, or two of them that are a surrogate pair
// (RFC 8259 section 7). RFC 8259 section 8.2 calls the effect of an unpaired
// surrogate unpredictable, so it is refused.
func (s *scanner) escape() bool {
	from := s.pos
	if from+1 == len(s.data) {
		return s.fail(from+1, ReasonUnexpectedEnd)
	}
	switch s.data[from+1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		s.pos += 2
		return true
	case 'u':
	default:
		return s.fail(from, ReasonInvalidEscape)
	}
	unit, ok := hexUnit(s.data[from:])
	if !ok {
		return s.fail(from, ReasonInvalidEscape)
	}
	s.pos += hexUnitLength
	switch {
	case isLowSurrogate(unit): //check:json-surrogates
		return s.fail(from, ReasonLoneSurrogate)
	case isHighSurrogate(unit):
		low, ok := hexUnit(s.data[s.pos:])
		if !ok || !isLowSurrogate(low) { //check:json-surrogates
			return s.fail(from, ReasonLoneSurrogate)
		}
		s.pos += hexUnitLength
	}
	return true
}
