package main

import (
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"
	"unicode"
)

var (
	codeSpan  = regexp.MustCompile("`+([^`]+)`+")
	link      = regexp.MustCompile(`\]\(<?([^)>\s]+)>?(?:\s+"[^"]*")?\)`)
	reference = regexp.MustCompile(`^\s*\[[^\]]+\]:\s+<?([^>\s]+)>?`)
	scheme    = regexp.MustCompile(`^(?:[A-Za-z][A-Za-z0-9+.-]*:|//)`)
	pathLike  = regexp.MustCompile(`^[A-Za-z0-9_.][A-Za-z0-9_./-]*$`)
	dotPath   = regexp.MustCompile(`(?:^|\s)(\./[A-Za-z0-9_./-]+)`)
)

// checkReferences finds relative links and names of files behind which there is nothing.
func (t *tree) checkReferences(d *document) []finding {
	var found []finding
	for _, l := range d.prose {
		text := codeSpan.ReplaceAllString(l.text, "")
		targets := append(link.FindAllStringSubmatch(text, -1), reference.FindAllStringSubmatch(text, -1)...)
		for _, m := range targets {
			if !scheme.MatchString(m[1]) && !t.linked(d.name, m[1]) {
				found = append(found, finding{l.number, "the link leads nowhere: " + m[1]})
			}
		}
		for _, m := range codeSpan.FindAllStringSubmatch(l.text, -1) {
			for _, name := range t.named(strings.TrimSpace(m[1])) {
				if !t.exists(d.name, name) {
					found = append(found, finding{l.number, "there is no such file: " + name})
				}
			}
		}
	}
	for _, b := range d.blocks {
		if b.language == "go" {
			continue
		}
		for i, text := range b.lines {
			for _, m := range dotPath.FindAllStringSubmatch(text, -1) {
				if !t.exists(d.name, m[1]) {
					found = append(found, finding{b.line + 1 + i, "there is no such file: " + m[1]})
				}
			}
		}
	}
	return found
}

// linked follows a link from a document to a file, and within a Markdown file to a heading.
func (t *tree) linked(from, target string) bool {
	u, err := url.Parse(target)
	if err != nil {
		return false
	}
	name := from
	if rooted, ok := strings.CutPrefix(u.Path, "/"); ok {
		name = path.Clean(rooted)
	} else if u.Path != "" {
		name = path.Join(path.Dir(from), u.Path)
	}
	if !t.has(name) {
		return false
	}
	if u.Fragment == "" || !strings.HasSuffix(name, ".md") {
		return true
	}
	return slices.Contains(t.anchors(name), u.Fragment)
}

// anchors are the fragments that GitHub gives to the headings of a document, of the first that has the name.
func (t *tree) anchors(name string) []string {
	d, err := readDocument(t.root, name)
	if err != nil {
		return nil
	}
	var anchors []string
	for _, l := range d.prose {
		title := strings.TrimLeft(l.text, "#")
		if title == l.text || !strings.HasPrefix(title, " ") {
			continue
		}
		anchors = append(anchors, strings.Map(func(r rune) rune {
			switch {
			case r == ' ':
				return '-'
			case r == '-', r == '_', unicode.IsLetter(r), unicode.IsDigit(r):
				return unicode.ToLower(r)
			}
			return -1
		}, strings.TrimSpace(title)))
	}
	return anchors
}

// named gives the files that a span of code names: whatever begins with "./", and a single word that has the look of a
// Go or Markdown file or begins with a directory of this repository. "net/http" and "application/json" name none.
func (t *tree) named(span string) []string {
	var names []string
	for _, m := range dotPath.FindAllStringSubmatch(span, -1) {
		names = append(names, m[1])
	}
	if len(names) > 0 || !pathLike.MatchString(span) {
		return names
	}
	first, _, nested := strings.Cut(span, "/")
	known := slices.Contains([]string{".go", ".md", ".mod"}, path.Ext(span))
	if known || nested && t.has(first) {
		return []string{span}
	}
	return nil
}

// exists looks for a file from the document's directory and from the root; a name without a directory may be anywhere.
func (t *tree) exists(from, name string) bool {
	name = strings.TrimRight(strings.TrimSuffix(name, "..."), "/.")
	if name == "" { // "./..."
		return true
	}
	if !strings.Contains(name, "/") && t.bases[name] {
		return true
	}
	return t.has(path.Join(path.Dir(from), name)) || t.has(path.Clean(name))
}
