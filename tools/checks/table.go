package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// header is the first line of each table that is read.
var header = []string{"Attack", "Demanded by", "Check", "Test"}

// row is one line of the table.
type row struct {
	line   int
	attack string
	checks []string // their names; none if a dependency holds the row, or if no condition does
	test   string   // as go test prints it
	dir    string   // of the test's package, below the root
}

// readTable reads the rows of all tables of a document that have the header. It gives none if there is no such table.
func readTable(text string) ([]row, error) {
	var rows []row
	inside := false
	for i, line := range strings.Split(text, "\n") {
		cells := cellsOf(line)
		switch {
		case cells == nil:
			inside = false
		case slices.Equal(cells, header):
			inside = true
		case !inside || strings.Trim(line, "|-: ") == "":
		case len(cells) != len(header):
			return nil, fmt.Errorf("line %d has %d columns, not %d", i+1, len(cells), len(header))
		default:
			tests := quoted(cells[3])
			if len(tests) != 1 {
				return nil, fmt.Errorf("line %d has not exactly one test in backquotes", i+1)
			}
			if cells[0] == "" || cells[1] == "" || cells[2] == "" {
				return nil, fmt.Errorf("line %d has an empty cell", i+1)
			}
			rows = append(rows, row{line: i + 1, attack: cells[0], checks: quoted(cells[2]), test: tests[0]})
		}
	}
	return rows, nil
}

func cellsOf(line string) []string {
	line = strings.TrimSpace(line)
	if !strings.HasPrefix(line, "|") || !strings.HasSuffix(line, "|") || len(line) < 2 {
		return nil
	}
	cells := strings.Split(line[1:len(line)-1], "|")
	for i, cell := range cells {
		cells[i] = strings.TrimSpace(cell)
	}
	return cells
}

var backquoted = regexp.MustCompile("`([^`]+)`")

func quoted(cell string) []string {
	var names []string
	for _, m := range backquoted.FindAllStringSubmatch(cell, -1) {
		names = append(names, m[1])
	}
	return names
}

// problems says where marks, table and tests don't fit each other, and sets the rows' directories.
func problems(rows []row, marks map[string][]site, tests map[string][]string) []string {
	var all []string
	listed := map[string]bool{}
	for i := range rows {
		r := &rows[i]
		for _, name := range r.checks {
			listed[name] = true
			if marks[name] == nil {
				all = append(all, fmt.Sprintf("line %d: no condition has the mark %s", r.line, name))
			}
		}
		top, _, _ := strings.Cut(r.test, "/")
		switch dirs := tests[top]; len(dirs) {
		case 0:
			all = append(all, fmt.Sprintf("line %d: there is no test %s", r.line, top))
		case 1:
			r.dir = dirs[0]
		default:
			all = append(all, fmt.Sprintf("line %d: %s is the name of several tests, in %s", r.line, top, strings.Join(dirs, " and ")))
		}
	}
	for name := range marks {
		if !listed[name] {
			all = append(all, fmt.Sprintf("the check %s is in no row", name))
		}
	}
	slices.Sort(all)
	return all
}

var testFunc = regexp.MustCompile(`(?m)^func ((?:Test|Fuzz|Example)\w*)\(`)

// findTests gives the directories, below the root, in which each test of the module and of some nested ones is.
func findTests(root string, modules []string) (map[string][]string, error) {
	tests := map[string][]string{}
	for _, module := range append([]string{""}, modules...) {
		err := walk(filepath.Join(root, module), func(name string) error {
			if !strings.HasSuffix(name, "_test.go") {
				return nil
			}
			text, err := os.ReadFile(name)
			if err != nil {
				return err
			}
			for _, m := range testFunc.FindAllSubmatch(text, -1) {
				tests[string(m[1])] = append(tests[string(m[1])], packageDir(root, name))
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return tests, nil
}
