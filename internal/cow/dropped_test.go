package cow

import (
	"strconv"
	"testing"
)

// Many readers have the Map while an Edit works on its copy. Nothing of it may reach them, whether the Edit ends or is dropped,
// in a small map and in a large one with and without recent changes.
func TestEditReachesNoReader(t *testing.T) {
	t.Parallel()
	for _, size := range []int{0, 1, 1024, 1025, 5000} {
		fill := new(Map[int]).Edit(size)
		for i := range size {
			fill.Set(strconv.Itoa(i), i)
		}
		m := slow(fill.Done())
		for range 3 { // each time with one more recent change
			change := m.Edit(0)
			change.Set("changed", m.Len())
			change.Delete("0")
			m = change.Done()
			want := map[string]int{}
			for key, value := range m.All() {
				want[key] = value
			}
			for _, drop := range []bool{true, false} {
				hostile := m.Edit(0)
				for i := range 200 {
					hostile.Set(strconv.Itoa(i), -1)
					hostile.Set("new"+strconv.Itoa(i), -1)
					hostile.Delete(strconv.Itoa(i + 300))
				}
				hostile.Delete("changed")
				if !drop {
					hostile.Done()
				}
				if m.Len() != len(want) {
					t.Fatalf("of %d: the reader has %d entries, not %d", size, m.Len(), len(want))
				}
				for key, value := range want {
					if got, ok := m.Get(key); !ok || got != value {
						t.Fatalf("of %d: the reader has %s = %d, %v", size, key, got, ok)
					}
				}
				for _, key := range []string{"0", "new0", "new199"} {
					if got, ok := m.Get(key); ok {
						t.Fatalf("of %d: the reader has %s = %d", size, key, got)
					}
				}
			}
		}
	}
}
