package main

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/oidcsso/oidcsso"
	"github.com/oidcsso/oidcsso/connectorstore"
)

// connectorView is a connector as the API shows it. There is no secret in it, and none is ever read out of the store.
type connectorView struct {
	connectorstore.Connector
	// CallbackURI is what to register at the identity provider, before anything else is known.
	CallbackURI string `json:"callback_uri"`
	// Domains are the connector's claims; what they may do is changed by calls of their own.
	Domains []connectorstore.Claim `json:"domains"`
}

func (a *admin) view(r *http.Request, c connectorstore.Connector) (any, error) {
	callbacks, err := a.store.CallbackURLs(c)
	if err != nil {
		return nil, err
	}
	claims, err := a.store.Claims(r.Context(), c.ID)
	if err != nil {
		return nil, err
	}
	c.Config.Domains = nil                             // they are in the claims, with more
	return connectorView{c, callbacks[0], claims}, nil // one, since this backend has one base URL
}

// viewed is for the calls that end with a connector.
func (a *admin) viewed(r *http.Request, c connectorstore.Connector, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	return a.view(r, c)
}

func (a *admin) create(r *http.Request) (any, error) {
	var body struct {
		Tenant string         `json:"tenant"`
		Config oidcsso.Config `json:"config"`
	}
	if err := read(r, &body); err != nil {
		return nil, err
	}
	c, err := a.store.Create(r.Context(), body.Tenant, body.Config)
	return a.viewed(r, c, err)
}

func (a *admin) get(r *http.Request) (any, error) {
	c, err := a.store.Connector(r.Context(), r.PathValue("id"))
	return a.viewed(r, c, err)
}

// listed is a connector in a list; of one whose row can't be trusted there is nothing but the ID, and the reason.
type listed struct {
	ID      string               `json:"id"`
	Tenant  string               `json:"tenant,omitempty"`
	Name    string               `json:"name,omitempty"`
	State   connectorstore.State `json:"state,omitempty"`
	Issuer  string               `json:"issuer,omitempty"`
	Problem *problem             `json:"problem,omitempty"`
}

// list gives a page of connectors: ?tenant=acme&after=ID&limit=100. Less than a page is the last one.
func (a *admin) list(r *http.Request) (any, error) {
	query := r.URL.Query()
	limit, err := strconv.Atoi(query.Get("limit"))
	if err != nil && query.Has("limit") {
		return nil, invalidBody("The limit is not a number.")
	}
	page, err := a.store.Connectors(r.Context(), connectorstore.Filter{Tenant: query.Get("tenant"), After: query.Get("after"), Limit: limit})
	if err != nil {
		return nil, err
	}
	list := make([]listed, len(page))
	for i, c := range page {
		if list[i] = (listed{ID: c.ID, Tenant: c.Tenant, Name: c.Config.Name, State: c.State, Issuer: c.Config.Issuer}); c.Err != nil {
			p := problemOf(c.Err)
			list[i].Problem = &p
		}
	}
	return map[string]any{"connectors": list}, nil
}

// edit reads a new configuration. It replaces the old one in whole, but for secrets, which stay if none are sent. What the
// administrator saw is named by If-Match.
func (a *admin) edit(r *http.Request) (connectorstore.Connector, error) {
	var body struct {
		Config oidcsso.Config `json:"config"`
	}
	revision, err := revisionOf(r)
	if err == nil {
		err = read(r, &body)
	}
	if err != nil {
		return connectorstore.Connector{}, err
	}
	c, err := a.store.Connector(r.Context(), r.PathValue("id"))
	if err != nil {
		return connectorstore.Connector{}, err
	}
	c.Revision, c.Config = revision, body.Config
	return c, nil
}

func (a *admin) update(r *http.Request) (any, error) {
	c, err := a.edit(r)
	if err == nil {
		c, err = a.store.Update(r.Context(), c)
	}
	return a.viewed(r, c, err)
}

// setSecrets stores client secrets, and nothing else of the connector changes. A second one goes into next_client_secret before
// the identity provider ends the first; see docs/operations.md.
func (a *admin) setSecrets(r *http.Request) (any, error) {
	var body struct {
		ClientSecret           oidcsso.Secret `json:"client_secret"`
		ClientSecretExpiry     time.Time      `json:"client_secret_expiry"`
		NextClientSecret       oidcsso.Secret `json:"next_client_secret"`
		NextClientSecretExpiry time.Time      `json:"next_client_secret_expiry"`
	}
	revision, err := revisionOf(r)
	if err == nil {
		err = read(r, &body)
	}
	if err != nil {
		return nil, err
	}
	c, err := a.store.Connector(r.Context(), r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	c.Revision = revision
	if !body.ClientSecret.IsZero() {
		c.Config.ClientSecret, c.Config.ClientSecretExpiry = body.ClientSecret, body.ClientSecretExpiry
	}
	if !body.NextClientSecret.IsZero() {
		c.Config.NextClientSecret, c.Config.NextClientSecretExpiry = body.NextClientSecret, body.NextClientSecretExpiry
	}
	c, err = a.store.Update(r.Context(), c)
	return a.viewed(r, c, err)
}

func (a *admin) promoteSecret(r *http.Request) (any, error) {
	revision, err := revisionOf(r)
	if err != nil {
		return nil, err
	}
	c, err := a.store.PromoteNextSecret(r.Context(), r.PathValue("id"), revision)
	return a.viewed(r, c, err)
}

func (a *admin) dropSecrets(r *http.Request) (any, error) {
	revision, err := revisionOf(r)
	if err != nil {
		return nil, err
	}
	c, err := a.store.DropSecrets(r.Context(), r.PathValue("id"), revision, strings.HasSuffix(r.URL.Path, "/next"))
	return a.viewed(r, c, err)
}

func (a *admin) setState(r *http.Request) (any, error) {
	var body struct {
		State connectorstore.State `json:"state"`
	}
	revision, err := revisionOf(r)
	if err == nil {
		err = read(r, &body)
	}
	if err != nil {
		return nil, err
	}
	c, err := a.store.SetState(r.Context(), r.PathValue("id"), revision, body.State)
	return a.viewed(r, c, err)
}

func (a *admin) delete(r *http.Request) (any, error) {
	revision, err := revisionOf(r)
	if err != nil {
		return nil, err
	}
	return nil, a.store.Delete(r.Context(), r.PathValue("id"), revision)
}

// preview is what is found out about an identity provider, or about a connector and its.
type preview struct {
	Metadata *oidcsso.Metadata `json:"metadata"`
	Findings []oidcsso.Finding `json:"findings"`
}

// discover shows an issuer before anything is stored. The server fetches what the administrator typed: where to it may, is
// Options.Egress, which by default has no network but the public one.
func (a *admin) discover(r *http.Request) (any, error) {
	var body struct {
		Issuer string `json:"issuer"`
	}
	if err := read(r, &body); err != nil {
		return nil, err
	}
	connector, err := oidcsso.NewConnector(oidcsso.Config{ID: "preview", Issuer: body.Issuer, ClientID: "preview"}, a.sso)
	if err != nil {
		return nil, err
	}
	var p preview
	p.Metadata, p.Findings = connector.CheckIssuer(r.Context())
	return p, nil
}

// test tries the connector with its client secret, which stays in the replica's memory.
func (a *admin) test(r *http.Request) (any, error) {
	c, err := a.store.Connector(r.Context(), r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	if c.Incomplete {
		_, err := oidcsso.NewConnector(c.Config, a.sso) // says what is missing
		return nil, err
	}
	if err := a.live.Sync(r.Context()); err != nil { // as it is stored now
		return nil, err
	}
	connector, err := a.live.Connector(r.Context(), c.ID)
	if err != nil {
		return nil, err
	}
	var p preview
	p.Metadata, p.Findings = connector.Check(r.Context())
	return p, nil
}
