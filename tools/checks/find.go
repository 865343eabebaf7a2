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
	start, end int    // byte offsets of the condition
	neutral    string // what stands before the condition to switch it off
}

func (s site) where(root string) string {
	name, err := filepath.Rel(root, s.file)
	if err != nil {
		name = s.file
	}
	return fmt.Sprintf("%s:%d", name, s.line)
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
				file: name, line: from.Line, start: set.Position(s.expr.Pos()).Offset, end: set.Position(s.expr.End()).Offset, neutral: s.neutral,
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
			for check := range strings.FieldsSeq(rest) {
				found[check] = append(found[check], outermost(conditions[line])...)
			}
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
	at      token.Pos // of the statement, whose line has the mark
	expr    ast.Expr
	neutral string
}

func sitesOf(n ast.Node) []candidate {
	switch n := n.(type) {
	case *ast.IfStmt:
		return []candidate{{n.Pos(), n.Cond, "false && "}}
	case *ast.CaseClause:
		var all []candidate
		for _, expr := range n.List {
			all = append(all, candidate{n.Pos(), expr, "false && "})
		}
		return all
	case *ast.ReturnStmt:
		if len(n.Results) == 1 {
			return []candidate{{n.Pos(), n.Results[0], "true || "}}
		}
	}
	return nil
}
