package egress_test

import (
	"crypto/tls"
	"encoding/base64"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"testing"

	"github.com/oidcsso/oidcsso/internal/egress"
)

func TestProxyIsToldTheCheckedAddress(t *testing.T) {
	t.Parallel()
	for _, secure := range []bool{false, true} {
		for _, http2 := range []bool{false, true} {
			t.Run(map[bool]string{false: "http", true: "https"}[secure]+" proxy, "+map[bool]string{false: "HTTP/1.1", true: "HTTP/2"}[http2], func(t *testing.T) {
				t.Parallel()
				server := tlsServer(t, http2, func(w http.ResponseWriter, r *http.Request) {
					io.WriteString(w, `"`+r.Proto+" "+r.TLS.ServerName+" "+shownName(r)+`"`)
				})
				var config *tls.Config
				if secure {
					config = &tls.Config{Certificates: server.TLS.Certificates}
				}
				p := newProxy(t, server, config)
				p.url.User = url.UserPassword("oidcsso", "pr0xy:s3cret")
				z := &zone{answers: map[string][]string{"example.com": {"203.0.113.7"}}}
				c := dialing(egress.Policy{
					AllowPrefixes: testNet, RootCAs: rootCAs(server), Proxy: p.url, ClientCertificate: clientCertificate(t, "acme"),
				}, z)
				for range 3 { // over one connection
					body, err := get(t.Context(), c, "https://example.com/")
					if want := map[bool]string{false: `"HTTP/1.1 example.com acme"`, true: `"HTTP/2.0 example.com acme"`}[http2]; err != nil || body != want {
						t.Fatalf("got %s, %v, want %s", body, err, want)
					}
				}
				p.saw(t, "CONNECT 203.0.113.7:443")
				if want := "Basic " + base64.StdEncoding.EncodeToString([]byte("oidcsso:pr0xy:s3cret")); p.credentials[0] != want {
					t.Errorf("the proxy got the credentials %q", p.credentials[0])
				}
				if p.shown > 0 {
					t.Error("the proxy was shown the identity provider's client certificate")
				}
			})
		}
	}
}

func TestProxyWithoutUserInfoGetsNoCredentials(t *testing.T) {
	t.Parallel()
	server := tlsServer(t, false, func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, `{}`) })
	p := newProxy(t, server, nil)
	c := client(egress.Policy{AllowPrefixes: testNet, RootCAs: rootCAs(server), Proxy: p.url})
	if _, err := get(t.Context(), c, "https://203.0.113.7:8443/"); err == nil || !strings.Contains(err.Error(), "203.0.113.7") {
		t.Errorf("got %v, want that the certificate is for another name", err)
	}
	p.saw(t, "CONNECT 203.0.113.7:8443")
	if p.credentials[0] != "" {
		t.Errorf("the proxy got the credentials %q", p.credentials[0])
	}
}

// What is refused is refused before the proxy hears of it.
func TestProxyIsNotAskedForWhatIsRefused(t *testing.T) {
	t.Parallel()
	everything := []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0"), netip.MustParsePrefix("::/0")}
	names := map[string][]string{
		"metadata.example": {"169.254.169.254"}, "inside.example": {"10.0.0.1"}, "here.example": {"127.0.0.1"},
		"mine.example": {"203.0.113.7"}, "several.example": {"10.0.0.1 169.254.169.254 127.0.0.1"}, "nowhere.example": {"0.0.0.0"},
	}
	for _, row := range []struct {
		name   string
		target string
		policy egress.Policy
	}{
		{"the metadata service by a name", "https://metadata.example/", egress.Policy{}},
		{"the metadata service by a name, everything allowed", "https://metadata.example/", egress.Policy{AllowPrefixes: everything}},
		{"the metadata service by a name, http", "http://metadata.example/latest/meta-data/", egress.Policy{}},
		{"the metadata service by its address", "http://169.254.169.254/", egress.Policy{AllowPrefixes: everything}},
		{"the metadata service, mapped", "https://[::ffff:169.254.169.254]/", egress.Policy{AllowPrefixes: everything}},
		{"a private network by a name", "https://inside.example/", egress.Policy{}},
		{"several names' worth of refused addresses", "https://several.example/", egress.Policy{}},
		{"the proxy's own machine by a name", "https://here.example/", egress.Policy{AllowPrefixes: everything}},
		{"the proxy's own machine by its address", "http://127.0.0.1:8080/", egress.Policy{AllowPrefixes: everything}},
		{"the proxy's own machine by its unspecified address", "https://nowhere.example/", egress.Policy{AllowPrefixes: everything}},
		{"the operator's own address by a name", "https://mine.example/", egress.Policy{AllowPrefixes: testNet, DenyPrefixes: testNet}},
		{"an address, though the proxy is trusted with names", "https://169.254.169.254/", egress.Policy{InsecureTrustProxyToFilter: true}},
		{"an IPv6 address, though the proxy is trusted with names", "https://[fd00:ec2::254]/", egress.Policy{InsecureTrustProxyToFilter: true}},
		{"localhost, though the proxy is trusted with names", "https://localhost/", egress.Policy{InsecureTrustProxyToFilter: true}},
		{"a denied address, though the proxy is trusted with names", "https://203.0.113.7/", egress.Policy{InsecureTrustProxyToFilter: true, AllowPrefixes: testNet, DenyPrefixes: testNet}},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			p := newProxy(t, nil, nil)
			row.policy.Proxy = p.url
			_, err := get(t.Context(), dialing(row.policy, &zone{answers: names}), row.target)
			var refused *egress.AddressError
			if !errors.As(err, &refused) {
				t.Errorf("got %v, want an AddressError", err)
			}
			p.saw(t)
		})
	}
}

// Resolvers read more notations as addresses than Go does; the proxy's must not get them.
func TestProxyTrustedWithNamesGetsNoAddressInDisguise(t *testing.T) {
	t.Parallel()
	for _, host := range []string{"127.1", "0x7f000001", "2130706433", "0251.0376.0251.0376", "169.254.169.254.", "localhost.", "LOCALHOST", "x.localhost", "[::1]", "[fe80::1%25eth0]"} {
		p := newProxy(t, nil, nil)
		policy := egress.Policy{InsecureTrustProxyToFilter: true, Proxy: p.url}
		if _, err := get(t.Context(), dialing(policy, &zone{}), "https://"+host+"/"); err == nil {
			t.Errorf("%s was reached", host)
		}
		p.saw(t)
	}
}

func TestProxyTrustedWithNamesIsToldTheName(t *testing.T) {
	t.Parallel()
	server := tlsServer(t, false, func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, `{}`) })
	p := newProxy(t, server, nil)
	z := &zone{answers: map[string][]string{"example.com": {"203.0.113.7"}}}
	c := dialing(egress.Policy{InsecureTrustProxyToFilter: true, RootCAs: rootCAs(server), Proxy: p.url}, z)
	if _, err := get(t.Context(), c, "https://example.com/"); err != nil {
		t.Fatal(err)
	}
	p.saw(t, "CONNECT example.com:443")
	if z.asked != 0 {
		t.Errorf("%d look-ups were made here", z.asked)
	}
}

func TestThisMachineIsReachedPastTheProxy(t *testing.T) {
	t.Parallel()
	server, _ := serve(t, func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, `{}`) })
	_, port, _ := net.SplitHostPort(server.Listener.Addr().String())
	for _, trust := range []bool{false, true} {
		p := newProxy(t, nil, nil)
		policy := egress.Policy{InsecureAllowLoopback: true, Proxy: p.url, InsecureTrustProxyToFilter: trust}
		c := dialing(policy, &zone{answers: map[string][]string{"localhost": {"127.0.0.1"}}})
		for _, host := range []string{"127.0.0.1", "localhost"} {
			if body, err := get(t.Context(), c, "http://"+host+":"+port+"/"); err != nil || body != `{}` {
				t.Errorf("%s: got %q, %v", host, body, err)
			}
		}
		p.saw(t)
	}
}

// A name answers with an allowed address while it is checked and with another one afterwards (DNS rebinding).
func TestNameThatChangesItsAddress(t *testing.T) {
	t.Parallel()
	t.Run("behind a proxy, which is told what was checked", func(t *testing.T) {
		t.Parallel()
		server := tlsServer(t, false, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Connection", "close")
			io.WriteString(w, `{}`)
		})
		p := newProxy(t, server, nil)
		z := &zone{answers: map[string][]string{"example.com": {"203.0.113.7", "169.254.169.254", "203.0.113.8", "10.0.0.1"}}}
		c := dialing(egress.Policy{AllowPrefixes: testNet, RootCAs: rootCAs(server), Proxy: p.url}, z)
		for i := range 4 {
			_, err := get(t.Context(), c, "https://example.com/")
			var refused *egress.AddressError
			if allowed := i%2 == 0; allowed && err != nil || !allowed && !errors.As(err, &refused) {
				t.Errorf("request %d: got %v", i, err)
			}
		}
		p.saw(t, "CONNECT 203.0.113.7:443", "CONNECT 203.0.113.8:443")
		if z.asked != 4 {
			t.Errorf("%d look-ups for 4 connections: what is dialled is not what was checked", z.asked)
		}
	})
	t.Run("without a proxy", func(t *testing.T) {
		t.Parallel()
		server, requests := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Connection", "close")
			io.WriteString(w, `{}`)
		})
		_, port, _ := net.SplitHostPort(server.Listener.Addr().String())
		z := &zone{answers: map[string][]string{"idp.example": {"127.0.0.1", "0.0.0.0", "127.0.0.1", "169.254.169.254"}}}
		c := dialing(egress.Policy{InsecureAllowLoopback: true}, z)
		for i := range 4 {
			_, err := get(t.Context(), c, "http://idp.example:"+port+"/")
			var refused *egress.AddressError
			if allowed := i%2 == 0; allowed && err != nil || !allowed && !errors.As(err, &refused) {
				t.Errorf("request %d: got %v", i, err)
			}
		}
		if n := requests.Load(); n != 2 || z.asked != 4 {
			t.Errorf("%d requests, %d look-ups", n, z.asked)
		}
	})
}

func TestSeveralAddressesAreTriedInOrder(t *testing.T) {
	t.Parallel()
	const bad = "HTTP/1.1 502 Bad Gateway\r\n\r\n"
	for _, row := range []struct {
		name      string
		addresses string
		answers   []string
		asked     string
		status    int // of the ProxyError; 0 for success
	}{
		{"the first one answers", "203.0.113.1 203.0.113.2", nil, "1", 0},
		{"the first one is down", "203.0.113.1 203.0.113.2", []string{bad}, "1 2", 0},
		{"the first one breaks off", "203.0.113.1 203.0.113.2", []string{"HTTP/1.1 "}, "1 2", 0},
		{"a refused one among them is skipped", "10.0.0.1 203.0.113.1 169.254.169.254 203.0.113.2", []string{bad}, "1 2", 0},
		{"all are down; the first error is told", "203.0.113.1 203.0.113.2", []string{"HTTP/1.1 503 X\r\n\r\n", bad}, "1 2", 503},
		{"no more than four, so that no proxy is made to scan a network", "203.0.113.1 203.0.113.2 203.0.113.3 203.0.113.4 203.0.113.5",
			[]string{bad, bad, bad, bad}, "1 2 3 4", 502},
		{"credentials that the proxy refused are not sent again", "203.0.113.1 203.0.113.2",
			[]string{"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n"}, "1", 407},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			server := tlsServer(t, false, func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, `{}`) })
			p := newProxy(t, server, nil, row.answers...)
			z := &zone{answers: map[string][]string{"example.com": {row.addresses}}}
			_, err := get(t.Context(), dialing(egress.Policy{AllowPrefixes: testNet, RootCAs: rootCAs(server), Proxy: p.url}, z), "https://example.com/")
			var failed *egress.ProxyError
			switch {
			case row.status == 0 && err != nil, row.status != 0 && (!errors.As(err, &failed) || failed.Status != row.status):
				t.Errorf("got %v", err)
			}
			var want []string
			for last := range strings.FieldsSeq(row.asked) {
				want = append(want, "CONNECT 203.0.113."+last+":443")
			}
			p.saw(t, want...)
		})
	}
}

func TestProxyMisbehaves(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name, answer string
		status       int
		message      string
	}{
		{"407", "HTTP/1.1 407 MARKER\r\nProxy-Authenticate: Basic realm=\"MARKER\"\r\n\r\nMARKER", 407, "other credentials (status 407)"},
		{"403", "HTTP/1.1 403 MARKER\r\nMarker: MARKER\r\n\r\nMARKER", 403, "status 403"},
		{"502 with a body", "HTTP/1.1 502 MARKER\r\nContent-Length: 6\r\n\r\nMARKER", 502, "status 502"},
		{"a redirect", "HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/MARKER\r\n\r\n", 302, "status 302"},
		{"switching protocols", "HTTP/1.1 101 MARKER\r\n\r\n", 101, "status 101"},
		{"garbage", "MARKER\x00\xff\r\n\r\n", 0, "readable HTTP"},
		{"another protocol", "SSH-2.0-MARKER\r\n", 0, "readable HTTP"},
		{"a status that is none", "HTTP/1.1 2000 MARKER\r\n\r\n", 0, "readable HTTP"},
		{"a broken-off header", "HTTP/1.1 200 OK\r\nMARKER: ", 0, "readable HTTP"},
		{"headers without end", "HTTP/1.1 200 OK\r\n" + strings.Repeat("Marker: MARKER\r\n", 5000) + "\r\n", 0, "readable HTTP"},
		{"one header without end", "HTTP/1.1 200 OK\r\nMarker: " + strings.Repeat("MARKER", 20000) + "\r\n\r\n", 0, "readable HTTP"},
		{"an answer from the identity provider before the question", "HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", 0, "more than its answer"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			p := newProxy(t, nil, nil, row.answer)
			p.url.User = url.UserPassword("us3r", "s3cret")
			z := &zone{answers: map[string][]string{"example.com": {"203.0.113.7"}}}
			_, err := get(t.Context(), dialing(egress.Policy{AllowPrefixes: testNet, Proxy: p.url}, z), "https://example.com/")
			var failed *egress.ProxyError
			if !errors.As(err, &failed) || failed.Status != row.status {
				t.Fatalf("got %v, want a ProxyError with status %d", err, row.status)
			}
			mustContain(t, err, row.message)
			mustNotContain(t, err, "MARKER", "us3r", "s3cret", "czNjcmV0", "203.0.113.7", p.url.Host, "127.0.0.1")
			p.saw(t, "CONNECT 203.0.113.7:443")
		})
	}
}

func TestProxyThatCanNotBeReached(t *testing.T) {
	t.Parallel()
	trusted := tlsServer(t, false, func(http.ResponseWriter, *http.Request) {})
	shut := newProxy(t, nil, nil)
	address := shut.url.Host
	for _, row := range []struct {
		name, message string
		url           func(t *testing.T) *url.URL
	}{
		{"nothing listens", "can't be reached", func(t *testing.T) *url.URL {
			listener, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			listener.Close()
			return &url.URL{Scheme: "http", Host: listener.Addr().String()}
		}},
		{"its name does not exist", "can't be reached", func(*testing.T) *url.URL { return &url.URL{Scheme: "http", Host: "proxy.example:3128"} }},
		{"https to an http proxy", "speaks no TLS", func(*testing.T) *url.URL { return &url.URL{Scheme: "https", Host: address} }},
		{"http to an https proxy", "readable HTTP", func(t *testing.T) *url.URL {
			return &url.URL{Scheme: "http", Host: newProxy(t, nil, &tls.Config{Certificates: trusted.TLS.Certificates}).url.Host}
		}},
		{"an unknown authority", "not trusted", func(t *testing.T) *url.URL {
			return newProxy(t, nil, &tls.Config{Certificates: trusted.TLS.Certificates}).url
		}},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			u := row.url(t)
			u.User = url.UserPassword("us3r", "s3cret")
			z := &zone{answers: map[string][]string{"example.com": {"203.0.113.7"}}}
			_, err := get(t.Context(), dialing(egress.Policy{AllowPrefixes: testNet, Proxy: u}, z), "https://example.com/")
			var failed *egress.ProxyError
			if !errors.As(err, &failed) || failed.Status != 0 {
				t.Fatalf("got %v, want a ProxyError", err)
			}
			mustContain(t, err, row.message)
			mustNotContain(t, err, "us3r", "s3cret", "203.0.113.7", u.Host, "127.0.0.1", "proxy.example")
		})
	}
}

// A connection through a proxy that breaks has the proxy's address, and this host's, in its error.
func TestBrokenTunnelDoesNotTellOfTheNetworkInside(t *testing.T) {
	t.Parallel()
	p := newProxy(t, nil, nil, "HTTP/1.1 200 OK\r\n\r\n") // and then it closes
	z := &zone{answers: map[string][]string{"example.com": {"203.0.113.7"}}}
	_, err := get(t.Context(), dialing(egress.Policy{AllowPrefixes: testNet, Proxy: p.url}, z), "https://example.com/")
	if err == nil {
		t.Fatal("there is no error")
	}
	mustNotContain(t, err, "127.0.0.1", "203.0.113.7", p.url.Host)
}

func TestLookUpThatFails(t *testing.T) {
	t.Parallel()
	p := newProxy(t, nil, nil)
	for _, through := range []*url.URL{nil, p.url} {
		for name, want := range map[string]string{"gone.example": "no such host", "broken.example": "the look-up failed"} {
			c := dialing(egress.Policy{Proxy: through}, &zone{answers: map[string][]string{"broken.example": {"servfail"}}})
			_, err := get(t.Context(), c, "https://"+name+"/")
			var lookup *net.DNSError
			if !errors.As(err, &lookup) || lookup.Err != want || lookup.Server != "" || lookup.IsNotFound != (name == "gone.example") {
				t.Errorf("%s: got %v, want a DNSError: %s", name, err, want)
			}
		}
	}
	p.saw(t)
}
