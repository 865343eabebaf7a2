// Package recent keeps what was used last, up to a number.
package recent

import "container/list"

// Table is bounded in number: of too many entries the one that was longest not put or got goes. The zero Table is empty. It is
// not safe for concurrent use.
type Table[K comparable, V any] struct {
	entries map[K]*list.Element // of *entry[K, V]
	order   list.List           // the newest first
}

type entry[K comparable, V any] struct {
	key   K
	value V
}

// Get gives the entry with the key, which is the newest from then on.
func (t *Table[K, V]) Get(key K) (value V, ok bool) {
	if e, ok := t.entries[key]; ok {
		t.order.MoveToFront(e)
	}
	return t.Peek(key)
}

// Peek is Get without making the entry newer.
func (t *Table[K, V]) Peek(key K) (value V, ok bool) {
	if e, ok := t.entries[key]; ok {
		return e.Value.(*entry[K, V]).value, true
	}
	return value, false
}

// Put enters a value, or replaces the one with the same key. No more than size entries stay.
func (t *Table[K, V]) Put(key K, value V, size int) {
	if e, ok := t.entries[key]; ok {
		e.Value.(*entry[K, V]).value = value
		t.order.MoveToFront(e)
		return
	}
	if t.entries == nil {
		t.entries = map[K]*list.Element{}
	}
	t.entries[key] = t.order.PushFront(&entry[K, V]{key, value})
	if len(t.entries) > size { //check:recent-bound
		t.DropOldest()
	}
}

// Oldest gives the entry that goes next.
func (t *Table[K, V]) Oldest() (value V, ok bool) {
	if e := t.order.Back(); e != nil {
		return e.Value.(*entry[K, V]).value, true
	}
	return value, false
}

// DropOldest takes it out.
func (t *Table[K, V]) DropOldest() {
	if e := t.order.Back(); e != nil {
		delete(t.entries, t.order.Remove(e).(*entry[K, V]).key)
	}
}

// Len is how many entries there are.
func (t *Table[K, V]) Len() int { return len(t.entries) }
