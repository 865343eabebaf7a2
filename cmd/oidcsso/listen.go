package main

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"
)

// place is where the answer arrives: a loopback redirect URI (RFC 8252, 7.3).
type place struct {
	url       *url.URL
	listeners []net.Listener
}

// listen takes the port on 127.0.0.1. For localhost it takes it on ::1 as well, where there is one: a browser may go there.
func listen(port int, localhost bool) (*place, error) {
	first, err := net.Listen("tcp4", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		return nil, fmt.Errorf("no answer can be received: %w", err)
	}
	bound := strconv.Itoa(first.Addr().(*net.TCPAddr).Port)
	p := &place{url: &url.URL{Scheme: "http", Host: net.JoinHostPort("127.0.0.1", bound), Path: "/callback"}, listeners: []net.Listener{first}}
	if localhost {
		p.url.Host = net.JoinHostPort("localhost", bound)
		switch second, err := net.Listen("tcp6", net.JoinHostPort("::1", bound)); {
		case err == nil:
			p.listeners = append(p.listeners, second)
		case hasIPv6Loopback(): // somebody else on this machine would get the answer //check:callback-listener
			first.Close()
			return nil, fmt.Errorf("no answer can be received: %w", err)
		}
	}
	return p, nil
}

// hasIPv6Loopback says whether a browser could reach anybody on ::1.
func hasIPv6Loopback() bool {
	l, err := net.Listen("tcp6", "[::1]:0")
	if err == nil {
		l.Close()
	}
	return err == nil
}

func (p *place) close() {
	for _, l := range p.listeners {
		l.Close()
	}
}

// quietLog drops what net/http says of broken connections: it may quote what arrived.
var quietLog = log.New(io.Discard, "", 0)

const grace = time.Second // for the page to reach the browser

// receive serves until the answer with the state arrives, and gives its URL. ignored is called, once, when there was an
// answer with another state or none.
func (p *place) receive(ctx context.Context, state string, timeout time.Duration, ignored func()) (string, error) {
	inbox := &inbox{place: p.url, state: state, arrived: make(chan string, 1), ignored: make(chan struct{}, 1)}
	server := &http.Server{
		Handler: inbox, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 5 * time.Second, WriteTimeout: 5 * time.Second,
		MaxHeaderBytes: 64 << 10, ErrorLog: quietLog,
	}
	for _, l := range p.listeners {
		go server.Serve(l) // ends with the server
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
		defer cancel()
		if server.Shutdown(ctx) != nil { // a browser may hold a connection open that it never used
			server.Close()
		}
	}()
	late := time.NewTimer(timeout)
	defer late.Stop()
	other := inbox.ignored
	for {
		select {
		case answer := <-inbox.arrived:
			return answer, nil
		case <-other:
			ignored()
			other = nil // once is enough: another site may send many
		case <-late.C:
			return "", fmt.Errorf("nobody came back within %s", timeout)
		case <-ctx.Done():
			return "", errors.New("interrupted")
		}
	}
}

// inbox takes one answer. Any page in any browser on this machine can send requests here, so that only what has the state
// of the sign-in counts, and everything else changes nothing.
type inbox struct {
	place   *url.URL
	state   string
	arrived chan string
	ignored chan struct{}
}

func (i *inbox) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Referrer-Policy", "no-referrer") // the URL has the code
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Connection", "close")
	switch {
	case r.Host != i.place.Host: // a name of another site that leads here (DNS rebinding) //check:callback-host
		page(w, http.StatusMisdirectedRequest, "There is nothing here", "")
	case r.URL.Path != i.place.Path: //check:callback-path
		page(w, http.StatusNotFound, "There is nothing here", "")
	case r.Method != http.MethodGet: //check:callback-method
		h.Set("Allow", http.MethodGet)
		page(w, http.StatusMethodNotAllowed, "This is no answer", "The identity provider has to answer in the query of a redirect (response mode query).")
	case !i.isMine(r.URL): //check:callback-state
		select {
		case i.ignored <- struct{}{}:
		default:
		}
		page(w, http.StatusBadRequest, "This is not the answer that the terminal waits for", "Go on at the URL that it printed.")
	default:
		answer := *i.place
		answer.RawQuery = r.URL.RawQuery
		select {
		case i.arrived <- answer.String():
			page(w, http.StatusOK, "The answer has arrived", "You can close this page. The terminal says how the sign-in ended.")
		default: // it was reloaded
			page(w, http.StatusConflict, "An answer was here before", "You can close this page.")
		}
	}
}

func (i *inbox) isMine(u *url.URL) bool {
	return slices.ContainsFunc(u.Query()["state"], func(state string) bool {
		return subtle.ConstantTimeCompare([]byte(state), []byte(i.state)) == 1
	})
}

// page writes texts of this program's own.
func page(w http.ResponseWriter, status int, title, text string) {
	w.WriteHeader(status)
	fmt.Fprintf(w, "<!doctype html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\"><title>%s</title></head>\n<body><h1>%s</h1><p>%s</p></body>\n</html>\n", title, title, text)
}
