//go:build !linux && !darwin

package benchwork

import "time"

var start = time.Now()

// CPUTime is the wall clock on systems whose processor time this package does not know how to ask for.
func CPUTime() time.Duration { return time.Since(start) }
