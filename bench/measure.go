package main

import (
	"fmt"
	"runtime"
	"slices"
	"time"

	"github.com/oidcsso/oidcsso/internal/benchwork"
)

// work is one contender's part in a row.
type work struct {
	name  string
	note  string
	alone bool                                                // it is one goroutine, and its processor time is what it used alone, without what others do meanwhile
	ready func(n int) (run func(*stopwatch) error, err error) // readies n operations, untimed; run does them
}

// stopwatch runs while work runs, but for what the work itself leaves out.
type stopwatch struct {
	processor    func() time.Duration
	started      time.Time
	startedCPU   time.Duration
	elapsed, cpu time.Duration
}

func (s *stopwatch) start() { s.started, s.startedCPU = time.Now(), s.processor() }

func (s *stopwatch) stop() {
	s.elapsed += time.Since(s.started)
	s.cpu += s.processor() - s.startedCPU
}

// repeated is work that needs nothing readied.
func repeated(name string, operation func() error) work {
	return work{name: name, ready: func(n int) (func(*stopwatch) error, error) {
		return func(*stopwatch) error {
			for range n {
				if err := operation(); err != nil {
					return err
				}
			}
			return nil
		}, nil
	}}
}

// result is what one work cost per operation, round by round: nanoseconds by the clock and of processor time, bytes and
// allocations.
type result struct {
	name, note               string
	wall, cpu, bytes, allocs []float64
}

func byWall(r result) []float64 { return r.wall }
func byCPU(r result) []float64  { return r.cpu }

// plan is how long a run measures.
type plan struct {
	rounds int
	slice  time.Duration // how long one work runs in one round, about
}

// measure runs all works in each round, each time beginning with another one, so that what else the machine does meanwhile
// hits all alike.
func (p plan) measure(works []work) ([]result, error) {
	counts := make([]int, len(works))
	results := make([]result, len(works))
	for i, w := range works {
		n, err := p.calibrate(w)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", w.name, err)
		}
		counts[i], results[i] = n, result{name: w.name, note: w.note}
	}
	for round := range p.rounds {
		for i := range works {
			i = (i + round) % len(works)
			watch, memory, err := once(works[i], counts[i])
			if err != nil {
				return nil, fmt.Errorf("%s: %w", works[i].name, err)
			}
			r, n := &results[i], float64(counts[i])
			r.wall = append(r.wall, float64(watch.elapsed.Nanoseconds())/n)
			r.cpu = append(r.cpu, float64(watch.cpu.Nanoseconds())/n)
			r.bytes = append(r.bytes, float64(memory.TotalAlloc)/n)
			r.allocs = append(r.allocs, float64(memory.Mallocs)/n)
		}
	}
	return results, nil
}

const maxOperations = 1 << 20

// calibrate finds how many operations fill a slice of processor time. What it runs is the warm-up.
func (p plan) calibrate(w work) (int, error) {
	for n := 1; ; {
		watch, _, err := once(w, n)
		if err != nil {
			return 0, err
		}
		fits := max(1, int(float64(n)*float64(p.slice)/float64(watch.cpu+1)))
		if watch.cpu >= p.slice/2 || n >= maxOperations {
			return fits, nil
		}
		n = min(max(2*n, fits), 20*n)
	}
}

func once(w work, n int) (stopwatch, runtime.MemStats, error) {
	watch := stopwatch{processor: benchwork.CPUTime}
	if w.alone {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		watch.processor = benchwork.ThreadTime
	}
	var before, after runtime.MemStats
	run, err := w.ready(n)
	if err != nil {
		return watch, after, err
	}
	runtime.GC()
	runtime.ReadMemStats(&before)
	watch.start()
	err = run(&watch)
	watch.stop()
	runtime.ReadMemStats(&after)
	after.TotalAlloc -= before.TotalAlloc
	after.Mallocs -= before.Mallocs
	return watch, after, err
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	switch {
	case n == 0:
		return 0
	case n%2 == 0:
		return (sorted[n/2-1] + sorted[n/2]) / 2
	}
	return sorted[n/2]
}

// ratio is the median of the ratios that the rounds gave.
func ratio(of, to []float64) float64 {
	ratios := make([]float64, min(len(of), len(to)))
	for i := range ratios {
		ratios[i] = of[i] / to[i]
	}
	return median(ratios)
}
