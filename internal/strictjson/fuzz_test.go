package strictjson

import (
	"bytes"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// stricter has the reasons for which a document may be refused that
// encoding/json accepts.
var stricter = []string{
	ReasonInvalidUTF8,
	ReasonLoneSurrogate,
	ReasonDuplicateKey,
	ReasonKeyCollision,
	ReasonTooDeep,
	ReasonNumberTooLong,
	ReasonTooManyMembers,
	ReasonTooManyItems,
	ReasonNotObject,
}

// seeds are documents near the borders of what is accepted.
var seeds = []string{
	idToken,
	`{}`, `{"a":1}`, `{"a":null,"b":true,"c":false}`, `[]`, `null`, `"a"`, `0`, ``, ` `,
	`{"a":{"b":[{"c":[1,2,{"d":"e"}]}]}}`,
	`{"s":"\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00"}`,
	`{"\u0065mail":1}`, `{"email":1,"\u0065mail":2}`, `{"email":1,"EMAIL":2}`,
	`{"sub":1,"ſub":2}`, `{"kid":1,"\u212aid":2}`, `{"ß":1,"ss":2}`, `{"σ":1,"ς":2}`,
	`{"n":[0,-0,1.5,1e3,-1E-3,1.0,12345678901234567890,1e400]}`,
	`{"a":01}`, `{"a":+1}`, `{"a":.5}`, `{"a":1.}`, `{"a":NaN}`, `{"a":1,}`, `{'a':1}`, `{}{}`,
	`{"a":"\ud800"}`, `{"a":"\udc00\ud800"}`, "{\"a\":\"\xff\"}", "{\"a\":\"\xed\xa0\x80\"}", "{\"a\":\"\xc0\xaf\"}",
	"\xef\xbb\xbf{}", "{\"a\":\"\x00\"}", "{\"a\":\"\u2028\ufffd\ufeff\"}",
	"{\"a\":" + strings.Repeat("1", MaxNumberLength) + "}",
	"{\"a\":" + strings.Repeat("1", MaxNumberLength+1) + "}",
	`{"a":` + nested(`[`, `]`, MaxDepth-1) + `}`,
	`{"a":` + nested(`[`, `]`, MaxDepth) + `}`,
	manyKeys(linearKeys + 2),
	strings.TrimSuffix(manyKeys(linearKeys+2), "}") + `,"K3":0}`,
	manyKeys(MaxMembers + 1),
	`{"a":` + manyItems(MaxItems+1) + `}`,
}

func FuzzParse(f *testing.F) {
	for _, seed := range seeds {
		f.Add([]byte(seed))
	}
	f.Fuzz(checkAgainstGo)
}

// Every document that is cut somewhere, or has one byte changed to one that
// matters in JSON, is read as encoding/json reads it, or refused.
func TestDamagedDocuments(t *testing.T) {
	t.Parallel()
	damage := []byte("\"\\{}[],:0e-.uUtEk \n\x00\x7f\x80\xc3\xed\xff")
	for _, seed := range seeds {
		seed = seed[:min(len(seed), 200)]
		for i := range len(seed) {
			checkAgainstGo(t, []byte(seed[:i]))
			checkAgainstGo(t, []byte(seed[:i]+seed[i+1:]))
			for _, c := range damage {
				changed := []byte(seed)
				changed[i] = c
				checkAgainstGo(t, changed)
			}
		}
	}
}

// Documents put together from parts that are good, or nearly so, reach further
// than damaged ones: most of them are JSON for encoding/json.
func TestRandomDocuments(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	accepted := 0
	for range 20_000 {
		doc := []byte(randomObject(random, 4))
		checkAgainstGo(t, doc)
		if Check(doc) == nil {
			accepted++
		}
	}
	if accepted < 2000 || accepted > 18_000 {
		t.Errorf("%d of 20000 documents were accepted, which tests one side only", accepted)
	}
}

var (
	randomNames = []string{`sub`, `Sub`, `\u0073ub`, `ſub`, `kid`, `\u212Aid`, `email`, `eMail`, `email_verified`, `é`, `É`, `e\u0301`,
		``, `\ud83d\ude00`, `\n`, `a\\b`, `a/b`, `a\/b`, `exp`, `iat`, `nbf`, `aud`, `azp`, `amr`, `acr`, `groups`, `roles`, `x\ud800`}
	randomScalars = []string{`null`, `true`, `false`, `0`, `-0`, `5.0`, `5e0`, `1e-1`, `-12.5E+3`, `9223372036854775808`, `1e999`,
		`""`, `"a"`, `"\u0061"`, `"é\ud83d\ude00"`, `"\\u0061"`, `"\"\/\b\f\n\r\t"`, "\"\u2028\ufffd\"", `"\udc00"`, "\"\xc3\x28\"", `[]`, `{}`}
	randomSpace = []string{"", "", "", " ", "\n\t", "\r\n"}
)

func randomObject(random *rand.Rand, depth int) string {
	var members []string
	for range random.IntN(5) {
		members = append(members, `"`+pick(random, randomNames)+`"`+pick(random, randomSpace)+`:`+randomValue(random, depth))
	}
	return pick(random, randomSpace) + `{` + strings.Join(members, `,`) + pick(random, randomSpace) + `}`
}

func randomValue(random *rand.Rand, depth int) string {
	value := pick(random, randomScalars)
	switch {
	case depth > 0 && random.IntN(5) == 0:
		value = randomObject(random, depth-1)
	case depth > 0 && random.IntN(5) == 0:
		var items []string
		for range random.IntN(4) {
			items = append(items, randomValue(random, depth-1))
		}
		value = `[` + strings.Join(items, `,`) + `]`
	}
	return pick(random, randomSpace) + value + pick(random, randomSpace)
}

func pick(random *rand.Rand, from []string) string { return from[random.IntN(len(from))] }

// checkAgainstGo holds a document against encoding/json: what Parse accepts is
// read the same there, and what is accepted only there is refused for one of
// the reasons that this package exists for.
func checkAgainstGo(t *testing.T, doc []byte) {
	t.Helper()
	before := bytes.Clone(doc)
	o, err := Parse(doc)
	checkErr := Check(doc)
	if !bytes.Equal(doc, before) {
		t.Fatal("the document was changed")
	}
	for _, err := range []error{err, checkErr} {
		var e *Error
		switch {
		case err == nil:
		case !errors.As(err, &e):
			t.Fatalf("error of type %T", err)
		case e.Offset < 0 || e.Offset > len(doc):
			t.Fatalf("%q: offset %d", doc, e.Offset)
		case json.Valid(doc) && !slices.Contains(stricter, e.Reason):
			t.Fatalf("%q: encoding/json accepts what is refused for %q", doc, e.Reason)
		}
	}
	if checkErr == nil && !json.Valid(doc) {
		t.Fatalf("%q: encoding/json refuses it", doc)
	}
	if err != nil {
		var e *Error
		if errors.As(err, &e); checkErr == nil && e.Reason != ReasonNotObject {
			t.Fatalf("%q: Check accepts, Parse refuses: %v", doc, err)
		}
		return
	}
	if checkErr != nil {
		t.Fatalf("%q: Parse accepts, Check refuses: %v", doc, checkErr)
	}
	if !utf8.Valid(doc) {
		t.Fatalf("%q: invalid UTF-8 accepted", doc)
	}
	compareObject(t, o, doc)
}

func compareObject(t *testing.T, o Object, raw []byte) {
	t.Helper()
	var want map[string]json.RawMessage
	if err := json.Unmarshal(raw, &want); err != nil {
		t.Fatalf("%q: encoding/json: %v", raw, err)
	}
	names := o.Names()
	if len(names) != o.Len() || len(names) != len(want) {
		t.Fatalf("%q: %d names, length %d, want %d", raw, len(names), o.Len(), len(want))
	}
	folded := map[string]bool{}
	for _, name := range names {
		value, ok := o.Get(name)
		wantRaw, wantOK := want[name]
		if !ok || !wantOK || !bytes.Equal(value.Raw(), wantRaw) {
			t.Fatalf("%q: %q is %q, want %q", raw, name, value.Raw(), wantRaw)
		}
		fold := string(appendFoldedName(nil, []byte(name)))
		if folded[fold] {
			t.Fatalf("%q: %q collides", raw, name)
		}
		folded[fold] = true
		compareValue(t, value)
	}
}

func compareValue(t *testing.T, v Value) {
	t.Helper()
	switch v.Kind() {
	case Null:
		if string(v.Raw()) != "null" {
			t.Fatalf("%q is read as null", v.Raw())
		}
	case Bool:
		got, ok := v.Bool()
		compare(t, v, got, ok, true)
	case Number:
		f, ok := v.Float()
		var want float64
		compare(t, v, f, ok, json.Unmarshal(v.Raw(), &want) == nil)
		// encoding/json reads only the plain way of writing an integer.
		var plain int64
		if json.Unmarshal(v.Raw(), &plain) == nil {
			n, ok := v.Int()
			compare(t, v, n, ok, true)
		} else if n, ok := v.Int(); ok && float64(n) != f {
			t.Fatalf("%s is read as %d", v.Raw(), n)
		}
	case String:
		got, ok := v.Text()
		compare(t, v, got, ok, true)
	case Array:
		items, ok := v.Array()
		var want []json.RawMessage
		if err := json.Unmarshal(v.Raw(), &want); err != nil || !ok || len(items) != len(want) {
			t.Fatalf("%q: %d items, %v, want %d, %v", v.Raw(), len(items), ok, len(want), err)
		}
		texts := true
		for i, item := range items {
			if !bytes.Equal(item.Raw(), want[i]) {
				t.Fatalf("%q: item %q, want %q", v.Raw(), item.Raw(), want[i])
			}
			texts = texts && item.Kind() == String
			compareValue(t, item)
		}
		got, ok := v.Texts()
		if ok != texts || ok && len(got) != len(items) {
			t.Fatalf("%q: texts %q, %v", v.Raw(), got, ok)
		}
	case ObjectKind:
		o, ok := v.Object()
		if !ok {
			t.Fatalf("%q is no object", v.Raw())
		}
		compareObject(t, o, v.Raw())
	default:
		t.Fatalf("%q is of kind %v", v.Raw(), v.Kind())
	}
}

func compare[T comparable](t *testing.T, v Value, got T, ok, wantOK bool) {
	t.Helper()
	var want T
	err := json.Unmarshal(v.Raw(), &want)
	if ok != wantOK || ok && (err != nil || got != want) {
		t.Fatalf("%q: %v, %v; want %v, %v", v.Raw(), got, ok, want, err)
	}
}
