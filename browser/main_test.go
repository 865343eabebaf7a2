package browser

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"github.com/chromedp/chromedp"
)

var (
	chromium = os.Getenv("CHROMIUM") // path of the program
	axeCore  = os.Getenv("AXE_CORE") // path of axe.min.js
	images   = flag.String("images", "", "`directory` to write the pictures of the pages to; default: none are kept")
)

// scratch is where programs and profiles are while the tests run.
var scratch string

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(run(m))
}

func run(m *testing.M) int {
	var err error
	if scratch, err = os.MkdirTemp("", "browser"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(scratch)
	defer closeBrowsers()
	return m.Run()
}

// programs builds the examples, once.
var programs = sync.OnceValues(func() (string, error) {
	dir := filepath.Join(scratch, "bin")
	if err := os.Mkdir(dir, 0o700); err != nil {
		return "", err
	}
	build := exec.Command("go", "build", "-C", "..", "-o", dir, "./examples/quickstart", "./examples/existing-login/after")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("the examples don't build: %w\n%s", err, out)
	}
	return dir, nil
})

var (
	browsersMu sync.Mutex
	browsers   []context.CancelFunc
)

func closeBrowsers() {
	browsersMu.Lock()
	defer browsersMu.Unlock()
	for _, end := range browsers {
		end()
	}
}

const fontRules = `<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd"><fontconfig>
<include ignore_missing="yes">/etc/fonts/fonts.conf</include>
<match target="pattern">
<test qual="any" name="family"><string>sans-serif</string></test>
<edit name="family" mode="prepend" binding="strong"><string>Inter</string></edit>
</match>
</fontconfig>`

// launch starts a Chromium with an empty profile; preferences are what its user has set before, as JSON.
func launch(name, preferences string) (context.Context, error) {
	profile := filepath.Join(scratch, name)
	if err := os.MkdirAll(filepath.Join(profile, "Default"), 0o700); err != nil {
		return nil, err
	}
	if preferences != "" {
		if err := os.WriteFile(filepath.Join(profile, "Default", "Preferences"), []byte(preferences), 0o600); err != nil {
			return nil, err
		}
	}
	// Pictures are better with Inter, if it is there (Debian: fonts-inter), than with what a server has.
	fonts := filepath.Join(profile, "fonts.conf")
	if err := os.WriteFile(fonts, []byte(fontRules), 0o600); err != nil {
		return nil, err
	}
	// Without a sandbox, since CI runs as root; it sees pages of this machine only.
	allocator, end := chromedp.NewExecAllocator(context.Background(),
		chromedp.ExecPath(chromium), chromedp.UserDataDir(profile), chromedp.Headless, chromedp.NoSandbox, chromedp.DisableGPU, chromedp.Env("FONTCONFIG_FILE="+fonts),
		chromedp.NoFirstRun, chromedp.Flag("disable-quic", true), chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-sync", true), chromedp.Flag("lang", "en"),
		chromedp.Flag("disable-dev-shm-usage", true), chromedp.Flag("disable-renderer-backgrounding", true),
		chromedp.Flag("disable-backgrounding-occluded-windows", true), chromedp.Flag("force-color-profile", "srgb"))
	ctx, closeWindow := chromedp.NewContext(allocator)
	browsersMu.Lock()
	browsers = append(browsers, func() { closeWindow(); end() })
	browsersMu.Unlock()
	return ctx, chromedp.Do(ctx) // starts it
}

// shared is the Chromium of all tests. Each person has a browser context of their own in it.
var shared = sync.OnceValues(func() (context.Context, error) { return launch("shared", "") })

// cookieless is a Chromium whose user has forbidden cookies.
var cookieless = sync.OnceValues(func() (context.Context, error) {
	return launch("cookieless", `{"profile": {"default_content_setting_values": {"cookies": 2}}}`)
})

func needsChromium(t *testing.T) {
	t.Helper()
	if chromium == "" {
		t.Skip("CHROMIUM is not set: it is the path of a Chromium; .ci/run browser sets it")
	}
}
