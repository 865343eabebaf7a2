package cow

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"testing"
)

// A map and a plain one that are changed alike stay alike, and what a reader holds stays as it was: at every size at which
// the shards are divided anew.
func TestLikeAPlainMap(t *testing.T) {
	t.Parallel()
	for _, keys := range []int{1, 10, 1500, 20_000} {
		t.Run(fmt.Sprint(keys), func(t *testing.T) {
			t.Parallel()
			random := rand.New(rand.NewPCG(1, uint64(keys)))
			var m Map[int]
			plain := map[string]int{}
			for round := range 30 {
				before, held := m, maps.Clone(plain)
				edit := m.Edit(0)
				for range keys / 3 {
					key := fmt.Sprintf("%d.example", random.IntN(keys))
					if random.IntN(3) == 0 {
						edit.Delete(key)
						delete(plain, key)
					} else {
						edit.Set(key, round)
						plain[key] = round
					}
					if got, ok := edit.Get(key); ok != contains(plain, key) || got != plain[key] {
						t.Fatalf("%s is %d, %v while it is changed", key, got, ok)
					}
				}
				m = edit.Done()
				wantLike(t, &m, plain)
				wantLike(t, &before, held)
			}
		})
	}
}

func contains(m map[string]int, key string) bool {
	_, ok := m[key]
	return ok
}

func wantLike(t *testing.T, m *Map[int], plain map[string]int) {
	t.Helper()
	if m.Len() != len(plain) {
		t.Fatalf("%d entries, want %d", m.Len(), len(plain))
	}
	for key, want := range plain {
		if got, ok := m.Get(key); !ok || got != want {
			t.Fatalf("%s is %d, %v, want %d", key, got, ok, want)
		}
	}
	if got := maps.Collect(m.All()); !maps.Equal(got, plain) {
		t.Fatalf("%d entries, want %d", len(got), len(plain))
	}
	if _, ok := m.Get("nobody's.example"); ok {
		t.Fatal("has what was never put in")
	}
}

// A change of a large map copies a small part of it, and many of them come together now and then.
func TestChangeCopiesLittle(t *testing.T) {
	t.Parallel()
	const size = 100_000
	var m Map[int]
	edit := m.Edit(size)
	for i := range size {
		edit.Set(fmt.Sprint(i), i)
	}
	m = edit.Done()
	folded := 0
	for i := range 10_000 {
		edit := m.Edit(0)
		edit.Set(fmt.Sprintf("new%d", i), i)
		edit.Delete(fmt.Sprint(i))
		m = edit.Done()
		if len(m.recent) > recentMax(size+i) {
			t.Fatalf("%d changes are copied each time", len(m.recent))
		}
		if m.recent == nil {
			folded++
		}
	}
	if folded == 0 || folded > 100 {
		t.Errorf("all entries were copied %d times in 10000 changes", folded)
	}
}

func TestEmptyMap(t *testing.T) {
	t.Parallel()
	var m Map[int]
	wantLike(t, &m, nil)
	m = m.Edit(0).Done()
	wantLike(t, &m, nil)
	edit := m.Edit(0)
	edit.Delete("nobody's.example")
	m = edit.Done()
	wantLike(t, &m, nil)
}
