// Package egress makes the requests to identity providers. Whoever may enter an issuer chooses where they go, so each one
// is bounded in time and size, follows no redirect, uses no proxy of the environment, and reaches only addresses that the
// policy allows, checked on the address itself at the moment of connecting.
package egress

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
)

// Policy says where requests may go, and how. Its fields are those of the root package's Egress, which checks them.
type Policy struct {
	InsecureAllowLoopback      bool
	AllowPrefixes              []netip.Prefix
	DenyPrefixes               []netip.Prefix
	RootCAs                    *x509.CertPool
	ClientCertificate          *tls.Certificate
	Proxy                      *url.URL
	InsecureTrustProxyToFilter bool
	WrapTransport              func(http.RoundTripper) http.RoundTripper
}

// AddressError says that an address was refused. It does not name the address: whoever entered a host name could otherwise
// learn what it resolves to inside this network.
type AddressError struct{}

func (*AddressError) Error() string {
	return "the address is not globally reachable, and the egress policy does not allow it"
}

// never are refused even inside an allowed network: where clouds answer a machine's questions about its own credentials
// (Amazon, Azure, Google, Oracle, Alibaba), what is unspecified (a dialer takes it for this host), and what names no single
// machine. Whoever allows 10.0.0.0/8, or all, does not mean these.
var never = prefixes(
	"0.0.0.0/8", "169.254.0.0/16", "168.63.129.16/32", "100.100.100.200/32", "192.0.0.192/32", "224.0.0.0/4",
	"255.255.255.255/32", "::/128", "fe80::/10", "ff00::/8", "fd00:ec2::/32", "fd20:ce::254/128",
)

// special are the networks inside otherwise global space that lead back to this host or its neighbours, by the IANA
// special-purpose registries.
var special = prefixes(
	"10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "172.16.0.0/12", "192.0.0.0/24",
	"192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24",
	"240.0.0.0/4",
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

func contains(list []netip.Prefix, addr netip.Addr) bool {
	return slices.ContainsFunc(list, func(p netip.Prefix) bool { return p.Contains(addr) })
}

// carriers are IPv6 networks whose addresses have an IPv4 address in them, to which a translator on the way may hand the
// connection on: IPv4-compatible (RFC 4291, 2.5.5.1), NAT64 (RFC 6052) and 6to4 (RFC 3056), with where the four bytes are.
var carriers = []struct {
	prefix netip.Prefix
	at     int
}{
	{netip.MustParsePrefix("::/96"), 12},
	{netip.MustParsePrefix("64:ff9b::/96"), 12},
	{netip.MustParsePrefix("2002::/16"), 2},
}

// embedded gives the IPv4 address in an IPv6 address.
func embedded(addr netip.Addr) (netip.Addr, bool) {
	for _, c := range carriers {
		if c.prefix.Contains(addr) {
			b := addr.As16()
			return netip.AddrFrom4([4]byte(b[c.at : c.at+4])), true
		}
	}
	return netip.Addr{}, false
}

// allows decides on an address in the form in which it is dialled.
func (p *Policy) allows(addr netip.Addr) bool {
	addr = addr.Unmap().WithZone("")
	if contains(p.DenyPrefixes, addr) { //check:egress-denied
		return false
	}
	if addr.IsLoopback() {
		return p.InsecureAllowLoopback //check:egress-loopback
	}
	if contains(never, addr) { //check:egress-never
		return false
	}
	if v4, ok := embedded(addr); ok && !p.allows(v4) { //check:egress-embedded
		return false
	}
	if contains(p.AllowPrefixes, addr) {
		return true
	}
	return (addr.Is4() || globalIPv6.Contains(addr)) && !contains(special, addr) //check:egress-global
}

// check is what a dialer calls with the address that it is about to connect to.
func (p *Policy) check(address string) error {
	ap, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("egress: not an address: %w", err)
	}
	if !p.allows(ap.Addr()) { //check:egress-address
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
