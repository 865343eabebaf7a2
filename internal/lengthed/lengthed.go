// Package lengthed writes texts one after the other so that no two lists of them give the same bytes, whatever the texts
// contain: for what is hashed, signed or authenticated.
package lengthed

import "encoding/binary"

// Join writes each part behind its length.
func Join(parts ...string) []byte { return Append(nil, parts...) }

// Append is Join behind what b has.
func Append(b []byte, parts ...string) []byte {
	for _, part := range parts {
		b = append(binary.BigEndian.AppendUint32(b, uint32(len(part))), part...)
	}
	return b
}
