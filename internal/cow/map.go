// Package cow is a map from strings that readers use without a lock while a copy of it is changed: copy on write. The copy of
// a large map shares its base with the original and keeps the recent changes beside it, so that a change costs about the same
// in a map of a million as in one of a thousand. Each entry of a base has a number, and a bit under that number says whether
// there is a recent change of it. A look-up thus goes to the recent changes only for what has changed, and costs about as much
// as in a plain map.
package cow

import (
	"iter"
	"maps"
	"sync/atomic"
)

// Map never changes once it is made. The zero Map is empty.
type Map[V any] struct {
	base    map[string]entry[V]
	numbers uint32               // of base: all are below
	changed bits                 // by number; shared by all Maps with this base, so that some may be of later changes
	recent  map[string]change[V] // these go before base; nil in a small map
	added   int                  // recent changes of keys that are not in base
	length  int
}

type entry[V any] struct {
	value  V
	number uint32
}

type change[V any] struct {
	value   V
	deleted bool
}

// bits are only ever set, while others read them.
type bits []atomic.Uint32

func newBits(n uint32) bits { return make(bits, (n+31)/32) }

func (b bits) has(n uint32) bool { return b[n/32].Load()&(1<<(n%32)) != 0 }
func (b bits) set(n uint32)      { b[n/32].Or(1 << (n % 32)) }

// Get gives the value of a key, and whether it is there.
func (m *Map[V]) Get(key string) (V, bool) {
	e, ok := m.base[key]
	if ok && m.changed.has(e.number) || !ok && m.added > 0 {
		if c, ok := m.recent[key]; ok {
			return c.value, !c.deleted
		}
	}
	return e.value, ok
}

// Unchanged is Get for most keys, small enough to be compiled into its caller: if it does not give a value, Get must be asked.
func (m *Map[V]) Unchanged(key string) (V, bool) {
	e, ok := m.base[key]
	return e.value, ok && !m.changed.has(e.number)
}

// Len is the number of entries.
func (m *Map[V]) Len() int { return m.length }

// All gives all entries, in no order.
func (m *Map[V]) All() iter.Seq2[string, V] {
	return func(yield func(string, V) bool) {
		for key, c := range m.recent {
			if !c.deleted && !yield(key, c.value) {
				return
			}
		}
		for key, e := range m.base {
			if _, ok := m.recent[key]; !ok && !yield(key, e.value) {
				return
			}
		}
	}
}

// recentMax is how many changes are kept beside a base of so many entries before they become a base of their own. Each
// change copies those before it; all entries are copied once in so many changes.
func recentMax(base int) int {
	if base <= 1024 {
		return 0
	}
	return min(max(64, base/256), 4096)
}

// Edit begins a change of a copy. An empty Map gets room for as many entries as expected.
func (m *Map[V]) Edit(expected int) *Edit[V] {
	e := &Edit[V]{next: *m}
	if m.length == 0 {
		e.next, e.ownBase = Map[V]{base: make(map[string]entry[V], expected)}, true
	} else if recentMax(len(m.base)) == 0 {
		e.fold()
	}
	return e
}

// Edit is a copy that is being changed. It is for one goroutine.
type Edit[V any] struct {
	next      Map[V]
	ownBase   bool // the base is no longer the original's, and there are no recent changes
	ownRecent bool
}

// Get gives the value of a key as it is in the copy so far.
func (e *Edit[V]) Get(key string) (V, bool) {
	if e.ownBase {
		old, ok := e.next.base[key]
		return old.value, ok
	}
	return e.next.Get(key)
}

// Set adds an entry or replaces one.
func (e *Edit[V]) Set(key string, value V) {
	if _, ok := e.Get(key); !ok {
		e.next.length++
	}
	if e.ownBase {
		e.next.setBase(key, value)
		return
	}
	e.change(key, change[V]{value: value})
}

// Delete takes an entry out, if it is there.
func (e *Edit[V]) Delete(key string) {
	if _, ok := e.Get(key); !ok {
		return
	}
	e.next.length--
	if e.ownBase {
		delete(e.next.base, key)
		return
	}
	e.change(key, change[V]{deleted: true})
}

// setBase gives a new key the next number.
func (m *Map[V]) setBase(key string, value V) {
	old, ok := m.base[key]
	if !ok {
		old.number = m.numbers
		m.numbers++
	}
	m.base[key] = entry[V]{value, old.number}
}

// change enters a recent change, the first one into a copy. When the changes are too many, base and changes become one.
func (e *Edit[V]) change(key string, c change[V]) {
	m := &e.next
	if !e.ownRecent {
		if m.recent = maps.Clone(m.recent); m.recent == nil {
			m.recent = map[string]change[V]{}
		}
		e.ownRecent = true
	}
	if old, ok := m.base[key]; ok {
		m.changed.set(old.number)
	} else if _, ok := m.recent[key]; !ok {
		m.added++
	}
	if m.recent[key] = c; len(m.recent) > recentMax(len(m.base)) {
		e.fold()
	}
}

// fold makes base and recent changes one base, the Edit's own. A clone is several times faster than entering all anew, but has
// all the room that the base once needed, which is at least that of its numbers.
func (e *Edit[V]) fold() {
	old := e.next
	e.next, e.ownBase = Map[V]{length: old.length}, true
	if uint64(old.numbers) <= 2*uint64(old.length) {
		e.next.base, e.next.numbers = maps.Clone(old.base), old.numbers
		for key, c := range old.recent {
			if c.deleted {
				delete(e.next.base, key)
			} else {
				e.next.setBase(key, c.value)
			}
		}
		return
	}
	e.next.base = make(map[string]entry[V], old.length)
	for key, value := range old.All() {
		e.next.setBase(key, value)
	}
}

// Done ends the change and gives the new Map. The Edit must not be used any more.
func (e *Edit[V]) Done() Map[V] {
	if e.ownBase {
		e.next.changed = newBits(e.next.numbers)
	}
	return e.next
}
