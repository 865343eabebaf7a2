package strictjson

import (
	"encoding/json"
	"errors"
	"math"
	"strconv"
	"strings"
	"testing"
)

// refusal is one document that Check and Parse refuse with one reason at one
// offset.
type refusal struct {
	name   string
	doc    string
	reason string
	offset int
	// goReads says that encoding/json takes the document, so that the row is
	// an attack on a reader that uses it alone.
	goReads bool
}

func TestRefusedStrings(t *testing.T) {
	t.Parallel()
	testRefusedAtAnyDepth(t, []refusal{
		{"subject with a lone byte FF", "\"adm\xff\"", ReasonInvalidUTF8, 4, true},
		{"subject with a lone byte FE", "\"adm\xfe\"", ReasonInvalidUTF8, 4, true},
		{"continuation byte without a start", "\"\x80\"", ReasonInvalidUTF8, 1, true},
		{"two-byte sequence cut by the quote", "\"a\xc3\"", ReasonInvalidUTF8, 2, true},
		{"three-byte sequence cut by the quote", "\"\xe2\x82\"", ReasonInvalidUTF8, 1, true},
		{"overlong slash in two bytes", "\"\xc0\xaf\"", ReasonInvalidUTF8, 1, true},
		{"overlong NUL in two bytes", "\"\xc0\x80\"", ReasonInvalidUTF8, 1, true},
		{"overlong slash in three bytes", "\"\xe0\x80\xaf\"", ReasonInvalidUTF8, 1, true},
		{"overlong slash in four bytes", "\"\xf0\x80\x80\xaf\"", ReasonInvalidUTF8, 1, true},
		{"encoded high surrogate", "\"\xed\xa0\x80\"", ReasonInvalidUTF8, 1, true},
		{"encoded low surrogate", "\"\xed\xbf\xbf\"", ReasonInvalidUTF8, 1, true},
		{"encoded surrogate pair", "\"\xed\xa0\xbd\xed\xb8\x80\"", ReasonInvalidUTF8, 1, true},
		{"first code point beyond U+10FFFF", "\"\xf4\x90\x80\x80\"", ReasonInvalidUTF8, 1, true},
		{"five-byte sequence", "\"\xf8\x88\x80\x80\x80\"", ReasonInvalidUTF8, 1, true},
		{"invalid UTF-8 after an escape", "\"\\n\xff\"", ReasonInvalidUTF8, 3, true},
		{"invalid UTF-8 in a key", "{\"su\xffb\":1}", ReasonInvalidUTF8, 4, true},

		{"subject with a lone high surrogate", `"adm\ud800"`, ReasonLoneSurrogate, 4, true},
		{"subject with a lone low surrogate", `"adm\udfff"`, ReasonLoneSurrogate, 4, true},
		{"high surrogate before a letter", `"\ud83da"`, ReasonLoneSurrogate, 1, true},
		{"high surrogate before another escape", `"\ud83d\n"`, ReasonLoneSurrogate, 1, true},
		{"high surrogate before an escaped letter", `"\ud83d\u0061"`, ReasonLoneSurrogate, 1, true},
		{"two high surrogates", `"\ud83d\ud83d"`, ReasonLoneSurrogate, 1, true},
		{"two high surrogates before a low one", `"\ud83d\ud83d\ude00"`, ReasonLoneSurrogate, 1, true},
		{"surrogates in the wrong order", `"\ude00\ud83d"`, ReasonLoneSurrogate, 1, true},
		{"low surrogate after a pair", `"\ud83d\ude00\ude00"`, ReasonLoneSurrogate, 13, true},
		{"lone surrogate in upper-case digits", `"\uDBFF"`, ReasonLoneSurrogate, 1, true},
		{"lone surrogate in a key", `{"sub\udc00":1}`, ReasonLoneSurrogate, 5, true},

		{"NUL in a string", "\"a\x00\"", ReasonControlCharacter, 2, false},
		{"line feed in a string", "\"a\nb\"", ReasonControlCharacter, 2, false},
		{"tab in a string", "\"\t\"", ReasonControlCharacter, 1, false},
		{"U+001F in a string", "\"\x1f\"", ReasonControlCharacter, 1, false},
		{"line feed in a key", "{\"a\n\":1}", ReasonControlCharacter, 3, false},

		{"escaped letter without meaning", `"\a"`, ReasonInvalidEscape, 1, false},
		{"escaped single quote", `"\'"`, ReasonInvalidEscape, 1, false},
		{"hexadecimal escape of two digits", `"\x41"`, ReasonInvalidEscape, 1, false},
		{"octal escape", `"\101"`, ReasonInvalidEscape, 1, false},
		{"escape with an upper-case U", `"\U0041"`, ReasonInvalidEscape, 1, false},
		{"escape with three digits", `"\u041"`, ReasonInvalidEscape, 1, false},
		{"escape with a letter beyond F", `"\u004g"`, ReasonInvalidEscape, 1, false},
		{"escape with a sign", `"\u+041"`, ReasonInvalidEscape, 1, false},
		{"escape in braces", `"\u{41}"`, ReasonInvalidEscape, 1, false},
		{"escaped line feed", "\"\\\n\"", ReasonInvalidEscape, 1, false},
	})
}

func TestRefusedKeys(t *testing.T) {
	t.Parallel()
	testRefusedAtAnyDepth(t, []refusal{
		{"duplicate key", `{"email":1,"email":2}`, ReasonDuplicateKey, 11, true},
		{"duplicate key with the same value", `{"email":1,"email":1}`, ReasonDuplicateKey, 11, true},
		{"duplicate empty key", `{"":1,"":2}`, ReasonDuplicateKey, 6, true},
		{"duplicate key, the second escaped", `{"email":1,"\u0065mail":2}`, ReasonDuplicateKey, 11, true},
		{"duplicate key, the first escaped", `{"\u0065mail":1,"email":2}`, ReasonDuplicateKey, 16, true},
		{"duplicate key in two ways of escaping", `{"\/":1,"\u002f":2}`, ReasonDuplicateKey, 8, true},
		{"duplicate key, escaped in upper and lower case", `{"\u00E9":1,"\u00e9":2}`, ReasonDuplicateKey, 12, true},
		{"duplicate key beyond ASCII, one escaped", `{"é":1,"\u00e9":2}`, ReasonDuplicateKey, 8, true},
		{"duplicate key of a surrogate pair and its character", `{"\ud83d\ude00":1,"😀":2}`, ReasonDuplicateKey, 18, true},
		{"duplicate key with a NUL", `{"a\u0000":1,"a\u0000":2}`, ReasonDuplicateKey, 13, true},
		{"duplicate keys far apart", `{"sub":1,"a":1,"b":{"sub":1},"c":[],"sub":2}`, ReasonDuplicateKey, 36, true},
		{"duplicate key after a nested object with many keys", `{"sub":1,"a":` + manyKeys(200) + `,"sub":2}`, ReasonDuplicateKey, 14 + len(manyKeys(200)), true},
		{"duplicate key in a nested object only", `{"a":{"b":1,"b":2}}`, ReasonDuplicateKey, 12, true},

		{"upper-case key overrides", `{"email":1,"EMAIL":2}`, ReasonKeyCollision, 11, true},
		{"mixed-case key comes first", `{"eMaIl":1,"email":2}`, ReasonKeyCollision, 11, true},
		{"case differs in an escaped letter", `{"email":1,"\u0045mail":2}`, ReasonKeyCollision, 11, true},
		{"long s in sub", "{\"sub\":1,\"\u017fub\":2}", ReasonKeyCollision, 9, true},
		{"long s escaped", `{"SUB":1,"\u017fub":2}`, ReasonKeyCollision, 9, true},
		{"Kelvin sign in kid", `{"\u212aid":1,"kid":2}`, ReasonKeyCollision, 14, true},
		{"Kelvin sign against an upper-case K", "{\"K\":1,\"\u212a\":2}", ReasonKeyCollision, 7, true},
		{"angstrom sign against a with ring", "{\"\u00e5\":1,\"\u212b\":2}", ReasonKeyCollision, 8, true},
		{"final sigma", `{"ς":1,"σ":2}`, ReasonKeyCollision, 8, true},
		{"micro sign against mu", "{\"\u00b5\":1,\"\u03bc\":2}", ReasonKeyCollision, 8, true},
		{"Deseret letters beyond U+FFFF", `{"\ud801\udc00":1,"\ud801\udc28":2}`, ReasonKeyCollision, 18, true},
		{"case differs in a long key", `{"` + strings.Repeat("k", 500) + `":1,"` + strings.Repeat("K", 500) + `":2}`, ReasonKeyCollision, 506, true},
	})
}

func TestRefusedQuantities(t *testing.T) {
	t.Parallel()
	testRefusedAtAnyDepth(t, []refusal{
		{"one member too many", manyKeys(MaxMembers + 1), ReasonTooManyMembers, len(manyKeys(MaxMembers)), true},
		{"one member too many, a duplicate", strings.TrimSuffix(manyKeys(MaxMembers), "}") + `,"k0":0}`, ReasonTooManyMembers, len(manyKeys(MaxMembers)), true},
		{"a hundred thousand members", manyKeys(100_000), ReasonTooManyMembers, len(manyKeys(MaxMembers)), true},
		{"one value too many", manyItems(MaxItems + 1), ReasonTooManyItems, len(manyItems(MaxItems)), true},
		{"a hundred thousand values", manyItems(100_000), ReasonTooManyItems, len(manyItems(MaxItems)), true},
		{"one value too many, missing", strings.TrimSuffix(manyItems(MaxItems), "]") + `,]`, ReasonTooManyItems, len(manyItems(MaxItems)), false},
	})
}

func TestRefusedNumbers(t *testing.T) {
	t.Parallel()
	testRefusedAtAnyDepth(t, []refusal{
		{"leading zero", `01`, ReasonInvalidNumber, 0, false},
		{"leading zeros", `00`, ReasonInvalidNumber, 0, false},
		{"leading zero after a minus", `-01`, ReasonInvalidNumber, 1, false},
		{"leading zero before a fraction", `00.5`, ReasonInvalidNumber, 0, false},
		{"plus sign", `+1`, ReasonNoValue, 0, false},
		{"no digit before the point", `.5`, ReasonNoValue, 0, false},
		{"no digit before the point after a minus", `-.5`, ReasonInvalidNumber, 1, false},
		{"no digit after the point", `1. `, ReasonInvalidNumber, 2, false},
		{"no digit between point and exponent", `1.e5`, ReasonInvalidNumber, 2, false},
		{"no digit in the exponent", `1e `, ReasonInvalidNumber, 2, false},
		{"no digit after the exponent's sign", `1e+ `, ReasonInvalidNumber, 3, false},
		{"two signs", `--1`, ReasonInvalidNumber, 1, false},
		{"minus alone", `- `, ReasonInvalidNumber, 1, false},
		{"minus before infinity", `-Infinity`, ReasonInvalidNumber, 1, false},
		{"infinity", `Infinity`, ReasonNoValue, 0, false},
		{"not a number", `NaN`, ReasonNoValue, 0, false},
		{"digits beyond ASCII", `٣`, ReasonNoValue, 0, false},
		{"one byte more than a number may have", strings.Repeat("1", MaxNumberLength+1), ReasonNumberTooLong, 0, true},
		{"long fraction", `0.` + strings.Repeat("0", MaxNumberLength), ReasonNumberTooLong, 0, true},
		{"long exponent", `1e` + strings.Repeat("0", MaxNumberLength), ReasonNumberTooLong, 0, true},
		{"number of a megabyte", `-` + strings.Repeat("9", 1<<20), ReasonNumberTooLong, 0, true},
	})
}

func TestRefusedStructure(t *testing.T) {
	t.Parallel()
	for _, r := range []refusal{
		{"nothing", ``, ReasonEmpty, 0, false},
		{"white space only", " \t\r\n", ReasonEmpty, 4, false},
		{"byte order mark", "\xef\xbb\xbf{}", ReasonByteOrderMark, 0, false},
		{"byte order mark alone", "\xef\xbb\xbf", ReasonByteOrderMark, 0, false},
		{"byte order mark after white space", " \xef\xbb\xbf{}", ReasonNoValue, 1, false},
		{"byte order mark after the value", "{}\xef\xbb\xbf", ReasonTrailingData, 2, false},
		{"UTF-16", "\xff\xfe{\x00}\x00", ReasonNoValue, 0, false},

		{"two documents", `{"email":"a"}{"email":"b"}`, ReasonTrailingData, 13, false},
		{"two documents on two lines", "{}\n{}", ReasonTrailingData, 3, false},
		{"comma after the document", `{},`, ReasonTrailingData, 2, false},
		{"closing brace too many", `{}}`, ReasonTrailingData, 2, false},
		{"NUL after the document", "{}\x00", ReasonTrailingData, 2, false},
		{"letter after a number", `1a`, ReasonTrailingData, 1, false},
		{"hexadecimal number", `0x10`, ReasonTrailingData, 1, false},
		{"underscore in a number", `1_000`, ReasonTrailingData, 1, false},
		{"letter after a literal", `truest`, ReasonTrailingData, 4, false},

		{"trailing comma in an object", `{"a":1,}`, ReasonNoKey, 7, false},
		{"trailing comma in an array", `[1,]`, ReasonNoValue, 3, false},
		{"comma alone in an object", `{,}`, ReasonNoKey, 1, false},
		{"comma alone in an array", `[,]`, ReasonNoValue, 1, false},
		{"two commas", `[1,,2]`, ReasonNoValue, 3, false},
		{"no comma in an array", `[1 2]`, ReasonNoComma, 3, false},
		{"no comma in an object", `{"a":1 "b":2}`, ReasonNoComma, 7, false},
		{"semicolon in an object", `{"a":1;"b":2}`, ReasonNoComma, 6, false},
		{"array closed by a brace", `[1}`, ReasonNoComma, 2, false},
		{"object closed by a bracket", `{"a":1]`, ReasonNoComma, 6, false},
		{"no colon", `{"a" 1}`, ReasonNoColon, 5, false},
		{"equals sign instead of a colon", `{"a"=1}`, ReasonNoColon, 4, false},
		{"key without a value", `{"a"}`, ReasonNoColon, 4, false},
		{"colon without a value", `{"a":}`, ReasonNoValue, 5, false},
		{"two colons", `{"a"::1}`, ReasonNoValue, 5, false},
		{"key without quotes", `{a:1}`, ReasonNoKey, 1, false},
		{"number as a key", `{1:1}`, ReasonNoKey, 1, false},
		{"key in single quotes", `{'a':1}`, ReasonNoKey, 1, false},
		{"text in single quotes", `'a'`, ReasonNoValue, 0, false},
		{"line comment", "// x\n{}", ReasonNoValue, 0, false},
		{"block comment", `{/* x */}`, ReasonNoKey, 1, false},
		{"comment at the end", `{} # x`, ReasonTrailingData, 3, false},
		{"upper-case literal", `True`, ReasonNoValue, 0, false},
		{"literal misspelt", `nul!`, ReasonNoValue, 0, false},
		{"undefined", `undefined`, ReasonNoValue, 0, false},
		{"no-break space", "{\u00a0}", ReasonNoKey, 1, false},
		{"form feed as white space", "\f{}", ReasonNoValue, 0, false},
		{"vertical tab as white space", "[\v]", ReasonNoValue, 1, false},
		{"control character between values", "[1\x01]", ReasonNoComma, 2, false},

		{"string cut", `"abc`, ReasonUnexpectedEnd, 4, false},
		{"string cut in an escape", `"abc\`, ReasonUnexpectedEnd, 5, false},
		{"string cut in a hexadecimal escape", `"\u00e`, ReasonInvalidEscape, 1, false},
		{"string cut in a surrogate pair", `"\ud83d\ude0`, ReasonLoneSurrogate, 1, false},
		{"string cut in a character", "\"\xe2\x82", ReasonInvalidUTF8, 1, false},
		{"literal cut", `tru`, ReasonUnexpectedEnd, 3, false},
		{"number cut after the minus", `-`, ReasonUnexpectedEnd, 1, false},
		{"number cut after the point", `1.`, ReasonUnexpectedEnd, 2, false},
		{"number cut in the exponent", `1e-`, ReasonUnexpectedEnd, 3, false},
		{"object cut after the brace", `{`, ReasonUnexpectedEnd, 1, false},
		{"object cut after a key", `{"a"`, ReasonUnexpectedEnd, 4, false},
		{"object cut after a colon", `{"a":`, ReasonUnexpectedEnd, 5, false},
		{"object cut after a value", `{"a":1`, ReasonUnexpectedEnd, 6, false},
		{"object cut after a comma", `{"a":1,`, ReasonUnexpectedEnd, 7, false},
		{"array cut after the bracket", `[`, ReasonUnexpectedEnd, 1, false},
		{"array cut after a value", `[1`, ReasonUnexpectedEnd, 2, false},
		{"array cut after a comma", `[1,`, ReasonUnexpectedEnd, 3, false},

		{"arrays one too deep", nested(`[`, `]`, MaxDepth+1), ReasonTooDeep, MaxDepth, true},
		{"objects one too deep", strings.Repeat(`{"a":`, MaxDepth) + `{}` + strings.Repeat(`}`, MaxDepth), ReasonTooDeep, 5 * MaxDepth, true},
		{"empty object one too deep", strings.Repeat(`[`, MaxDepth) + `{}` + strings.Repeat(`]`, MaxDepth), ReasonTooDeep, MaxDepth, true},
		{"ten million opening brackets", strings.Repeat(`[`, 10_000_000), ReasonTooDeep, MaxDepth, false},
		{"a million opening braces", strings.Repeat(`{"a":`, 1_000_000), ReasonTooDeep, 5 * MaxDepth, false},
	} {
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			checkRefused(t, r)
		})
	}
}

func TestParseRefusesWhatIsNotAnObject(t *testing.T) {
	t.Parallel()
	for _, r := range []refusal{
		{"array", `[{}]`, ReasonNotObject, 0, false},
		{"string after white space", ` "{}" `, ReasonNotObject, 1, false},
		{"number", `1`, ReasonNotObject, 0, false},
		{"null, which encoding/json reads as an empty map", `null`, ReasonNotObject, 0, true},
		{"malformed array is called malformed", `[1`, ReasonUnexpectedEnd, 2, false},
		{"two strings are called trailing data", `"a" "b"`, ReasonTrailingData, 4, false},
		{"array with a duplicate key inside", `[{"a":1,"a":2}]`, ReasonDuplicateKey, 8, false},
	} {
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			o, err := Parse([]byte(r.doc))
			wantError(t, "Parse", err, r.reason, r.offset)
			if o.Len() != 0 {
				t.Errorf("the object has %d members", o.Len())
			}
			var m map[string]json.RawMessage
			if got := json.Unmarshal([]byte(r.doc), &m) == nil; got != r.goReads {
				t.Errorf("encoding/json accepts = %v, want %v", got, r.goReads)
			}
		})
	}
}

func TestRefusedLength(t *testing.T) {
	t.Parallel()
	if strconv.IntSize < 64 {
		t.Skip("no document can be that long")
	}
	if err := checkLength(math.MaxInt32); err != nil {
		t.Errorf("longest document: %v", err)
	}
	beyond := math.MaxInt32
	beyond++
	wantError(t, "checkLength", checkLength(beyond), ReasonTooLong, math.MaxInt32)
}

// testRefusedAtAnyDepth checks every row by itself and inside of arrays and
// objects, down to the greatest depth that the row leaves room for.
func testRefusedAtAnyDepth(t *testing.T, rows []refusal) {
	const deep = MaxDepth - 3
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			checkRefused(t, r)
			for _, around := range []struct{ before, after string }{
				{`{"a":`, `}`},
				{`[null,`, `]`},
				{`{"x":[{"y":0,"a":[0, `, `]}]}`},
				{strings.Repeat(`[`, deep), strings.Repeat(`]`, deep)},
				{strings.Repeat(`{"a":`, deep), strings.Repeat(`}`, deep)},
			} {
				in := r
				in.doc = around.before + r.doc + around.after
				in.offset += len(around.before)
				checkRefused(t, in)
			}
		})
	}
}

func checkRefused(t *testing.T, r refusal) {
	t.Helper()
	doc := []byte(r.doc)
	wantError(t, "Check", Check(doc), r.reason, r.offset)
	o, err := Parse(doc)
	wantError(t, "Parse", err, r.reason, r.offset)
	if o.Len() != 0 {
		t.Errorf("the object has %d members", o.Len())
	}
	if got := json.Valid(doc); got != r.goReads {
		t.Errorf("encoding/json accepts = %v, want %v", got, r.goReads)
	}
}

func wantError(t *testing.T, what string, err error, reason string, offset int) {
	t.Helper()
	var e *Error
	if !errors.As(err, &e) {
		t.Errorf("%s: error %v, want an *Error: %s", what, err, reason)
		return
	}
	if e.Reason != reason || e.Offset != offset {
		t.Errorf("%s: %q at %d, want %q at %d", what, e.Reason, e.Offset, reason, offset)
	}
}

func nested(opening, closing string, depth int) string {
	return strings.Repeat(opening, depth) + strings.Repeat(closing, depth)
}

// manyKeys is an object with n members k0, k1 and so on; each value is its
// number.
func manyKeys(n int) string {
	var b strings.Builder
	b.WriteByte('{')
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		number := strconv.Itoa(i)
		b.WriteString(`"k` + number + `":` + number)
	}
	b.WriteByte('}')
	return b.String()
}

// manyItems is an array of n ones.
func manyItems(n int) string { return `[` + strings.Repeat(`1,`, n-1) + `1]` }
