package browser

import (
	"bytes"
	"image"
	"image/png"
	"os"
	"path/filepath"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

const (
	imageWidth = 800       // pixels
	imageBytes = 300 << 10 // all of them together
)

// The pictures of what people see, for the documentation. With -images they are kept.
func TestImages(t *testing.T) {
	t.Parallel()
	idp, down := company(t), company(t)
	var args []string
	if *images != "" {
		args = []string{"-addr", "127.0.0.1:8080"} // as the README says
	}
	origin, unavailable := start(t, "quickstart", nil, args...).origin, quickstartAt(t, down)
	b := newBackend(t, idp)
	down.Stop()
	total := 0
	for _, picture := range []struct {
		name string
		to   func(p *person)
	}{
		{"quickstart-start", func(p *person) { p.open(origin); p.sees("Sign in") }},
		{"identity-provider", func(p *person) {
			p.open(origin)
			p.types("Email address", "alice@acme.test")
			p.clicks("Continue")
			p.sees("Sign in", "Acme Inc.")
		}},
		{"quickstart-signed-in", func(p *person) { signIn(p, origin, "alice@acme.test"); p.sees("Hello, Alice Ames") }},
		{"quickstart-unavailable", func(p *person) {
			p.open(unavailable)
			p.types("Email address", "alice@acme.test")
			p.clicks("Continue")
			p.sees("Sign-in is unavailable")
		}},
		{"handler-error", func(p *person) {
			p.open(b.origin + "/sso/callback/acme?code=x&state=x")
			p.sees("Please sign in again")
		}},
	} {
		p := newPerson(t)
		picture.to(p)
		shot := p.photograph()
		total += len(shot)
		t.Logf("%s: %d bytes", picture.name, len(shot))
		if *images == "" {
			continue
		}
		if err := os.WriteFile(filepath.Join(*images, picture.name+".png"), shot, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if total > imageBytes {
		t.Errorf("the pictures have %d bytes, want at most %d", total, imageBytes)
	}
}

// photograph gives the whole page as PNG, with few colours.
func (p *person) photograph() []byte {
	p.t.Helper()
	p.do(chromedp.EmulateViewport(imageWidth, 420))
	media := emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: "light"}}}
	if _, err := chromedp.Call(p.ctx, emulation.SetEmulatedMedia, media); err != nil {
		p.t.Fatal(err)
	}
	height := evaluate[int64](p, `Math.ceil(document.documentElement.scrollHeight)`)
	p.do(chromedp.EmulateViewport(imageWidth, height))
	// Nothing blinks and nothing has the focus.
	evaluate[bool](p, `document.activeElement.blur() || true`)
	shot, err := chromedp.Call(p.ctx, page.CaptureScreenshot, page.CaptureScreenshotParams{})
	if err != nil {
		p.t.Fatal(err)
	}
	picture, err := png.Decode(bytes.NewReader(shot.Data))
	if err != nil {
		p.t.Fatal(err)
	}
	if picture.Bounds().Size() != image.Pt(imageWidth, int(height)) {
		p.t.Errorf("the picture is %v", picture.Bounds())
	}
	var small bytes.Buffer
	if err := (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&small, fewColours(picture)); err != nil {
		p.t.Fatal(err)
	}
	return small.Bytes()
}
