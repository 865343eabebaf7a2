// Command checks proves that tests hold the library's checks: it switches off one check after the other, and expects a test
// to fail each time.
//
// A check is marked in the source by a comment on the line of its condition:
//
//	case !login.boundTo(r.Binding): //check:binding
//
// The condition of an if or a case becomes false, a bool that is returned becomes true: by an overlay of go build, so that no
// file is changed, in which an environment variable of the tests' process says what is off.
// Checks that answer the same attack have the same name and go off together.
//
// Which test that is, a table says: a Markdown table with the columns Attack, Demanded by, Check and Test. A row's check is one
// or several marks in backquotes, or names the dependency that holds it. Each row's test must pass, and must fail when the
// row's checks are off. Before anything runs, table, marks and tests are compared: every mark must have a row, and what a row
// names must be there.
//
// With -table "" any test may be the one that fails, and is found by running all: for the mark of a new check.
//
// Tests are those of the repository's root module, and of nested modules that are named by -modules: for checks that only a test
// with other dependencies can hold, such as a database driver. These must replace the root module by the directory above them.
//
//	checks [-table FILE] [-modules DIRS] [-run REGEXP] [-sample N] [-list] [repository]
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"sort"
	"strings"
)

// options are the command's flags.
type options struct {
	table   string   // below the root; empty for none
	modules []string // nested ones with tests, as directories below the root; those that are not there are passed over
	only    string   // a regular expression for names of checks
	sample  int      // how many checks; 0 for all
	list    bool
}

func main() {
	var o options
	flag.StringVar(&o.table, "table", "SECURITY.md", "the file with the table; if empty, all tests are run for each check")
	modules := flag.String("modules", "dbtest", "directories of nested modules whose tests may hold checks too, divided by commas")
	flag.StringVar(&o.only, "run", "", "only the checks whose name matches this regular expression")
	flag.IntVar(&o.sample, "sample", 0, "only so many checks, chosen at random")
	flag.BoolVar(&o.list, "list", false, "compare the table with marks and tests, print the checks and where they are, and run nothing")
	flag.Parse()
	o.modules = strings.FieldsFunc(*modules, func(r rune) bool { return r == ',' })
	root := "."
	if flag.NArg() > 0 {
		root = flag.Arg(0)
	}
	ok, err := run(os.Stdout, root, o)
	if err != nil {
		fmt.Fprintln(os.Stderr, "checks:", err)
		os.Exit(2)
	}
	if !ok {
		os.Exit(1)
	}
}

// run says whether every chosen check is held by a test.
func run(out io.Writer, root string, o options) (bool, error) {
	root, err := filepath.Abs(root)
	if err != nil {
		return false, err
	}
	marks, err := find(root)
	if err != nil {
		return false, err
	}
	o.modules = slices.DeleteFunc(slices.Clone(o.modules), func(dir string) bool { return !exists(filepath.Join(root, dir, "go.mod")) })
	var rows []row
	if o.table != "" {
		if rows, err = consistent(root, o, marks); err != nil {
			return false, err
		}
	}
	names, err := o.choose(marks)
	if err != nil {
		return false, err
	}
	fmt.Fprintf(out, "%d of %d checks\n", len(names), len(marks))
	switch {
	case o.list:
		for _, name := range names {
			for _, s := range marks[name] {
				fmt.Fprintf(out, "%-28s %s\n", name, s.where(root))
			}
		}
		return true, nil
	case o.table != "" && len(names) < len(marks):
		rows = slices.DeleteFunc(rows, func(r row) bool {
			return !slices.ContainsFunc(r.checks, func(name string) bool { return slices.Contains(names, name) })
		})
	}
	dir, err := os.MkdirTemp("", "checks")
	if err != nil {
		return false, err
	}
	defer os.RemoveAll(dir)
	ctx := context.Background()
	b, err := newBinaries(root, dir, o.modules, marks)
	if err != nil {
		return false, err
	}
	if o.table != "" {
		return prove(ctx, out, b, rows)
	}
	held := true
	for _, name := range names {
		ok, err := search(ctx, out, b, name, marks[name])
		if err != nil {
			return false, fmt.Errorf("%s: %w", name, err)
		}
		held = held && ok
	}
	return held, nil
}

// consistent reads the table, and compares it with marks and tests.
func consistent(root string, o options, marks map[string][]site) ([]row, error) {
	text, err := os.ReadFile(filepath.Join(root, o.table))
	if err != nil {
		return nil, err
	}
	rows, err := readTable(string(text))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", o.table, err)
	}
	tests, err := findTests(root, o.modules)
	if err != nil {
		return nil, err
	}
	if all := problems(rows, marks, tests); len(all) > 0 {
		return nil, fmt.Errorf("%s:\n%s", o.table, strings.Join(all, "\n"))
	}
	return rows, nil
}

func (o options) choose(marks map[string][]site) ([]string, error) {
	only, err := regexp.Compile(o.only)
	if err != nil {
		return nil, err
	}
	var names []string
	for name := range marks {
		if only.MatchString(name) {
			names = append(names, name)
		}
	}
	if o.sample > 0 && o.sample < len(names) {
		rand.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
		names = names[:o.sample]
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("no check is chosen")
	}
	sort.Strings(names)
	return names, nil
}
