package lengthed

import (
	"bytes"
	"testing"
)

// The lengths are part of frozen formats: of account keys, and of what is sealed and signed.
func TestJoin(t *testing.T) {
	t.Parallel()
	if got := Join("ab", ""); !bytes.Equal(got, []byte("\x00\x00\x00\x02ab\x00\x00\x00\x00")) {
		t.Errorf("got %q", got)
	}
	if got := Append([]byte("x"), "y"); string(got) != "x\x00\x00\x00\x01y" {
		t.Errorf("got %q", got)
	}
	seen := map[string][]string{}
	for _, parts := range [][]string{nil, {""}, {"", ""}, {"ab"}, {"a", "b"}, {"", "ab"}, {"ab", ""}, {"\x00\x00\x00\x01a"}, {"a\x00\x00\x00\x01b"}} {
		joined := string(Join(parts...))
		if other, ok := seen[joined]; ok {
			t.Errorf("%q and %q are joined alike", parts, other)
		}
		seen[joined] = parts
	}
}
