//go:build !linux

package benchwork

import "time"

// ThreadTime is CPUTime on systems whose threads this package does not know how to ask.
func ThreadTime() time.Duration { return CPUTime() }
