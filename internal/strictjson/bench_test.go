package strictjson

import (
	"encoding/json"
	"testing"
)

// BenchmarkRead compares, in one run, what a reader pays for strictness. The
// row "Check and Parse" is what a document costs that the transport checks and
// the claims are read from.
func BenchmarkRead(b *testing.B) {
	for _, document := range []struct {
		name string
		data []byte
	}{
		{"ID token", []byte(idToken)},
		{"1000 keys", []byte(manyKeys(MaxMembers))},
	} {
		for _, reader := range []struct {
			name string
			read func([]byte) bool
		}{
			{"Check", func(data []byte) bool { return Check(data) == nil }},
			{"Parse", func(data []byte) bool { _, err := Parse(data); return err == nil }},
			{"Check and Parse", func(data []byte) bool {
				if Check(data) != nil {
					return false
				}
				_, err := Parse(data)
				return err == nil
			}},
			{"json.Valid", json.Valid},
			{"json.Unmarshal into a map", func(data []byte) bool {
				var m map[string]json.RawMessage
				return json.Unmarshal(data, &m) == nil
			}},
		} {
			b.Run(document.name+"/"+reader.name, func(b *testing.B) {
				b.SetBytes(int64(len(document.data)))
				b.ReportAllocs()
				for b.Loop() {
					if !reader.read(document.data) {
						b.Fatal("refused")
					}
				}
			})
		}
	}
}
