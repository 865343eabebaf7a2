// Package egress makes the requests to identity providers. Whoever may enter an issuer chooses where they go, so each one
// is bounded in time and size, follows no redirect, uses no proxy of the environment, and dials only addresses that the
// policy allows, checked on the address itself at the moment of connecting.
package egress

import (
	"crypto/x509"
	"fmt"
	"net/http"
	"net/netip"
)

// Policy says where requests may go.
type Policy struct {
	InsecureAllowLoopback bool
	AllowPrefixes         []netip.Prefix
	RootCAs               *x509.CertPool
	WrapTransport         func(http.RoundTripper) http.RoundTripper
}

// AddressError says that an address was refused. It does not name the address: whoever entered a host name could otherwise
// learn what it resolves to inside this network.
type AddressError struct{}

func (*AddressError) Error() string {
	return "the address is not globally reachable, and the egress policy does not allow it"
}

// special are the networks inside otherwise global space that lead back to this host, its neighbours or its cloud, by the
// IANA special-purpose registries, and the address of a cloud's metadata service that lies in public space.
var special = prefixes(
	"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
	"192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24",
	"224.0.0.0/4", "240.0.0.0/4", "168.63.129.16/32",
	"2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20",
)

// globalIPv6 is all that is assigned for global unicast; NAT64, mapped, unique local and link-local addresses are outside.
var globalIPv6 = netip.MustParsePrefix("2000::/3")

func prefixes(texts ...string) []netip.Prefix {
	list := make([]netip.Prefix, len(texts))
	for i, text := range texts {
		list[i] = netip.MustParsePrefix(text)
	}
	return list
}

// allows decides on an address in the form in which it is dialled.
func (p *Policy) allows(addr netip.Addr) bool {
	addr = addr.Unmap().WithZone("")
	if addr.IsLoopback() {
		return p.InsecureAllowLoopback
	}
	for _, prefix := range p.AllowPrefixes {
		if prefix.Contains(addr) {
			return true
		}
	}
	if addr.Is6() && !globalIPv6.Contains(addr) {
		return false
	}
	for _, prefix := range special {
		if prefix.Contains(addr) {
			return false
		}
	}
	return true
}

// check is what a dialer calls with the address that it is about to connect to.
func (p *Policy) check(address string) error {
	ap, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("egress: not an address: %w", err)
	}
	if !p.allows(ap.Addr()) {
		return &AddressError{}
	}
	return nil
}

// IsLoopbackHost says whether a URL's host names this machine: localhost or a loopback address.
func IsLoopbackHost(host string) bool {
	if host == "localhost" {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.Unmap().IsLoopback()
}
