package browser

import (
	"bytes"
	"context"
	"net/http"
	"net/url"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// Page is what the browser shows.
type Page struct {
	// URL is where the page is from, after all redirects.
	URL *url.URL
	// Held says that the walk ended before URL was fetched; there is nothing but the URL then.
	Held bool

	Status int
	Header http.Header
	Body   []byte

	next *url.URL // of a redirect
}

// Location is where a redirect that was not followed leads, or nil.
func (p *Page) Location() *url.URL { return p.next }

// Form is a form as it stands on a page.
type Form struct {
	Action *url.URL
	Method string // GET or POST
	// Values are what the form sends if nobody touches it: hidden fields, preset texts, checked boxes, first options.
	Values url.Values
	// Buttons submit the form, in the order of the page.
	Buttons []Button
	// Password is the name of the first password field, if there is one.
	Password string
	// Text are the names of the visible text fields.
	Text []string
}

// Button submits a form and adds its name and value, if it has a name.
type Button struct{ Name, Value, Label string }

// Forms are the forms of the page.
func (p *Page) Forms() []*Form {
	var forms []*Form
	walk(p.parse(), func(n *html.Node) {
		if n.DataAtom == atom.Form {
			forms = append(forms, p.form(n))
		}
	})
	return forms
}

// Links are the targets of the page's links.
func (p *Page) Links() []*url.URL {
	var links []*url.URL
	walk(p.parse(), func(n *html.Node) {
		if href, ok := attribute(n, "href"); ok && n.DataAtom == atom.A {
			if u, err := p.URL.Parse(href); err == nil {
				links = append(links, u)
			}
		}
	})
	return links
}

// Submit fills in fields and presses a button, or none if it is nil, as with the Enter key in a form without any.
func (b *Browser) Submit(ctx context.Context, form *Form, fields map[string]string, button *Button) (*Page, error) {
	values := url.Values{}
	for name, all := range form.Values {
		values[name] = append([]string(nil), all...)
	}
	for name, value := range fields {
		values.Set(name, value)
	}
	if button != nil && button.Name != "" {
		values.Add(button.Name, button.Value)
	}
	if form.Method == http.MethodPost {
		return b.PostForm(ctx, form.Action.String(), values)
	}
	target := *form.Action
	target.RawQuery = values.Encode() // it replaces the action's own (HTML, 4.10.21.3)
	return b.Get(ctx, target.String())
}

func (p *Page) parse() *html.Node {
	node, err := html.Parse(bytes.NewReader(p.Body))
	if err != nil { // only a reader's error, and there is none
		return &html.Node{}
	}
	return node
}

func (p *Page) form(n *html.Node) *Form {
	f := &Form{Action: p.URL, Method: http.MethodGet, Values: url.Values{}}
	// An empty action, and one that is only a fragment, is the page itself.
	if action, _ := attribute(n, "action"); strings.TrimSpace(action) != "" {
		if u, err := p.URL.Parse(strings.TrimSpace(action)); err == nil {
			f.Action = u
		}
	}
	if method, _ := attribute(n, "method"); strings.EqualFold(method, http.MethodPost) {
		f.Method = http.MethodPost
	}
	walk(n, f.add)
	return f
}

// add takes over one field of the form.
func (f *Form) add(n *html.Node) {
	name, _ := attribute(n, "name")
	value, hasValue := attribute(n, "value")
	kind, _ := attribute(n, "type")
	kind = strings.ToLower(kind)
	if _, disabled := attribute(n, "disabled"); disabled {
		return
	}
	switch n.DataAtom {
	case atom.Button:
		if kind == "" || kind == "submit" {
			f.Buttons = append(f.Buttons, Button{name, value, text(n)})
		}
		return
	case atom.Select:
		f.addSelect(n, name)
		return
	case atom.Textarea:
		value = text(n)
	case atom.Input:
	default:
		return
	}
	switch kind {
	case "submit", "image":
		f.Buttons = append(f.Buttons, Button{name, value, value})
		return
	case "button", "reset", "file":
		return
	case "checkbox", "radio":
		if _, checked := attribute(n, "checked"); !checked {
			return
		}
		if !hasValue {
			value = "on"
		}
	case "password":
		if f.Password == "" {
			f.Password = name
		}
	case "", "text", "email":
		f.Text = append(f.Text, name)
	}
	if name != "" {
		f.Values.Add(name, value)
	}
}

func (f *Form) addSelect(n *html.Node, name string) {
	var chosen *html.Node
	walk(n, func(option *html.Node) {
		if option.DataAtom != atom.Option {
			return
		}
		if _, selected := attribute(option, "selected"); selected || chosen == nil {
			chosen = option
		}
	})
	if chosen == nil || name == "" {
		return
	}
	value, ok := attribute(chosen, "value")
	if !ok {
		value = text(chosen)
	}
	f.Values.Add(name, value)
}

// walk visits the elements below n, in the order of the document.
func walk(n *html.Node, visit func(*html.Node)) {
	for child := range n.Descendants() {
		if child.Type == html.ElementNode {
			visit(child)
		}
	}
}

func attribute(n *html.Node, name string) (string, bool) {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val, true
		}
	}
	return "", false
}

func text(n *html.Node) string {
	var b strings.Builder
	for child := range n.Descendants() {
		if child.Type == html.TextNode {
			b.WriteString(child.Data)
		}
	}
	return strings.Join(strings.Fields(b.String()), " ")
}
