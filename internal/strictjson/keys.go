package strictjson

import (
	"bytes"
	"unicode"
	"unicode/utf8"
)

// linearKeys is up to how many keys of one object are compared one by one,
// which needs no allocation. A map takes over beyond, so that an object with
// very many keys does not cost the square of their number. ID tokens have
// about twenty.
const linearKeys = 32

// span is a range of bytes, in the document or in the scanner's folds.
type span struct{ from, to uint32 }

func (p span) of(b []byte) []byte { return b[p.from:p.to:p.to] }

// key is a member of an object whose end is not reached yet.
type key struct {
	name  span // in the document, between the quotes
	value span // in the document
	fold  span // in the scanner's folds; empty once a map has taken over
}

// keySet is what one open object has on the scanner's stacks.
type keySet struct {
	first     int // its first key
	firstFold int
	byFold    map[string]uint32 // position by folded name; nil for few keys
}

func (s *scanner) openKeys() keySet {
	return keySet{first: len(s.keys), firstFold: len(s.folds)}
}

func (s *scanner) closeKeys(set keySet) {
	s.keys = s.keys[:set.first]
	s.folds = s.folds[:set.firstFold]
}

// addKey pushes the key that begins with the quote at offset and ends before
// the current byte, unless it collides with another key of the same object or
// there are too many.
func (s *scanner) addKey(set *keySet, offset int, plain bool) bool {
	n := len(s.keys) - set.first
	if n == MaxMembers { //check:json-members
		return s.fail(offset, ReasonTooManyMembers)
	}
	name := span{uint32(offset + 1), uint32(s.pos - 1)}
	from := len(s.folds)
	s.folds = appendFolded(s.folds, name.of(s.data), plain)
	fold := span{uint32(from), uint32(len(s.folds))}

	if other, found := s.findKey(set, fold.of(s.folds)); found { //check:colliding-keys
		if equalNames(name.of(s.data), other.name.of(s.data)) {
			return s.fail(offset, ReasonDuplicateKey)
		}
		return s.fail(offset, ReasonKeyCollision)
	}

	if n == linearKeys {
		set.byFold = make(map[string]uint32, 2*linearKeys)
		for i, k := range s.keys[set.first:] {
			set.byFold[string(k.fold.of(s.folds))] = uint32(i)
		}
	}
	if set.byFold != nil {
		set.byFold[string(fold.of(s.folds))] = uint32(n)
		s.folds = s.folds[:from]
		fold = span{}
	}
	s.keys = append(s.keys, key{name: name, fold: fold})
	return true
}

func (s *scanner) findKey(set *keySet, folded []byte) (key, bool) {
	keys := s.keys[set.first:]
	if set.byFold != nil {
		i, found := set.byFold[string(folded)]
		if !found {
			return key{}, false
		}
		return keys[i], true
	}
	for _, k := range keys {
		if bytes.Equal(k.fold.of(s.folds), folded) {
			return k, true
		}
	}
	return key{}, false
}

func equalNames(a, b []byte) bool {
	return bytes.Equal(appendUnescaped(nil, a), appendUnescaped(nil, b))
}

// appendFolded appends a key, given as between its quotes, so that two keys
// have the same result if and only if encoding/json could take one for the
// other: every character becomes the smallest of those that Unicode's simple
// case folding calls equal.
func appendFolded(dst, between []byte, plain bool) []byte {
	if plain {
		for _, c := range between {
			dst = append(dst, upperASCII(c))
		}
		return dst
	}
	var buf [64]byte
	return appendFoldedName(dst, appendUnescaped(buf[:0], between))
}

// appendFoldedName does the same for an unescaped name.
func appendFoldedName(dst, name []byte) []byte {
	for i := 0; i < len(name); {
		if name[i] < utf8.RuneSelf {
			dst = append(dst, upperASCII(name[i]))
			i++
			continue
		}
		r, size := utf8.DecodeRune(name[i:])
		dst = utf8.AppendRune(dst, smallestFold(r))
		i += size
	}
	return dst
}

// upperASCII is smallestFold for ASCII: the upper-case letter is the smallest
// of its orbit, even where U+017F or U+212A belong to it.
func upperASCII(c byte) byte {
	if 'a' <= c && c <= 'z' {
		return c - ('a' - 'A')
	}
	return c
}

// smallestFold goes round the orbit of r. SimpleFold gives the next greater
// member, and after the greatest the smallest.
func smallestFold(r rune) rune {
	for {
		next := unicode.SimpleFold(r)
		if next <= r {
			return next
		}
		r = next
	}
}
