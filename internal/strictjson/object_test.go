package strictjson

import (
	"fmt"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"unicode"
)

func TestGetIsExact(t *testing.T) {
	t.Parallel()
	const few = `{"email":"few","n\u0061me":"escaped","a\\\\b":"backslashes","":"empty","Straße":"ß","\ud83d\ude00":"face"}`
	many := strings.TrimSuffix(few, "}") + "," + strings.TrimPrefix(manyKeys(2*linearKeys), "{")
	for _, document := range []struct{ name, doc string }{{"few members", few}, {"many members", many}} {
		o := mustParse(t, document.doc)
		for _, row := range []struct {
			name string
			want string // none if empty
		}{
			{"email", "few"},
			{"EMAIL", ""},
			{"Email", ""},
			{"email ", ""},
			{"emai", ""},
			{"email\x00", ""},
			{`\u0065mail`, ""},
			{"name", "escaped"},
			{`n\u0061me`, ""},
			{`a\\b`, "backslashes"},
			{`a\\\\b`, ""},
			{"", "empty"},
			{"Straße", "ß"},
			{"straße", ""},
			{"😀", "face"},
			{`\ud83d\ude00`, ""},
			{"\xff", ""},
			{"email\xff", ""},
			{"\ufffd", ""},
			{"\u212a1", ""}, // "k1" with a Kelvin sign
			{strings.Repeat("x", 1000), ""},
		} {
			t.Run(document.name+"/"+strconv.Quote(row.name), func(t *testing.T) {
				t.Parallel()
				v, ok := o.Get(row.name)
				if ok != (row.want != "") || v.Exists() != ok {
					t.Fatalf("found %v, exists %v", ok, v.Exists())
				}
				if got, _ := v.Text(); got != row.want {
					t.Errorf("read %q, want %q", got, row.want)
				}
			})
		}
	}
}

func TestNamesAreInTheDocumentsOrder(t *testing.T) {
	t.Parallel()
	o := mustParse(t, `{"b":1,"\u0061":2,"é":3,"":4,"\n":5}`)
	if got, want := o.Names(), []string{"b", "a", "é", "", "\n"}; !slices.Equal(got, want) {
		t.Errorf("names %q, want %q", got, want)
	}
	if o.Len() != 5 {
		t.Errorf("length %d, want 5", o.Len())
	}
}

func TestZeroObject(t *testing.T) {
	t.Parallel()
	var o Object
	v, ok := o.Get("sub")
	if ok || v.Exists() || o.Len() != 0 || len(o.Names()) != 0 {
		t.Errorf("the zero object is not empty: %v %v %d %q", ok, v.Exists(), o.Len(), o.Names())
	}
}

// The map must take over, or an object with very many keys would cost the
// square of their number.
func TestMapTakesOverForManyKeys(t *testing.T) {
	t.Parallel()
	if o := mustParse(t, manyKeys(linearKeys)); o.byFold != nil {
		t.Errorf("%d keys have a map", linearKeys)
	}
	if o := mustParse(t, manyKeys(linearKeys+1)); len(o.byFold) != linearKeys+1 {
		t.Errorf("%d keys have %d in the map", linearKeys+1, len(o.byFold))
	}
}

func TestCollisionsAroundTheTakeOver(t *testing.T) {
	t.Parallel()
	for n := linearKeys - 2; n <= linearKeys+3; n++ {
		doc := strings.TrimSuffix(manyKeys(n), "}")
		for i := range n {
			again := strconv.Itoa(i)
			wantError(t, "duplicate", Check([]byte(doc+`,"k`+again+`":0}`)), ReasonDuplicateKey, len(doc)+1)
			wantError(t, "escaped", Check([]byte(doc+`,"\u006b`+again+`":0}`)), ReasonDuplicateKey, len(doc)+1)
			wantError(t, "case", Check([]byte(doc+`,"K`+again+`":0}`)), ReasonKeyCollision, len(doc)+1)
			wantError(t, "Kelvin sign", Check([]byte(doc+`,"`+"\u212a"+again+`":0}`)), ReasonKeyCollision, len(doc)+1)
		}
	}
}

func TestGreatestNumberOfMembers(t *testing.T) {
	t.Parallel()
	doc := manyKeys(MaxMembers)
	o := mustParse(t, doc)
	if o.Len() != MaxMembers {
		t.Fatalf("%d members, want %d", o.Len(), MaxMembers)
	}
	for i, name := range o.Names() {
		if want := "k" + strconv.Itoa(i); name != want {
			t.Fatalf("name %q, want %q", name, want)
		}
		if got, ok := mustGet(t, o, name).Int(); !ok || got != int64(i) {
			t.Fatalf("%s is %d, %v", name, got, ok)
		}
	}
	open := strings.TrimSuffix(manyKeys(MaxMembers-1), "}")
	wantError(t, "first key again", Check([]byte(open+`,"k0":0}`)), ReasonDuplicateKey, len(open)+1)
	wantError(t, "last key in upper case", Check([]byte(open+`,"K998":0}`)), ReasonKeyCollision, len(open)+1)
}

// The bound is for one object, not for a document: a key set has many.
func TestMembersAreCountedForEachObjectAlone(t *testing.T) {
	t.Parallel()
	most := manyKeys(MaxMembers)
	for _, doc := range []string{`[` + most + `,` + most + `]`, `{"a":` + most + `,"b":` + most + `}`} {
		if err := Check([]byte(doc)); err != nil {
			t.Errorf("%.20s: %v", doc, err)
		}
	}
	inner := strings.TrimSuffix(most, "}") + `,"in":{}}`
	wantError(t, "the inner one has too many", Check([]byte(`{"a":`+inner+`}`)), ReasonTooManyMembers, len(`{"a":`)+len(most))
}

func TestGreatestNumberOfItems(t *testing.T) {
	t.Parallel()
	items, ok := valueOf(t, manyItems(MaxItems)).Array()
	if !ok || len(items) != MaxItems || string(items[MaxItems-1].Raw()) != "1" {
		t.Fatalf("%d items, %v", len(items), ok)
	}
	both := `[` + manyItems(MaxItems) + `,` + manyItems(MaxItems) + `]`
	if err := Check([]byte(both)); err != nil {
		t.Errorf("two arrays with the greatest number: %v", err)
	}
}

// What a document costs is bounded, however large it is: the refusal comes
// before an index or a list has grown. Run with a race detector or not, a
// thousand members need less than 256 KiB.
func TestAllocatedBytes(t *testing.T) {
	const most = 256 << 10
	for _, row := range []struct{ name, doc string }{
		{"1000 keys", manyKeys(MaxMembers)},
		{"100000 keys", manyKeys(100_000)},
		{"100000 keys in an object further down", `{"a":[{"b":` + manyKeys(100_000) + `}]}`},
		{"a million values", `{"a":` + manyItems(1_000_000) + `}`},
	} {
		data := []byte(row.doc)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		Check(data)
		Parse(data)
		runtime.ReadMemStats(&after)
		if allocated := after.TotalAlloc - before.TotalAlloc; allocated > 2*most {
			t.Errorf("%s: Check and Parse together allocate %d bytes", row.name, allocated)
		}
	}
}

// Objects with many keys inside each other must not mix up their keys.
func TestManyKeysAtEveryDepth(t *testing.T) {
	t.Parallel()
	many := strings.TrimSuffix(manyKeys(2*linearKeys), "}")
	few := strings.TrimSuffix(manyKeys(linearKeys/2), "}")
	before, after := "", ""
	for range MaxDepth/2 - 1 {
		before += many + `,"in":` + few + `,"in":`
		after += `,"after":{}}` + `,"after":{}}`
	}
	o := mustParse(t, before+`0`+after)
	for depth := range MaxDepth - 3 {
		want := 2 + 2*linearKeys
		if depth%2 == 1 {
			want = 2 + linearKeys/2
		}
		if o.Len() != want {
			t.Fatalf("depth %d: %d members, want %d", depth, o.Len(), want)
		}
		if n, ok := mustGet(t, o, "k7").Int(); !ok || n != 7 {
			t.Fatalf("depth %d: k7 is %d, %v", depth, n, ok)
		}
		if v := mustGet(t, o, "after"); v.Kind() != ObjectKind {
			t.Fatalf("depth %d: after is of kind %v", depth, v.Kind())
		}
		var ok bool
		if o, ok = mustGet(t, o, "in").Object(); !ok {
			t.Fatalf("depth %d: no object inside", depth)
		}
	}
	wantError(t, "collision after all that", Check([]byte(before+`0`+strings.TrimSuffix(after, "}")+`,"K1":0}`)),
		ReasonKeyCollision, len(before)+len(after)+1)
}

func TestConcurrentReads(t *testing.T) {
	t.Parallel()
	for _, doc := range []string{idToken, strings.TrimSuffix(manyKeys(100), "}") + `,"address":{"country":"GB"},"groups":["admins"]}`} {
		o := mustParse(t, doc)
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				for range 50 {
					for _, name := range o.Names() {
						v, ok := o.Get(name)
						if !ok {
							t.Errorf("no member %q", name)
						}
						read(v)
					}
				}
			})
		}
		wg.Wait()
	}
}

// A value handed out must not let an append run into the document.
func TestRawCannotGrowIntoTheDocument(t *testing.T) {
	t.Parallel()
	doc := `{"a":[1,"x"],"b":true}`
	data := []byte(doc)
	o, err := Parse(data)
	if err != nil {
		t.Fatal(err)
	}
	a := mustGet(t, o, "a")
	items, _ := a.Array()
	for _, v := range append(items, a, mustGet(t, o, "b")) {
		_ = append(v.Raw(), '!')
	}
	if string(data) != doc {
		t.Errorf("the document is now %q", data)
	}
}

// Two keys collide if and only if Unicode's simple folding calls them equal,
// for every character there is.
func TestFoldingOfEveryCharacter(t *testing.T) {
	t.Parallel()
	for r := rune(0); r <= unicode.MaxRune; r++ {
		smallest := r
		for other := unicode.SimpleFold(r); other != r; other = unicode.SimpleFold(other) {
			smallest = min(smallest, other)
		}
		if got := smallestFold(r); got != smallest {
			t.Fatalf("%U folds to %U, want %U", r, got, smallest)
		}
		if r < 0x80 && rune(upperASCII(byte(r))) != smallest {
			t.Fatalf("%U folds to %U, want %U", r, upperASCII(byte(r)), smallest)
		}
	}
}

func TestAllocations(t *testing.T) {
	data := []byte(idToken)
	many := mustParse(t, manyKeys(2*linearKeys))
	few := mustParse(t, idToken)
	for _, row := range []struct {
		name string
		most float64
		run  func() error
	}{
		{"Check of an ID token", 1, func() error { return Check(data) }},
		{"Parse of an ID token", 3, func() error { _, err := Parse(data); return err }},
		{"Get", 0, func() error { return wantMember(few, "locale") }},
		{"Get from many", 0, func() error { return wantMember(many, "k63") }},
	} {
		allocations := testing.AllocsPerRun(100, func() {
			if err := row.run(); err != nil {
				t.Error(err)
			}
		})
		if allocations > row.most {
			t.Errorf("%s: %v allocations, want at most %v", row.name, allocations, row.most)
		}
	}
}

func wantMember(o Object, name string) error {
	if _, ok := o.Get(name); !ok {
		return fmt.Errorf("no member %q", name)
	}
	return nil
}
