package main

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

const mark = "//check:"

// site is one marked condition.
type site struct {
	file       string
	line       int
	pkg        string // the package's name
	start, end int    // byte offsets of the condition
	form       string // what is put before the condition, with the check's name, so that it can be switched off
}

func (s site) where(root string) string {
	name, err := filepath.Rel(root, s.file)
	if err != nil {
		name = s.file
	}
	return fmt.Sprintf("%s:%d", name, s.line)
}

// dir is the package's directory as go test takes it: ".", "./accounts".
func (s site) dir(root string) string { return packageDir(root, s.file) }

func packageDir(root, file string) string {
	dir, err := filepath.Rel(root, filepath.Dir(file))
	if err != nil || dir == "." {
		return "."
	}
	return "./" + filepath.ToSlash(dir)
}

// find reads all marks of the module in root, nested modules and tests left out.
func find(root string) (map[string][]site, error) {
	found := map[string][]site{}
	err := walk(root, func(name string) error {
		if strings.HasSuffix(name, "_test.go") {
			return nil
		}
		return findIn(name, found)
	})
	return found, err
}

// walk visits the Go files of the module in root, nested modules left out.
func walk(root string, visit func(string) error) error {
	return filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir():
			if name != root && (strings.HasPrefix(entry.Name(), ".") || entry.Name() == "testdata" || exists(filepath.Join(name, "go.mod"))) {
				return filepath.SkipDir
			}
			return nil
		case !strings.HasSuffix(name, ".go"):
			return nil
		}
		return visit(name)
	})
}

func exists(name string) bool {
	_, err := os.Stat(name)
	return err == nil
}

func findIn(name string, found map[string][]site) error {
	text, err := os.ReadFile(name)
	if err != nil || !bytes.Contains(text, []byte(mark)) {
		return err
	}
	set := token.NewFileSet()
	file, err := parser.ParseFile(set, name, text, parser.ParseComments)
	if err != nil {
		return err
	}
	conditions := map[int][]site{} // by line
	ast.Inspect(file, func(n ast.Node) bool {
		for _, s := range sitesOf(n) {
			from := set.Position(s.at)
			conditions[from.Line] = append(conditions[from.Line], site{
				file: name, line: from.Line, pkg: file.Name.Name, start: set.Position(s.expr.Pos()).Offset, end: set.Position(s.expr.End()).Offset, form: s.form,
			})
		}
		return true
	})
	for _, group := range file.Comments {
		for _, comment := range group.List {
			_, rest, ok := strings.Cut(comment.Text, mark)
			if !ok {
				continue
			}
			line := set.Position(comment.Pos()).Line
			if len(conditions[line]) == 0 {
				return fmt.Errorf("%s:%d: the mark stands beside no condition", name, line)
			}
			names := strings.Fields(rest)
			if len(names) != 1 {
				return fmt.Errorf("%s:%d: a mark has one name", name, line)
			}
			found[names[0]] = append(found[names[0]], outermost(conditions[line])...)
		}
	}
	return nil
}

// outermost leaves out what stands inside another condition of the same line: the return of a function literal, say.
func outermost(sites []site) []site {
	return slices.DeleteFunc(slices.Clone(sites), func(s site) bool {
		return slices.ContainsFunc(sites, func(o site) bool { return o != s && o.start <= s.start && s.end <= o.end })
	})
}

type candidate struct {
	at   token.Pos // of the statement, whose line has the mark
	expr ast.Expr
	form string
}

const (
	falseWhenOff = "checkIsOn(%q) && ("
	trueWhenOff  = "!checkIsOn(%q) || ("
)

func sitesOf(n ast.Node) []candidate {
	switch n := n.(type) {
	case *ast.IfStmt:
		return []candidate{{n.Pos(), n.Cond, falseWhenOff}}
	case *ast.CaseClause:
		var all []candidate
		for _, expr := range n.List {
			all = append(all, candidate{n.Pos(), expr, falseWhenOff})
		}
		return all
	case *ast.ReturnStmt:
		if len(n.Results) == 1 {
			return []candidate{{n.Pos(), n.Results[0], trueWhenOff}}
		}
	}
	return nil
}
