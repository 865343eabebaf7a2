package egress_test

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/binary"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/oidcsso/oidcsso/internal/egress"
)

// zone is a resolver. Each look-up of a name takes the next of its answers, addresses divided by spaces; the last one stays.
// A name without an answer does not exist; the answer "servfail" is a failure.
type zone struct {
	mu      sync.Mutex
	answers map[string][]string
	asked   int
}

func (z *zone) dialer() *net.Dialer {
	return &net.Dialer{Resolver: &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		here, there := net.Pipe()
		go z.serve(there)
		return here, nil
	}}}
}

// serve answers one query, framed as over TCP (RFC 1035, 4.2.2).
func (z *zone) serve(conn net.Conn) {
	defer conn.Close()
	var size [2]byte
	if _, err := io.ReadFull(conn, size[:]); err != nil {
		return
	}
	packed := make([]byte, binary.BigEndian.Uint16(size[:]))
	if _, err := io.ReadFull(conn, packed); err != nil {
		return
	}
	var m dnsmessage.Message
	if err := m.Unpack(packed); err != nil || len(m.Questions) != 1 {
		return
	}
	m.Response, m.RecursionAvailable, m.Additionals = true, true, nil
	z.answer(&m)
	packed, err := m.Pack()
	if err != nil {
		return
	}
	conn.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(packed))), packed...))
}

// answer knows A records only. The query for AAAA that comes with it does not count.
func (z *zone) answer(m *dnsmessage.Message) {
	z.mu.Lock()
	defer z.mu.Unlock()
	q := m.Questions[0]
	name := strings.TrimSuffix(q.Name.String(), ".")
	answers := z.answers[name]
	switch {
	case len(answers) == 0:
		m.RCode = dnsmessage.RCodeNameError
		return
	case answers[0] == "servfail":
		m.RCode = dnsmessage.RCodeServerFailure
		return
	case q.Type != dnsmessage.TypeA:
		return
	}
	z.asked++
	for _, text := range strings.Fields(answers[0]) {
		m.Answers = append(m.Answers, dnsmessage.Resource{
			Header: dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class},
			Body:   &dnsmessage.AResource{A: netip.MustParseAddr(text).As4()},
		})
	}
	if len(answers) > 1 {
		z.answers[name] = answers[1:]
	}
}

// proxy speaks CONNECT. Whatever address it is asked for, it connects to one server.
type proxy struct {
	url *url.URL

	mu          sync.Mutex
	upstream    string
	answers     []string // to the next requests, in place of a connection
	connections int
	asked       []string // authorities
	credentials []string // Proxy-Authorization
	shown       int      // client certificates
	open        []net.Conn
}

// newProxy starts a proxy; with a TLS config, an https one.
func newProxy(t *testing.T, upstream *httptest.Server, config *tls.Config, answers ...string) *proxy {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{url: &url.URL{Scheme: "http", Host: listener.Addr().String()}, answers: answers}
	if upstream != nil {
		p.upstream = upstream.Listener.Addr().String()
	}
	if config != nil {
		p.url.Scheme = "https"
		config = config.Clone()
		config.ClientAuth = tls.RequestClientCert
		listener = tls.NewListener(listener, config)
	}
	var served sync.WaitGroup
	t.Cleanup(func() {
		listener.Close()
		p.mu.Lock()
		for _, conn := range p.open {
			conn.Close()
		}
		p.mu.Unlock()
		served.Wait()
	})
	served.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			p.mu.Lock()
			p.connections++
			p.open = append(p.open, conn)
			p.mu.Unlock()
			served.Go(func() { p.serve(conn) })
		}
	})
	return p
}

func (p *proxy) serve(conn net.Conn) {
	defer conn.Close()
	r := bufio.NewReader(conn)
	req, err := http.ReadRequest(r)
	if err != nil {
		return
	}
	p.mu.Lock()
	if secure, ok := conn.(*tls.Conn); ok {
		p.shown += len(secure.ConnectionState().PeerCertificates)
	}
	p.asked = append(p.asked, req.Method+" "+req.RequestURI)
	p.credentials = append(p.credentials, req.Header.Get("Proxy-Authorization"))
	text := ""
	if len(p.answers) > 0 {
		text, p.answers = p.answers[0], p.answers[1:]
	}
	p.mu.Unlock()
	if text != "" {
		io.WriteString(conn, text)
		return
	}
	upstream, err := net.Dial("tcp", p.upstream)
	if err != nil {
		return
	}
	p.mu.Lock()
	p.open = append(p.open, upstream)
	p.mu.Unlock()
	io.WriteString(conn, "HTTP/1.1 200 OK\r\n\r\n")
	go func() {
		io.Copy(upstream, r)
		upstream.Close()
	}()
	io.Copy(conn, upstream)
}

// saw compares what the proxy was asked for.
func (p *proxy) saw(t *testing.T, want ...string) {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	if !slices.Equal(p.asked, want) {
		t.Errorf("the proxy was asked for %q, want %q", p.asked, want)
	}
	if len(want) == 0 && p.connections > 0 {
		t.Errorf("the proxy got %d connections", p.connections)
	}
}

// tlsServer starts a server whose certificate is for example.com, over HTTP/1.1 or HTTP/2.
func tlsServer(t *testing.T, http2 bool, handler http.HandlerFunc) *httptest.Server {
	t.Helper()
	server := httptest.NewUnstartedServer(handler)
	server.EnableHTTP2 = http2
	server.TLS = &tls.Config{ClientAuth: tls.RequestClientCert}
	server.Config.ErrorLog = quietLog()
	server.StartTLS()
	t.Cleanup(server.Close)
	return server
}

// clientCertificate makes a self-signed one with a name.
func clientCertificate(t *testing.T, name string) *tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, KeyUsage: x509.KeyUsageDigitalSignature,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// shownName is the name on the certificate that a request's connection showed.
func shownName(r *http.Request) string {
	if len(r.TLS.PeerCertificates) == 0 {
		return "nobody"
	}
	return r.TLS.PeerCertificates[0].Subject.CommonName
}

// testNet is a documentation network that the tests' policies allow: nothing is there, should it ever be dialled.
var testNet = []netip.Prefix{netip.MustParsePrefix("203.0.113.0/24")}

func dialing(policy egress.Policy, z *zone) *http.Client {
	return egress.NewTransportDialing(policy, z.dialer()).Client()
}
