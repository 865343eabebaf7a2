package oidcsso_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"io"
	"log"
	"log/slog"
	"math/big"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/oidcsso/oidcsso"
	"github.com/oidcsso/oidcsso/oidcssotest"
)

// mutualIdP is an identity provider that asks for client certificates, and remembers over which connection requests came.
type mutualIdP struct {
	*oidcssotest.IdP
	server *httptest.Server
	roots  *x509.CertPool

	mu     sync.Mutex
	visits []visit
}

type visit struct {
	proto, path, client, certificate, connection string
}

func newMutualIdP(t *testing.T, http2 bool) *mutualIdP {
	t.Helper()
	m := &mutualIdP{roots: x509.NewCertPool()}
	m.server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		m.note(r)
		m.ServeHTTP(w, r)
	}))
	m.server.EnableHTTP2 = http2
	m.server.TLS = &tls.Config{ClientAuth: tls.RequestClientCert}
	m.server.Config.ErrorLog = log.New(io.Discard, "", 0)
	m.IdP = oidcssotest.NewLocal("https://"+m.server.Listener.Addr().String(), "https://app.example.com/sso")
	m.Configure(func(s *oidcssotest.Settings) { s.Algorithm = "ES256" })
	m.AddUser(oidcssotest.User{Subject: "alice", Email: "alice@acme.test"})
	m.server.StartTLS()
	t.Cleanup(m.server.Close)
	m.roots.AddCert(m.server.Certificate())
	return m
}

func (m *mutualIdP) note(r *http.Request) {
	v := visit{proto: r.Proto, path: r.URL.Path, certificate: "nobody", connection: r.RemoteAddr}
	v.client, _, _ = r.BasicAuth()
	if shown := r.TLS.PeerCertificates; len(shown) > 0 {
		v.certificate = shown[0].Subject.CommonName
	}
	if r.TLS.DidResume {
		v.certificate += " (resumed)"
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.visits = append(m.visits, v)
}

// take gives the visits since the last call.
func (m *mutualIdP) take() []visit {
	m.mu.Lock()
	defer m.mu.Unlock()
	taken := m.visits
	m.visits = nil
	return taken
}

// profile reaches the identity provider, with a client certificate of that name if there is one.
func (m *mutualIdP) profile(t *testing.T, name string) *oidcsso.Egress {
	t.Helper()
	e := &oidcsso.Egress{InsecureAllowLoopback: true, RootCAs: m.roots}
	if name != "" {
		e.ClientCertificate = newClientCertificate(t, name)
	}
	return e
}

// options take the profiles by the connectors' IDs.
func (m *mutualIdP) options(profiles map[string]*oidcsso.Egress) *oidcsso.Options {
	return m.Options(func(o *oidcsso.Options) {
		o.Logger = slog.New(slog.DiscardHandler)
		o.Egress = oidcsso.Egress{InsecureAllowLoopback: true, RootCAs: m.roots}
		o.EgressFor = func(id string) *oidcsso.Egress { return profiles[id] }
	})
}

func (m *mutualIdP) connector(t *testing.T, id string, opts *oidcsso.Options) *oidcsso.Connector {
	t.Helper()
	c, err := oidcsso.NewConnector(m.Config(id, "acme.test"), opts)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// signIn walks a sign-in in which only the connector uses the network.
func (m *mutualIdP) signIn(t *testing.T, c *oidcsso.Connector) {
	t.Helper()
	jar, _ := cookiejar.New(nil)
	browser := &http.Client{Jar: jar, Transport: handlerTransport{m.IdP}}
	authorizationURL, login, err := c.Begin(t.Context(), oidcsso.BeginParams{InsecureUnbound: true})
	if err != nil {
		t.Fatal(err)
	}
	resp := m.SignIn(t, browser, authorizationURL, "alice")
	identity, err := c.Finish(t.Context(), login, oidcsso.Response{URL: resp.Request.URL.String()})
	if err != nil || identity.Subject != "alice" {
		t.Fatalf("got %+v, %v", identity, err)
	}
}

// handlerTransport brings requests to the identity provider without a network, and answers all others itself.
type handlerTransport struct{ idp *oidcssotest.IdP }

func (h handlerTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	recorder := httptest.NewRecorder()
	if strings.HasPrefix(req.URL.String(), h.idp.Issuer()+"/") {
		served := req.Clone(req.Context())
		if served.Body == nil {
			served.Body = http.NoBody
		}
		h.idp.ServeHTTP(recorder, served)
	}
	resp := recorder.Result()
	resp.Request = req
	return resp, nil
}

func newClientCertificate(t *testing.T, name string) *tls.Certificate {
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

// Two tenants are at one identity provider, the same host and port. Were A's connection used for B, B's requests would be
// A's.
func TestCertificateOfOneConnectorIsNeverShownForAnother(t *testing.T) {
	t.Parallel()
	for proto, http2 := range map[string]bool{"HTTP/1.1": false, "HTTP/2.0": true} {
		t.Run(proto, func(t *testing.T) {
			t.Parallel()
			m := newMutualIdP(t, http2)
			opts := m.options(map[string]*oidcsso.Egress{"a": m.profile(t, "tenant-a"), "b": m.profile(t, "tenant-b")})
			shows := map[string]string{"a": "tenant-a", "b": "tenant-b", "c": "nobody"}
			connectors := map[string]*oidcsso.Connector{}
			for id := range shows {
				connectors[id] = m.connector(t, id, opts)
			}
			connections := map[string]string{}
			for range 2 {
				for id, want := range shows {
					m.signIn(t, connectors[id])
					visits := m.take()
					if !slices.ContainsFunc(visits, func(v visit) bool { return v.client == id+"-client" }) {
						t.Errorf("%s: no token request among %+v", id, visits)
					}
					for _, v := range visits {
						if v.certificate != want || v.proto != proto || v.client != "" && v.client != id+"-client" {
							t.Errorf("%s: got %+v", id, v)
						}
						if owner := connections[v.connection]; owner != "" && owner != id {
							t.Errorf("%s used a connection of %s", id, owner)
						}
						connections[v.connection] = id
					}
				}
			}
			var all sync.WaitGroup
			for id := range shows {
				for range 3 {
					all.Go(func() { m.signIn(t, connectors[id]) })
				}
			}
			all.Wait()
			for _, v := range m.take() {
				if id, _, ok := strings.Cut(v.client, "-"); ok && v.certificate != shows[id] {
					t.Errorf("at once: got %+v", v)
				}
			}
		})
	}
}

// connections counts those of the visits.
func connections(visits []visit) int {
	seen := map[string]bool{}
	for _, v := range visits {
		seen[v.connection] = true
	}
	return len(seen)
}

func TestConnectorsOfOneProfileShareItsConnection(t *testing.T) {
	t.Parallel()
	ids := []string{"a", "b", "c"}
	for name, row := range map[string]struct {
		profiles func(m *mutualIdP) func(string) *oidcsso.Egress
		want     int
	}{
		"no EgressFor": {func(*mutualIdP) func(string) *oidcsso.Egress { return nil }, 1},
		"an EgressFor that gives nil": {func(*mutualIdP) func(string) *oidcsso.Egress {
			return func(string) *oidcsso.Egress { return nil }
		}, 1},
		"one profile": {func(m *mutualIdP) func(string) *oidcsso.Egress {
			one := m.profile(t, "one")
			return func(string) *oidcsso.Egress { return one }
		}, 1},
		"two profiles that are equal but for the pointer": {func(m *mutualIdP) func(string) *oidcsso.Egress {
			one := m.profile(t, "one")
			two := *one
			return func(id string) *oidcsso.Egress { return map[string]*oidcsso.Egress{"a": one, "b": &two, "c": &two}[id] }
		}, 2},
		"a fresh profile each time": {func(m *mutualIdP) func(string) *oidcsso.Egress {
			return func(string) *oidcsso.Egress { return m.profile(t, "one") }
		}, 3},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := newMutualIdP(t, true) // over HTTP/2, one connection takes the requests that are made at once, too
			opts := m.options(nil)
			opts.EgressFor = row.profiles(m)
			for _, id := range ids {
				c := m.connector(t, id, opts)
				for range 3 {
					m.signIn(t, c)
				}
			}
			visits := m.take()
			if got := connections(visits); got != row.want || len(visits) < 3*len(ids) {
				t.Errorf("%d requests took %d connections, want %d", len(visits), got, row.want)
			}
		})
	}
}

func TestAuthoritiesAreThoseOfTheProfile(t *testing.T) {
	t.Parallel()
	m := newMutualIdP(t, true)
	opts := m.options(map[string]*oidcsso.Egress{
		"empty": {InsecureAllowLoopback: true, RootCAs: x509.NewCertPool()},
		"other": {InsecureAllowLoopback: true}, // those of the system
	})
	m.signIn(t, m.connector(t, "trusting", opts)) // whose connection stays open
	m.take()
	for _, id := range []string{"empty", "other"} {
		_, err := m.connector(t, id, opts).Metadata(t.Context())
		var certificate *tls.CertificateVerificationError
		if wantFailure(t, err, oidcsso.CodeUnavailable); !errors.As(err, &certificate) {
			t.Errorf("%s: got %v, want a CertificateVerificationError", id, err)
		}
	}
	if visits := m.take(); len(visits) > 0 {
		t.Errorf("got %+v", visits)
	}
}

// What one connector may reach, the others may not.
func TestAllowancesAreThoseOfTheProfile(t *testing.T) {
	t.Parallel()
	m := newMutualIdP(t, false)
	allowed := m.profile(t, "")
	denied := m.profile(t, "")
	denied.DenyPrefixes = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	strict := &oidcsso.Egress{RootCAs: m.roots, AllowPrefixes: []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0")}}
	opts := m.options(map[string]*oidcsso.Egress{"allowed": allowed, "denied": denied, "strict": strict})
	opts.Egress = oidcsso.Egress{RootCAs: m.roots}

	m.signIn(t, m.connector(t, "allowed", opts))
	for _, id := range []string{"denied", "strict", "without"} {
		_, err := m.connector(t, id, opts).Metadata(t.Context())
		if e := wantFailure(t, err, oidcsso.CodeUnavailable); !strings.Contains(e.Remedy, "EgressFor") {
			t.Errorf("%s: got %v, want a refused address", id, err)
		}
	}
	// Discover has no connector, so it goes by Options.Egress.
	_, err := oidcsso.Discover(t.Context(), m.Issuer(), opts)
	if wantFailure(t, err, oidcsso.CodeUnavailable); !strings.Contains(err.Error(), "not globally reachable") {
		t.Errorf("Discover: got %v", err)
	}
	_, err = oidcsso.Discover(t.Context(), "http://127.0.0.1:9", opts)
	if got := fieldNames(problems(t, err)); got != "issuer" {
		t.Errorf("Discover: got problems with %s", got)
	}
}

func TestLoopbackByHTTPIsOfTheProfile(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, document("http://"+r.Host))
	}))
	t.Cleanup(server.Close)
	profiles := map[string]*oidcsso.Egress{"allowed": {InsecureAllowLoopback: true}, "refused": {}}
	for _, general := range []bool{false, true} {
		opts := soundOptions()
		opts.Egress.InsecureAllowLoopback = general
		opts.EgressFor = func(id string) *oidcsso.Egress { return profiles[id] }
		for id, want := range map[string]bool{"allowed": true, "refused": false, "acme": general} {
			cfg := soundConfig()
			cfg.ID, cfg.Issuer = id, server.URL
			c, err := oidcsso.NewConnector(cfg, opts)
			if !want {
				if got := fieldNames(problems(t, err)); got != "issuer" {
					t.Errorf("%s: got problems with %s", id, got)
				}
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			// The endpoints that it names are http, too.
			if md, err := c.Metadata(t.Context()); err != nil || md.TokenEndpoint != server.URL+"/token" {
				t.Errorf("%s: got %+v, %v", id, md, err)
			}
		}
	}
}

// A connector whose profile changed must not go on with a client of the old one.
func TestChangedProfileIsNotAdopted(t *testing.T) {
	t.Parallel()
	m := newMutualIdP(t, true)
	old, next := m.profile(t, "old"), m.profile(t, "new")
	profiles := map[string]*oidcsso.Egress{"acme": old}
	opts := m.options(profiles)
	router := oidcsso.NewRouter(opts)
	for i, row := range []struct {
		name       string
		profile    *oidcsso.Egress
		shows      string
		discovered int
	}{
		{"the first one", old, "old", 1},
		{"the same one again", old, "old", 0},
		{"another one", next, "new", 1},
		{"the same other one again", next, "new", 0},
		{"none, the one of the Options", nil, "nobody", 1},
		{"none again", nil, "nobody", 0},
		{"back to the first one", old, "old", 1},
	} {
		profiles["acme"] = row.profile
		cfg := m.Config("acme", "acme.test")
		var err error
		if i%2 == 0 {
			err = router.Put(cfg)
		} else {
			err = router.Replace([]oidcsso.Config{cfg})
		}
		if err != nil {
			t.Fatal(err)
		}
		c, err := router.Connector(t.Context(), "acme")
		if err != nil {
			t.Fatal(err)
		}
		m.signIn(t, c)
		discovered := 0
		for _, v := range m.take() {
			if v.certificate != row.shows {
				t.Errorf("%s: got %+v", row.name, v)
			}
			if strings.HasSuffix(v.path, wellKnownPath) {
				discovered++
			}
		}
		if discovered != row.discovered {
			t.Errorf("%s: %d discoveries, want %d", row.name, discovered, row.discovered)
		}
	}
}

func TestEgressForIsAskedOncePerConnectorWithASoundID(t *testing.T) {
	t.Parallel()
	var asked []string
	opts := soundOptions()
	opts.EgressFor = func(id string) *oidcsso.Egress {
		asked = append(asked, id)
		return nil
	}
	for _, id := range []string{"acme", "", "../etc", "Acme", "a b", "callback", strings.Repeat("x", 65), "globex"} {
		cfg := soundConfig()
		cfg.ID = id
		oidcsso.NewConnector(cfg, opts)
	}
	if got := strings.Join(asked, " "); got != "acme globex" {
		t.Errorf("asked for %q", got)
	}
}

func TestBadProfiles(t *testing.T) {
	t.Parallel()
	proxy := func(text string) oidcsso.Egress {
		u, err := url.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		return oidcsso.Egress{Proxy: u}
	}
	good := newClientCertificate(t, "good")
	for _, row := range []struct {
		name           string
		egress         oidcsso.Egress
		field, message string // none for a good one
	}{
		{"the zero one", oidcsso.Egress{}, "", ""},
		{"an http proxy", proxy("http://proxy.example:3128"), "", ""},
		{"an https proxy with user info and a slash", proxy("https://us3r:s3cret@proxy.example/"), "", ""},
		{"an IPv6 proxy", proxy("http://[fd12::1]:3128"), "", ""},
		{"a good certificate", oidcsso.Egress{ClientCertificate: good}, "", ""},
		{"denied networks", oidcsso.Egress{DenyPrefixes: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("2001:db8::/32")}}, "", ""},

		{"an empty proxy", oidcsso.Egress{Proxy: &url.URL{}}, "proxy", "neither http nor https"},
		{"a SOCKS proxy", proxy("socks5://us3r:s3cret@proxy.example:1080"), "proxy", "neither http nor https"},
		{"a proxy without a scheme", proxy("//us3r:s3cret@proxy.example:3128"), "proxy", "neither http nor https"},
		{"a proxy without a host", proxy("http:///"), "proxy", "no host"},
		{"a proxy with a port alone", proxy("http://:3128"), "proxy", "no host"},
		{"an opaque proxy", proxy("http:s3cret"), "proxy", "no host"},
		{"a proxy with an empty port", proxy("http://us3r:s3cret@proxy.example:"), "proxy", "port"},
		{"a proxy with port 0", proxy("http://us3r:s3cret@proxy.example:0"), "proxy", "port"},
		{"a proxy with a port out of range", proxy("http://us3r:s3cret@proxy.example:65536"), "proxy", "port"},
		{"a proxy with a path", proxy("http://us3r:s3cret@proxy.example:3128/s3cret"), "proxy", "path"},
		{"a proxy with a query", proxy("http://us3r:s3cret@proxy.example:3128?s3cret"), "proxy", "query"},
		{"a proxy with an empty query", proxy("http://us3r:s3cret@proxy.example:3128?"), "proxy", "query"},
		{"a proxy with a fragment", proxy("http://us3r:s3cret@proxy.example:3128#s3cret"), "proxy", "fragment"},
		{"a user name that would be another one with another password", proxy("http://us3r%3As3cret:x@proxy.example"), "proxy", "colon"},
		{"trust in no proxy", oidcsso.Egress{InsecureTrustProxyToFilter: true}, "insecure_trust_proxy_to_filter", "without a proxy"},
		{"an empty certificate", oidcsso.Egress{ClientCertificate: &tls.Certificate{}}, "client_certificate", "no certificate"},
		{"a certificate without its key", oidcsso.Egress{ClientCertificate: &tls.Certificate{Certificate: good.Certificate}}, "client_certificate", "private key"},
		{"a key without its certificate", oidcsso.Egress{ClientCertificate: &tls.Certificate{PrivateKey: good.PrivateKey}}, "client_certificate", "no certificate"},
		{"a certificate that is none", oidcsso.Egress{ClientCertificate: &tls.Certificate{Certificate: [][]byte{[]byte("s3cret")}, PrivateKey: good.PrivateKey}}, "client_certificate", "no certificate"},
		{"a key that can't sign", oidcsso.Egress{ClientCertificate: &tls.Certificate{Certificate: good.Certificate, PrivateKey: "s3cret"}}, "client_certificate", "private key"},
		{"an invalid allowed network", oidcsso.Egress{AllowPrefixes: []netip.Prefix{{}}}, "allow_prefixes[0]", "no network"},
		{"an invalid denied network", oidcsso.Egress{DenyPrefixes: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), {}}}, "deny_prefixes[1]", "no network"},
		{"a mapped denied network, which would match nothing", oidcsso.Egress{DenyPrefixes: []netip.Prefix{netip.MustParsePrefix("::ffff:10.0.0.0/104")}}, "deny_prefixes[0]", "no network"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			of := soundOptions()
			of.EgressFor = func(string) *oidcsso.Egress { return &row.egress }
			_, errFor := oidcsso.NewConnector(soundConfig(), of)
			general := soundOptions()
			general.Egress = row.egress
			_, err := oidcsso.NewConnector(soundConfig(), general)
			if row.field == "" {
				if errFor != nil || err != nil {
					t.Errorf("got %v and %v", errFor, err)
				}
				return
			}
			if fields := problems(t, errFor); fieldNames(fields) != "egress" || !strings.HasPrefix(fields[0].Message, row.field+" ") || !strings.Contains(fields[0].Message, row.message) {
				t.Errorf("EgressFor: got %+v", fields)
			}
			if fields := problems(t, err); fieldNames(fields) != "egress."+row.field || !strings.Contains(fields[0].Message, row.message) {
				t.Errorf("Egress: got %+v", fields)
			}
			for _, secret := range []string{"us3r", "s3cret"} {
				if text := facesOf(errFor) + facesOf(err); strings.Contains(text, secret) {
					t.Errorf("%s is told: %s", secret, text)
				}
			}
		})
	}
}

func TestProblemsOfProfileAndConfigAreReportedTogether(t *testing.T) {
	t.Parallel()
	opts := soundOptions()
	opts.EgressFor = func(string) *oidcsso.Egress {
		return &oidcsso.Egress{InsecureTrustProxyToFilter: true, ClientCertificate: &tls.Certificate{}}
	}
	cfg := soundConfig()
	cfg.ClientID = ""
	_, err := oidcsso.NewConnector(cfg, opts)
	if got := fieldNames(problems(t, err)); got != "egress egress client_id" {
		t.Errorf("got problems with %s", got)
	}
}

// The proxy's password is in no error, log or Metadata, whatever the proxy does.
func TestProxySecretIsNeverTold(t *testing.T) {
	t.Parallel()
	var got sync.Map
	for name, answer := range map[string]http.HandlerFunc{
		"other credentials": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Proxy-Authenticate", "Basic realm="+r.Header.Get("Proxy-Authorization"))
			http.Error(w, r.Header.Get("Proxy-Authorization"), http.StatusProxyAuthRequired)
		},
		"broken off": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"not allowed": func(w http.ResponseWriter, r *http.Request) {
			http.Error(w, r.Header.Get("Proxy-Authorization"), http.StatusForbidden)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				user, password, ok := (&http.Request{Header: http.Header{"Authorization": r.Header["Proxy-Authorization"]}}).BasicAuth()
				got.Store(name, r.Method+" "+r.RequestURI+" "+user+" "+password)
				if !ok {
					t.Error("the proxy got no credentials")
				}
				answer(w, r)
			}))
			t.Cleanup(server.Close)
			w := newWorld("")
			opts := w.options()
			proxy, _ := url.Parse(server.URL)
			proxy.User = url.UserPassword("us3r", "pr0xy-s3cret")
			opts.Egress = oidcsso.Egress{Proxy: proxy}
			cfg := soundConfig()
			cfg.Issuer = "https://8.8.8.8" // an address, so that nothing is looked up; and only the proxy is told
			c, err := oidcsso.NewConnector(cfg, opts)
			if err != nil {
				t.Fatal(err)
			}
			_, err = c.Metadata(t.Context())
			wantFailure(t, err, oidcsso.CodeUnavailable)
			if asked, _ := got.Load(name); asked != "CONNECT 8.8.8.8:443 us3r pr0xy-s3cret" {
				t.Errorf("the proxy got %v", asked)
			}
			text := facesOf(err) + w.logged()
			if !strings.Contains(text, "the egress proxy") {
				t.Errorf("nobody is told that it was the proxy: %v", err)
			}
			for _, secret := range []string{"us3r", "pr0xy", "s3cret", "dXMzcjpwcjB4eS1zM2NyZXQ", proxy.Host} {
				if strings.Contains(text, secret) {
					t.Errorf("%s is told: %s", secret, text)
				}
			}
		})
	}
}

func TestIssuerIsNotThisApplication(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name, base, issuer string
		refused            bool
	}{
		{"the BaseURL itself", "https://app.example.com/sso", "https://app.example.com/sso", true},
		{"another path, where people may put files", "https://app.example.com/sso", "https://app.example.com/uploads/42", true},
		{"in upper case", "https://app.example.com/sso", "https://APP.example.com", true},
		{"with the root's dot", "https://app.example.com/sso", "https://app.example.com.", true},
		{"with the default port", "https://app.example.com/sso", "https://app.example.com:443", true},
		{"on another port", "https://app.example.com:8443", "https://app.example.com:8443/idp", true},
		{"a server on another port", "https://app.example.com/sso", "https://app.example.com:8443", false},
		{"another host", "https://app.example.com/sso", "https://idp.example.com", false},
		{"a host below", "https://app.example.com/sso", "https://idp.app.example.com", false},
		{"a demonstration on loopback", "http://127.0.0.1:8080/sso", "http://127.0.0.1:8080/idps/acme", false},
		{"a demonstration on loopback with TLS", "https://localhost:8443/sso", "https://localhost:8443/idps/acme", false},
		{"no BaseURL", "", "https://app.example.com/sso", false},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(document(row.issuer))
			opts := w.options()
			opts.BaseURL, opts.Egress.InsecureAllowLoopback = row.base, true
			cfg := soundConfig()
			cfg.Issuer, cfg.RedirectURL = row.issuer, "https://app.example.com/cb"
			_, errNew := oidcsso.NewConnector(cfg, opts)
			_, errDiscover := oidcsso.Discover(t.Context(), row.issuer, opts)
			for _, err := range []error{errNew, errDiscover} {
				if !row.refused {
					if err != nil {
						t.Errorf("got %v", err)
					}
				} else if fields := problems(t, err); fieldNames(fields) != "issuer" || !strings.Contains(fields[0].Message, "this application") {
					t.Errorf("got %+v", fields)
				}
			}
		})
	}
}
