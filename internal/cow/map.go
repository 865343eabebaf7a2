// Package cow is a map from strings that readers use without a lock while a copy of it is changed: copy on write. A change
// copies not the whole map but the shards that it touches, so that it costs the same in a map of a million as in one of a
// thousand.
package cow

import (
	"hash/maphash"
	"iter"
	"maps"
	"math/bits"
	"slices"
)

// Map never changes once it is made. The zero Map is empty.
type Map[V any] struct {
	shards []map[string]V // a power of two, or none
	length int
}

// seed is one for all, so that the maps of one process divide the same key in the same way.
var seed = maphash.MakeSeed()

const (
	usualShard = 512  // entries of a shard when shards are made
	singleMax  = 4096 // up to here one shard is best: finding the right one takes as long as looking into it
)

// Get gives the value of a key, and whether it is there.
func (m *Map[V]) Get(key string) (V, bool) {
	if len(m.shards) == 1 {
		value, ok := m.shards[0][key]
		return value, ok
	}
	if len(m.shards) == 0 {
		var none V
		return none, false
	}
	value, ok := m.shards[m.shardOf(key)][key]
	return value, ok
}

func (m *Map[V]) shardOf(key string) int {
	return int(maphash.String(seed, key) & uint64(len(m.shards)-1))
}

// Len is the number of entries.
func (m *Map[V]) Len() int { return m.length }

// Values gives all values, in no order.
func (m *Map[V]) Values() iter.Seq[V] {
	return func(yield func(V) bool) {
		for _, shard := range m.shards {
			for _, value := range shard {
				if !yield(value) {
					return
				}
			}
		}
	}
}

// Edit begins a change of a copy, which is thought to end with about as many entries as expected; 0 means as many as now.
func (m *Map[V]) Edit(expected int) *Edit[V] {
	e := &Edit[V]{next: Map[V]{shards: slices.Clone(m.shards), length: m.length}, own: make([]bool, len(m.shards))}
	if expected = max(expected, m.length); len(m.shards) == 0 || expected > 2*e.capacity() {
		e.divide(expected)
	}
	return e
}

// Edit is a copy that is being changed. It is for one goroutine.
type Edit[V any] struct {
	next Map[V]
	own  []bool // which shards are no longer those of the original
}

func (e *Edit[V]) capacity() int {
	if len(e.next.shards) == 1 {
		return singleMax / 2
	}
	return len(e.next.shards) * usualShard
}

// divide puts all entries into new shards, enough for so many entries.
func (e *Edit[V]) divide(entries int) {
	n := 1
	if entries > singleMax {
		n = 1 << bits.Len(uint((entries-1)/usualShard))
	}
	old := e.next.shards
	e.next.shards, e.own = make([]map[string]V, n), make([]bool, n)
	for i := range n {
		e.next.shards[i], e.own[i] = make(map[string]V, entries/n), true
	}
	for _, shard := range old {
		for key, value := range shard {
			e.next.shards[e.next.shardOf(key)][key] = value
		}
	}
}

// Get gives the value of a key as it is in the copy so far.
func (e *Edit[V]) Get(key string) (V, bool) { return e.next.Get(key) }

// Set adds an entry or replaces one.
func (e *Edit[V]) Set(key string, value V) {
	shard := e.shard(key)
	before := len(shard)
	shard[key] = value
	e.next.length += len(shard) - before
	if e.next.length > 2*e.capacity() {
		e.divide(e.next.length)
	}
}

// Delete takes an entry out, if it is there.
func (e *Edit[V]) Delete(key string) {
	if _, ok := e.Get(key); ok {
		delete(e.shard(key), key)
		e.next.length--
	}
}

// shard is the one of a key, copied before its first change.
func (e *Edit[V]) shard(key string) map[string]V {
	i := e.next.shardOf(key)
	if !e.own[i] {
		e.next.shards[i], e.own[i] = maps.Clone(e.next.shards[i]), true
	}
	return e.next.shards[i]
}

// Done ends the change and gives the new Map. The Edit must not be used any more.
func (e *Edit[V]) Done() Map[V] { return e.next }
