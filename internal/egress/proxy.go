package egress

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"
)

const (
	tunnelTimeout = 4 * time.Second // for all addresses of a host together: the request needs time, too
	maxTargets    = 4               // addresses of one host that a proxy is asked for
)

// ProxyError says that the proxy did not connect to the identity provider. It has nothing of the proxy's URL and of what the
// proxy sent but the status.
type ProxyError struct {
	Status int // that the proxy answered with; 0 if it gave no readable answer
	what   string
	late   bool
}

func (e *ProxyError) Error() string {
	switch {
	case e.late:
		return "the egress proxy did not connect in time"
	case e.Status == http.StatusProxyAuthRequired:
		return "the egress proxy wants other credentials (status 407)"
	case e.Status != 0:
		return fmt.Sprintf("the egress proxy did not connect, it answered with status %d", e.Status)
	}
	return "the egress proxy " + e.what
}

// Timeout and Temporary make it a net.Error: a failure of the network, not of the identity provider.
func (e *ProxyError) Timeout() bool   { return e.late }
func (e *ProxyError) Temporary() bool { return true }

// tunnel dials identity providers through a proxy, by CONNECT (RFC 9110, 9.3.6). Their names are resolved and checked here,
// and the proxy is told the address, so that no answer of another resolver leads it elsewhere. This machine stands before
// the proxy, and is dialled directly.
type tunnel struct {
	policy        *Policy
	resolver      *net.Resolver
	direct        func(ctx context.Context, network, address string) (net.Conn, error) // guarded
	toProxy       func(ctx context.Context, network, address string) (net.Conn, error)
	address       string      // of the proxy
	tls           *tls.Config // to the proxy; nil for http
	authorization string      // Proxy-Authorization; empty for none
}

func newTunnel(policy *Policy, plain, guarded *net.Dialer) *tunnel {
	proxy := policy.Proxy
	t := &tunnel{policy: policy, resolver: plain.Resolver, direct: guarded.DialContext, toProxy: plain.DialContext}
	port := proxy.Port()
	if proxy.Scheme == "https" {
		// The client certificate is for identity providers alone.
		t.tls = &tls.Config{RootCAs: policy.RootCAs, MinVersion: tls.VersionTLS12, ServerName: proxy.Hostname()}
		if port == "" {
			port = "443"
		}
	} else if port == "" {
		port = "80"
	}
	t.address = net.JoinHostPort(proxy.Hostname(), port)
	if user := proxy.User; user != nil {
		password, _ := user.Password()
		t.authorization = "Basic " + base64.StdEncoding.EncodeToString([]byte(user.Username()+":"+password))
	}
	return t
}

// dial gives a connection to a host, by one of its allowed addresses.
func (t *tunnel) dial(ctx context.Context, network, address string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, tunnelTimeout)
	defer cancel()
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	if t.policy.InsecureTrustProxyToFilter && isName(host) {
		return t.connect(ctx, net.JoinHostPort(host, port))
	}
	targets, err := t.targets(ctx, host)
	if err != nil {
		return nil, err
	}
	return t.each(ctx, network, targets, port)
}

// each tries the addresses in order, each with its share of the time that ctx leaves. Its error is that of the first one.
func (t *tunnel) each(ctx context.Context, network string, targets []netip.Addr, port string) (net.Conn, error) {
	deadline, _ := ctx.Deadline()
	var first error
	for i, target := range targets {
		share, done := context.WithTimeout(ctx, time.Until(deadline)/time.Duration(len(targets)-i))
		conn, err := t.reach(share, network, target, port)
		done()
		if err == nil {
			return conn, nil
		}
		if first == nil {
			first = err
		}
		var refused *ProxyError
		if errors.As(err, &refused) && refused.Status == http.StatusProxyAuthRequired {
			break // the same credentials again could lock the account
		}
	}
	return nil, first
}

// reach connects to an address that is allowed.
func (t *tunnel) reach(ctx context.Context, network string, target netip.Addr, port string) (net.Conn, error) {
	address := net.JoinHostPort(target.String(), port)
	if target.IsLoopback() { // to the proxy, it would be the proxy's own
		return t.direct(ctx, network, address)
	}
	return t.connect(ctx, address)
}

// targets resolves a host, which may be an address already, to the addresses that the policy allows.
func (t *tunnel) targets(ctx context.Context, host string) ([]netip.Addr, error) {
	found, err := t.resolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return nil, err
	}
	var allowed []netip.Addr
	for _, addr := range found {
		if t.policy.allows(addr) && len(allowed) < maxTargets {
			allowed = append(allowed, addr.Unmap().WithZone(""))
		}
	}
	if len(allowed) == 0 {
		return nil, &AddressError{}
	}
	return allowed, nil
}

// isName says whether a host has to be resolved by somebody: it is no address, in none of the notations that resolvers take
// for one ("127.1", "0x7f000001"), and not this machine.
func isName(host string) bool {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	last := host[strings.LastIndexByte(host, '.')+1:]
	return last != "" && last != "localhost" && (last[0] < '0' || last[0] > '9') && !strings.Contains(host, ":")
}

// connect gives a connection through the proxy to an authority, which is host and port.
func (t *tunnel) connect(ctx context.Context, authority string) (net.Conn, error) {
	conn, err := t.toProxy(ctx, "tcp", t.address)
	if err != nil {
		var network net.Error
		return nil, &ProxyError{what: "can't be reached", late: errors.As(err, &network) && network.Timeout()}
	}
	// One place ends every wait below, whether for a slow proxy or because nobody waits for the connection any more.
	stop := context.AfterFunc(ctx, func() { conn.SetDeadline(time.Unix(1, 0)) })
	through, err := t.ask(ctx, conn, authority)
	if !stop() {
		err = &ProxyError{late: true}
	}
	if err != nil {
		conn.Close()
		return nil, err
	}
	return through, nil
}

// ask makes the CONNECT request over a connection to the proxy.
func (t *tunnel) ask(ctx context.Context, conn net.Conn, authority string) (net.Conn, error) {
	if t.tls != nil {
		secure := tls.Client(conn, t.tls)
		if err := secure.HandshakeContext(ctx); err != nil {
			return nil, &ProxyError{what: "speaks no TLS, or its certificate is not trusted"}
		}
		conn = secure
	}
	request := &http.Request{Method: http.MethodConnect, URL: &url.URL{Opaque: authority}, Host: authority, Header: http.Header{}}
	if t.authorization != "" {
		request.Header.Set("Proxy-Authorization", t.authorization)
	}
	if err := request.Write(conn); err != nil {
		return nil, &ProxyError{what: "broke the connection off"}
	}
	reader := bufio.NewReader(io.LimitReader(conn, maxHeader))
	response, err := http.ReadResponse(reader, request) // its body, if it claims one, is none (RFC 9110, 9.3.6)
	switch {
	case err != nil:
		return nil, &ProxyError{what: "did not answer CONNECT with readable HTTP"}
	case response.StatusCode < 200 || response.StatusCode > 299:
		return nil, &ProxyError{Status: response.StatusCode}
	case reader.Buffered() > 0: // in TLS and HTTP, clients speak first
		return nil, &ProxyError{what: "sent more than its answer to CONNECT"}
	}
	return conn, nil
}
