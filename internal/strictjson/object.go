package strictjson

import "bytes"

// Object is a JSON object that has passed all rules of this package. It keeps
// the document that it was parsed from and an index of its own members, but not
// of those further down. Any number of goroutines may read it at once. The zero
// Object has no members.
type Object struct {
	data    []byte
	members []member
	byFold  map[string]uint32 // position by folded name; nil for few members
}

type member struct {
	name  span // between the quotes
	value span
}

func newObject(data []byte, keys []key, byFold map[string]uint32) Object {
	o := Object{data: data, members: make([]member, len(keys)), byFold: byFold}
	for i, k := range keys {
		o.members[i] = member{name: k.name, value: k.value}
	}
	return o
}

// Len is the number of members.
func (o Object) Len() int { return len(o.members) }

// Names returns the members' names, unescaped, in the document's order.
func (o Object) Names() []string {
	names := make([]string, len(o.members))
	for i, m := range o.members {
		names[i] = unescaped(m.name.of(o.data))
	}
	return names
}

// Get returns the value of the member with exactly this name: case matters, and
// escapes in the document do not. The second result tells whether the member is
// there; a null is there.
func (o Object) Get(name string) (Value, bool) {
	if o.byFold != nil {
		var buf [64]byte
		i, found := o.byFold[string(appendFoldedName(buf[:0], []byte(name)))]
		if !found || !o.isNamed(o.members[i], name) {
			return Value{}, false
		}
		return o.valueOf(o.members[i]), true
	}
	for _, m := range o.members {
		if o.isNamed(m, name) {
			return o.valueOf(m), true
		}
	}
	return Value{}, false
}

func (o Object) isNamed(m member, name string) bool {
	between := m.name.of(o.data)
	if len(between) == len(name) {
		// With an escape in it, it would stand for something shorter.
		return string(between) == name && bytes.IndexByte(between, '\\') < 0
	}
	// An escape is longer than what it stands for, but at most six bytes for
	// one. A very long name is not unescaped again at each look-up.
	if len(between) < len(name) || len(between) > hexUnitLength*len(name) || bytes.IndexByte(between, '\\') < 0 {
		return false
	}
	var buf [64]byte
	return string(appendUnescaped(buf[:0], between)) == name
}

func (o Object) valueOf(m member) Value { return Value{m.value.of(o.data)} }
