package egress_test

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/oidcsso/oidcsso/internal/egress"
)

func TestLoopbackIsRefusedUnlessAllowed(t *testing.T) {
	t.Parallel()
	server, requests := serve(t, func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, `{}`) })
	_, port, _ := net.SplitHostPort(server.Listener.Addr().String())

	for _, policy := range []egress.Policy{
		{},
		// An allowed network does not open this machine: only the option that says so does.
		{AllowPrefixes: []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0"), netip.MustParsePrefix("::/0")}},
	} {
		for _, host := range []string{"127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0", "[::]"} {
			_, err := get(t.Context(), client(policy), "http://"+host+":"+port+"/")
			var refused *egress.AddressError
			if !errors.As(err, &refused) {
				t.Errorf("%s: got %v, want an AddressError", host, err)
			}
		}
	}
	if n := requests.Load(); n != 0 {
		t.Errorf("the server got %d requests", n)
	}
	if body, err := get(t.Context(), loopbackClient(), server.URL); err != nil || body != `{}` {
		t.Errorf("allowed: got %q, %v", body, err)
	}
}

func TestRefusalDoesNotTellWhatANameResolvesTo(t *testing.T) {
	t.Parallel()
	_, err := get(t.Context(), client(egress.Policy{}), "http://localhost:81/")
	var refused *egress.AddressError
	if !errors.As(err, &refused) {
		t.Fatalf("got %v, want an AddressError", err)
	}
	mustNotContain(t, err, "127.0.0.1", "::1", "dial tcp")
}

// A name may give another address at each look-up (DNS rebinding); what counts is the address that is dialled, at each
// connection.
func TestEveryConnectionIsChecked(t *testing.T) {
	t.Parallel()
	server, requests := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Connection", "close")
		io.WriteString(w, `{}`)
	})
	allowed := loopbackClient()
	for range 3 {
		if _, err := get(t.Context(), allowed, server.URL); err != nil {
			t.Fatal(err)
		}
	}
	var refused *egress.AddressError
	if _, err := get(t.Context(), allowed, strings.Replace(server.URL, "127.0.0.1", "0.0.0.0", 1)); !errors.As(err, &refused) {
		t.Errorf("got %v, want an AddressError", err)
	}
	if n := requests.Load(); n != 3 {
		t.Errorf("the server got %d requests", n)
	}
}

// Not parallel: it sets the environment. It comes before anything in this package that reads the proxies from there.
func TestEnvironmentProxiesAreIgnored(t *testing.T) {
	proxy, requests := serve(t, func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, `{}`) })
	for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"} {
		t.Setenv(name, proxy.URL)
	}
	for _, name := range []string{"NO_PROXY", "no_proxy"} {
		t.Setenv(name, "")
	}
	// A documentation address: whoever used the proxy would get an answer, whoever dials it is refused before it does.
	for _, target := range []string{"http://192.0.2.1/", "https://192.0.2.1/"} {
		u, _ := url.Parse(target)
		if found, err := http.ProxyFromEnvironment(&http.Request{URL: u}); err != nil || found == nil {
			t.Fatalf("the environment has no proxy for %s, so this test proves nothing: %v, %v", target, found, err)
		}
		_, err := get(t.Context(), loopbackClient(), target)
		var refused *egress.AddressError
		if !errors.As(err, &refused) {
			t.Errorf("%s: got %v, want an AddressError", target, err)
		}
	}
	if n := requests.Load(); n != 0 {
		t.Errorf("the proxy got %d requests", n)
	}
}

func TestWrapTransport(t *testing.T) {
	t.Parallel()
	server, _ := serve(t, func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, `{"a":1}`) })

	t.Run("sees each request and each answer", func(t *testing.T) {
		t.Parallel()
		var seen []string
		c := client(egress.Policy{InsecureAllowLoopback: true, WrapTransport: func(next http.RoundTripper) http.RoundTripper {
			return roundTripper(func(req *http.Request) (*http.Response, error) {
				resp, err := next.RoundTrip(req)
				seen = append(seen, req.Method+" "+req.URL.Path+" "+resp.Status)
				return resp, err
			})
		}})
		for _, path := range []string{"/one", "/two"} {
			if _, err := get(t.Context(), c, server.URL+path); err != nil {
				t.Fatal(err)
			}
		}
		if got := strings.Join(seen, ", "); got != "GET /one 200 OK, GET /two 200 OK" {
			t.Errorf("saw %s", got)
		}
	})

	t.Run("reaches no refused address by handing on", func(t *testing.T) {
		t.Parallel()
		for _, target := range []string{server.URL, "http://169.254.169.254/latest/meta-data/"} {
			c := client(egress.Policy{WrapTransport: func(next http.RoundTripper) http.RoundTripper {
				return roundTripper(func(req *http.Request) (*http.Response, error) {
					req = req.Clone(req.Context())
					req.URL, _ = url.Parse(target)
					return next.RoundTrip(req)
				})
			}})
			_, err := get(t.Context(), c, "https://idp.example/")
			var refused *egress.AddressError
			if !errors.As(err, &refused) {
				t.Errorf("%s: got %v, want an AddressError", target, err)
			}
		}
	})
}

func TestCertificates(t *testing.T) {
	t.Parallel()
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, `{"proto":"`+r.Proto+`"}`)
	}))
	server.Config.ErrorLog = quietLog()
	server.StartTLS()
	t.Cleanup(server.Close)

	t.Run("an unknown authority is refused, with the cause", func(t *testing.T) {
		t.Parallel()
		_, err := get(t.Context(), loopbackClient(), server.URL)
		var certificate *tls.CertificateVerificationError
		if !errors.As(err, &certificate) {
			t.Errorf("got %v, want a CertificateVerificationError", err)
		}
	})
	t.Run("one of RootCAs is not", func(t *testing.T) {
		t.Parallel()
		body, err := get(t.Context(), client(egress.Policy{InsecureAllowLoopback: true, RootCAs: rootCAs(server)}), server.URL)
		if err != nil || body != `{"proto":"HTTP/1.1"}` {
			t.Errorf("got %s, %v", body, err)
		}
	})
	t.Run("a certificate for another name is refused", func(t *testing.T) {
		t.Parallel()
		c := client(egress.Policy{InsecureAllowLoopback: true, RootCAs: rootCAs(server)})
		_, err := get(t.Context(), c, strings.Replace(server.URL, "127.0.0.1", "localhost", 1))
		var certificate *tls.CertificateVerificationError
		if !errors.As(err, &certificate) {
			t.Errorf("got %v, want a CertificateVerificationError", err)
		}
	})
}

func TestHTTP2IsSpoken(t *testing.T) {
	t.Parallel()
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, `"`+r.Proto+`"`)
	}))
	server.EnableHTTP2 = true
	server.StartTLS()
	t.Cleanup(server.Close)
	body, err := get(t.Context(), client(egress.Policy{InsecureAllowLoopback: true, RootCAs: rootCAs(server)}), server.URL)
	if err != nil || body != `"HTTP/2.0"` {
		t.Errorf("got %s, %v", body, err)
	}
}

func TestOldTLSIsRefused(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		version uint16
		refused bool
	}{
		{tls.VersionTLS10, true},
		{tls.VersionTLS11, true},
		{tls.VersionTLS12, false},
		{tls.VersionTLS13, false},
	} {
		t.Run(tls.VersionName(row.version), func(t *testing.T) {
			t.Parallel()
			var requests atomic.Int64
			server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				requests.Add(1)
				io.WriteString(w, `{}`)
			}))
			server.TLS = &tls.Config{MinVersion: row.version, MaxVersion: row.version}
			server.Config.ErrorLog = quietLog()
			server.StartTLS()
			t.Cleanup(server.Close)
			_, err := get(t.Context(), client(egress.Policy{InsecureAllowLoopback: true, RootCAs: rootCAs(server)}), server.URL)
			if refused := err != nil; refused != row.refused || refused == (requests.Load() > 0) {
				t.Errorf("error %v, %d requests", err, requests.Load())
			}
			if row.refused {
				mustContain(t, err, "protocol version")
			}
		})
	}
}

func TestPlainHTTPOnAnHTTPSPort(t *testing.T) {
	t.Parallel()
	server, _ := serve(t, func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, `{}`) })
	_, err := get(t.Context(), loopbackClient(), strings.Replace(server.URL, "http:", "https:", 1))
	if !errors.Is(err, http.ErrSchemeMismatch) {
		t.Errorf("got %v, want ErrSchemeMismatch", err)
	}
}

func TestConnectionsAreReused(t *testing.T) {
	t.Parallel()
	var connections atomic.Int64
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			w.Header().Set("Content-Type", "application/json")
		}
		io.WriteString(w, `{"access_token":"a"}`)
	}))
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			connections.Add(1)
		}
	}
	server.Start()
	t.Cleanup(server.Close)
	transport := egress.NewTransport(egress.Policy{InsecureAllowLoopback: true})
	for range 10 {
		c := transport.Client() // each connector has one of its own, over the same pool
		if _, err := get(t.Context(), c, server.URL); err != nil {
			t.Fatal(err)
		}
		if _, err := post(t.Context(), c, server.URL); err != nil {
			t.Fatal(err)
		}
	}
	if n := connections.Load(); n != 1 {
		t.Errorf("20 requests took %d connections", n)
	}
}

func TestCallerLeavesAServerThatNeverAnswers(t *testing.T) {
	t.Parallel()
	arrived, release := make(chan struct{}), make(chan struct{})
	server, _ := serve(t, func(_ http.ResponseWriter, _ *http.Request) {
		close(arrived)
		<-release
	})
	defer close(release)
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-arrived
		cancel()
	}()
	if _, err := get(ctx, loopbackClient(), server.URL); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
}
