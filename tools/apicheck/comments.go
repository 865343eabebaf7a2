package main

import (
	"cmp"
	"fmt"
	"go/ast"
	"go/doc"
	"go/token"
	"regexp"
	"slices"
	"strings"
)

// problem is an exported name without a comment.
type problem struct {
	pos  token.Position
	name string
}

func (p problem) String() string { return fmt.Sprintf("%s: %s has no comment", p.pos, p.name) }

// undocumented finds every exported name without a comment, in the order of files and lines.
func (p *pkg) undocumented() []problem {
	c := &checker{fset: p.fset}
	if strings.TrimSpace(p.doc.Doc) == "" {
		c.problems = append(c.problems, problem{token.Position{Filename: p.dir}, "package " + p.doc.Name})
	}
	c.values(p.doc.Consts)
	c.values(p.doc.Vars)
	c.funcs(p.doc.Funcs, "")
	for _, t := range p.doc.Types {
		c.typ(t)
		c.values(t.Consts)
		c.values(t.Vars)
		c.funcs(t.Funcs, "")
		c.funcs(t.Methods, t.Name+".")
	}
	slices.SortFunc(c.problems, func(a, b problem) int {
		return cmp.Or(cmp.Compare(a.pos.Filename, b.pos.Filename), cmp.Compare(a.pos.Line, b.pos.Line), cmp.Compare(a.name, b.name))
	})
	return c.problems
}

type checker struct {
	fset     *token.FileSet
	problems []problem
}

func (c *checker) add(pos token.Pos, name string) {
	c.problems = append(c.problems, problem{c.fset.Position(pos), name})
}

func (c *checker) funcs(funcs []*doc.Func, prefix string) {
	for _, f := range funcs {
		if f.Doc == "" {
			c.add(f.Decl.Pos(), prefix+f.Name)
		}
	}
}

// typ checks the type's own comment, and those of its fields or interface methods, at any depth.
func (c *checker) typ(t *doc.Type) {
	if t.Doc == "" {
		c.add(t.Decl.Pos(), t.Name)
	}
	ast.Inspect(t.Decl, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.StructType:
			c.fields(n.Fields, t.Name)
		case *ast.InterfaceType:
			c.fields(n.Methods, t.Name)
		}
		return true
	})
}

// fields accepts a comment above or beside a field, and one further up, without a blank line between, that names the field
// ("A and B are ...") or ends with a colon ("The endpoints:").
func (c *checker) fields(list *ast.FieldList, owner string) {
	above := ""
	end := 0
	for _, f := range list.List {
		if c.fset.Position(start(f, f.Doc)).Line != end+1 {
			above = ""
		}
		above += f.Doc.Text()
		end = c.fset.Position(f.End()).Line
		if f.Doc.Text() != "" || f.Comment.Text() != "" {
			continue
		}
		for _, name := range fieldNames(f) {
			if !mentions(above, name) && !strings.HasSuffix(above, ":\n") {
				c.add(f.Pos(), owner+"."+name)
			}
		}
	}
}

// fieldNames are the exported names of a field; those of an embedded one are its type's. Union elements of a constraint
// have none.
func fieldNames(f *ast.Field) []string {
	var names []string
	for _, id := range exportedNames(f.Names) {
		names = append(names, id.Name)
	}
	if len(f.Names) > 0 {
		return names
	}
	typ := f.Type
	for {
		switch t := typ.(type) {
		case *ast.StarExpr:
			typ = t.X
		case *ast.IndexExpr:
			typ = t.X
		case *ast.IndexListExpr:
			typ = t.X
		case *ast.SelectorExpr:
			return []string{t.Sel.Name}
		case *ast.Ident:
			if t.IsExported() {
				return []string{t.Name}
			}
			return nil
		default:
			return nil
		}
	}
}

func mentions(text, name string) bool {
	return regexp.MustCompile(`\b` + regexp.QuoteMeta(name) + `\b`).MatchString(text)
}

// values accepts a comment of the whole group, one above or beside a name, and one that heads a run of lines without a
// blank one: the usual way of parting a long group.
func (c *checker) values(values []*doc.Value) {
	for _, v := range values {
		if v.Doc != "" {
			continue
		}
		headed := false
		end := 0
		for _, s := range v.Decl.Specs {
			spec := s.(*ast.ValueSpec)
			if c.fset.Position(start(spec, spec.Doc)).Line != end+1 {
				headed = spec.Doc.Text() != ""
			}
			end = c.fset.Position(spec.End()).Line
			if headed || spec.Doc.Text() != "" || spec.Comment.Text() != "" {
				continue
			}
			for _, id := range exportedNames(spec.Names) {
				c.add(id.Pos(), id.Name)
			}
		}
	}
}

// start is where a node begins, with its comment.
func start(n ast.Node, comment *ast.CommentGroup) token.Pos {
	if comment != nil {
		return comment.Pos()
	}
	return n.Pos()
}
