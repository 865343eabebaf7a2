package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// atOnce is how many tests run at the same time, each in a process of its own.
const atOnce = 2

// prove says whether each row is true: its test passes, and fails when its checks are off.
func prove(ctx context.Context, out io.Writer, b *binaries, rows []row) (bool, error) {
	passed, err := passing(ctx, b, rows)
	if err != nil {
		return false, err
	}
	rows = slices.Clone(rows)
	slices.SortStableFunc(rows, func(a, b row) int { return cmp.Compare(a.off(), b.off()) })
	texts := make([]string, len(rows))
	errs := make([]error, len(rows))
	slots := make(chan bool, atOnce)
	var wg sync.WaitGroup
	for i, r := range rows {
		slots <- true
		wg.Go(func() {
			defer func() { <-slots }()
			texts[i], errs[i] = r.verdict(ctx, b, passed)
		})
	}
	wg.Wait()
	held := true
	for i, r := range rows {
		if errs[i] != nil {
			return false, fmt.Errorf("%s: %w", r.test, errs[i])
		}
		held = held && texts[i] == heldBy
		fmt.Fprintf(out, "%-28s %s %s\n", cmp.Or(r.off(), "-"), texts[i], r.test)
	}
	return held, nil
}

// off is the row's checks, as the variable has them.
func (r row) off() string { return strings.Join(r.checks, " ") }

const heldBy = "held by"

// verdict is what is printed before the name of the row's test.
func (r row) verdict(ctx context.Context, b *binaries, passed map[string]bool) (string, error) {
	switch {
	case !passed[r.dir+" "+r.test]:
		return "DOES NOT RUN AND PASS WITH IT:", nil
	case len(r.checks) == 0:
		return heldBy, nil
	}
	o, err := b.run(ctx, r.dir, exactly(r.test), r.off())
	if o.ok {
		return "NOT HELD: without it passes", err
	}
	return heldBy, err
}

// passing runs the tests of all rows with all checks on, and gives those that passed as "package test".
func passing(ctx context.Context, b *binaries, rows []row) (map[string]bool, error) {
	tests := map[string][]string{} // by package
	for _, r := range rows {
		top, _, _ := strings.Cut(r.test, "/")
		tests[r.dir] = append(tests[r.dir], regexp.QuoteMeta(top))
	}
	passed := map[string]bool{}
	for pkg, names := range tests {
		if err := b.build(ctx, pkg); err != nil {
			return nil, err
		}
		slices.Sort(names)
		o, err := b.run(ctx, pkg, "^("+strings.Join(slices.Compact(names), "|")+")$", "")
		if err != nil {
			return nil, err
		}
		for _, name := range o.passed {
			passed[pkg+" "+name] = true
		}
	}
	return passed, nil
}

// search runs all tests of the root package, of a check's own and, if that is another one, of the nested modules, and says which
// fail without it. It is for a new check.
func search(ctx context.Context, out io.Writer, b *binaries, name string, sites []site) (bool, error) {
	packages := []string{"."}
	for _, s := range sites {
		if dir := s.dir(b.root); !slices.Contains(packages, dir) {
			packages = append(packages, dir)
		}
	}
	if len(packages) > 1 {
		for _, module := range b.modules {
			packages = append(packages, "./"+module)
		}
	}
	var failed []string
	ok := true
	for _, pkg := range packages {
		if err := b.build(ctx, pkg); err != nil {
			return false, err
		}
		o, err := b.run(ctx, pkg, ".", name)
		if err != nil {
			return false, err
		}
		ok = ok && o.ok
		failed = append(failed, o.failed...)
	}
	verdict := "held by " + strings.Join(failed, ", ")
	switch {
	case ok:
		verdict = "NOT HELD: all tests pass without it"
	case len(failed) == 0:
		verdict = "held by a test that does not end in order"
	}
	fmt.Fprintf(out, "%-28s %s\n", name, verdict)
	return !ok, nil
}
