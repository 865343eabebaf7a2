package strictjson

import (
	"bytes"
	"strconv"
)

// Kind is the kind of a [Value].
type Kind uint8

// The kinds of JSON values (RFC 8259 section 3).
const (
	Null Kind = iota
	Bool
	Number
	String
	Array
	ObjectKind
)

// String is the kind's name in lower case, as RFC 8259 has it.
func (k Kind) String() string {
	switch k {
	case Null:
		return "null"
	case Bool:
		return "boolean"
	case Number:
		return "number"
	case String:
		return "string"
	case Array:
		return "array"
	case ObjectKind:
		return "object"
	}
	return "kind " + strconv.Itoa(int(k))
}

// Value is one JSON value within a document that has passed all rules of this
// package. Its methods convert nothing: each answers for one kind of value, and
// reports false for every other. The zero Value stands for a value that is not
// there; it is read like a null, and only Exists tells them apart.
type Value struct {
	raw []byte
}

// Exists is false only for the zero Value.
func (v Value) Exists() bool { return v.raw != nil }

// Kind is the kind of value.
func (v Value) Kind() Kind {
	if len(v.raw) == 0 {
		return Null
	}
	switch v.raw[0] {
	case 'n':
		return Null
	case 't', 'f':
		return Bool
	case '"':
		return String
	case '[':
		return Array
	case '{':
		return ObjectKind
	}
	return Number
}

// Raw is the value as written, without white space around it; nil for the zero
// Value. It is part of the document and must not be changed.
func (v Value) Raw() []byte { return v.raw }

// Text is a string's text, unescaped.
func (v Value) Text() (string, bool) {
	if v.Kind() != String {
		return "", false
	}
	return unescaped(v.raw[1 : len(v.raw)-1]), true
}

// AppendText appends to dst what Text gives, for a caller who only compares it.
func (v Value) AppendText(dst []byte) ([]byte, bool) {
	if v.Kind() != String {
		return dst, false
	}
	return appendUnescaped(dst, v.raw[1:len(v.raw)-1]), true
}

// Bool is true or false; the strings "true" and "false" are no booleans.
func (v Value) Bool() (value, ok bool) {
	if v.Kind() != Bool {
		return false, false
	}
	return v.raw[0] == 't', true
}

// Int is a number that is an integer and fits, however it is written: 5, 5.0
// and 50e-1 are the same. The second result is false for a fraction and for a
// number out of range; nothing is rounded.
func (v Value) Int() (int64, bool) {
	if v.Kind() != Number {
		return 0, false
	}
	return exactInt(v.raw)
}

// Float is a number, rounded to the nearest float64. The second result is false
// for a number beyond the greatest float64.
func (v Value) Float() (float64, bool) {
	if v.Kind() != Number {
		return 0, false
	}
	f, err := strconv.ParseFloat(string(v.raw), 64)
	if err != nil {
		return 0, false
	}
	return f, true
}

// Object is an object with an index of its members. The index is made anew at
// every call.
func (v Value) Object() (Object, bool) {
	if v.Kind() != ObjectKind {
		return Object{}, false
	}
	s := newScanner(v.raw)
	defer s.release()
	var o Object
	if !s.object(&o) {
		return Object{}, false
	}
	return o, true
}

// usualItems is how many values most arrays have at most.
const usualItems = 8

// Array is an array's values; an empty array gives a slice that is not nil. The
// slice is made anew at every call.
func (v Value) Array() ([]Value, bool) {
	if v.Kind() != Array {
		return nil, false
	}
	s := newScanner(v.raw)
	defer s.release()
	items := make([]Value, 0, usualItems)
	if !s.array(&items) {
		return nil, false
	}
	return items, true
}

// Texts is an array of only strings, unescaped. One item of another kind makes
// the second result false.
func (v Value) Texts() ([]string, bool) {
	if v.Kind() != Array {
		return nil, false
	}
	s := newScanner(v.raw)
	defer s.release()
	items := s.itemBuf[:0]
	if !s.array(&items) {
		return nil, false
	}
	texts := make([]string, len(items))
	for i, item := range items {
		var ok bool
		if texts[i], ok = item.Text(); !ok {
			return nil, false
		}
	}
	return texts, true
}

// unescaped is a copy, so that it does not keep the whole document.
func unescaped(between []byte) string {
	if bytes.IndexByte(between, '\\') < 0 {
		return string(between)
	}
	return string(appendUnescaped(make([]byte, 0, len(between)), between))
}

// exactInt reads a number that the scanner has accepted, in decimal arithmetic
// because a float64 would round beyond 53 bits.
func exactInt(raw []byte) (int64, bool) {
	mantissa, exponent := raw, 0
	if i := bytes.IndexAny(raw, "eE"); i >= 0 {
		mantissa, exponent = raw[:i], boundedExponent(raw[i+1:])
	}
	var buf [MaxNumberLength + maxIntDigits]byte
	digits := buf[:0] // the sign, then digits without leading zeros
	if mantissa[0] == '-' {
		mantissa = mantissa[1:]
		digits = append(digits, '-')
	}
	sign := len(digits)
	fraction := false
	for _, c := range mantissa {
		if c == '.' {
			fraction = true
			continue
		}
		if fraction {
			exponent--
		}
		if c != '0' || len(digits) > sign {
			digits = append(digits, c)
		}
	}
	for len(digits) > sign && digits[len(digits)-1] == '0' {
		digits = digits[:len(digits)-1]
		exponent++
	}
	switch {
	case len(digits) == sign:
		return 0, true
	case exponent < 0, len(digits)-sign+exponent > maxIntDigits:
		return 0, false
	}
	for range exponent {
		digits = append(digits, '0')
	}
	n, err := strconv.ParseInt(string(digits), 10, 64)
	if err != nil {
		return 0, false
	}
	return n, true
}

// maxIntDigits is the number of digits of the greatest int64.
const maxIntDigits = 19

// boundedExponent reads an exponent, and cuts it where it is greater than any
// mantissa could make up for.
func boundedExponent(b []byte) int {
	negative := b[0] == '-'
	if negative || b[0] == '+' {
		b = b[1:]
	}
	n := 0
	for _, c := range b {
		n = min(n*10+int(c-'0'), 1000)
	}
	if negative {
		return -n
	}
	return n
}
