package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"

	"github.com/oidcsso/oidcsso"
	"github.com/oidcsso/oidcsso/connectorstore"
	"github.com/oidcsso/oidcsso/oidcssotest"
)

// demo is the world outside of the backend, in this process: three companies' identity providers, where an application can be
// registered, and a zone of the DNS, where a record can be published. In production both are elsewhere, and the
// companies' own administrators use them.
type demo struct {
	origin string
	idps   map[string]*oidcssotest.IdP // by tenant
	zone   *zone
}

// company is a customer, the identity provider that it runs, and what its domain may do; nothing yet where the state is empty.
type company struct {
	tenant, domain, name, accent string
	state                        oidcsso.DomainState
	people                       []oidcssotest.User
}

var companies = []company{
	{"acme", "acme.test", "Acme Inc.", "#b3261e", oidcsso.DomainEnforced, []oidcssotest.User{
		{Subject: "00u1alice", Email: "alice@acme.test", Name: "Alice Ames"},
		{Subject: "00u2bob", Email: "bob@acme.test", Name: "Bob Brandt"},
	}},
	{"globex", "globex.test", "Globex Corporation", "#0b6b4f", oidcsso.DomainRouted, []oidcssotest.User{
		{Subject: "7f3c-gina", Email: "gina@globex.test", Name: "Gina Grant", EmailVerified: oidcssotest.SaysNothing},
	}},
	{"initech", "initech.test", "Initech", "#5b3fa8", "", []oidcssotest.User{
		{Subject: "ida-1", Email: "ida@initech.test", Name: "Ida Ingram"},
	}},
}

func newDemo(origin string) *demo {
	d := &demo{origin: origin, idps: map[string]*oidcssotest.IdP{}, zone: &zone{records: map[string][]string{}}}
	for _, c := range companies {
		idp := oidcssotest.NewLocal(origin+"/idps/"+c.tenant, "")
		idp.Configure(func(s *oidcssotest.Settings) {
			s.Name, s.Accent, s.Hint = c.name, c.accent, "Demonstration: any password does."
		})
		for _, user := range c.people {
			idp.AddUser(user)
		}
		d.idps[c.tenant] = idp
	}
	return d
}

// routes puts the outside world beside the backend. Browsers that came by another name of this machine are sent to the one
// that the Callback URIs have: cookies don't cross from localhost to 127.0.0.1. They do cross ports.
func (d *demo) routes(backend http.Handler) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/", backend)
	for tenant, idp := range d.idps {
		mux.Handle("/idps/"+tenant+"/", idp)
	}
	mux.HandleFunc("POST /demo/idps/{tenant}/clients", d.registerClient)
	mux.HandleFunc("POST /demo/dns", d.publish)
	_, host, _ := strings.Cut(d.origin, "://")
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if hostname(r.Host) != hostname(host) && r.Method == http.MethodGet {
			http.Redirect(w, r, d.origin+r.URL.RequestURI(), http.StatusSeeOther)
			return
		}
		mux.ServeHTTP(w, r)
	})
}

func hostname(hostport string) string {
	if host, _, err := net.SplitHostPort(hostport); err == nil {
		return host
	}
	return hostport
}

// registration is what an identity provider gives for a redirect URI.
type registration struct {
	Issuer       string `json:"issuer"`
	ClientID     string `json:"client_id"`
	ClientSecret string `json:"client_secret"`
}

// register makes a client, or gives one that there is another secret, which ends the old one at once.
func (d *demo) register(tenant, redirectURI, clientID string) registration {
	idp := d.idps[tenant]
	if clientID == "" {
		clientID = "client-" + strings.ToLower(rand.Text()[:8])
	}
	made := registration{idp.Issuer(), clientID, rand.Text()}
	idp.AddClient(oidcssotest.Client{ID: made.ClientID, Secret: made.ClientSecret, RedirectURIs: []string{redirectURI}})
	return made
}

// registerClient stands for the page at the identity provider where a company's administrator registers an application.
func (d *demo) registerClient(w http.ResponseWriter, r *http.Request) {
	var body struct {
		RedirectURI string `json:"redirect_uri"`
		ClientID    string `json:"client_id"` // default: a new one
	}
	err := read(r, &body)
	if err == nil && d.idps[r.PathValue("tenant")] == nil {
		err = invalidBody("There is no such company.")
	}
	if err != nil {
		p := problemOf(err)
		writeJSON(w, p.status, problemBody{p})
		return
	}
	writeJSON(w, http.StatusOK, d.register(r.PathValue("tenant"), body.RedirectURI, body.ClientID))
}

// publish stands for the page at a DNS provider where a company's administrator enters a TXT record.
func (d *demo) publish(w http.ResponseWriter, r *http.Request) {
	var body struct{ Name, Value string }
	if err := read(r, &body); err != nil {
		p := problemOf(err)
		writeJSON(w, p.status, problemBody{p})
		return
	}
	d.zone.publish(body.Name, body.Value)
	w.WriteHeader(http.StatusNoContent)
}

// zone answers for names below .test, which the DNS never has (RFC 6761, 6.2).
type zone struct {
	mu      sync.Mutex
	records map[string][]string
}

const maxRecords = 100 // of the whole zone

func (z *zone) publish(name, value string) {
	z.mu.Lock()
	defer z.mu.Unlock()
	if len(z.records) < maxRecords && len(z.records[name]) < maxRecords {
		z.records[name] = append(z.records[name], value)
	}
}

// zoneBefore asks the zone for its names, and the other resolver for all others.
type zoneBefore struct {
	zone *zone
	next connectorstore.Resolver
}

func (r zoneBefore) TXT(ctx context.Context, name string) ([]string, error) {
	if !strings.HasSuffix(name, ".test") {
		return r.next.TXT(ctx, name)
	}
	r.zone.mu.Lock()
	defer r.zone.mu.Unlock()
	if len(r.zone.records[name]) == 0 {
		return nil, connectorstore.ErrNoRecord
	}
	return append([]string(nil), r.zone.records[name]...), nil
}

var errOrigin = errors.New("the demonstration in this database is at another address; give -addr the one that it was made with")

// seed makes what is not there yet: accounts with passwords, and the connectors of the companies that have one. It gives
// what a stranger needs to know.
func (d *demo) seed(ctx context.Context, r *replica) (hints []string, err error) {
	code := newToken()
	otto, err := r.people.byID(ctx, "otto")
	if err != nil {
		return nil, err
	}
	for _, p := range [][5]string{
		{"nora", "Nora Lindqvist", "nora@northwind.test", "sunflower"},
		{"alice", "Alice Ames", "alice@acme.test", "snowdrop"},
		{"otto", "Otto Olsen", "otto@acme.test", "crocus", code},
		{"ida", "Ida Ingram", "ida@initech.test", "tulip"},
	} {
		if err := r.people.add(ctx, p[0], p[1], p[2], p[3], p[4]); err != nil {
			return nil, err
		}
	}
	for _, c := range companies {
		if c.state == "" {
			continue
		}
		if err := d.seedCompany(ctx, r.store, c); err != nil {
			return nil, fmt.Errorf("%s: %w", c.tenant, err)
		}
	}
	hints = []string{
		"alice@acme.test      signs in at Acme's identity provider, with any password; her account is older, and is linked",
		"gina@globex.test     may sign in at Globex's: it is offered to her beside a password",
		"nora@northwind.test  has the password sunflower, and her company no single sign-on",
		"ida@initech.test     has the password tulip, until her company's connector is made: see README.md",
	}
	if isNobody(otto) {
		hints = append(hints, "otto@acme.test       has the password crocus, and for emergencies the recovery code "+code)
	}
	return hints, nil
}

func (d *demo) seedCompany(ctx context.Context, store *connectorstore.Store, c company) error {
	there, err := store.Connectors(ctx, connectorstore.Filter{Tenant: c.tenant})
	if err != nil {
		return err
	}
	if len(there) > 0 { // from an earlier run: the identity provider is told what it knew then
		return d.remember(ctx, store, c, there[0])
	}
	made, err := store.Create(ctx, c.tenant, oidcsso.Config{Name: c.name})
	if err != nil {
		return err
	}
	callback, err := oidcsso.CallbackURL(d.origin+ssoPath, made.ID)
	if err != nil {
		return err
	}
	client := d.register(c.tenant, callback, "")
	made.Config.Issuer, made.Config.ClientID, made.Config.ClientSecret = client.Issuer, client.ClientID, oidcsso.NewSecret(client.ClientSecret)
	if made, err = store.Update(ctx, made); err != nil {
		return err
	}
	if made, err = store.SetState(ctx, made.ID, made.Revision, connectorstore.StateActive); err != nil {
		return err
	}
	claim, err := store.Assert(ctx, made.ID, c.domain)
	if err != nil {
		return err
	}
	_, err = store.SetDomainState(ctx, claim.ID, claim.State, c.state)
	return err
}

func (d *demo) remember(ctx context.Context, store *connectorstore.Store, c company, known connectorstore.Listed) error {
	if known.Err != nil {
		return known.Err
	}
	idp := d.idps[c.tenant]
	if known.Config.Issuer != idp.Issuer() {
		return errOrigin
	}
	secret, _, err := store.RevealSecrets(ctx, known.ID)
	if err != nil {
		return err
	}
	callback, err := oidcsso.CallbackURL(d.origin+ssoPath, known.ID)
	idp.AddClient(oidcssotest.Client{ID: known.Config.ClientID, Secret: secret.Reveal(), RedirectURIs: []string{callback}})
	return err
}
