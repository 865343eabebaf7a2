package egress

import (
	"io"
	"math"
	"net/http"
	"strings"
	"testing"
)

// The length that a server announces is its word alone: room for a terabyte is not made, and a wrong one changes nothing.
func TestAnnouncedLengthIsNotBelieved(t *testing.T) {
	t.Parallel()
	const body = `{"a":1}`
	for _, announced := range []int64{-1, 0, 1, usualBody, usualBody + 1, MaxBody + 1, 1 << 40, math.MaxInt64} {
		got, err := readBody(&http.Response{ContentLength: announced, Body: io.NopCloser(strings.NewReader(body))})
		if string(got) != body || err != nil {
			t.Errorf("announced %d: %q, %v", announced, got, err)
		}
		if cap(got) > 2*usualBody {
			t.Errorf("announced %d: room for %d bytes", announced, cap(got))
		}
	}
}
