package main

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// section is one row family of the report: a table of who cost what, and the targets that it decides.
type section struct {
	title   string
	about   string
	header  []string
	rows    [][]string
	targets []target
	by      func(result) []float64 // what ratios are of
}

// target is one figure that issue 4 demands.
type target struct {
	what            string
	limit, measured float64
	unit            string // "times", "allocations", "bytes", ...
}

func (t target) met() string {
	if t.measured <= t.limit {
		return "met"
	}
	return "not met"
}

// timed makes a section of results. Ratios are of processor time.
func timed(title, about string, results []result) *section {
	s := &section{title: title, about: about, by: byCPU, header: []string{"", "time/op", "CPU/op", "B/op", "allocs/op"}}
	for _, r := range results {
		s.rows = append(s.rows, []string{r.name, duration(median(r.wall)), duration(median(r.cpu)), number(median(r.bytes)), number(median(r.allocs))})
	}
	s.compare(results)
	return s
}

// timedAlone is timed without memory, where what is untimed allocates too. by says what the ratios are of.
func timedAlone(title, about string, results []result, by func(result) []float64) *section {
	s := &section{title: title, about: about, by: by, header: []string{"", "time/op", "CPU/op"}}
	for _, r := range results {
		s.rows = append(s.rows, []string{r.name, duration(median(r.wall)), duration(median(r.cpu))})
	}
	s.compare(results)
	return s
}

// compare adds the ratios to those that the results have, and the notes.
func (s *section) compare(results []result) {
	for _, base := range []struct{ header, name string }{{"x bare", bareName}, {"x go-oidc", goOIDCName}} {
		to, ok := named(results, base.name)
		if !ok {
			continue
		}
		s.header = append(s.header, base.header)
		for i, r := range results {
			s.rows[i] = append(s.rows[i], fmt.Sprintf("%.2f", ratio(s.by(r), s.by(to))))
		}
	}
	s.header = append(s.header, "")
	for i, r := range results {
		s.rows[i] = append(s.rows[i], r.note)
	}
}

func named(results []result, name string) (result, bool) {
	for _, r := range results {
		if r.name == name {
			return r, true
		}
	}
	return result{}, false
}

// atMost adds a target of time: of may cost at most limit times what to does.
func (s *section) atMost(limit float64, results []result, of, to string) {
	a, okA := named(results, of)
	b, okB := named(results, to)
	if okA && okB {
		s.targets = append(s.targets, target{of + " to " + to, limit, ratio(s.by(a), s.by(b)), "times"})
	}
}

// atMostAllocs adds a target of allocations.
func (s *section) atMostAllocs(limit float64, results []result, of string) {
	if r, ok := named(results, of); ok {
		s.targets = append(s.targets, target{of, limit, median(r.allocs), "allocations"})
	}
}

func duration(ns float64) string {
	switch {
	case ns < 1e3:
		return fmt.Sprintf("%.0f ns", ns)
	case ns < 1e6:
		return fmt.Sprintf("%.2f us", ns/1e3)
	case ns < 1e9:
		return fmt.Sprintf("%.2f ms", ns/1e6)
	}
	return fmt.Sprintf("%.2f s", ns/1e9)
}

func number(n float64) string {
	if n < 10 && n != float64(int(n)) {
		return fmt.Sprintf("%.1f", n)
	}
	return fmt.Sprintf("%.0f", n)
}

// text prints a section for a terminal.
func (s *section) text(w io.Writer) {
	fmt.Fprintf(w, "\n%s\n", s.title)
	if s.about != "" {
		fmt.Fprintf(w, "  %s\n", s.about)
	}
	aligned(w, append([][]string{s.header}, s.rows...))
	for _, t := range s.targets {
		fmt.Fprintf(w, "  target: %s\n", t)
	}
}

func (t target) String() string {
	return fmt.Sprintf("%s: at most %s %s, measured %s: %s", t.what, short(t.limit), t.unit, short(t.measured), t.met())
}

func short(n float64) string {
	if n >= 20 || n == float64(int(n)) {
		return fmt.Sprintf("%.0f", n)
	}
	return fmt.Sprintf("%.2f", n)
}

func aligned(w io.Writer, rows [][]string) {
	widths := map[int]int{}
	for _, row := range rows {
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	for _, row := range rows {
		var line strings.Builder
		for i, cell := range row {
			format := "  %*s"
			width := widths[i]
			if i == 0 || i == len(row)-1 { // names and notes begin at the left
				width = -width
			}
			fmt.Fprintf(&line, format, width, cell)
		}
		fmt.Fprintln(w, strings.TrimRight(line.String(), " "))
	}
}

// markdown prints a section for the documentation.
func (s *section) markdown(w io.Writer) {
	fmt.Fprintf(w, "\n## %s\n\n", s.title)
	if s.about != "" {
		fmt.Fprintf(w, "%s\n\n", s.about)
	}
	line := func(cells []string) { fmt.Fprintf(w, "| %s |\n", strings.Join(cells, " | ")) }
	line(s.header)
	rule := []string{"---"}
	for range s.header[1:] {
		rule = append(rule, "---:")
	}
	rule[len(rule)-1] = "---"
	line(rule)
	for _, row := range s.rows {
		line(row)
	}
	if len(s.targets) == 0 {
		return
	}
	fmt.Fprint(w, "\n| target | at most | measured | |\n| --- | ---: | ---: | --- |\n")
	for _, t := range s.targets {
		line([]string{t.what, short(t.limit) + " " + t.unit, short(t.measured), t.met()})
	}
}
