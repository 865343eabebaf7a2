package strictjson

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// idToken is a payload such as a large identity provider sends.
const idToken = `{
	"iss": "https://login.example.com/3f1c8a52-7a1e-4c0b-9d3a-1f2e3d4c5b6a/v2.0",
	"sub": "AAAAAAAAAAAAAAAAAAAAAIkzqFVrSaSaFHy782bbtaQ",
	"aud": "6cb04018-a3f5-46a7-b995-940c78f5aef3",
	"exp": 1536361411,
	"iat": 1536274711,
	"nbf": 1536274711,
	"auth_time": 1536274700,
	"nonce": "l2hKj0Yb7q0m3wqTz3vYJ0m8Jm0aP1x2",
	"azp": "6cb04018-a3f5-46a7-b995-940c78f5aef3",
	"acr": "urn:example:loa:2",
	"amr": ["pwd", "mfa"],
	"at_hash": "77QmUPtjPfzWtF2AnpK9RQ",
	"sid": "08a5019c-17e1-4977-8f42-65a12843ea02",
	"name": "Ada Lovelace",
	"given_name": "Ada",
	"family_name": "Lovelace",
	"preferred_username": "ada@example.com",
	"email": "ada@example.com",
	"email_verified": true,
	"groups": ["engineering", "admins"],
	"address": {"street_address": "1 Main Street", "country": "GB"},
	"locale": "en-GB"
}`

func TestAccepted(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name string
		doc  string // the document's member "v" is read
		kind Kind
		raw  string
		want any // what the reader for the kind returns; nil for null
	}{
		{"null", `{"v":null}`, Null, `null`, nil},
		{"true", `{"v":true}`, Bool, `true`, true},
		{"false", `{"v":false}`, Bool, `false`, false},
		{"white space everywhere", " \t\r\n{ \t\r\n\"v\" \t\r\n: \t\r\ntrue \t\r\n} \t\r\n", Bool, `true`, true},
		{"integer", `{"v":1536361411}`, Number, `1536361411`, int64(1536361411)},
		{"negative zero", `{"v":-0}`, Number, `-0`, int64(0)},
		{"longest number", `{"v":` + "1" + strings.Repeat("0", MaxNumberLength-1) + `}`, Number, "1" + strings.Repeat("0", MaxNumberLength-1), 1e63},
		{"fraction", `{"v": 0.5 }`, Number, `0.5`, 0.5},
		{"exponent", `{"v":-1.25E+2}`, Number, `-1.25E+2`, int64(-125)},
		{"empty string", `{"v":""}`, String, `""`, ""},
		{"string", `{"v":"ada@example.com"}`, String, `"ada@example.com"`, "ada@example.com"},
		{"string beyond ASCII", `{"v":"Zoë 😀"}`, String, `"Zoë 😀"`, "Zoë 😀"},
		{"all short escapes", `{"v":"\"\\\/\b\f\n\r\t"}`, String, `"\"\\\/\b\f\n\r\t"`, "\"\\/\b\f\n\r\t"},
		{"escaped letters", `{"v":"\u0041\u00e9\u00E9\u20ac"}`, String, `"\u0041\u00e9\u00E9\u20ac"`, "Aéé€"},
		{"escaped surrogate pair", `{"v":"a\ud83d\uDE00b"}`, String, `"a\ud83d\uDE00b"`, "a😀b"},
		{"first and last surrogate pairs", `{"v":"\ud800\udc00\udbff\udfff"}`, String, `"\ud800\udc00\udbff\udfff"`, "\U00010000\U0010ffff"},
		{"escaped backslash before the letters of an escape", `{"v":"\\ud800"}`, String, `"\\ud800"`, `\ud800`},
		{"escaped control characters", `{"v":"\u0000\u001f"}`, String, `"\u0000\u001f"`, "\x00\x1f"},
		{"DEL is no control character of JSON", "{\"v\":\"\x7f\"}", String, "\"\x7f\"", "\x7f"},
		{"line separators of JavaScript", "{\"v\":\"\u2028\u2029\"}", String, "\"\u2028\u2029\"", "\u2028\u2029"},
		{"a true U+FFFD", "{\"v\":\"\ufffd\"}", String, "\"\ufffd\"", "\ufffd"},
		{"an escaped U+FFFD", `{"v":"\ufffd"}`, String, `"\ufffd"`, "\ufffd"},
		{"the greatest code point", "{\"v\":\"\U0010ffff\"}", String, "\"\U0010ffff\"", "\U0010ffff"},
		{"byte order mark within a string", "{\"v\":\"\ufeff\"}", String, "\"\ufeff\"", "\ufeff"},
		{"brackets and commas within a string", `{"v":"}],{[:\""}`, String, `"}],{[:\""`, `}],{[:"`},
		{"empty array", `{"v":[]}`, Array, `[]`, []string{}},
		{"empty array with white space", `{"v":[ ]}`, Array, `[ ]`, []string{}},
		{"texts", `{"v":[ "a" , "\u0062" ]}`, Array, `[ "a" , "\u0062" ]`, []string{"a", "b"}},
		{"array of different kinds", `{"v":[1,"a",null,true,[2],{"b":3}]}`, Array, `[1,"a",null,true,[2],{"b":3}]`,
			[]string{`1`, `"a"`, `null`, `true`, `[2]`, `{"b":3}`}},
		{"empty object", `{"v":{ }}`, ObjectKind, `{ }`, []string{}},
		{"object", `{"v":{"b":1,"a":2}}`, ObjectKind, `{"b":1,"a":2}`, []string{"b", "a"}},
		{"same key at different depths", `{"v":{"v":{"v":1}}}`, ObjectKind, `{"v":{"v":1}}`, []string{"v"}},
		{"case differs from a key further up", `{"v":{"V":1}}`, ObjectKind, `{"V":1}`, []string{"V"}},
		{"same keys in neighbours", `{"v":[{"a":1},{"a":2},{"A":3}]}`, Array, `[{"a":1},{"a":2},{"A":3}]`,
			[]string{`{"a":1}`, `{"a":2}`, `{"A":3}`}},
		{"keys that only full folding joins", `{"v":{"ß":1,"ss":2,"SS\u0000":3}}`, ObjectKind, `{"ß":1,"ss":2,"SS\u0000":3}`, []string{"ß", "ss", "SS\x00"}},
		{"dotless i is no i", `{"v":{"ı":1,"i":2,"İ":3}}`, ObjectKind, `{"ı":1,"i":2,"İ":3}`, []string{"ı", "i", "İ"}},
		{"composed and decomposed keys", `{"v":{"é":1,"e\u0301":2}}`, ObjectKind, `{"é":1,"e\u0301":2}`, []string{"é", "e\u0301"}},
		{"key that is the start of another", `{"v":{"sub":1,"sub_":2,"su":3,"":4}}`, ObjectKind, `{"sub":1,"sub_":2,"su":3,"":4}`, []string{"sub", "sub_", "su", ""}},
		{"greatest depth", `{"v":` + nested(`[`, `]`, MaxDepth-1) + `}`, Array, nested(`[`, `]`, MaxDepth-1),
			[]string{nested(`[`, `]`, MaxDepth-2)}},
		{"many neighbours are not deep", `{"a":[` + strings.Repeat(`[[]],{},`, 1000) + `0],"v":1}`, Number, `1`, int64(1)},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			doc := []byte(row.doc)
			if err := Check(doc); err != nil {
				t.Errorf("Check: %v", err)
			}
			o := mustParse(t, row.doc)
			v, ok := o.Get("v")
			if !ok || !v.Exists() {
				t.Fatal("the member is missing")
			}
			if v.Kind() != row.kind {
				t.Errorf("kind %v, want %v", v.Kind(), row.kind)
			}
			if string(v.Raw()) != row.raw {
				t.Errorf("raw %q, want %q", v.Raw(), row.raw)
			}
			if got := read(v); fmt.Sprintf("%T %#v", got, got) != fmt.Sprintf("%T %#v", row.want, row.want) {
				t.Errorf("read %#v, want %#v", got, row.want)
			}
			checkAgainstGo(t, doc)
		})
	}
}

// read reads a value by its kind: an array as its texts, or else as its values'
// raw bytes; an object as its names.
func read(v Value) any {
	switch v.Kind() {
	case Bool:
		b, _ := v.Bool()
		return b
	case Number:
		if n, ok := v.Int(); ok {
			return n
		}
		f, _ := v.Float()
		return f
	case String:
		s, _ := v.Text()
		return s
	case Array:
		if texts, ok := v.Texts(); ok {
			return texts
		}
		items, _ := v.Array()
		var raw []string
		for _, item := range items {
			raw = append(raw, string(item.Raw()))
		}
		return raw
	case ObjectKind:
		o, _ := v.Object()
		return o.Names()
	}
	return nil
}

func TestCheckAcceptsAnyKindOfValue(t *testing.T) {
	t.Parallel()
	for _, doc := range []string{`null`, ` true`, "false\n", `0`, `-1.5e3`, `""`, `"a"`, `[]`, `[1,[2]]`, `{}`, `{"a":{}}`,
		nested(`[`, `]`, MaxDepth), manyKeys(MaxMembers), manyItems(MaxItems)} {
		if err := Check([]byte(doc)); err != nil {
			t.Errorf("Check(%.40q): %v", doc, err)
		}
	}
}

func TestIDToken(t *testing.T) {
	t.Parallel()
	o := mustParse(t, idToken)
	if o.Len() != 22 {
		t.Errorf("%d members, want 22", o.Len())
	}
	if sub, ok := mustGet(t, o, "sub").Text(); !ok || sub != "AAAAAAAAAAAAAAAAAAAAAIkzqFVrSaSaFHy782bbtaQ" {
		t.Errorf("sub %q, %v", sub, ok)
	}
	if exp, ok := mustGet(t, o, "exp").Int(); !ok || exp != 1536361411 {
		t.Errorf("exp %d, %v", exp, ok)
	}
	if verified, ok := mustGet(t, o, "email_verified").Bool(); !ok || !verified {
		t.Errorf("email_verified %v, %v", verified, ok)
	}
	if groups, ok := mustGet(t, o, "groups").Texts(); !ok || !slices.Equal(groups, []string{"engineering", "admins"}) {
		t.Errorf("groups %q, %v", groups, ok)
	}
	address, ok := mustGet(t, o, "address").Object()
	if !ok {
		t.Fatal("address is no object")
	}
	if country, ok := mustGet(t, address, "country").Text(); !ok || country != "GB" {
		t.Errorf("country %q, %v", country, ok)
	}
	checkAgainstGo(t, []byte(idToken))
}

func mustParse(t *testing.T, doc string) Object {
	t.Helper()
	o, err := Parse([]byte(doc))
	if err != nil {
		t.Fatalf("Parse: %v", err)
	}
	return o
}

func mustGet(t *testing.T, o Object, name string) Value {
	t.Helper()
	v, ok := o.Get(name)
	if !ok {
		t.Fatalf("no member %q", name)
	}
	return v
}
