// Package browser is a browser without a screen for the pages of real identity providers: it keeps cookies, follows
// redirects, and reads and sends forms as a person's browser would. It runs no scripts.
package browser

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"time"
)

const (
	maxRedirects = 15
	maxBody      = 4 << 20 // bytes
	timeout      = time.Minute
)

// Browser is one person's browser. It is not safe for concurrent use, as a person has two hands.
type Browser struct {
	client *http.Client
	held   string
}

// New is a browser without cookies. A redirect to a URL that begins with held is not followed: the page is then what would
// have been fetched, see [Page.Held]. It is where an authorization response would arrive.
func New(held string) *Browser {
	jar, _ := cookiejar.New(nil) // never fails
	return &Browser{held: held, client: &http.Client{
		Jar: trustworthy{jar}, Timeout: timeout,
		Transport:     &http.Transport{DisableKeepAlives: true}, // servers end in the middle
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// trustworthy sends Secure cookies to loopback hosts without TLS too, as browsers do (Secure Contexts, 3.1).
type trustworthy struct{ http.CookieJar }

func (j trustworthy) SetCookies(u *url.URL, cookies []*http.Cookie) {
	j.CookieJar.SetCookies(asSecure(u), cookies)
}

func (j trustworthy) Cookies(u *url.URL) []*http.Cookie { return j.CookieJar.Cookies(asSecure(u)) }

func asSecure(u *url.URL) *url.URL {
	if host := u.Hostname(); host != "localhost" && !net.ParseIP(host).IsLoopback() {
		return u
	}
	secure := *u
	secure.Scheme = "https"
	return &secure
}

// Cookies are those that a request to the URL would have.
func (b *Browser) Cookies(u *url.URL) []*http.Cookie { return b.client.Jar.Cookies(u) }

// SetCookies puts cookies back, as somebody would who has kept a copy.
func (b *Browser) SetCookies(u *url.URL, cookies []*http.Cookie) { b.client.Jar.SetCookies(u, cookies) }

// Get opens a URL, even one that is held.
func (b *Browser) Get(ctx context.Context, target string) (*Page, error) {
	return b.open(ctx, http.MethodGet, target, "", "")
}

// PostForm sends a form to a URL.
func (b *Browser) PostForm(ctx context.Context, target string, values url.Values) (*Page, error) {
	return b.open(ctx, http.MethodPost, target, "application/x-www-form-urlencoded", values.Encode())
}

// Send makes one request, as a script on a page does, and follows no redirect.
func (b *Browser) Send(ctx context.Context, method, target, contentType, body string) (*Page, error) {
	return b.once(ctx, method, target, contentType, body)
}

func (b *Browser) open(ctx context.Context, method, target, contentType, body string) (*Page, error) {
	for range maxRedirects {
		page, err := b.once(ctx, method, target, contentType, body)
		if err != nil || page.next == nil {
			return page, err
		}
		if b.held != "" && strings.HasPrefix(page.next.String(), b.held) {
			return &Page{URL: page.next, Held: true}, nil
		}
		if page.Status != http.StatusTemporaryRedirect && page.Status != http.StatusPermanentRedirect {
			method, contentType, body = http.MethodGet, "", "" // RFC 9110, 15.4
		}
		target = page.next.String()
	}
	return nil, fmt.Errorf("more than %d redirects, the last one to %s", maxRedirects, target)
}

func (b *Browser) once(ctx context.Context, method, target, contentType, body string) (*Page, error) {
	request, err := http.NewRequestWithContext(ctx, method, target, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Accept", "text/html,application/xhtml+xml,*/*;q=0.8")
	request.Header.Set("Accept-Language", "en")
	if contentType != "" {
		request.Header.Set("Content-Type", contentType)
		request.Header.Set("Origin", request.URL.Scheme+"://"+request.URL.Host)
	}
	response, err := b.client.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(io.LimitReader(response.Body, maxBody+1))
	if err == nil && len(text) > maxBody {
		err = errors.New("the page is too large")
	}
	if err != nil {
		return nil, err
	}
	page := &Page{URL: response.Request.URL, Status: response.StatusCode, Header: response.Header, Body: text}
	if response.StatusCode >= 300 && response.StatusCode <= 399 {
		page.next, err = response.Location()
	}
	return page, err
}
