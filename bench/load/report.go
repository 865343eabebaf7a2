package main

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

var header = fmt.Sprintf("%8s %6s %8s %9s %9s %9s %7s %8s %10s %12s %9s %9s %9s",
	"interval", "faults", "sign-ins", "a second", "p50", "p99", "errors", "heap kB", "goroutines", "connections", "attempts", "their p50", "p99")

func (i interval) line(n int) string {
	line := fmt.Sprintf("%8d %6s %8d %9.1f %9s %9s %7d %8d %10d %12d", n, map[bool]string{true: "yes"}[i.faults], len(i.sound), i.rate(),
		round(percentile(i.sound, 50)), round(percentile(i.sound, 99)), len(i.failures), i.kept.Heap/1000, i.kept.Goroutines, i.open)
	if i.faults {
		line += fmt.Sprintf(" %9d %9s %9s", len(i.faulty), round(percentile(i.faulty, 50)), round(percentile(i.faulty, 99)))
	}
	return line
}

// ownGoroutines are those that no idle connection has.
func (i interval) ownGoroutines() int { return i.kept.Goroutines - 2*i.open }

func (i interval) rate() float64 { return float64(len(i.sound)) / i.took.Seconds() }

func round(d time.Duration) string { return d.Round(10 * time.Microsecond).String() }

// percentile is the value that n per cent do not exceed; 0 of none.
func percentile(values []time.Duration, n int) time.Duration {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	return sorted[(len(sorted)-1)*n/100]
}

// What counts as noise: the last third's median may be so much above the first's.
const (
	heapNoise      = 1.10 // times
	goroutineNoise = 2    // more
	latencyNoise   = 1.25 // times, with faulty identity providers beside the sound ones
)

// verdict is what a run shows.
type verdict struct {
	signIns            int
	rate               float64
	p50, p99           time.Duration
	failures           []error
	heap, goroutines   [2]float64       // medians of the first and of the last third, after the warm-up
	compared           bool             // there were intervals with faults and without
	soundP50, soundP99 [2]time.Duration // medians without faults and with
}

func judge(intervals []interval) verdict {
	var v verdict
	var took time.Duration
	var all []time.Duration
	var kinds [2][]interval
	for _, i := range intervals {
		took += i.took
		all = append(all, i.sound...)
		v.failures = append(v.failures, i.failures...)
		if i.faults {
			kinds[1] = append(kinds[1], i)
		} else {
			kinds[0] = append(kinds[0], i)
		}
	}
	v.signIns, v.rate, v.p50, v.p99 = len(all), float64(len(all))/took.Seconds(), percentile(all, 50), percentile(all, 99)
	steady := slices.DeleteFunc(slices.Clone(intervals), func(i interval) bool { return i.warmUp })
	third := (len(steady) + 2) / 3
	if len(steady) > 0 {
		for at, part := range [2][]interval{steady[:third], steady[len(steady)-third:]} {
			v.heap[at] = medianOf(part, func(i interval) float64 { return float64(i.kept.Heap) })
			v.goroutines[at] = medianOf(part, func(i interval) float64 { return float64(i.ownGoroutines()) })
		}
	}
	v.compared = len(kinds[0]) > 0 && len(kinds[1]) > 0
	for at, kind := range kinds {
		v.soundP50[at] = time.Duration(medianOf(kind, func(i interval) float64 { return float64(percentile(i.sound, 50)) }))
		v.soundP99[at] = time.Duration(medianOf(kind, func(i interval) float64 { return float64(percentile(i.sound, 99)) }))
	}
	return v
}

func medianOf(intervals []interval, figure func(interval) float64) float64 {
	if len(intervals) == 0 {
		return 0
	}
	var values []float64
	for _, i := range intervals {
		values = append(values, figure(i))
	}
	slices.Sort(values)
	return (values[(len(values)-1)/2] + values[len(values)/2]) / 2
}

func (v verdict) heapGrew() bool       { return v.heap[1] > v.heap[0]*heapNoise }
func (v verdict) goroutinesGrew() bool { return v.goroutines[1] > v.goroutines[0]+goroutineNoise }

func (v verdict) slower() bool {
	return v.compared && (float64(v.soundP50[1]) > float64(v.soundP50[0])*latencyNoise || float64(v.soundP99[1]) > float64(v.soundP99[0])*latencyNoise)
}

func (v verdict) passed() bool {
	return v.signIns > 0 && len(v.failures) == 0 && !v.heapGrew() && !v.goroutinesGrew() && !v.slower()
}

func (v verdict) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "\n%d sign-ins, %.1f a second, p50 %s, p99 %s, %d errors\n", v.signIns, v.rate, round(v.p50), round(v.p99), len(v.failures))
	for _, failure := range v.failures[:min(5, len(v.failures))] {
		fmt.Fprintf(&b, "  error: %v\n", failure)
	}
	said := map[bool]string{false: "no growth", true: "IT GREW"}
	fmt.Fprintf(&b, "heap after a collection: %.0f kB in the first third, %.0f kB in the last: %s\n", v.heap[0]/1000, v.heap[1]/1000, said[v.heapGrew()])
	fmt.Fprintf(&b, "goroutines that are no idle connection's: %.0f in the first third, %.0f in the last: %s\n", v.goroutines[0], v.goroutines[1], said[v.goroutinesGrew()])
	if v.compared {
		fmt.Fprintf(&b, "sound identity providers: p50 %s without faults and %s with, p99 %s and %s: %s\n", round(v.soundP50[0]), round(v.soundP50[1]),
			round(v.soundP99[0]), round(v.soundP99[1]), map[bool]string{false: "they keep their latency", true: "THEY BECAME SLOWER"}[v.slower()])
	}
	b.WriteString(map[bool]string{false: "FAILED", true: "passed"}[v.passed()])
	return b.String()
}
