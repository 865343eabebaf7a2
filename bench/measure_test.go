package main

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestMedian(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		values []float64
		want   float64
	}{{nil, 0}, {[]float64{3}, 3}, {[]float64{9, 1, 2}, 2}, {[]float64{4, 1, 2, 9}, 3}} {
		if got := median(row.values); got != row.want {
			t.Errorf("the median of %v is %v, want %v", row.values, got, row.want)
		}
	}
}

// A round in which the machine was slow for both counts like the others.
func TestRatioIsThatOfRounds(t *testing.T) {
	t.Parallel()
	if got := ratio([]float64{2, 200, 2}, []float64{1, 100, 1}); got != 2 {
		t.Errorf("the ratio is %v, want 2", got)
	}
}

func TestEveryRoundHasEveryWorkInAnotherOrder(t *testing.T) {
	t.Parallel()
	var order []string
	note := func(name string) work {
		return work{name: name, ready: func(int) (func(*stopwatch) error, error) {
			return func(watch *stopwatch) error {
				order = append(order, name)
				watch.cpu += time.Millisecond // so that one operation fills the slice
				return nil
			}, nil
		}}
	}
	results, err := plan{rounds: 3, slice: time.Millisecond}.measure([]work{note("a"), note("b"), note("c")})
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(order[3:], ""); got != "abcbcacab" {
		t.Errorf("the order after the warm-up is %s", got)
	}
	for _, r := range results {
		if len(r.cpu) != 3 || len(r.wall) != 3 || len(r.allocs) != 3 {
			t.Errorf("%s has not one figure for each round", r.name)
		}
	}
}

func TestWorkThatFailsIsNamed(t *testing.T) {
	t.Parallel()
	cause := errors.New("refused")
	_, err := plan{rounds: 1, slice: time.Millisecond}.measure([]work{repeated("peer", func() error { return cause })})
	if !errors.Is(err, cause) || !strings.HasPrefix(err.Error(), "peer: ") {
		t.Errorf("got %v", err)
	}
}

func TestSectionsPrintTargets(t *testing.T) {
	t.Parallel()
	results := []result{{name: bareName, cpu: []float64{100}, allocs: []float64{2}}, {name: ourName, cpu: []float64{120}, allocs: []float64{7}}}
	s := timed("A row", "", results)
	s.atMost(1.3, results, ourName, bareName)
	s.atMostAllocs(6, results, ourName)
	var text, markdown bytes.Buffer
	s.text(&text)
	s.markdown(&markdown)
	for _, want := range []string{"oidcsso to bare: at most 1.30 times, measured 1.20: met", "oidcsso: at most 6 allocations, measured 7: not met"} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("the text lacks %q:\n%s", want, text.String())
		}
	}
	for _, want := range []string{"## A row", "| oidcsso to bare | 1.30 times | 1.20 | met |", "| oidcsso | 6 allocations | 7 | not met |"} {
		if !slices.Contains(strings.Split(markdown.String(), "\n"), want) {
			t.Errorf("the markdown lacks %q:\n%s", want, markdown.String())
		}
	}
}

func TestBenchmarkLineIsRead(t *testing.T) {
	t.Parallel()
	const line = "BenchmarkIDToken/RS256/go-oidc-2 \t    5791\t     61231 ns/op\t     60000.5 cpu-ns/op\t   12737 B/op\t     147 allocs/op\n"
	match := benchmarkLine.FindSubmatch([]byte(line))
	if match == nil {
		t.Fatal("it is not")
	}
	r := record(nil, string(match[2]), match[3:])[0]
	if r.name != "go-oidc" || r.wall[0] != 61231 || r.cpu[0] != 60000.5 || r.bytes[0] != 12737 || r.allocs[0] != 147 {
		t.Errorf("got %+v", r)
	}
}
