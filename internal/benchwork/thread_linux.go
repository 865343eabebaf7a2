package benchwork

import (
	"syscall"
	"time"
	"unsafe"
)

// ThreadTime is the processor time of the calling thread, to which the goroutine is locked: without what others do meanwhile.
func ThreadTime() time.Duration {
	const threadCPU = 3 // CLOCK_THREAD_CPUTIME_ID; getrusage counts ticks of 4 ms on some kernels
	var spec syscall.Timespec
	if _, _, errno := syscall.Syscall(syscall.SYS_CLOCK_GETTIME, threadCPU, uintptr(unsafe.Pointer(&spec)), 0); errno != 0 {
		return 0
	}
	return time.Duration(spec.Nano())
}
