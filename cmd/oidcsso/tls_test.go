package main

import (
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/oidcsso/oidcsso/oidcssotest"
)

func newTLSIdP(t *testing.T) (*oidcssotest.IdP, *httptest.Server) {
	t.Helper()
	var handler http.Handler
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { handler.ServeHTTP(w, r) }))
	server.Config.ErrorLog = quietLog // a client that does not trust the certificate is expected
	server.StartTLS()
	t.Cleanup(server.Close)
	idp := oidcssotest.NewLocal(server.URL, "")
	handler = idp
	idp.Configure(func(s *oidcssotest.Settings) { s.Algorithm = "ES256" })
	return idp, server
}

// authorities is a file with the server's certificate.
func authorities(t *testing.T, server *httptest.Server) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "ca.pem")
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	if err := os.WriteFile(name, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}
