package recent

import (
	"fmt"
	"testing"
)

func TestTableKeepsTheNewest(t *testing.T) {
	t.Parallel()
	var table Table[string, int]
	if _, ok := table.Get("a"); ok || table.Len() != 0 {
		t.Error("it is not empty")
	}
	if _, ok := table.Oldest(); ok {
		t.Error("an empty table has an oldest entry")
	}
	table.DropOldest() // of none
	for i, key := range []string{"a", "b", "c"} {
		table.Put(key, i, 3)
	}
	table.Get("a")       // newer than b and c
	table.Peek("b")      // is no use of b
	table.Put("c", 7, 3) // newer than a
	table.Put("d", 3, 3) // b goes
	if _, ok := table.Peek("b"); ok || table.Len() != 3 {
		t.Errorf("%d entries, with b: %t", table.Len(), ok)
	}
	got := ""
	for {
		value, ok := table.Oldest()
		if !ok {
			break
		}
		got += fmt.Sprint(value)
		table.DropOldest()
	}
	if got != "073" || table.Len() != 0 {
		t.Errorf("in the order of their age: %s, then %d are left", got, table.Len())
	}
}

func TestTableIsBounded(t *testing.T) {
	t.Parallel()
	var table Table[int, int]
	for i := range 10_000 {
		table.Put(i, i, 100)
		if table.Len() > 100 || len(table.entries) != table.order.Len() {
			t.Fatalf("%d entries after %d", table.Len(), i)
		}
	}
	if oldest, _ := table.Oldest(); oldest != 9_900 {
		t.Errorf("the oldest is %d", oldest)
	}
}
