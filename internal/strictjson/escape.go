package strictjson

import (
	"bytes"
	"unicode/utf16"
	"unicode/utf8"
)

// hexUnitLength is the length of an escape such as \u00e9.
const hexUnitLength = 6

// hexUnit reads the escape of a UTF-16 code unit at the start of b.
func hexUnit(b []byte) (rune, bool) {
	if len(b) < hexUnitLength || b[0] != '\\' || b[1] != 'u' {
		return 0, false
	}
	var unit rune
	for _, c := range b[2:hexUnitLength] {
		switch {
		case '0' <= c && c <= '9':
			c -= '0'
		case 'a' <= c && c <= 'f':
			c -= 'a' - 10
		case 'A' <= c && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		unit = unit<<4 | rune(c)
	}
	return unit, true
}

func isHighSurrogate(unit rune) bool { return 0xd800 <= unit && unit <= 0xdbff }

func isLowSurrogate(unit rune) bool { return 0xdc00 <= unit && unit <= 0xdfff }

// appendUnescaped appends what the string between the quotes stands for. The
// scanner has accepted the string before.
func appendUnescaped(dst, between []byte) []byte {
	for {
		i := bytes.IndexByte(between, '\\')
		if i < 0 || i+1 == len(between) {
			return append(dst, between...)
		}
		dst = append(dst, between[:i]...)
		between = between[i:]
		size := 2
		switch c := between[1]; c {
		case 'b':
			dst = append(dst, '\b')
		case 'f':
			dst = append(dst, '\f')
		case 'n':
			dst = append(dst, '\n')
		case 'r':
			dst = append(dst, '\r')
		case 't':
			dst = append(dst, '\t')
		case 'u':
			var r rune
			r, size = unescapedRune(between)
			dst = utf8.AppendRune(dst, r)
		default: // a quotation mark, a backslash, a slash
			dst = append(dst, c)
		}
		between = between[size:]
	}
}

// unescapedRune reads one escaped character, which is two escapes if it lies
// beyond U+FFFF, and returns the number of bytes read.
func unescapedRune(b []byte) (r rune, size int) {
	r, _ = hexUnit(b)
	if !isHighSurrogate(r) {
		return r, hexUnitLength
	}
	low, _ := hexUnit(b[hexUnitLength:])
	return utf16.DecodeRune(r, low), 2 * hexUnitLength
}
