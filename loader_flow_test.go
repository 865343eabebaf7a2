package oidcsso_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"

	"github.com/oidcsso/oidcsso"
)

// customers are a backend's tables of connectors and domains, in a Flow of which the Router is not used.
type customers struct {
	mu      sync.Mutex
	configs map[string]oidcsso.Config
	down    error
}

func (c *customers) change(f func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f()
}

func (c *customers) byID(_ context.Context, id string) (oidcsso.Config, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	cfg, ok := c.configs[id]
	if !ok && c.down == nil {
		return cfg, oidcsso.ErrNotFound
	}
	return cfg, c.down
}

func (c *customers) byDomain(_ context.Context, names []string) (found []oidcsso.Config, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, cfg := range c.configs {
		for _, d := range cfg.Domains {
			if slices.Contains(names, d.String()) {
				found = append(found, cfg)
			}
		}
	}
	return found, c.down
}

func newLoaderFlow(t *testing.T) (*direct, *customers) {
	t.Helper()
	d := newDirect(t)
	c := &customers{configs: map[string]oidcsso.Config{"acme": d.cfg, "globex": d.idp.Config("globex")}}
	d.flow = d.newFlow(&oidcsso.Loader{Options: d.opts, ByID: c.byID, ByDomain: c.byDomain}, d.flowOptions())
	return d, c
}

// What was discovered stays, through sign-ins and changes of the row.
func TestLoaderSignsPeopleIn(t *testing.T) {
	t.Parallel()
	d, c := newLoaderFlow(t)
	for _, name := range []string{"Acme", "ACME Inc."} {
		for range 2 {
			a := d.begin(home)
			signIn, _, err := finishWith(d.flow, callbackRequest(d.callback(a), a.cookie))
			wantAlice(t, signIn, err)
		}
		c.change(func() {
			cfg := c.configs["acme"]
			cfg.Name = name
			c.configs["acme"] = cfg
		})
	}
	if n := d.idp.Requests(); n.Discovery != 1 || n.JWKS != 1 || n.Token != 4 {
		t.Errorf("%d discovery, %d JWKS and %d token requests; want 1, 1 and 4", n.Discovery, n.JWKS, n.Token)
	}
}

// What changes in the tables while Alice is at the identity provider counts when she is back.
func TestTablesChangeBetweenRedirectAndCallback(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		change func(*customers)
		code   oidcsso.Code
	}{
		"the domain moved": {func(c *customers) {
			acme, globex := c.configs["acme"], c.configs["globex"]
			acme.Domains, globex.Domains = nil, oidcsso.AssertDomains("acme.test")
			c.configs["acme"], c.configs["globex"] = acme, globex
		}, oidcsso.CodeEmailOutside},
		"the domain moved, and the old list still has it": {func(c *customers) {
			acme, globex := c.configs["acme"], c.configs["globex"]
			acme.Domains = []oidcsso.Domain{{Name: "other.test", State: oidcsso.DomainAsserted}}
			globex.Domains = oidcsso.AssertDomains("acme.test")
			c.configs["acme"], c.configs["globex"] = acme, globex
		}, oidcsso.CodeEmailOutside},
		"the connector was deleted": {func(c *customers) { delete(c.configs, "acme") }, oidcsso.CodeConnectorUnknown},
		"it was disabled": {func(c *customers) {
			acme := c.configs["acme"]
			acme.Disabled = true
			c.configs["acme"] = acme
		}, oidcsso.CodeConnectorDisabled},
		"it has another client ID": {func(c *customers) {
			acme := c.configs["acme"]
			acme.ClientID += "2"
			c.configs["acme"] = acme
		}, oidcsso.CodeConfigChanged},
		"its row is broken": {func(c *customers) {
			acme := c.configs["acme"]
			acme.Issuer = ""
			c.configs["acme"] = acme
		}, oidcsso.CodeUnavailable},
		"the database is down": {func(c *customers) { c.down = errors.New("down") }, oidcsso.CodeUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d, c := newLoaderFlow(t)
			a := d.begin(home)
			callback := d.callback(a)
			c.change(func() { row.change(c) })
			_, _, err := finishWith(d.flow, callbackRequest(callback, a.cookie))
			d.wantFailed(err, row.code)
		})
	}
}

// A Loader with other Options than the Flow's would make other redirect URIs.
func TestFlowRefusesALoaderWithOtherOptions(t *testing.T) {
	t.Parallel()
	opts := soundOptions()
	for name, row := range map[string]struct {
		loader *oidcsso.Loader
		fields string
	}{
		"the same": {&oidcsso.Loader{Options: opts}, ""}, "equal ones": {&oidcsso.Loader{Options: soundOptions()}, ""},
		"none": {&oidcsso.Loader{}, "source"}, "others": {&oidcsso.Loader{Options: &oidcsso.Options{BaseURL: "https://other.example/sso"}}, "source"},
	} {
		_, err := oidcsso.NewFlow(opts, row.loader, &oidcsso.FlowOptions{Keys: []oidcsso.SealKey{oidcsso.RandomSealKey()}})
		if row.fields == "" {
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
		} else if got := fieldNames(problems(t, err)); got != row.fields {
			t.Errorf("%s: got problems with %s", name, got)
		}
	}
}
