package strictjson

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// Scanners are used again. Whatever one document did to its scanner, the next is read as if it were the first, and what was
// read before stays what it was.
func TestOneDocumentLeavesNothingToAnother(t *testing.T) {
	t.Parallel()
	broken := []string{
		strings.Repeat(`{"a":[`, MaxDepth), `{"sub":"evil","SUB":1}`, `{"sub":"evil","aud":["evil"`, `[1,2,{"sub":`,
		`{` + strings.Repeat(`"x":{`, MaxDepth-1), `"evil`, `{"sub":"evil"} x`, `nul`, ``,
	}
	for worker := range 8 {
		t.Run(fmt.Sprint(worker), func(t *testing.T) {
			t.Parallel()
			type read struct {
				object Object
				sub    string
				groups []string
			}
			var kept []read
			for i := range 300 {
				b := broken[(i+worker)%len(broken)]
				if Check([]byte(b)) == nil {
					t.Fatalf("accepted: %s", b)
				}
				if _, err := Parse([]byte(b)); err == nil {
					t.Fatalf("parsed: %s", b)
				}
				want := read{sub: fmt.Sprintf("%d-%d", worker, i), groups: []string{}}
				for g := range i % 20 {
					want.groups = append(want.groups, fmt.Sprintf("%d-%d-%d", worker, i, g))
				}
				members := `"sub":"` + want.sub + `","groups":["` + strings.Join(want.groups, `","`) + `"]`
				if len(want.groups) == 0 {
					members = `"sub":"` + want.sub + `","groups":[]`
				}
				for n := range i % 60 {
					members += fmt.Sprintf(`,"m%d":{"sub":"evil","m":[{}]}`, n)
				}
				var err error
				if want.object, err = Parse([]byte(`{` + members + `}`)); err != nil {
					t.Fatal(err)
				}
				kept = append(kept, want)
			}
			for _, k := range kept {
				sub, _ := k.object.Get("sub")
				groups, _ := k.object.Get("groups")
				inner, _ := k.object.Get("m0")
				if object, ok := inner.Object(); ok {
					if m, _ := object.Get("m"); m.Kind() != Array {
						t.Errorf("%s: inside it is %s", k.sub, m.Raw())
					}
				}
				items, _ := groups.Array()
				texts, ok := groups.Texts()
				if s, _ := sub.Text(); s != k.sub || !ok || !slices.Equal(texts, k.groups) || len(items) != len(k.groups) {
					t.Fatalf("it has %s and %q, want %s and %q", s, texts, k.sub, k.groups)
				}
				for i, item := range items { // after other documents went through the same scanner
					if s, _ := item.Text(); s != k.groups[i] {
						t.Fatalf("an item is %s, want %s", s, k.groups[i])
					}
				}
			}
		})
	}
}

// The reason of a refusal is of its own document, and stays so.
func TestErrorsAreNotShared(t *testing.T) {
	t.Parallel()
	first := Check([]byte(`{"a":1,"a":2}`))
	text := first.Error()
	for range 100 {
		if err := Check([]byte(`[nul]`)); err == nil || err.Error() == text {
			t.Fatal(err)
		}
	}
	if first.Error() != text {
		t.Errorf("it became %s", first)
	}
}

// A released scanner must not keep a document, with its tokens, alive or readable for the next one. Not parallel, since others
// would get the same scanner meanwhile.
func TestReleasedScannerHasNoDocument(t *testing.T) {
	s := newScanner([]byte(`["a","b"]`))
	items := s.itemBuf[:0]
	if !s.array(&items) || len(items) != 2 {
		t.Fatal("not read")
	}
	s.keys = make([]key, 1000)
	s.release()
	if s.data != nil || s.keys != nil || s.folds != nil || s.itemBuf[0].raw != nil || s.itemBuf[1].raw != nil {
		t.Errorf("it keeps %q, %q", s.data, s.itemBuf[0].raw)
	}
}
