// Package steady says what a process keeps when nothing runs in it.
package steady

import (
	"runtime"
	"time"
)

// Heap is the bytes that are alive, after a collection.
func Heap() uint64 {
	runtime.GC()
	runtime.GC() // what the first one's cleanups let go
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// Goroutines waits until those that are about to end have ended, such as those of connections that are being closed.
func Goroutines() int {
	n := runtime.NumGoroutine()
	for quiet := 0; quiet < 10; quiet++ {
		time.Sleep(5 * time.Millisecond)
		if now := runtime.NumGoroutine(); now != n {
			n, quiet = now, 0
		}
	}
	return n
}
