package main

import (
	"errors"
	"net/http"
	"strings"
	"sync"

	"github.com/oidcsso/oidcsso"
)

// connectorView is a connector as an administrator wants to see it before anybody signs in: what was configured, and
// what the identity provider says about itself. A product shows each company its own, to its administrators.
type connectorView struct {
	ID          string            `json:"id"`
	Name        string            `json:"name"`
	CallbackURI string            `json:"callback_uri"`
	Issuer      string            `json:"issuer"`
	ClientID    string            `json:"client_id"`
	Scopes      []string          `json:"scopes"`
	Domains     []oidcsso.Domain  `json:"domains"`
	State       string            `json:"state"` // ready, disabled or failing
	Metadata    *oidcsso.Metadata `json:"metadata,omitempty"`
	Problem     *problem          `json:"problem,omitempty"`
}

// problem is both faces of an error, since it is shown to an administrator.
type problem struct {
	Code    string `json:"code"`
	Message string `json:"message"`
	Remedy  string `json:"remedy"`
	ID      string `json:"id"`
}

// idp shows every connector, as a page or as JSON. One that fails does not keep the others from being shown.
func (a *app) idp(w http.ResponseWriter, r *http.Request) {
	connectors := a.router.Connectors()
	views := make([]connectorView, len(connectors))
	var all sync.WaitGroup
	for i, c := range connectors {
		all.Go(func() { views[i] = a.look(r, c) })
	}
	all.Wait()
	if wantsJSON(r) {
		a.json(w, http.StatusOK, map[string]any{"connectors": views})
		return
	}
	v := view{Title: "Identity providers", Data: views}
	if current, ok := a.sessions.of(r); ok {
		v.Person = &current.person
	}
	a.page(w, http.StatusOK, "idp", v)
}

func (a *app) look(r *http.Request, c *oidcsso.Connector) connectorView {
	cfg := c.Config()
	v := connectorView{
		ID: cfg.ID, Name: cfg.Name, CallbackURI: c.CallbackURL(), Issuer: cfg.Issuer, ClientID: cfg.ClientID,
		Scopes: append([]string{"openid", "profile", "email"}, cfg.Scopes...), Domains: cfg.Domains, State: "ready",
	}
	metadata, err := c.Metadata(r.Context())
	v.Metadata = metadata
	var e *oidcsso.Error
	if errors.As(err, &e) {
		a.log.Warn("identity provider not ready", "error", e)
		v.State, v.Problem = "failing", &problem{string(e.Code), e.Public, e.Remedy, e.ID}
	}
	if c.Disabled() {
		v.State = "disabled"
	}
	return v
}

func wantsJSON(r *http.Request) bool {
	accept := r.Header.Get("Accept")
	return r.URL.Query().Get("format") == "json" || strings.Contains(accept, "application/json") && !strings.Contains(accept, "text/html")
}
