// Package cow is a map from strings that readers use without a lock while a copy of it is changed: copy on write. The copy of
// a large map shares all but the recent changes with the original, so that a change costs about the same in a map of a
// million as in one of a thousand, and a look-up about as much as in a plain map.
package cow

import (
	"iter"
	"maps"
)

// Map never changes once it is made. The zero Map is empty.
type Map[V any] struct {
	base   map[string]V
	recent map[string]change[V] // these go before base; nil in a small map
	length int
}

type change[V any] struct {
	value   V
	deleted bool
}

// Get gives the value of a key, and whether it is there.
func (m *Map[V]) Get(key string) (V, bool) {
	if len(m.recent) > 0 {
		if c, ok := m.recent[key]; ok {
			return c.value, !c.deleted
		}
	}
	value, ok := m.base[key]
	return value, ok
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
		for key, value := range m.base {
			if _, ok := m.recent[key]; !ok && !yield(key, value) {
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
	switch {
	case m.length == 0:
		e.next.base, e.ownBase = make(map[string]V, expected), true
	case recentMax(len(m.base)) == 0:
		e.next.base, e.ownBase = maps.Clone(m.base), true
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
func (e *Edit[V]) Get(key string) (V, bool) { return e.next.Get(key) }

// Set adds an entry or replaces one.
func (e *Edit[V]) Set(key string, value V) {
	if _, ok := e.Get(key); !ok {
		e.next.length++
	}
	if e.ownBase {
		e.next.base[key] = value
		return
	}
	e.changes()[key] = change[V]{value: value}
	e.fold()
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
	e.changes()[key] = change[V]{deleted: true}
	e.fold()
}

// changes are the recent ones, copied before the first more.
func (e *Edit[V]) changes() map[string]change[V] {
	if !e.ownRecent {
		recent := make(map[string]change[V], len(e.next.recent)+1)
		maps.Copy(recent, e.next.recent)
		e.next.recent, e.ownRecent = recent, true
	}
	return e.next.recent
}

// fold makes base and changes one when the changes are too many.
func (e *Edit[V]) fold() {
	if len(e.next.recent) <= recentMax(len(e.next.base)) {
		return
	}
	base := make(map[string]V, e.next.length)
	for key, value := range e.next.All() {
		base[key] = value
	}
	e.next.base, e.next.recent, e.ownBase = base, nil, true
}

// Done ends the change and gives the new Map. The Edit must not be used any more.
func (e *Edit[V]) Done() Map[V] { return e.next }
