// Command readme checks what the documentation shows: that every Go block compiles, and that every file it links or names
// exists. It reads README.md and all other *.md files of the repository, those in docs among them, but CHANGELOG.md, which
// tells of the past.
//
// A block of Go that begins with a package clause is compiled as a program of its own, unless it stands somewhere. Any other
// block must stand, line by line but for white space, in a Go file that "go vet ./..." compiles, in any of the repository's
// modules: an example or a test.
//
//	readme [repository]
package main

import (
	"cmp"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

func main() {
	flag.Parse()
	root := "."
	if flag.NArg() > 0 {
		root = flag.Arg(0)
	}
	if err := run(root, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "readme:", err)
		os.Exit(1)
	}
}

func run(root string, out io.Writer) error {
	root, err := filepath.Abs(root)
	if err != nil {
		return err
	}
	tree, err := readTree(root)
	if err != nil {
		return err
	}
	if !tree.has("README.md") {
		return errors.New("README.md is missing")
	}
	src, err := readSource(root, tree.modules)
	if err != nil {
		return err
	}
	problems, blocks := 0, 0
	for _, name := range tree.documents {
		d, err := readDocument(root, name)
		if err != nil {
			return err
		}
		found := d.problems
		for _, b := range d.blocks {
			if b.language != "go" {
				continue
			}
			blocks++
			if problem := src.check(b); problem != "" {
				found = append(found, finding{b.line, problem})
			}
		}
		found = append(found, tree.checkReferences(d)...)
		slices.SortStableFunc(found, func(a, b finding) int { return cmp.Compare(a.line, b.line) })
		for _, f := range found {
			fmt.Fprintf(out, "%s:%d: %s\n", name, f.line, f.text)
		}
		problems += len(found)
	}
	if problems > 0 {
		return fmt.Errorf("%d problems", problems)
	}
	fmt.Fprintf(out, "%d documents, %d blocks of Go\n", len(tree.documents), blocks)
	return nil
}

// finding is one problem and the line of the document where it is.
type finding struct {
	line int
	text string
}

// tree is what there is in the repository; names are relative to its root, with slashes.
type tree struct {
	root      string
	names     map[string]bool // files and directories
	bases     map[string]bool // the last elements of names
	documents []string
	modules   []string // directories with a go.mod
}

func readTree(root string) (*tree, error) {
	t := &tree{root: root, names: map[string]bool{}, bases: map[string]bool{}}
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		name = filepath.ToSlash(name)
		t.names[name] = true
		t.bases[entry.Name()] = true
		switch {
		case entry.IsDir() && entry.Name() == ".git":
			return filepath.SkipDir
		case strings.Contains("/"+name+"/", "/testdata/"):
		case entry.Name() == "go.mod":
			t.modules = append(t.modules, filepath.Dir(path))
		case strings.HasSuffix(name, ".md") && name != "CHANGELOG.md":
			t.documents = append(t.documents, name)
		}
		return nil
	})
	return t, err
}

func (t *tree) has(name string) bool { return t.names[name] }
