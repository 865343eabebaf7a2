package main

import (
	"bytes"
	"errors"
	"log"
	"os"
	"strings"
	"testing"
	"time"
)

// TestMain lets this binary be the backend too, as the command is.
func TestMain(m *testing.M) {
	if os.Getenv(backendVariable) != "" {
		log.Fatal(serveBackend(os.Stdin, os.Stdout))
	}
	os.Exit(m.Run())
}

func TestRunSignsPeopleIn(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	// One of two identity providers is faulty, the one that is down, so that nothing waits.
	intervals, err := run(settings{duration: 200 * time.Millisecond, every: 100 * time.Millisecond, workers: 2, idps: 2, faulty: 50}, &out)
	if err != nil {
		t.Fatal(err)
	}
	if len(intervals) != 2 || intervals[0].faults || !intervals[1].faults {
		t.Fatalf("%d intervals:\n%s", len(intervals), out.String())
	}
	for n, i := range intervals {
		if len(i.sound)+len(i.faulty) == 0 || len(i.failures) > 0 || i.kept.Heap == 0 || i.kept.Goroutines == 0 {
			t.Errorf("interval %d: %d sign-ins, kept %+v, failures %v", n, len(i.sound), i.kept, i.failures)
		}
		if !i.faults && len(i.faulty) > 0 {
			t.Errorf("interval %d has attempts at faulty identity providers", n)
		}
	}
	if !strings.Contains(out.String(), "customer-1 is down\n") {
		t.Errorf("the output does not name the faulty one:\n%s", out.String())
	}
}

func TestVerdict(t *testing.T) {
	t.Parallel()
	good := func(heap uint64, goroutines int) interval {
		return interval{took: time.Second, sound: []time.Duration{time.Millisecond}, kept: kept{heap, goroutines}}
	}
	slow := good(100, 10)
	slow.faults, slow.sound = true, []time.Duration{2 * time.Millisecond}
	failed := good(100, 10)
	failed.failures = []error{errors.New("refused")}
	warm := good(1, 1)
	warm.warmUp = true
	for name, row := range map[string]struct {
		intervals []interval
		passed    bool
		says      string
	}{
		"sound":                  {[]interval{good(100, 10), good(100, 10), good(109, 12)}, true, "no growth"},
		"nobody signed in":       {nil, false, "0 sign-ins"},
		"a failure":              {[]interval{good(100, 10), failed, good(100, 10)}, false, "error: refused"},
		"the heap grew":          {[]interval{good(100, 10), good(100, 10), good(111, 10)}, false, "IT GREW"},
		"goroutines grew":        {[]interval{good(100, 10), good(100, 10), good(100, 13)}, false, "IT GREW"},
		"only in the warm-up":    {[]interval{warm, good(100, 10), good(100, 10), good(100, 10)}, true, "no growth"},
		"slower beside a faulty": {[]interval{good(100, 10), slow, good(100, 10)}, false, "THEY BECAME SLOWER"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := judge(row.intervals)
			if v.passed() != row.passed || !strings.Contains(v.String(), row.says) {
				t.Errorf("passed is %t, want %t; it says\n%s", v.passed(), row.passed, v)
			}
		})
	}
}

func TestPercentile(t *testing.T) {
	t.Parallel()
	var values []time.Duration
	for i := 100; i >= 0; i-- {
		values = append(values, time.Duration(i))
	}
	if percentile(values, 50) != 50 || percentile(values, 99) != 99 || percentile(nil, 99) != 0 {
		t.Errorf("got %d and %d", percentile(values, 50), percentile(values, 99))
	}
}
