package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"net/http"
	"path/filepath"
	"strconv"
	"strings"
)

// reference is all that the document says.
type reference struct {
	kinds  []kind
	groups []group
}

type kind struct{ value, meaning string }

// group is a run of constants below one comment.
type group struct {
	heading string
	codes   []code
}

type code struct {
	name, value, kind string
	status            int
	public, remedy    string
}

func (r *reference) count() int {
	n := 0
	for _, g := range r.groups {
		n += len(g.codes)
	}
	return n
}

// reader collects the declarations of both files.
type reader struct {
	fset   *token.FileSet
	consts map[string]string // string constants by name
	codes  []*ast.ValueSpec  // those of type Code, in their order
	kinds  []*ast.ValueSpec
	table  *ast.CompositeLit
}

const tableName = "codeTexts"

func readReference(root string) (*reference, error) {
	r := &reader{fset: token.NewFileSet(), consts: map[string]string{}}
	for _, name := range []string{"codes.go", "errors.go"} {
		file, err := parser.ParseFile(r.fset, filepath.Join(root, name), nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		for _, d := range file.Decls {
			if declaration, ok := d.(*ast.GenDecl); ok {
				if err := r.declaration(declaration); err != nil {
					return nil, err
				}
			}
		}
	}
	if r.table == nil {
		return nil, fmt.Errorf("%s: there is no table %s", filepath.Join(root, "codes.go"), tableName)
	}
	ref := &reference{}
	for _, spec := range r.kinds {
		ref.kinds = append(ref.kinds, kind{r.consts[spec.Names[0].Name], meaning(spec)})
	}
	texts, err := r.texts()
	if err != nil {
		return nil, err
	}
	for _, spec := range r.codes {
		name := spec.Names[0].Name
		c, ok := texts[name]
		if !ok {
			return nil, r.errorf(spec, "%s has no texts in %s", name, tableName)
		}
		c.value = r.consts[name]
		if spec.Doc != nil {
			ref.groups = append(ref.groups, group{heading: oneLine(spec.Doc)})
		}
		if len(ref.groups) == 0 {
			return nil, r.errorf(spec, "%s stands below no comment that could be a heading", name)
		}
		last := &ref.groups[len(ref.groups)-1]
		last.codes = append(last.codes, c)
		delete(texts, name)
	}
	for name := range texts {
		return nil, fmt.Errorf("%s has %s, which is no constant of type Code", tableName, name)
	}
	return ref, nil
}

func (r *reader) errorf(at ast.Node, format string, args ...any) error {
	return fmt.Errorf("%s: %s", r.fset.Position(at.Pos()), fmt.Sprintf(format, args...))
}

// declaration keeps what is of use here: string constants, and the table.
func (r *reader) declaration(d *ast.GenDecl) error {
	for _, s := range d.Specs {
		spec, ok := s.(*ast.ValueSpec)
		if !ok {
			continue
		}
		if d.Tok == token.VAR && spec.Names[0].Name == tableName && len(spec.Values) == 1 {
			r.table, _ = spec.Values[0].(*ast.CompositeLit)
		}
		if d.Tok != token.CONST {
			continue
		}
		typ, _ := spec.Type.(*ast.Ident)
		ours := typ != nil && (typ.Name == "Code" || typ.Name == "Kind")
		if len(spec.Names) != 1 || len(spec.Values) != 1 {
			if ours {
				return r.errorf(spec, "a %s must have one name and one value", typ.Name)
			}
			continue
		}
		if text, err := r.text(spec.Values[0]); err == nil {
			r.consts[spec.Names[0].Name] = text
		} else if ours {
			return err
		}
		switch {
		case !ours:
		case typ.Name == "Code":
			r.codes = append(r.codes, spec)
		default:
			r.kinds = append(r.kinds, spec)
		}
	}
	return nil
}

// texts reads the table, whose entries have the form CodeName: {kind, status, public, remedy}.
func (r *reader) texts() (map[string]code, error) {
	texts := map[string]code{}
	for _, element := range r.table.Elts {
		entry, ok := element.(*ast.KeyValueExpr)
		if !ok {
			return nil, r.errorf(element, "an entry without a code")
		}
		name, _ := entry.Key.(*ast.Ident)
		value, _ := entry.Value.(*ast.CompositeLit)
		if name == nil || value == nil || len(value.Elts) != 4 {
			return nil, r.errorf(entry, "an entry is not CodeName: {kind, status, public, remedy}")
		}
		c := code{name: name.Name}
		var err error
		if c.kind, err = r.text(value.Elts[0]); err != nil {
			return nil, err
		}
		if c.status, err = r.status(value.Elts[1]); err != nil {
			return nil, err
		}
		if c.public, err = r.text(value.Elts[2]); err != nil {
			return nil, err
		}
		if c.remedy, err = r.text(value.Elts[3]); err != nil {
			return nil, err
		}
		texts[c.name] = c
	}
	return texts, nil
}

// text is a string literal, or the name of a constant that is one.
func (r *reader) text(e ast.Expr) (string, error) {
	switch e := e.(type) {
	case *ast.BasicLit:
		if e.Kind == token.STRING {
			return strconv.Unquote(e.Value)
		}
	case *ast.Ident:
		if text, ok := r.consts[e.Name]; ok {
			return text, nil
		}
	}
	return "", r.errorf(e, "neither a string nor the name of a constant string of codes.go and errors.go")
}

// status is the number of a constant of net/http, whose names are made of the texts of the numbers.
func (r *reader) status(e ast.Expr) (int, error) {
	if selector, ok := e.(*ast.SelectorExpr); ok {
		for number := 100; number < 600; number++ {
			if text := http.StatusText(number); text != "" && "Status"+strings.ReplaceAll(text, " ", "") == selector.Sel.Name {
				return number, nil
			}
		}
	}
	return 0, r.errorf(e, "not a status of net/http")
}

// meaning is the comment of a constant without its name in front.
func meaning(spec *ast.ValueSpec) string {
	text := strings.TrimPrefix(oneLine(spec.Doc), spec.Names[0].Name+": ")
	if text == "" {
		return ""
	}
	return strings.ToUpper(text[:1]) + text[1:]
}

func oneLine(comment *ast.CommentGroup) string {
	return strings.Join(strings.Fields(comment.Text()), " ")
}
