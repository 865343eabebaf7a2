package browser

import (
	"encoding/json"
	"os"
	"strings"
	"sync"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// axe is the text of axe-core.
var axe = sync.OnceValues(func() (string, error) {
	text, err := os.ReadFile(axeCore)
	return string(text), err
})

// runAxe asks for the rules of WCAG 2.1 up to level AA, and axe-core's own.
const runAxe = `axe.run(document, {runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]})
	.then(r => JSON.stringify({
		violations: r.violations.flatMap(v => v.nodes.map(n => v.id + ": " + v.help + "\n    " + n.html + "\n    " + n.failureSummary)),
		incomplete: r.incomplete.flatMap(v => v.nodes.map(n => v.id + ": " + n.html)),
		passes: r.passes.length,
	}))`

// outline is what a page is made of.
type outline struct {
	Lang, Title, Heading                 string
	Headings, Mains, Scripts, Unlabelled int
	Alert                                string // text of the elements with role=alert
	Loaded                               int    // style sheets with rules
}

const readOutline = `({
	lang: document.documentElement.lang, title: document.title, heading: document.querySelector("h1")?.innerText ?? "",
	headings: document.querySelectorAll("h1").length, mains: document.querySelectorAll("main").length,
	scripts: document.querySelectorAll("script, [onclick], [onload], [onsubmit]").length,
	unlabelled: [...document.querySelectorAll("input:not([type=hidden])")].filter(i => i.labels.length != 1).length,
	alert: [...document.querySelectorAll("[role=alert]")].map(e => e.innerText).join(" "),
	loaded: [...document.styleSheets].filter(s => s.cssRules.length > 0).length,
})`

// look is one way to look at a page. Widths are those of WCAG 2.1, 1.4.10 (320) and 1.4.4 (1280 at 200 %, which is 640).
type look struct {
	width  int64
	scheme string
	axe    bool
}

var looks = []look{{1280, "light", true}, {640, "light", false}, {320, "dark", true}}

// wellMade holds the page that the person sees against what every page must be. alert is what it has to tell at once, if
// anything.
func (p *person) wellMade(alert string) {
	p.t.Helper()
	got := evaluate[outline](p, readOutline)
	switch {
	case got.Lang != "en", got.Title == "", got.Heading == "", got.Headings != 1, got.Mains != 1, got.Scripts != 0,
		got.Unlabelled != 0, got.Loaded != 1:
		p.t.Errorf("the page is made of %+v", got)
	case !strings.Contains(got.Alert, alert), alert == "" && got.Alert != "":
		p.t.Errorf("told at once is %q, want %q", got.Alert, alert)
	}
	if complaints := p.complaints(); len(complaints) > 0 {
		p.t.Errorf("the browser complains: %q", complaints)
	}
	text, err := axe()
	if err != nil {
		p.t.Fatal(err)
	}
	p.do(chromedp.Evaluate[chromedp.Void](text))
	for _, look := range looks {
		p.looksAt(look)
		p.fits(look)
		if look.axe {
			p.accessible(look)
		}
	}
	p.looksAt(looks[0])
}

func (p *person) looksAt(look look) {
	p.t.Helper()
	p.do(chromedp.EmulateViewport(look.width, 800))
	media := emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: look.scheme}}}
	if _, err := chromedp.Call(p.ctx, emulation.SetEmulatedMedia, media); err != nil {
		p.t.Fatal(err)
	}
}

// fits wants nothing beyond the right edge.
func (p *person) fits(look look) {
	p.t.Helper()
	over := evaluate[[]string](p, `[...document.querySelectorAll("body *")]
		.filter(e => e.getBoundingClientRect().right > innerWidth + 1 ||
			e.clientWidth > 0 && e.scrollWidth > e.clientWidth + 1 && getComputedStyle(e).overflowX == "visible")
		.map(e => e.outerHTML.slice(0, 120))`)
	width := evaluate[int64](p, `document.documentElement.scrollWidth`)
	if width > look.width || len(over) > 0 {
		p.t.Errorf("at a width of %d the page is %d wide: %q", look.width, width, over)
	}
}

func (p *person) accessible(look look) {
	p.t.Helper()
	var found struct {
		Violations, Incomplete []string
		Passes                 int
	}
	if err := json.Unmarshal([]byte(evaluate[string](p, runAxe)), &found); err != nil {
		p.t.Fatal(err)
	}
	for _, violation := range append(found.Violations, found.Incomplete...) {
		p.t.Errorf("%d px, %s: %s", look.width, look.scheme, violation)
	}
	if found.Passes < 10 {
		p.t.Errorf("axe-core looked at %d rules only", found.Passes)
	}
}
