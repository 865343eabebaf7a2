package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"sort"
	"strings"
	"sync"
)

// atOnce is how many checks are switched off at the same time, each in an overlay of its own.
const atOnce = 2

// group is the rows that need the same checks to be switched off.
type group struct {
	checks string // their names, with a space between them
	rows   []row
}

// groupsOf sorts rows by their checks; those without come last, as a group without a name.
func groupsOf(rows []row) []group {
	byChecks := map[string][]row{}
	for _, r := range rows {
		name := strings.Join(r.checks, " ")
		byChecks[name] = append(byChecks[name], r)
	}
	var all []group
	for name, rows := range byChecks {
		all = append(all, group{name, rows})
	}
	sort.Slice(all, func(i, j int) bool {
		return all[j].checks == "" || all[i].checks != "" && all[i].checks < all[j].checks
	})
	return all
}

// prove says whether each row is true: its test passes, and fails when its checks are switched off.
func prove(ctx context.Context, out io.Writer, root string, groups []group, marks map[string][]site) (bool, error) {
	dir, err := os.MkdirTemp("", "checks")
	if err != nil {
		return false, err
	}
	defer os.RemoveAll(dir)
	passed, err := passing(ctx, root, dir, groups)
	if err != nil {
		return false, err
	}
	held := true
	var mu sync.Mutex
	report := func(r row, problem string) {
		mu.Lock()
		defer mu.Unlock()
		if problem == "" {
			problem = "held by"
		} else {
			held = false
		}
		fmt.Fprintf(out, "%-28s %s %s\n", firstOr(r.checks, "-"), problem, r.test)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	work := make(chan group)
	var wg sync.WaitGroup
	for range atOnce {
		wg.Go(func() {
			for g := range work {
				if ctx.Err() != nil {
					continue
				}
				if err := g.prove(ctx, root, marks, passed, report); err != nil {
					cancel(fmt.Errorf("%s: %w", g.checks, err))
				}
			}
		})
	}
	for _, g := range groups {
		work <- g
	}
	close(work)
	wg.Wait()
	return held, context.Cause(ctx)
}

func firstOr(names []string, none string) string {
	if len(names) == 0 {
		return none
	}
	return strings.Join(names, " ")
}

// prove runs the tests of one group, each alone.
func (g group) prove(ctx context.Context, root string, marks map[string][]site, passed map[string]bool, report func(row, string)) error {
	dir, err := os.MkdirTemp("", "checks")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	var sites []site
	for name := range strings.FieldsSeq(g.checks) {
		sites = append(sites, marks[name]...)
	}
	overlay := ""
	if len(sites) > 0 {
		if overlay, err = writeOverlay(dir, sites); err != nil {
			return err
		}
	}
	binaries := map[string]string{} // by package
	for _, r := range g.rows {
		switch {
		case !passed[r.dir+" "+r.test]:
			report(r, "DOES NOT RUN AND PASS WITH IT:")
			continue
		case overlay == "":
			report(r, "")
			continue
		case binaries[r.dir] == "":
			if binaries[r.dir], err = compile(ctx, root, dir, r.dir, overlay); err != nil {
				return fmt.Errorf("does not compile when switched off: %w", err)
			}
		}
		_, ok, err := runTests(ctx, root, r.dir, binaries[r.dir], exactly(r.test))
		switch {
		case err != nil:
			return err
		case ok:
			report(r, "NOT HELD: without it passes")
		default:
			report(r, "")
		}
	}
	return nil
}

// passing runs the tests of all rows with all checks on, and gives those that passed as "package test".
func passing(ctx context.Context, root, dir string, groups []group) (map[string]bool, error) {
	byPackage := map[string][]string{}
	for _, g := range groups {
		for _, r := range g.rows {
			top, _, _ := strings.Cut(r.test, "/")
			byPackage[r.dir] = append(byPackage[r.dir], regexp.QuoteMeta(top))
		}
	}
	passed := map[string]bool{}
	for pkg, tests := range byPackage {
		binary, err := compile(ctx, root, dir, pkg, "")
		if err != nil {
			return nil, err
		}
		output, _, err := runTests(ctx, root, pkg, binary, "^("+strings.Join(tests, "|")+")$")
		if err != nil {
			return nil, err
		}
		for _, m := range success.FindAllStringSubmatch(output, -1) {
			passed[pkg+" "+m[1]] = true
		}
	}
	return passed, nil
}

var success = regexp.MustCompile(`(?m)^\s*--- PASS: (\S+)`)

// exactly is the pattern of go test for one test or subtest.
func exactly(test string) string {
	parts := strings.Split(test, "/")
	for i, part := range parts {
		parts[i] = "^" + regexp.QuoteMeta(part) + "$"
	}
	return strings.Join(parts, "/")
}

// compile builds the test binary of a package, and gives its path.
func compile(ctx context.Context, root, dir, pkg, overlay string) (string, error) {
	file, err := os.CreateTemp(dir, "test")
	if err != nil {
		return "", err
	}
	if err := file.Close(); err != nil {
		return "", err
	}
	args := []string{"test", "-c", "-vet=off", "-o", file.Name()}
	if overlay != "" {
		args = append(args, "-overlay="+overlay)
	}
	cmd := exec.CommandContext(ctx, "go", append(args, pkg)...)
	cmd.Dir = root
	if output, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w\n%s", err, output)
	}
	return file.Name(), nil
}

// runTests says what the tests printed, and whether all of them passed.
func runTests(ctx context.Context, root, pkg, binary, pattern string) (string, bool, error) {
	cmd := exec.CommandContext(ctx, binary, "-test.v", "-test.timeout=2m", "-test.run="+pattern)
	cmd.Dir = filepath.Join(root, pkg)
	output, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return string(output), true, nil
	case ctx.Err() == nil && errors.As(err, &exit):
		return string(output), false, nil
	}
	return "", false, err
}
