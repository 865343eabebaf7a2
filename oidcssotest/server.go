package oidcssotest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"
)

// network is the TLS server of an IdP that New made, behind a gate.
type network struct {
	gate   *gate
	server *http.Server
}

// gate is a listener that can be shut without giving up its port, which the next identity provider of a parallel test
// would get.
type gate struct {
	net.Listener
	mu   sync.Mutex
	shut bool
	open map[net.Conn]bool
}

// Accept waits for a connection while the gate is open; one that comes while it is shut is reset.
func (g *gate) Accept() (net.Conn, error) {
	for {
		conn, err := g.Listener.Accept()
		if err != nil {
			return nil, err
		}
		g.mu.Lock()
		if !g.shut {
			g.open[conn] = true
			g.mu.Unlock()
			return &gated{conn, g}, nil
		}
		g.mu.Unlock()
		reset(conn)
	}
}

// set opens or shuts the gate; shutting it resets all connections.
func (g *gate) set(shut bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.shut = shut
	if shut {
		for conn := range g.open {
			reset(conn)
		}
		clear(g.open)
	}
}

type gated struct {
	net.Conn
	gate *gate
}

func (c *gated) Close() error {
	c.gate.mu.Lock()
	delete(c.gate.open, c.Conn)
	c.gate.mu.Unlock()
	return c.Conn.Close()
}

// reset closes a connection without a farewell, as a machine does where nothing listens.
func reset(conn net.Conn) {
	if tcp, ok := conn.(*net.TCPConn); ok {
		tcp.SetLinger(0)
	}
	conn.Close()
}

// New starts an identity provider over TLS on a free loopback port, with a certificate that only [IdP.Options] and
// [IdP.HTTPClient] trust, those of the process's other identity providers included, so that one backend can have several.
// It ends with the test. baseURL is the BaseURL of the backend under test, where its people come back to.
func New(t testing.TB, baseURL string) *IdP {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("oidcssotest: no loopback port: %v", err)
	}
	certificate, err := certificate()
	if err != nil {
		t.Fatalf("oidcssotest: no certificate: %v", err)
	}
	p := NewLocal("https://"+listener.Addr().String(), baseURL)
	p.t = t
	p.roots = x509.NewCertPool()
	p.roots.AddCert(certificate.Leaf)
	// HTTP/2 clients don't repeat a request that met a connection broken by Stop; HTTP/1 ones do.
	http1 := &http.Protocols{}
	http1.SetHTTP1(true)
	p.network = &network{
		gate: &gate{Listener: listener, open: map[net.Conn]bool{}},
		server: &http.Server{
			Handler: p, TLSConfig: &tls.Config{Certificates: []tls.Certificate{certificate}}, Protocols: http1,
			ReadHeaderTimeout: 30 * time.Second,
			ErrorLog:          log.New(io.Discard, "", 0), // a refused certificate is what some tests are about
		},
	}
	spareRSA.warm()
	go p.network.server.ServeTLS(p.network.gate, "", "")
	t.Cleanup(func() {
		listener.Close() // the server may not know it yet
		p.network.server.Close()
		p.giveBackKeys()
	})
	return p
}

// Stop takes the identity provider down: connections break and new ones are reset. One of [NewLocal], whose server is the
// caller's, answers everything with 503. What it knows (users, keys, sessions) stays, and its address too.
func (p *IdP) Stop() { p.setStopped(true) }

// Start brings it back at the same address.
func (p *IdP) Start() { p.setStopped(false) }

func (p *IdP) setStopped(stopped bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stopped = stopped
	if p.network != nil {
		p.network.gate.set(stopped)
	}
}

// certificate is a self-signed one for this machine, valid for so long that a test may move the clock. All identity providers
// of a process share it, so that the Options of one trust the others too.
var certificate = sync.OnceValues(func() (tls.Certificate, error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "oidcssotest"},
		NotBefore: now.AddDate(-20, 0, 0), NotAfter: now.AddDate(20, 0, 0),
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true, IsCA: true,
		DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		return tls.Certificate{}, err
	}
	leaf, err := x509.ParseCertificate(der)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: private, Leaf: leaf}, err
})
