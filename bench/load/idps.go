package main

import (
	"fmt"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/oidcsso/oidcsso/oidcssotest"
)

// idp is an identity provider at an address of its own. It can be replaced by a new one there, which has new keys and has
// forgotten everything: oidcssotest looks through all that it remembers at each sign-in, and would become slower and slower.
type idp struct {
	customer
	email   string
	baseURL string
	fault   string // empty for a sound one
	server  *http.Server
	open    atomic.Int64 // connections
	now     atomic.Pointer[oidcssotest.IdP]
}

// faults are the ways in which faulty ones fail, in turn. Nothing ever closes these channels: who asks must give up.
var faults = []struct {
	name string
	set  func(*oidcssotest.Faults)
}{
	{"is down", func(f *oidcssotest.Faults) { f.Down = true }},
	{"hangs at the token endpoint", func(f *oidcssotest.Faults) { f.Token.Block = make(chan struct{}) }},
	{"hangs at discovery", func(f *oidcssotest.Faults) { f.Discovery.Block = make(chan struct{}) }},
	{"hangs at the keys", func(f *oidcssotest.Faults) { f.JWKS.Block = make(chan struct{}) }},
}

// startIDPs starts n of them, of which the last ones are faulty.
func startIDPs(n, faulty int, backendOrigin string) ([]*idp, error) {
	var started []*idp
	for i := range n {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return started, err
		}
		id := fmt.Sprintf("customer-%d", i)
		p := &idp{
			customer: customer{ID: id, Issuer: "http://" + listener.Addr().String(), ClientID: "client-" + id, Secret: "s3cret-of-" + id, Domain: id + ".example"},
			email:    "alice@" + id + ".example", baseURL: backendOrigin + "/sso",
		}
		if i >= n-faulty {
			p.fault = faults[(n-1-i)%len(faults)].name
		}
		p.restart()
		p.server = &http.Server{ReadHeaderTimeout: 10 * time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			p.now.Load().ServeHTTP(w, r)
		})}
		p.server.ConnState = func(_ net.Conn, state http.ConnState) {
			switch state {
			case http.StateNew:
				p.open.Add(1)
			case http.StateClosed:
				p.open.Add(-1)
			}
		}
		go p.server.Serve(listener)
		started = append(started, p)
	}
	return started, nil
}

// restart puts a new identity provider there. Its keys are of ES256, which costs it less than RS256 and so leaves more of the
// machine to the backend.
func (p *idp) restart() {
	next := oidcssotest.NewLocal(p.Issuer, p.baseURL)
	next.Configure(func(s *oidcssotest.Settings) { s.Algorithm = "ES256" })
	next.AddUser(oidcssotest.User{Subject: p.subject(), Email: p.email, Name: "Alice Ames", Groups: []string{"staff"}})
	next.AddClient(oidcssotest.Client{ID: p.ClientID, Secret: p.Secret, RedirectURIs: []string{p.baseURL + "/callback/" + p.ID}})
	for _, fault := range faults {
		if fault.name == p.fault {
			next.Faults(fault.set)
		}
	}
	p.now.Store(next)
}

func (p *idp) subject() string { return "alice-of-" + p.ID }
