// Package cow is a map from strings that readers use without a lock while a copy of it is changed: copy on write. A look-up is
// one in a plain map, nearly always. A change of a large map does not copy all of it: the recent changes stand beside, and
// readers look there first, until all is copied into one plain map again. That is done as soon as it is cheap: the time that
// it takes is a small part of the time that passes, however often there are changes and however large the map.
package cow

import (
	"iter"
	"maps"
	"time"
)

// Map never changes once it is made. The zero Map is empty.
type Map[V any] struct {
	base   map[string]V
	recent map[string]change[V] // these go before base; nil most of the time
	length int
	room   int // of base: how many entries it once had
	pace   *pace
}

type change[V any] struct {
	value   V
	deleted bool
}

// Get gives the value of a key, and whether it is there.
func (m *Map[V]) Get(key string) (V, bool) {
	if len(m.recent) > 0 {
		return m.behindRecent(key)
	}
	value, ok := m.base[key]
	return value, ok
}

func (m *Map[V]) behindRecent(key string) (V, bool) {
	if c, ok := m.recent[key]; ok {
		return c.value, !c.deleted
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

const (
	smallMap  = 1024 // entries; copied at each change
	paceShare = 10   // copying all takes one part of the time in so many
)

// recentMax is how many changes stand beside a base of so many entries at most. Each change copies those before it.
func recentMax(base int) int {
	if base <= smallMap {
		return 0
	}
	return min(max(64, base/256), 4096)
}

// pace says when all may be copied again. It is shared by the Maps that were made of each other, whose Edits come one after
// the other.
type pace struct{ next time.Time }

func (p *pace) due() bool { return !time.Now().Before(p.next) }

func (p *pace) took(since time.Time) {
	now := time.Now()
	p.next = now.Add(paceShare * now.Sub(since))
}

// Edit begins a change of a copy. An empty Map gets room for as many entries as expected.
func (m *Map[V]) Edit(expected int) *Edit[V] {
	e := &Edit[V]{next: *m}
	switch {
	case m.length == 0:
		e.next, e.ownBase = Map[V]{base: make(map[string]V, expected), pace: m.pace}, true
	case recentMax(len(m.base)) == 0:
		e.fold()
	}
	if e.next.pace == nil {
		e.next.pace = new(pace)
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

// change enters a recent change, the first one into a copy. When the changes are too many, base and changes become one.
func (e *Edit[V]) change(key string, c change[V]) {
	m := &e.next
	if !e.ownRecent {
		if m.recent = maps.Clone(m.recent); m.recent == nil {
			m.recent = map[string]change[V]{}
		}
		e.ownRecent = true
	}
	if m.recent[key] = c; len(m.recent) > recentMax(len(m.base)) {
		e.fold()
	}
}

// fold makes base and recent changes one base, the Edit's own. A clone is several times faster than entering all anew, but has
// all the room that the base once needed.
func (e *Edit[V]) fold() {
	old := e.next
	e.next, e.ownBase = Map[V]{length: old.length, room: old.room, pace: old.pace}, true
	if old.room <= 2*old.length {
		e.next.base = maps.Clone(old.base)
		for key, c := range old.recent {
			if c.deleted {
				delete(e.next.base, key)
			} else {
				e.next.base[key] = c.value
			}
		}
		return
	}
	e.next.base, e.next.room = make(map[string]V, old.length), 0
	for key, value := range old.All() {
		e.next.base[key] = value
	}
}

// Done ends the change and gives the new Map. The Edit must not be used any more.
func (e *Edit[V]) Done() Map[V] {
	if len(e.next.recent) > 0 && e.next.pace.due() {
		begun := time.Now()
		e.fold()
		e.next.pace.took(begun)
	}
	e.next.room = max(e.next.room, len(e.next.base))
	return e.next
}
