package browser

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
)

// patience is how long a page may take before a test gives up. It is long, since machines are slow at times.
const patience = time.Minute

// person is somebody in front of one tab.
type person struct {
	t   *testing.T
	ctx context.Context

	mu     sync.Mutex
	asked  []string // URLs of all pages, redirects included, in the order in which they were asked for
	status int      // of the last page
	errors []string // that the pages made in the browser's console
}

// newPerson has a browser that nobody has used before.
func newPerson(t *testing.T) *person {
	t.Helper()
	needsChromium(t)
	browser, err := shared()
	if err != nil {
		t.Fatal(err)
	}
	return newTab(t, browser, chromedp.WithNewBrowserContext())
}

// withoutCookies has one that keeps no cookies.
func withoutCookies(t *testing.T) *person {
	t.Helper()
	needsChromium(t)
	browser, err := cookieless()
	if err != nil {
		t.Fatal(err)
	}
	return newTab(t, browser)
}

// tab opens another tab of the same browser.
func (p *person) tab() *person {
	p.t.Helper()
	return newTab(p.t, p.ctx)
}

func newTab(t *testing.T, parent context.Context, opts ...chromedp.ContextOption) *person {
	t.Helper()
	ctx, end := chromedp.NewContext(parent, opts...)
	t.Cleanup(end)
	p := &person{t: t, ctx: ctx}
	if err := chromedp.Do(ctx); err != nil { // opens the tab, which lives as long as this context
		t.Fatal(err)
	}
	if err := chromedp.Listen(ctx, p.notice); err != nil {
		t.Fatal(err)
	}
	p.do(chromedp.EmulateViewport(1280, 800))
	p.call(func(ctx context.Context) error {
		_, err := chromedp.Call(ctx, network.Enable, network.EnableParams{})
		return err
	})
	p.call(func(ctx context.Context) error {
		_, err := chromedp.Call(ctx, log.Enable, cdp.Empty{})
		return err
	})
	// Each tab behaves as the one in front, whatever other tests do meanwhile.
	p.call(func(ctx context.Context) error {
		_, err := chromedp.Call(ctx, emulation.SetFocusEmulationEnabled, emulation.SetFocusEmulationEnabledParams{Enabled: true})
		return err
	})
	return p
}

func (p *person) notice(event any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		if e.Type == network.ResourceTypeDocument {
			p.asked = append(p.asked, e.Request.URL)
		}
	case *network.EventResponseReceived:
		if e.Type == network.ResourceTypeDocument {
			p.status = int(e.Response.Status)
		}
	case *log.EventEntryAdded:
		// The network's is the status of an error page; verbose is advice.
		if e.Entry.Source != log.EntrySourceNetwork && e.Entry.Level != log.EntryLevelVerbose {
			p.errors = append(p.errors, e.Entry.Text)
		}
	}
}

// call does one thing in the tab, with a limit.
func (p *person) call(do func(context.Context) error) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	if err := do(ctx); err != nil {
		p.t.Fatalf("%v\n%s", err, p.page())
	}
}

func (p *person) do(steps ...chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	p.call(func(ctx context.Context) error { return chromedp.Do(ctx, steps...) })
}

// evaluate gives the value of a JavaScript expression, or of the promise that it is.
func evaluate[T any](p *person, expression string) (value T) {
	p.t.Helper()
	p.call(func(ctx context.Context) (err error) {
		value, err = chromedp.Run(ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
		return err
	})
	return value
}

// page is what the tab shows, for messages.
func (p *person) page() string {
	ctx, cancel := context.WithTimeout(p.ctx, 5*time.Second)
	defer cancel()
	const all = `location.href + "\n" + document.title + "\n" + document.body.innerText`
	text, err := chromedp.Run(ctx, chromedp.Evaluate[string](all))
	return fmt.Sprint(text, " ", err)
}

func (p *person) open(url string) {
	p.t.Helper()
	p.do(chromedp.Navigate(url))
}

// until waits for a JavaScript expression to be what is wanted.
func until[T any](p *person, expression string, wanted func(T) bool, what string, args ...any) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	look := time.NewTicker(20 * time.Millisecond)
	defer look.Stop()
	for {
		// An error is a page that is just being replaced by the next.
		got, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression))
		if err == nil && wanted(got) {
			return
		}
		select {
		case <-ctx.Done():
			p.t.Fatalf("waited in vain for "+what+"; there is %+v on\n%s", append(args, got, p.page())...)
		case <-look.C:
		}
	}
}

// sees waits until the page is there whose heading begins with this, and that shows these texts.
func (p *person) sees(heading string, texts ...string) {
	p.t.Helper()
	const shown = `document.readyState === "complete" ? [document.querySelector("h1")?.innerText ?? "", document.body.innerText] : []`
	until(p, shown, func(got []string) bool {
		return len(got) == 2 && strings.HasPrefix(got[0], heading) &&
			!slices.ContainsFunc(texts, func(text string) bool { return !strings.Contains(got[1], text) })
	}, "the page %q with %q", heading, texts)
}

// types puts text into the field with this label.
func (p *person) types(label, text string) {
	p.t.Helper()
	labels := fmt.Sprintf(`//label[contains(normalize-space(), %q)]`, label)
	field := `//input[@id = ` + labels + `/@for] | ` + labels + `//input`
	p.do(chromedp.SendKeys(field, text, chromedp.NodeVisible))
}

// clicks clicks on the link or button with this text.
func (p *person) clicks(text string) {
	p.t.Helper()
	target := fmt.Sprintf(`//*[self::a or self::button][normalize-space() = %q]`, text)
	p.do(chromedp.Click(target, chromedp.NodeVisible))
}

// url is where the tab is.
func (p *person) url() string {
	p.t.Helper()
	return evaluate[string](p, `location.href`)
}

// lastStatus is the HTTP status of the page.
func (p *person) lastStatus() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.status
}

// complaints are what the browser found wrong with the pages, such as what their own policies forbid.
func (p *person) complaints() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.errors)
}

// requests are the URLs of pages that were asked for and contain this.
func (p *person) requests(part string) (found []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, url := range p.asked {
		if strings.Contains(url, part) {
			found = append(found, url)
		}
	}
	return found
}

// me is who the quickstart takes this browser for, by /me in a tab of its own: the email address, or nothing.
func (p *person) me(origin string) string {
	p.t.Helper()
	other := p.tab()
	other.open(origin + "/me")
	var me struct{ Code, Email string }
	err := json.Unmarshal([]byte(evaluate[string](other, `document.body.innerText`)), &me)
	if err != nil || (me.Code == "") == (me.Email == "") {
		p.t.Fatalf("/me: %v\n%s", err, other.page())
	}
	return me.Email
}
