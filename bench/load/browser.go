package main

import (
	"errors"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"time"
)

// network is what all browsers share: connections. Redirects are walked one by one.
var network = &http.Transport{MaxIdleConnsPerHost: 1024}

// errUnavailable is that the backend said so: what a person must be told of an identity provider that is down or hangs.
var errUnavailable = errors.New("unavailable")

const maxSteps = 10

// signIn is one person in a new browser, from the backend's start to its own page.
func signIn(backendOrigin string, p *idp) error {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return err
	}
	browser := &http.Client{
		Transport: network, Jar: jar, Timeout: 30 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	next := backendOrigin + "/sso/start?" + url.Values{"email": {p.email}}.Encode()
	for range maxSteps {
		resp, body, err := read(browser.Get(next))
		if err != nil {
			return err
		}
		if form := formTag.FindStringSubmatch(body); form != nil && resp.StatusCode == http.StatusOK {
			values := url.Values{"username": {p.email}, "password": {"any"}, "action": {"sign-in"}}
			if resp, body, err = read(browser.PostForm(html.UnescapeString(form[1]), values)); err != nil {
				return err
			}
		}
		if location, err := resp.Location(); err == nil {
			next = location.String()
			continue
		}
		return arrived(resp, body, p)
	}
	return errors.New("the redirects do not end")
}

var formTag = regexp.MustCompile(`<form method="post" action="([^"]*)">`)

// arrived judges the page at the end.
func arrived(resp *http.Response, body string, p *idp) error {
	switch body = strings.TrimSpace(body); {
	case resp.StatusCode == http.StatusOK && body == p.subject():
		return nil
	case resp.StatusCode == http.StatusServiceUnavailable && body == "unavailable":
		return errUnavailable
	}
	return fmt.Errorf("%s answered %s %.80q", resp.Request.URL.Path, resp.Status, body)
}

func read(resp *http.Response, err error) (*http.Response, string, error) {
	if err != nil {
		return nil, "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return resp, string(body), err
}
