package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"sort"
	"strings"
)

// result is what the tests said to a check that was switched off.
type result struct {
	failed []string // tests
	pass   bool
}

func (r result) held() bool { return !r.pass }

func (r result) String() string {
	if r.pass {
		return "NOT HELD: all tests pass without it"
	}
	if len(r.failed) == 0 {
		return "held, by a test that does not end in order"
	}
	if more := len(r.failed) - 1; more > 0 {
		return fmt.Sprintf("held by %s and %d more", r.failed[0], more)
	}
	return "held by " + r.failed[0]
}

// switchOff runs the tests of the root package and of the packages that the sites are in.
func switchOff(root string, sites []site) (result, error) {
	dir, err := os.MkdirTemp("", "checks")
	if err != nil {
		return result{}, err
	}
	defer os.RemoveAll(dir)
	overlay, err := writeOverlay(dir, sites)
	if err != nil {
		return result{}, err
	}
	packages := map[string]bool{".": true}
	for _, s := range sites {
		name, err := filepath.Rel(root, filepath.Dir(s.file))
		if err != nil {
			return result{}, err
		}
		if name != "." {
			packages["./"+filepath.ToSlash(name)] = true
		}
	}
	args := []string{"test", "-vet=off", "-count=1", "-failfast", "-timeout=3m", "-overlay=" + overlay}
	var list []string
	for name := range packages {
		list = append(list, name)
	}
	sort.Strings(list)
	cmd := exec.Command("go", append(args, list...)...)
	cmd.Dir = root
	output, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return result{pass: true}, nil
	case !errors.As(err, &exit):
		return result{}, err
	case strings.Contains(string(output), "[build failed]") || strings.Contains(string(output), "[setup failed]"):
		return result{}, fmt.Errorf("does not compile when switched off:\n%s", output)
	}
	return result{failed: failures(string(output))}, nil
}

var failure = regexp.MustCompile(`(?m)^\s*--- FAIL: (\S+)`)

// failures are the innermost failed tests.
func failures(output string) []string {
	var names []string
	for _, m := range failure.FindAllStringSubmatch(output, -1) {
		if n := len(names); n > 0 && strings.HasPrefix(m[1], names[n-1]+"/") {
			names = names[:n-1]
		}
		names = append(names, m[1])
	}
	return names
}

// writeOverlay writes changed copies of the files and the map that go build reads.
func writeOverlay(dir string, sites []site) (string, error) {
	byFile := map[string][]site{}
	for _, s := range sites {
		byFile[s.file] = append(byFile[s.file], s)
	}
	replace := map[string]string{}
	for name, sites := range byFile {
		text, err := os.ReadFile(name)
		if err != nil {
			return "", err
		}
		copied := filepath.Join(dir, fmt.Sprintf("%d.go", len(replace)))
		if err := os.WriteFile(copied, neutralised(text, sites), 0o600); err != nil {
			return "", err
		}
		replace[name] = copied
	}
	body, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return "", err
	}
	overlay := filepath.Join(dir, "overlay.json")
	return overlay, os.WriteFile(overlay, body, 0o600)
}

func neutralised(text []byte, sites []site) []byte {
	sort.Slice(sites, func(i, j int) bool { return sites[i].start > sites[j].start }) // from the end, so that offsets hold
	out := string(text)
	for _, s := range sites {
		out = out[:s.start] + s.neutral + "(" + out[s.start:s.end] + ")" + out[s.end:]
	}
	return []byte(out)
}
