package main

import (
	"os"
	"slices"
	"strings"
	"testing"
)

func lines(t *testing.T, file string) []string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(string(text), "\n")
}

// What the README shows as the difference between the two backends is the difference, and all of it but for imports.
func TestReadmeShowsTheDifference(t *testing.T) {
	t.Parallel()
	var removed, added []string // by the README
	inDiff := false
	for _, line := range lines(t, "../README.md") {
		switch {
		case strings.HasPrefix(line, "```"):
			inDiff = line == "```diff"
		case inDiff && strings.HasPrefix(line, "-"):
			removed = append(removed, line[1:])
		case inDiff && strings.HasPrefix(line, "+"):
			added = append(added, line[1:])
		}
	}
	for _, file := range []string{"main.go", "store.go", "page.html"} {
		before, after := lines(t, "../before/"+file), lines(t, file)
		for _, line := range before {
			if !slices.Contains(after, line) && !slices.Contains(removed, line) && !strings.HasPrefix(line, "//") {
				t.Errorf("%s: gone, and not in the README: %s", file, line)
			}
		}
		for _, line := range after {
			imported := strings.HasPrefix(line, "\t\"")
			if !slices.Contains(before, line) && !slices.Contains(added, line) && !strings.HasPrefix(line, "//") && !imported {
				t.Errorf("%s: new, and not in the README: %s", file, line)
			}
		}
		removed = slices.DeleteFunc(removed, func(line string) bool { return slices.Contains(before, line) })
		added = slices.DeleteFunc(added, func(line string) bool { return slices.Contains(after, line) })
	}
	if len(removed)+len(added) > 0 {
		t.Errorf("the README has lines that are nowhere: %q %q", removed, added)
	}
}
