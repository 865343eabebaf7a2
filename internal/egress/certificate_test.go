package egress_test

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/oidcsso/oidcsso/internal/egress"
)

// One client's certificate must not sign in another: neither over its connection, nor in a TLS session that is resumed.
func TestCertificateOfOnePolicyIsNeverShownForAnother(t *testing.T) {
	t.Parallel()
	for name, http2 := range map[string]bool{"HTTP/1.1": false, "HTTP/2": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := tlsServer(t, http2, func(w http.ResponseWriter, r *http.Request) {
				if r.TLS.DidResume {
					t.Error("a TLS session was resumed")
				}
				io.WriteString(w, `"`+shownName(r)+`"`)
			})
			policy := egress.Policy{InsecureAllowLoopback: true, RootCAs: rootCAs(server)}
			clients := map[string]*http.Client{"nobody": client(policy)}
			for _, name := range []string{"tenant-a", "tenant-b"} {
				policy.ClientCertificate = clientCertificate(t, name)
				clients[name] = client(policy)
			}
			for range 3 {
				for want, c := range clients {
					if got, err := get(t.Context(), c, server.URL); err != nil || got != `"`+want+`"` {
						t.Errorf("got %s, %v, want %s", got, err, want)
					}
				}
			}
			var all sync.WaitGroup
			for want, c := range clients {
				for range 10 {
					all.Go(func() {
						if got, err := get(t.Context(), c, server.URL); err != nil || got != `"`+want+`"` {
							t.Errorf("at once: got %s, %v, want %s", got, err, want)
						}
					})
				}
			}
			all.Wait()
		})
	}
}

// A self-signed certificate that was registered at the identity provider (RFC 8705, 2.2) is of no authority that it names.
func TestCertificateIsShownWhateverAuthoritiesTheServerNames(t *testing.T) {
	t.Parallel()
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			io.WriteString(w, `"`+shownName(r)+`"`)
		}))
		authority, err := x509.ParseCertificate(clientCertificate(t, "authority").Certificate[0])
		if err != nil {
			t.Fatal(err)
		}
		hints := x509.NewCertPool()
		hints.AddCert(authority)
		server.TLS = &tls.Config{ClientAuth: tls.RequireAnyClientCert, ClientCAs: hints, MaxVersion: version}
		server.Config.ErrorLog = quietLog()
		server.StartTLS()
		t.Cleanup(server.Close)
		c := client(egress.Policy{InsecureAllowLoopback: true, RootCAs: rootCAs(server), ClientCertificate: clientCertificate(t, "acme")})
		if got, err := get(t.Context(), c, server.URL); err != nil || got != `"acme"` {
			t.Errorf("%s: got %s, %v", tls.VersionName(version), got, err)
		}
	}
}
