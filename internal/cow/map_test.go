package cow

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// A map and a plain one that are changed alike stay alike, and what a reader holds stays as it was: small ones, which are
// copied each time, and large ones.
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

// slow has a pace at which all is never copied but for the number of changes.
func slow(m Map[int]) Map[int] {
	m.pace = &pace{next: time.Now().Add(time.Hour)}
	return m
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
	m = slow(edit.Done())
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

// Where time passes between the changes, readers find one plain map after each; where it does not, all is copied once in a while.
func TestRecentChangesDoNotStay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var m Map[int]
		edit := m.Edit(5000)
		for i := range 5000 {
			edit.Set(fmt.Sprint(i), i)
		}
		m = edit.Done()
		change := func() {
			edit := m.Edit(0)
			edit.Set("7", m.Len())
			m = edit.Done()
		}
		if change(); m.recent != nil {
			t.Error("the first change stands beside the base")
		}
		m.pace.took(time.Now().Add(-time.Second)) // the copy took a second
		for range 3 {
			if change(); m.recent == nil {
				t.Error("all is copied although it was a moment ago")
			}
			time.Sleep(paceShare * time.Second / 4)
		}
		time.Sleep(paceShare * time.Second / 4)
		if change(); m.recent != nil {
			t.Error("changes stand beside the base although it was copied long ago")
		}
	})
}

// Most of a large map is taken out, in one Edit or in many. What is copied from then on has no room for what is gone.
func TestShrunkMapIsCopiedWithoutItsOldRoom(t *testing.T) {
	t.Parallel()
	const size, kept = 30_000, 2000
	var full Map[int]
	edit := full.Edit(size)
	for i := range size {
		edit.Set(fmt.Sprint(i), i)
	}
	full = slow(edit.Done())
	for _, together := range []int{10, 100, size} {
		m, edit := full, full.Edit(0)
		for i := kept; i < size; i++ {
			edit.Delete(fmt.Sprint(i))
			if i%together == 0 {
				m = edit.Done()
				edit = m.Edit(0)
			}
		}
		m = edit.Done()
		for i := range 2 * recentMax(kept) {
			edit := m.Edit(0)
			edit.Set(fmt.Sprint(i), -i)
			m = edit.Done()
		}
		if m.Len() != kept || m.room > 3*kept {
			t.Errorf("%d at once: %d entries, and room for %d", together, m.Len(), m.room)
		}
	}
}

// Readers hold a Map, or take the newest, while a writer goes on; keys that are set together are always alike.
func TestReadersBesideAWriter(t *testing.T) {
	t.Parallel()
	const size = 5000
	first := new(Map[int]).Edit(size)
	for i := range size {
		first.Set(fmt.Sprint(i), 0)
	}
	held := first.Done() // at a pace of its own: both kinds of Map come up
	var newest atomic.Pointer[Map[int]]
	newest.Store(&held)
	stop := make(chan struct{})
	var readers sync.WaitGroup
	for range 2 {
		readers.Go(func() {
			for {
				m := newest.Load()
				a, okA := m.Get("7")
				b, okB := m.Get("4999")
				if old, ok := held.Get("7"); a != b || !okA || !okB || old != 0 || !ok {
					t.Errorf("%d, %v and %d, %v; the first one has %d, %v", a, okA, b, okB, old, ok)
					return
				}
				select {
				case <-stop:
					return
				default:
				}
			}
		})
	}
	for i := range 500 {
		edit := newest.Load().Edit(0)
		for _, key := range []string{"7", fmt.Sprint(100 + i), "4999"} {
			edit.Delete(key)
			edit.Set(key, i)
		}
		next := edit.Done()
		newest.Store(&next)
	}
	close(stop)
	readers.Wait()
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
