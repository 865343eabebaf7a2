//go:build linux || darwin

package benchwork

import (
	"syscall"
	"time"
)

// CPUTime is the processor time that this process has used. On a machine that is shared it is what a benchmark can compare:
// the wall clock also counts the others' work.
func CPUTime() time.Duration {
	var usage syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &usage) != nil {
		return 0
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
