package oidcsso

import (
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"weak"

	"github.com/oidcsso/oidcsso/internal/egress"
)

// Egress says where connections to identity providers may go, and how: an egress profile. The zero value allows https to
// globally reachable unicast addresses (by the IANA special-purpose address registries), which is right where tenants enter
// issuers: the address is checked when it is dialled, whatever name resolved to it. Environment proxies are never used and
// redirects never followed. Connections of one profile are never used for another one.
//
// It must not be changed after its first use.
type Egress struct {
	// InsecureAllowLoopback allows identity providers on this very machine, also by http: for tests and demonstrations.
	// In production it lets whoever may enter an issuer talk to everything that listens on this host's loopback.
	InsecureAllowLoopback bool

	// AllowPrefixes are further networks in which identity providers may be, such as a company's own 10.1.2.0/24. Every
	// tenant of the profile can then send requests there; [Options.EgressFor] allows them to one connector. Loopback,
	// link-local and multicast addresses and the metadata services of clouds stay refused even inside them. Default: none.
	AllowPrefixes []netip.Prefix

	// DenyPrefixes are networks that are refused whatever else allows them: the operator's own public addresses, behind
	// which more may be open to this host than to others, or a NAT64 prefix of their own (RFC 6052, 2.2), whose addresses
	// lead into IPv4. An IPv4 prefix also refuses its addresses as they are embedded in IPv6 (mapped, 64:ff9b::/96,
	// 6to4). Default: none.
	DenyPrefixes []netip.Prefix

	// RootCAs are the authorities that sign the certificates of the identity providers, and of an https Proxy. Default:
	// those of the system.
	RootCAs *x509.CertPool

	// ClientCertificate is presented to every server that asks for one (mutual TLS) and that an identity provider of this
	// profile names as an endpoint, whatever authorities it hints at. Each of them sees who is asking, so give it only to
	// connectors that it is meant for, by [Options.EgressFor]. It is not presented to the Proxy. Default: none.
	ClientCertificate *tls.Certificate

	// Proxy is an http or https proxy through which identity providers are reached, by CONNECT (RFC 9110, 9.3.6). Its user
	// info, if any, is sent to it as Basic credentials, to an http proxy in clear, and is in no error. Its own address is
	// not guarded. Names are resolved and checked here all the same, and the proxy is told an address that is allowed, so
	// that DNS can't lead it elsewhere; up to four addresses of a host are tried. This machine, if it is allowed, is
	// reached directly. Default: none.
	Proxy *url.URL

	// InsecureTrustProxyToFilter tells the Proxy names, unresolved and unchecked, for networks whose hosts can't resolve
	// public names. Whoever may enter an issuer can then send requests to everything that the proxy reaches, unless the
	// proxy refuses it; AllowPrefixes and DenyPrefixes only judge issuers that are addresses.
	InsecureTrustProxyToFilter bool

	// WrapTransport may put a transport of its own around the guarded one, for tracing; it hands each request on to the
	// transport that it was given. It is called once per profile. It sees client secrets and tokens and must not log them.
	// Default: none.
	WrapTransport func(http.RoundTripper) http.RoundTripper
}

// problems are what is wrong with a profile. They quote nothing of it: a proxy's URL has a password.
func (e *Egress) problems() []FieldError {
	var found ConfigError
	networks := func(name string, list []netip.Prefix) {
		for i, prefix := range list {
			if !prefix.IsValid() || prefix.Addr().Is4In6() { // neither would ever match
				found.add(fmt.Sprintf("%s[%d]", name, i), "is no network", "give one such as 10.1.2.0/24 or fd12::/64")
			}
		}
	}
	networks("allow_prefixes", e.AllowPrefixes)
	networks("deny_prefixes", e.DenyPrefixes)
	if c := e.ClientCertificate; c != nil && !isUsable(c) {
		found.add("client_certificate", "has no certificate or no private key", "load it with tls.X509KeyPair or tls.LoadX509KeyPair")
	}
	if e.Proxy != nil {
		if message := proxyProblem(e.Proxy); message != "" {
			found.add("proxy", message, "give a URL such as http://proxy.example.com:3128")
		}
	} else if e.InsecureTrustProxyToFilter {
		found.add("insecure_trust_proxy_to_filter", "is set without a proxy", "set the proxy too, or neither")
	}
	return found.Fields
}

func isUsable(c *tls.Certificate) bool {
	if len(c.Certificate) == 0 {
		return false
	}
	_, err := x509.ParseCertificate(c.Certificate[0])
	_, signs := c.PrivateKey.(crypto.Signer)
	return err == nil && signs
}

func proxyProblem(u *url.URL) string {
	port, err := strconv.Atoi(u.Port())
	switch {
	case u.Scheme != "http" && u.Scheme != "https":
		return "is neither http nor https"
	case u.Hostname() == "" || u.Opaque != "":
		return "has no host"
	case strings.HasSuffix(u.Host, ":") || u.Port() != "" && (err != nil || port < 1 || port > 65535):
		return "has no usable port"
	case u.Path != "" && u.Path != "/":
		return "has a path"
	case u.RawQuery != "" || u.ForceQuery:
		return "has a query"
	case u.Fragment != "":
		return "has a fragment"
	case u.User != nil && strings.Contains(u.User.Username(), ":"):
		return "has a user name with a colon" // RFC 7617, 2
	}
	return ""
}

// profile is an Egress made ready: what the connectors of one profile share.
type profile struct {
	loopback  bool
	transport *egress.Transport
}

func newProfile(e *Egress) *profile {
	return &profile{loopback: e.InsecureAllowLoopback, transport: egress.NewTransport(egress.Policy(*e))}
}

// profileOf gives the profile of a connector. Problems of it are added to the connector's.
func (env *environment) profileOf(id string, invalid *ConfigError) *profile {
	if env.egressFor == nil {
		return env.profile
	}
	e := env.egressFor(id)
	if e == nil {
		return env.profile
	}
	if bad := e.problems(); bad != nil {
		for _, f := range bad {
			invalid.add("egress", f.Field+" "+f.Message, f.Remedy)
		}
		return env.profile
	}
	return env.profiles.of(e)
}

// profiles are those that EgressFor gave. Each lives as long as a connector has it, so that an EgressFor that makes a new
// Egress at each call costs no memory for connectors that are gone.
type profiles struct {
	mu   sync.Mutex
	made map[*Egress]weak.Pointer[profile]
}

func (p *profiles) of(e *Egress) *profile {
	p.mu.Lock()
	defer p.mu.Unlock()
	if made := p.made[e].Value(); made != nil {
		return made
	}
	made := newProfile(e)
	entry := weak.Make(made)
	p.made[e] = entry
	runtime.AddCleanup(made, func(e *Egress) { p.forget(e, entry) }, e)
	return made
}

// forget drops an entry, unless the same Egress was made ready again meanwhile.
func (p *profiles) forget(e *Egress, entry weak.Pointer[profile]) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.made[e] == entry {
		delete(p.made, e)
	}
}
