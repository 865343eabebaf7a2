package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
)

// binaries are the test binaries of packages, built once with all checks that can be switched off.
type binaries struct {
	root, dir, overlay string
	modules            []string          // nested ones
	built              map[string]string // by package
}

func newBinaries(root, dir string, modules []string, marks map[string][]site) (*binaries, error) {
	overlay, err := writeOverlay(dir, marks)
	return &binaries{root: root, dir: dir, overlay: overlay, modules: modules, built: map[string]string{}}, err
}

// module gives the module that a package is in, as a directory below the root, and the package as that module's go command
// takes it.
func (b *binaries) module(pkg string) (dir, inside string) {
	for _, m := range b.modules {
		if rest, ok := strings.CutPrefix(pkg, "./"+m); ok && (rest == "" || rest[0] == '/') {
			return m, "." + rest
		}
	}
	return "", pkg
}

// build makes the binary of a package, such as "./accounts". The overlay has whole paths, and so holds in every module.
func (b *binaries) build(ctx context.Context, pkg string) error {
	if b.built[pkg] != "" {
		return nil
	}
	name := filepath.Join(b.dir, fmt.Sprintf("%d.test", len(b.built)))
	module, inside := b.module(pkg)
	cmd := exec.CommandContext(ctx, "go", "test", "-c", "-vet=off", "-overlay="+b.overlay, "-o", name, inside)
	cmd.Dir = filepath.Join(b.root, module)
	if output, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%w\n%s", err, output)
	}
	b.built[pkg] = name
	return nil
}

// outcome is what tests said.
type outcome struct {
	ok             bool // all that were run passed
	passed, failed []string
}

// run runs the tests of a package that match a pattern, with some checks off.
func (b *binaries) run(ctx context.Context, pkg, pattern, off string) (outcome, error) {
	if !exists(b.built[pkg]) { // a package without tests
		return outcome{ok: true}, nil
	}
	cmd := exec.CommandContext(ctx, b.built[pkg], "-test.v", "-test.timeout=2m", "-test.run="+pattern)
	cmd.Dir = filepath.Join(b.root, pkg)
	cmd.Env = append(os.Environ(), environment+"="+off)
	output, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && (ctx.Err() != nil || !errors.As(err, &exit)) {
		return outcome{}, err
	}
	return outcome{ok: err == nil, passed: named(success, output), failed: innermost(named(failure, output))}, nil
}

var (
	success = regexp.MustCompile(`(?m)^\s*--- PASS: (\S+)`)
	failure = regexp.MustCompile(`(?m)^\s*--- FAIL: (\S+)`)
)

func named(what *regexp.Regexp, output []byte) []string {
	var names []string
	for _, m := range what.FindAllSubmatch(output, -1) {
		names = append(names, string(m[1]))
	}
	return names
}

// innermost leaves out a test that failed only because of its subtests, which are printed after it.
func innermost(names []string) []string {
	var kept []string
	for _, name := range names {
		if n := len(kept); n > 0 && strings.HasPrefix(name, kept[n-1]+"/") {
			kept = kept[:n-1]
		}
		kept = append(kept, name)
	}
	return kept
}

// exactly is the pattern of go test for one test or subtest.
func exactly(test string) string {
	parts := strings.Split(test, "/")
	for i, part := range parts {
		parts[i] = "^" + regexp.QuoteMeta(part) + "$"
	}
	return strings.Join(parts, "/")
}
