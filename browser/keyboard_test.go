package browser

import (
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// focus is where the keyboard is.
type focus struct {
	Name    string // the label of a field, or the text of a link or button
	Outline string // how it is drawn
	Visible bool
}

const readFocus = `(e => { const s = getComputedStyle(e); return {
	name: (e.labels?.[0] ?? e).innerText.trim(), outline: s.outlineStyle + " " + s.outlineWidth,
	visible: e.matches(":focus-visible") && s.outlineStyle == "solid" && parseFloat(s.outlineWidth) >= 2,
} })(document.activeElement)`

// isAt waits until the keyboard is there, and wants that to be seen.
func (p *person) isAt(name string) {
	p.t.Helper()
	until(p, readFocus, func(f focus) bool { return f.Name == name }, "the focus on %q", name)
	if got := evaluate[focus](p, readFocus); !got.Visible {
		p.t.Errorf("nobody sees the focus on %q: %+v", name, got)
	}
}

// presses presses a key and wants the keyboard to be there then.
func (p *person) presses(key, then string, modifiers ...chromedp.Modifier) {
	p.t.Helper()
	p.do(chromedp.KeyEvent(key, chromedp.KeyModifiers(modifiers...)))
	p.isAt(then)
}

// writes types where the keyboard is.
func (p *person) writes(text string) {
	p.t.Helper()
	p.do(chromedp.KeyEvent(text))
}

func TestQuickstartByKeyboard(t *testing.T) {
	t.Parallel()
	origin := quickstart(t)
	p := newPerson(t)
	p.open(origin)
	p.sees("Sign in")
	p.isAt("Email address") // at once
	p.presses(kb.Tab, "Continue")
	p.presses(kb.Tab, "Identity providers")
	p.presses(kb.Tab, "Continue", chromedp.ModifierShift)
	p.presses(kb.Tab, "Email address", chromedp.ModifierShift)
	p.presses(kb.Tab, "Northwind Notes", chromedp.ModifierShift)
	p.presses(kb.Tab, "Email address")
	p.writes("alice@acme.test" + kb.Enter)
	p.sees("Sign in", "Acme Inc.")
	p.isAt("Password") // the address is filled in
	p.presses(kb.Tab, "Email or username", chromedp.ModifierShift)
	p.presses(kb.Tab, "Password")
	p.presses(kb.Tab, "Sign in")
	p.presses(kb.Tab, "Cancel")
	p.presses(kb.Tab, "Sign in", chromedp.ModifierShift)
	p.writes(kb.Enter)
	p.sees("Hello, Alice Ames")
	p.presses(kb.Tab, "Northwind Notes")
	p.presses(kb.Tab, "Sign out")
	p.presses(kb.Tab, "Identity as JSON")
	p.presses(kb.Tab, "Identity providers")
	if got := p.me(origin); got != "alice@acme.test" {
		t.Errorf("signed in as %q", got)
	}
}

func TestQuickstartPasswordByKeyboard(t *testing.T) {
	t.Parallel()
	origin := quickstart(t)
	p := newPerson(t)
	p.open(origin)
	p.isAt("Email address")
	p.writes("nora@northwind.test" + kb.Enter)
	p.sees("Enter your password")
	p.isAt("Password")
	p.writes("tulip" + kb.Enter)
	p.sees("Enter your password", "is wrong")
	p.isAt("Password") // to try again
	p.presses(kb.Tab, "Sign in")
	p.presses(kb.Tab, "Use another email address")
	p.presses(kb.Tab, "Sign in", chromedp.ModifierShift)
	p.presses(kb.Tab, "Password", chromedp.ModifierShift)
	p.writes("sunflower" + kb.Enter)
	p.sees("Hello, Nora Lindqvist")
}

func TestExistingLoginByKeyboard(t *testing.T) {
	t.Parallel()
	origin := existingLogin(t, company(t)).origin
	p := newPerson(t)
	p.open(origin)
	p.sees("Sign in")
	p.presses(kb.Tab, "User name or email address")
	p.writes("alice@acme.test")
	p.presses(kb.Tab, "Password, if your company does not sign you in")
	p.presses(kb.Tab, "Sign in")
	p.presses(kb.Tab, "I forgot my password")
	p.presses(kb.Tab, "Sign in", chromedp.ModifierShift)
	p.writes(kb.Enter)
	p.sees("Sign in", "Acme Inc.")
	p.isAt("Password")
	p.writes("wonderland" + kb.Enter)
	p.sees("Hello, alice")
	p.presses(kb.Tab, "Sign out")
}

func TestErrorPagesByKeyboard(t *testing.T) {
	t.Parallel()
	b := newBackend(t, company(t))
	p := newPerson(t)
	p.open(b.origin + "/sso/start?email=alice")
	p.sees("That did not work")
	p.presses(kb.Tab, "Back to sign-in")
	p.writes(kb.Enter)
	p.sees("Home")

	origin := quickstart(t)
	p.open(origin + "/sso/callback/acme?code=x&state=x")
	p.sees("Please sign in again")
	p.presses(kb.Tab, "Northwind Notes")
	p.presses(kb.Tab, "Sign in")
	p.writes(kb.Enter)
	p.sees("Sign in", "Enter your work email address")
}
