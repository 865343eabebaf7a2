package main

import (
	"context"
	"net/http"

	"github.com/oidcsso/oidcsso"
	"github.com/oidcsso/oidcsso/internal/benchwork"
)

// newOptions trust loopback; all connectors that are made with the same ones share their connections.
func newOptions() *oidcsso.Options {
	return &oidcsso.Options{BaseURL: baseURL, Egress: oidcsso.Egress{InsecureAllowLoopback: true}}
}

func newConfig(issuer string) oidcsso.Config {
	return oidcsso.Config{
		ID: connectorID, Issuer: issuer, ClientID: clientID, ClientSecret: oidcsso.NewSecret(clientSecret),
		Domains: oidcsso.AssertDomains("acme.example"),
	}
}

// oidcssoContender is this library's Connector. Its constructor does no network: discovery is part of the first begin.
func oidcssoContender() contender {
	opts := newOptions()
	return contender{name: ourName, prefetches: true, open: func(_ context.Context, issuer string) (client, error) {
		connector, err := oidcsso.NewConnector(newConfig(issuer), opts)
		if err != nil {
			return nil, err
		}
		return &oidcssoClient{connector}, nil
	}}
}

type oidcssoClient struct{ connector *oidcsso.Connector }

func (c *oidcssoClient) close() {}

// discover fetches the metadata alone.
func (c *oidcssoClient) discover(ctx context.Context) error {
	_, err := c.connector.Metadata(ctx)
	return err
}

func (c *oidcssoClient) begin(ctx context.Context) (string, pending, error) {
	u, login, err := c.connector.Begin(ctx, oidcsso.BeginParams{InsecureUnbound: true}) // no peer binds; the Flow below binds by its cookie
	return u, pending{own: login}, err
}

func (c *oidcssoClient) finish(r *http.Request, p pending) (string, error) {
	identity, err := c.connector.Finish(r.Context(), p.own.(*oidcsso.Login), oidcsso.Response{URL: r.RequestURI})
	if err != nil {
		return "", err
	}
	return identity.Subject, nil
}

func (c *oidcssoClient) verifier(*benchwork.Key, string) func(context.Context, string) (string, error) {
	return nil
}

// flowContender is the same through a Flow, with the sealed cookie.
func flowContender() contender {
	opts := newOptions()
	key := oidcsso.RandomSealKey()
	return contender{name: sealedName, prefetches: true, open: func(ctx context.Context, issuer string) (client, error) {
		router := oidcsso.NewRouter(opts)
		if err := router.Put(newConfig(issuer)); err != nil {
			return nil, err
		}
		flow, err := oidcsso.NewFlow(opts, router, &oidcsso.FlowOptions{Keys: []oidcsso.SealKey{key}})
		if err != nil {
			return nil, err
		}
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, "/login", nil)
		return &flowClient{flow, request, discard{}}, err
	}}
}

type flowClient struct {
	flow    *oidcsso.Flow
	request *http.Request
	header  discard // of the answers to begin, one after the other
}

func (c *flowClient) close() {}

func (c *flowClient) begin(context.Context) (string, pending, error) {
	clear(c.header)
	u, err := c.flow.Begin(c.header, c.request, connectorID, oidcsso.BeginParams{ReturnTo: "/"})
	return u, pending{cookie: c.header.Header().Get("Set-Cookie")}, err
}

func (c *flowClient) finish(r *http.Request, _ pending) (string, error) {
	signIn, err := c.flow.Finish(discard{}, r)
	if err != nil {
		return "", err
	}
	return signIn.Identity.Subject, nil
}

func (c *flowClient) verifier(*benchwork.Key, string) func(context.Context, string) (string, error) {
	return nil
}

// discard is a ResponseWriter that keeps the headers alone.
type discard http.Header

func (d discard) Header() http.Header         { return http.Header(d) }
func (d discard) Write(b []byte) (int, error) { return len(b), nil }
func (d discard) WriteHeader(int)             {}
