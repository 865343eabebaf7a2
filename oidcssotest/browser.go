package oidcssotest

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// HTTPClient is a browser of its own, with a cookie jar, that trusts the identity provider and does not follow redirects
// by itself. Give it the certificate of the backend under test if that one is a TLS server:
// idp.HTTPClient(backend.Certificate()).
func (p *IdP) HTTPClient(trusted ...*x509.Certificate) *http.Client {
	jar, _ := cookiejar.New(nil) // never fails
	client := &http.Client{Jar: jar, CheckRedirect: dontFollow, Transport: p.transport}
	if client.Transport != nil {
		return client
	}
	roots := x509.NewCertPool()
	if p.roots != nil {
		roots = p.roots.Clone()
	}
	for _, certificate := range trusted {
		roots.AddCert(certificate)
	}
	client.Transport = &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}
	return client
}

func dontFollow(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// SignIn walks a sign-in as a browser does: from startURL at the backend to the identity provider, through its page, where
// the form is filled in for the user (a Subject, Email or PreferredUsername), and back through the callback. It returns
// the first response that is no redirect, or the redirect that leads to a host which is neither the backend's nor the
// identity provider's; its body is in memory. startURL may also be an authorization URL that the backend gave out. A nil
// client is a new [IdP.HTTPClient]; one that has a session at the identity provider goes on with it and sees no page.
//
// startURL is fetched with GET. Where a sign-in begins with a POST, as at a login form, send it with the same client and
// give SignIn the Location of the answer.
//
// Whatever else happens fails the test at once: a user whom the page refuses, more than 20 steps, a backend that answers
// with a page (a status of 2xx) before it has sent the browser to the identity provider.
func (p *IdP) SignIn(t testing.TB, client *http.Client, startURL, user string) *http.Response {
	t.Helper()
	return p.walk(t, p.newBrowser(client, startURL, p.baseURL), startURL, p.credentials(t, user))
}

// Cancel walks like [IdP.SignIn], but presses the Cancel button of the identity provider's page.
func (p *IdP) Cancel(t testing.TB, client *http.Client, startURL string) *http.Response {
	t.Helper()
	return p.walk(t, p.newBrowser(client, startURL, p.baseURL), startURL, url.Values{"action": {"cancel"}})
}

// Authorize signs in at the identity provider alone: from an authorization URL, as Connector.Begin gives it, to the
// authorization response, which it returns without following it, ready for Connector.Finish. No backend has to run.
func (p *IdP) Authorize(t testing.TB, authorizationURL, user string) *url.URL {
	t.Helper()
	response := p.walk(t, p.newBrowser(nil), authorizationURL, p.credentials(t, user))
	location, err := response.Location()
	if err != nil {
		t.Fatalf("oidcssotest: the identity provider answered %s and no redirect", response.Status)
	}
	return location
}

// credentials are what the user enters into the form.
func (p *IdP) credentials(t testing.TB, user string) url.Values {
	t.Helper()
	u, ok := p.user(user)
	if !ok {
		t.Fatalf("oidcssotest: there is no user %q", user)
	}
	return url.Values{"username": {user}, "password": {u.Password}, "action": {"sign-in"}}
}

func (p *IdP) walk(t testing.TB, b *browser, startURL string, form url.Values) *http.Response {
	t.Helper()
	response, err := b.walk(startURL, form)
	if err != nil {
		t.Fatalf("oidcssotest: %v", err)
	}
	return response
}

// browser follows redirects among known places and fills in the sign-in page.
type browser struct {
	idp    *IdP
	client *http.Client
	known  []string // what the URLs of these places begin with
}

const maxSteps = 20

// newBrowser knows the identity provider and the hosts of further URLs.
func (p *IdP) newBrowser(client *http.Client, hosts ...string) *browser {
	if client == nil {
		client = p.HTTPClient()
	} else { // the caller's may follow redirects, past the page
		copied := *client
		copied.CheckRedirect = dontFollow
		client = &copied
	}
	b := &browser{idp: p, client: client, known: []string{p.endpoint("/")}}
	for _, text := range hosts {
		if u, err := url.Parse(text); err == nil && u.Host != "" {
			b.known = append(b.known, u.Scheme+"://"+u.Host+"/")
		}
	}
	return b
}

// walk goes on until something is no redirect, or leads away.
func (b *browser) walk(startURL string, form url.Values) (*http.Response, error) {
	request, err := http.NewRequest(http.MethodGet, startURL, nil)
	if err != nil {
		return nil, err
	}
	submitted, asked := false, false
	for range maxSteps {
		asked = asked || strings.HasPrefix(request.URL.String(), b.idp.endpoint("/"))
		response, body, err := b.do(request)
		if err != nil {
			return nil, err
		}
		if next := b.next(response); next != "" {
			if request, err = http.NewRequest(http.MethodGet, next, nil); err != nil {
				return nil, err
			}
			continue
		}
		action := b.formAction(response, body)
		if action == "" && !asked && response.StatusCode < http.StatusMultipleChoices {
			return nil, fmt.Errorf("%s answered %s without sending the browser to the identity provider; if the sign-in starts with a POST, "+
				"send that yourself and give SignIn the Location of the answer", startURL, response.Status)
		}
		if action == "" {
			return response, nil
		}
		if submitted {
			return nil, fmt.Errorf("the identity provider did not accept the sign-in (%s)", response.Status)
		}
		submitted = true
		if request, err = http.NewRequest(http.MethodPost, action, strings.NewReader(form.Encode())); err != nil {
			return nil, err
		}
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	return nil, fmt.Errorf("more than %d redirects", maxSteps)
}

// do reads the body into memory, so that nobody has to close it.
func (b *browser) do(request *http.Request) (*http.Response, []byte, error) {
	response, err := b.client.Do(request)
	if err != nil {
		return nil, nil, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, nil, err
	}
	response.Body = io.NopCloser(bytes.NewReader(body))
	return response, body, nil
}

// next is where a redirect leads, if that is a known place.
func (b *browser) next(response *http.Response) string {
	if response.StatusCode < 300 || response.StatusCode > 399 {
		return ""
	}
	location, err := response.Location()
	if err != nil {
		return ""
	}
	next := location.String()
	if slices.ContainsFunc(b.known, func(place string) bool { return strings.HasPrefix(next+"/", place) }) {
		return next
	}
	return ""
}

// formAction is where the form of the identity provider's own sign-in page goes, or nothing if this is another page.
func (b *browser) formAction(response *http.Response, body []byte) string {
	match := formTag.FindSubmatch(body)
	if match == nil {
		return ""
	}
	action := html.UnescapeString(string(match[1]))
	if !strings.HasPrefix(action, b.idp.endpoint(signInPath)+"?") {
		return ""
	}
	return action
}

var formTag = regexp.MustCompile(`<form method="post" action="([^"]*)">`)
