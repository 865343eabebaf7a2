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

// network is the TLS server of an IdP that New made.
type network struct {
	address  string
	config   *tls.Config
	listener net.Listener
	server   *http.Server // nil while stopped
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
	address := listener.Addr().String()
	p := NewLocal("https://"+address, baseURL)
	p.t = t
	p.roots = x509.NewCertPool()
	p.roots.AddCert(certificate.Leaf)
	p.network = &network{address: address, config: &tls.Config{Certificates: []tls.Certificate{certificate}}}
	spareRSA.warm()
	p.network.serve(listener, p)
	t.Cleanup(func() {
		p.Stop()
		p.giveBackKeys()
	})
	return p
}

// serve takes connections until the server is closed.
func (n *network) serve(listener net.Listener, handler http.Handler) {
	n.listener = listener
	// HTTP/2 clients don't repeat a request that met a connection broken by Stop; HTTP/1 ones do.
	http1 := &http.Protocols{}
	http1.SetHTTP1(true)
	n.server = &http.Server{
		Handler: handler, TLSConfig: n.config.Clone(), Protocols: http1, ReadHeaderTimeout: 30 * time.Second,
		ErrorLog: log.New(io.Discard, "", 0), // a refused certificate is what some tests are about
	}
	go n.server.ServeTLS(n.listener, "", "")
}

// Stop takes the identity provider down: connections break and new ones are refused. One of [NewLocal], whose server is
// the caller's, answers everything with 503. What it knows (users, keys, sessions) stays.
func (p *IdP) Stop() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stopped = true
	if p.network != nil && p.network.server != nil {
		p.network.listener.Close() // the server may not know it yet
		p.network.server.Close()
		p.network.server = nil
	}
}

// Start brings it back at the same address. It fails the test if another program has taken the port meanwhile.
func (p *IdP) Start() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stopped = false
	if p.network == nil || p.network.server != nil {
		return
	}
	listener, err := net.Listen("tcp", p.network.address)
	if err != nil {
		p.t.Errorf("oidcssotest: the identity provider can't come back: %v", err)
		return
	}
	p.network.serve(listener, p)
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
