package nested

import "testing"

func TestTwice(t *testing.T) {
	if twice := 2 * 21; twice != 42 { // shown in the guide
		t.Error(twice)
	}
}
