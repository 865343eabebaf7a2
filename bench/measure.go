package main

import (
	"fmt"
	"runtime"
	"slices"
	"time"
)

// work is one contender's part in a row.
type work struct {
	name  string
	note  string
	ready func(n int) (run func() error, err error) // readies n operations, untimed; run does them
}

// repeated is work that needs nothing readied.
func repeated(name string, operation func() error) work {
	return work{name: name, ready: func(n int) (func() error, error) {
		return func() error {
			for range n {
				if err := operation(); err != nil {
					return err
				}
			}
			return nil
		}, nil
	}}
}

// result is what one work cost per operation, round by round.
type result struct {
	name, note        string
	ns, bytes, allocs []float64
}

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
			took, memory, err := once(works[i], counts[i])
			if err != nil {
				return nil, fmt.Errorf("%s: %w", works[i].name, err)
			}
			r, n := &results[i], float64(counts[i])
			r.ns = append(r.ns, float64(took.Nanoseconds())/n)
			r.bytes = append(r.bytes, float64(memory.TotalAlloc)/n)
			r.allocs = append(r.allocs, float64(memory.Mallocs)/n)
		}
	}
	return results, nil
}

const maxOperations = 1 << 20

// calibrate finds how many operations fill a slice. What it runs is the warm-up.
func (p plan) calibrate(w work) (int, error) {
	for n := 1; ; {
		took, _, err := once(w, n)
		if err != nil {
			return 0, err
		}
		if took >= p.slice/2 || n >= maxOperations {
			return max(1, int(float64(n)*float64(p.slice)/float64(took))), nil
		}
		n = min(max(2*n, int(float64(n)*float64(p.slice)/float64(took+1))), 20*n)
	}
}

func once(w work, n int) (time.Duration, runtime.MemStats, error) {
	run, err := w.ready(n)
	if err != nil {
		return 0, runtime.MemStats{}, err
	}
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	start := time.Now()
	err = run()
	took := time.Since(start)
	runtime.ReadMemStats(&after)
	after.TotalAlloc -= before.TotalAlloc
	after.Mallocs -= before.Mallocs
	return took, after, err
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
func ratio(of, to result) float64 {
	ratios := make([]float64, min(len(of.ns), len(to.ns)))
	for i := range ratios {
		ratios[i] = of.ns[i] / to.ns[i]
	}
	return median(ratios)
}
