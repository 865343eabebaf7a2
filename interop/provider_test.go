package interop

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/oidcsso/oidcsso"

	"github.com/oidcsso/oidcsso/interop/internal/browser"
)

// provider is what one has to know of an identity provider to sign in there: what its README says.
type provider struct {
	name string
	own  bool // its script is in this module
	apt  bool // it is installed as Debian packages

	client     client
	alice, bob person // bob's address is not verified; without an address there is no such person

	// emailFrom is the document with the address.
	emailFrom oidcsso.Origin
	// newSubjects says that a restart gives people another sub.
	newSubjects bool

	// Further clients; the zero client if there is none.
	post, public client
	// strictAuth says that a client must use the one method that it is registered for.
	strictAuth bool
	// codeFirst says that its token endpoint looks at the code before it looks at the secret.
	codeFirst bool
	// algorithms are clients whose ID tokens are signed or encrypted in another way, and whether the library takes them.
	algorithms map[string]algorithm

	// login fills in the sign-in form. Default: the first form with a password field.
	login func(ctx context.Context, b *browser.Browser, page *browser.Page, name, password string) (*browser.Page, error)
	// loginField is the name of the field for the user's name. Default: the form's first text field.
	loginField string
	// isLogin says whether a page is the sign-in page. Default: it has a form with a password field.
	isLogin func(page *browser.Page) bool
	// deny refuses on the way from the first page. Default: there is no way to.
	deny func(ctx context.Context, p *provider, b *browser.Browser, page *browser.Page) (*browser.Page, error)
	// denyEnds is what the identity provider's own page says if it does not send people back who refuse. Default: it does.
	denyEnds string
	// oneTab says why of two sign-in pages in one browser only the one that was opened last works. Default: both do.
	oneTab string
	// rotate makes new keys without a restart. Default: there is no way to.
	rotate func(ctx context.Context, w *world) error

	// cant has the reasons for cases that the identity provider can't do.
	cant map[string]string
}

type client struct{ id, secret string }

// person is somebody at the identity provider. An empty subject means that it is not known beforehand.
type person struct{ name, password, email, subject string }

// algorithm is a client that gets its ID tokens in some form.
type algorithm struct {
	client client
	taken  bool
}

func (p *provider) domain() string {
	_, domain, _ := strings.Cut(p.alice.email, "@")
	return domain
}

// scripts is the folder with the scripts of the identity providers.
func scripts() string {
	if dir := os.Getenv("OIDCSSO_IDPS"); dir != "" {
		return dir
	}
	return filepath.Join("..", "..", "shared", "idp")
}

// folder is where the identity provider's start.sh is.
func (p *provider) folder() string {
	dir := filepath.Join(scripts(), p.name)
	if p.own {
		dir = p.name
	}
	if absolute, err := filepath.Abs(dir); err == nil {
		return absolute
	}
	return dir
}

// about is what the READMEs beside the scripts say that it is, with the version.
func (p *provider) about() string {
	readme := filepath.Join(scripts(), "README.md")
	if p.own {
		readme = filepath.Join(p.name, "README.md")
	}
	text, err := os.ReadFile(readme)
	if err != nil {
		return p.name
	}
	row := regexp.MustCompile(`(?m)^\| ` + regexp.QuoteMeta(p.name) + ` \| ([^|]+) \|`).FindSubmatch(text)
	if row == nil {
		return p.name
	}
	return string(row[1])
}

const maxPages = 8

var errNotAccepted = errors.New("the identity provider shows its sign-in page again")

// walk goes from a page of the identity provider to the authorization response: it signs in where it is asked to, once, and
// presses the first button of every other form.
func (p *provider) walk(ctx context.Context, b *browser.Browser, page *browser.Page, who person) (*browser.Page, error) {
	signedIn := false
	var err error
	for range maxPages {
		switch {
		case page.Held:
			return page, nil
		case p.asksToSignIn(page) && signedIn:
			return nil, errNotAccepted
		case p.asksToSignIn(page):
			signedIn = true
			page, err = p.signInAt(ctx, b, page, who.name, who.password)
		default:
			page, err = p.goOn(ctx, b, page, 0)
		}
		if err != nil {
			return nil, err
		}
	}
	return nil, fmt.Errorf("after %d pages the identity provider still shows one, %s", maxPages, page.URL)
}

func (p *provider) asksToSignIn(page *browser.Page) bool {
	if p.isLogin != nil {
		return p.isLogin(page)
	}
	return loginForm(page) != nil
}

func loginForm(page *browser.Page) *browser.Form {
	if page.Held {
		return nil
	}
	for _, f := range page.Forms() {
		if f.Password != "" {
			return f
		}
	}
	return nil
}

// signInAt fills in the sign-in page and sends it.
func (p *provider) signInAt(ctx context.Context, b *browser.Browser, page *browser.Page, name, password string) (*browser.Page, error) {
	if p.login != nil {
		return p.login(ctx, b, page, name, password)
	}
	f := loginForm(page)
	if f == nil {
		return nil, fmt.Errorf("%s has no sign-in form", page.URL)
	}
	field := p.loginField
	if field == "" && len(f.Text) > 0 {
		field = f.Text[0]
	}
	return b.Submit(ctx, f, map[string]string{field: name, f.Password: password}, button(f, 0))
}

// goOn presses a button of a page without a password field, counted over all its forms.
func (p *provider) goOn(ctx context.Context, b *browser.Browser, page *browser.Page, index int) (*browser.Page, error) {
	for _, f := range page.Forms() {
		if count := max(1, len(f.Buttons)); index >= count {
			index -= count
			continue
		}
		return b.Submit(ctx, f, nil, button(f, index))
	}
	return nil, fmt.Errorf("%s answered %d with no form to go on: %.300q", page.URL, page.Status, page.Body)
}

func button(f *browser.Form, index int) *browser.Button {
	if index < len(f.Buttons) {
		return &f.Buttons[index]
	}
	return nil
}

// refuseAfterSignIn signs alice in and presses the button of the page for consent that has the index.
func refuseAfterSignIn(index int) func(context.Context, *provider, *browser.Browser, *browser.Page) (*browser.Page, error) {
	return func(ctx context.Context, p *provider, b *browser.Browser, page *browser.Page) (*browser.Page, error) {
		page, err := p.signInAt(ctx, b, page, p.alice.name, p.alice.password)
		if err != nil {
			return nil, err
		}
		if page.Held {
			return nil, errors.New("it asked for no consent")
		}
		return p.goOn(ctx, b, page, index)
	}
}
