package egress

import (
	"errors"
	"net/netip"
	"testing"
)

// The address classes are those of IANA's special-purpose address registries, and where clouds put their metadata services.
// Each row says what three policies do: the zero one, one that allows loopback, and one that allows every prefix.
func TestAllows(t *testing.T) {
	t.Parallel()
	zero := Policy{}
	loopback := Policy{InsecureAllowLoopback: true}
	everything := Policy{AllowPrefixes: []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0"), netip.MustParsePrefix("::/0")}}

	type verdict struct{ zero, loopback, everything bool }
	var (
		public  = verdict{true, true, true}
		private = verdict{false, false, true}
		local   = verdict{false, true, false}
		no      = verdict{}
	)
	for _, row := range []struct {
		name string
		addr string
		want verdict
	}{
		{"public IPv4", "8.8.8.8", public},
		{"public IPv4 just below 10/8", "9.255.255.255", public},
		{"public IPv4 just above 10/8", "11.0.0.0", public},
		{"public IPv4 just below shared space", "100.63.255.255", public},
		{"public IPv4 just above shared space", "100.128.0.0", public},
		{"public IPv4 just below 172.16/12", "172.15.255.255", public},
		{"public IPv4 just above 172.16/12", "172.32.0.0", public},
		{"public IPv4 just above benchmarking", "198.20.0.0", public},
		{"public IPv4 just below multicast", "223.255.255.255", public},
		{"public IPv6", "2001:4860:4860::8888", public},
		{"public IPv6 just above 2001::/23", "2001:200::1", public},
		{"the last public IPv6", "3fff:1000::", public},
		{"public IPv4 mapped into IPv6", "::ffff:8.8.8.8", public},

		{"loopback", "127.0.0.1", local},
		{"loopback, another of the 16 million", "127.255.255.254", local},
		{"IPv6 loopback", "::1", local},
		{"loopback mapped into IPv6", "::ffff:127.0.0.1", local},

		{"unspecified, which a dialer takes for loopback", "0.0.0.0", no},
		{"this network", "0.1.2.3", no},
		{"IPv6 unspecified", "::", no},
		{"unspecified mapped into IPv6", "::ffff:0.0.0.0", no},
		{"link local", "169.254.0.1", no},
		{"IPv6 link local", "fe80::1", no},
		{"IPv6 link local with a zone", "fe80::1%eth0", no},
		{"multicast", "224.0.0.1", no},
		{"multicast to everything", "239.255.255.255", no},
		{"IPv6 multicast", "ff02::1", no},
		{"broadcast", "255.255.255.255", no},

		{"metadata of Amazon, Azure, Google, Oracle, DigitalOcean", "169.254.169.254", no},
		{"credentials of an Amazon container", "169.254.170.2", no},
		{"metadata of Amazon on IPv6", "fd00:ec2::254", no},
		{"metadata of Google on IPv6", "fd20:ce::254", no},
		{"metadata of Alibaba, in shared space", "100.100.100.200", no},
		{"metadata of Oracle, in protocol assignments", "192.0.0.192", no},
		{"fabric of Azure, in public space", "168.63.129.16", no},
		{"metadata mapped into IPv6", "::ffff:169.254.169.254", no},

		{"RFC 1918 10/8", "10.1.2.3", private},
		{"RFC 1918 172.16/12, its first", "172.16.0.0", private},
		{"RFC 1918 172.16/12, its last", "172.31.255.255", private},
		{"RFC 1918 192.168/16", "192.168.0.1", private},
		{"RFC 1918 mapped into IPv6", "::ffff:10.0.0.1", private},
		{"shared space", "100.64.0.1", private},
		{"protocol assignments", "192.0.0.1", private},
		{"documentation 1", "192.0.2.1", private},
		{"documentation 2", "198.51.100.1", private},
		{"documentation 3", "203.0.113.1", private},
		{"6to4 relay", "192.88.99.1", private},
		{"benchmarking, its first", "198.18.0.0", private},
		{"benchmarking, its last", "198.19.255.255", private},
		{"reserved", "240.0.0.1", private},
		{"IPv6 unique local", "fd12:3456:789a::1", private},
		{"IPv6 unique local, the other half", "fc00::1", private},
		{"IPv6 site local", "fec0::1", private},
		{"IPv6 discard only", "100::1", private},
		{"IPv6 documentation", "2001:db8::1", private},
		{"IPv6 documentation, the new one", "3fff::1", private},
		{"IPv6 segment routing", "5f00::1", private},
		{"IPv6 benchmarking", "2001:2::1", private},
		{"IPv6 ORCHIDv2", "2001:20::1", private},
		{"Teredo", "2001:0:4136:e378:8000:63bf:3fff:fdd2", private},
		{"NAT64 local use", "64:ff9b:1::a00:1", private},
		{"IPv6 unassigned", "4000::1", private},

		{"NAT64 of a public address", "64:ff9b::808:808", private},
		{"NAT64 of a documentation address", "64:ff9b::c000:201", private},
		{"NAT64 of the metadata service", "64:ff9b::a9fe:a9fe", no},
		{"NAT64 of loopback", "64:ff9b::7f00:1", no},
		{"6to4 of a public address", "2002:808:808::1", private},
		{"6to4 of the metadata service", "2002:a9fe:a9fe::1", no},
		{"6to4 of loopback", "2002:7f00:1::1", no},
		{"IPv4-compatible metadata service", "::a9fe:a9fe", no},
		{"IPv4-compatible loopback", "::7f00:1", no},
		{"IPv4-compatible public address", "::808:808", private},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			addr := netip.MustParseAddr(row.addr)
			if got := (verdict{zero.allows(addr), loopback.allows(addr), everything.allows(addr)}); got != row.want {
				t.Errorf("%s: got %+v, want %+v", row.addr, got, row.want)
			}
		})
	}
}

func TestAllowanceIsForItsPrefixOnly(t *testing.T) {
	t.Parallel()
	policy := Policy{AllowPrefixes: []netip.Prefix{netip.MustParsePrefix("10.1.2.0/24"), netip.MustParsePrefix("fd12::/64"), {}}}
	for addr, want := range map[string]bool{
		"10.1.2.3":           true,
		"::ffff:10.1.2.3":    true, // the same machine, dialled as IPv6
		"10.1.3.1":           false,
		"fd12::1":            true,
		"fd12:0:0:1::1":      false,
		"127.0.0.1":          false,
		"192.168.0.1":        false,
		"8.8.8.8":            true,
		"64:ff9b::a01:203":   false, // the prefix of the translator itself is not allowed
		"169.254.169.254":    false,
		"fd12::1%eth0":       true, // a zone only says through which interface
		"fd12:0:0:0:1:2:3:4": true,
	} {
		if got := policy.allows(netip.MustParseAddr(addr)); got != want {
			t.Errorf("%s: got %t, want %t", addr, got, want)
		}
	}
}

func TestAllowanceOfNAT64StillLooksInside(t *testing.T) {
	t.Parallel()
	policy := Policy{AllowPrefixes: []netip.Prefix{netip.MustParsePrefix("64:ff9b::/96")}}
	for addr, want := range map[string]bool{
		"64:ff9b::808:808":   true,
		"64:ff9b::a00:1":     false, // 10.0.0.1
		"64:ff9b::c0a8:1":    false, // 192.168.0.1
		"64:ff9b::7f00:1":    false, // 127.0.0.1
		"64:ff9b::a9fe:a9fe": false, // 169.254.169.254
		"64:ff9b::":          false, // 0.0.0.0
	} {
		if got := policy.allows(netip.MustParseAddr(addr)); got != want {
			t.Errorf("%s: got %t, want %t", addr, got, want)
		}
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	policy := Policy{}
	var refused *AddressError
	for _, address := range []string{"127.0.0.1:443", "[::1]:443", "[fe80::1%eth0]:443", "[::ffff:10.0.0.1]:443"} {
		if err := policy.check(address); !errors.As(err, &refused) {
			t.Errorf("%s: got %v, want an AddressError", address, err)
		}
	}
	for _, address := range []string{"8.8.8.8:443", "[2001:4860:4860::8888]:443"} {
		if err := policy.check(address); err != nil {
			t.Errorf("%s: %v", address, err)
		}
	}
	for _, address := range []string{"", "example.com:443", "8.8.8.8", "@/run/socket"} {
		if err := policy.check(address); err == nil || errors.As(err, &refused) {
			t.Errorf("%q: got %v, want another error", address, err)
		}
	}
}

func TestIsLoopbackHost(t *testing.T) {
	t.Parallel()
	for host, want := range map[string]bool{
		"localhost": true, "127.0.0.1": true, "127.9.9.9": true, "::1": true, "::ffff:127.0.0.1": true,
		"": false, "LOCALHOST": false, "localhost.": false, "localhost.example.com": false, "127.1": false, "0.0.0.0": false,
		"2130706433": false, "0x7f000001": false, "127.0.0.1.nip.example": false, "::": false, "10.0.0.1": false,
	} {
		if got := IsLoopbackHost(host); got != want {
			t.Errorf("%q: got %t, want %t", host, got, want)
		}
	}
}

// Denials win over everything that allows.
func TestDenyPrefixesWin(t *testing.T) {
	t.Parallel()
	list := func(texts ...string) []netip.Prefix { return prefixes(texts...) }
	for _, row := range []struct {
		name   string
		policy Policy
		addr   string
		want   bool
	}{
		{"the operator's own public address", Policy{DenyPrefixes: list("8.8.8.0/24")}, "8.8.8.8", false},
		{"a public address beside it", Policy{DenyPrefixes: list("8.8.8.0/24")}, "8.8.9.8", true},
		{"a prefix with host bits", Policy{DenyPrefixes: list("8.8.8.77/24")}, "8.8.8.8", false},
		{"mapped into IPv6", Policy{DenyPrefixes: list("8.8.8.0/24")}, "::ffff:8.8.8.8", false},
		{"through NAT64 that is allowed", Policy{DenyPrefixes: list("8.8.8.0/24"), AllowPrefixes: list("64:ff9b::/96")}, "64:ff9b::808:808", false},
		{"another one through NAT64 that is allowed", Policy{DenyPrefixes: list("8.8.8.0/24"), AllowPrefixes: list("64:ff9b::/96")}, "64:ff9b::808:908", true},
		{"through 6to4 that is allowed", Policy{DenyPrefixes: list("8.8.8.0/24"), AllowPrefixes: list("2002::/16")}, "2002:808:808::1", false},
		{"the same prefix allowed", Policy{DenyPrefixes: list("10.1.2.0/24"), AllowPrefixes: list("10.1.2.0/24")}, "10.1.2.3", false},
		{"a narrower prefix allowed", Policy{DenyPrefixes: list("10.0.0.0/8"), AllowPrefixes: list("10.1.2.3/32")}, "10.1.2.3", false},
		{"a wider prefix allowed", Policy{DenyPrefixes: list("10.1.2.3/32"), AllowPrefixes: list("10.0.0.0/8")}, "10.1.2.3", false},
		{"the rest of the wider prefix", Policy{DenyPrefixes: list("10.1.2.3/32"), AllowPrefixes: list("10.0.0.0/8")}, "10.1.2.4", true},
		{"a NAT64 prefix of the operator's own", Policy{DenyPrefixes: list("2a00:1:2:3::/96")}, "2a00:1:2:3::a9fe:a9fe", false},
		{"an address with a zone", Policy{DenyPrefixes: list("fd12::/64"), AllowPrefixes: list("fd12::/64")}, "fd12::1%eth0", false},
		{"loopback that is allowed", Policy{DenyPrefixes: list("127.0.0.0/8"), InsecureAllowLoopback: true}, "127.0.0.1", false},
		{"loopback of the other family", Policy{DenyPrefixes: list("127.0.0.0/8"), InsecureAllowLoopback: true}, "::1", true},
		{"all of IPv6", Policy{DenyPrefixes: list("::/0")}, "2001:4860:4860::8888", false},
		{"IPv4 is not in all of IPv6", Policy{DenyPrefixes: list("::/0")}, "::ffff:8.8.8.8", true},
		{"an invalid prefix matches nothing", Policy{DenyPrefixes: []netip.Prefix{{}}}, "8.8.8.8", true},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			if got := row.policy.allows(netip.MustParseAddr(row.addr)); got != row.want {
				t.Errorf("%s: got %t, want %t", row.addr, got, row.want)
			}
		})
	}
}
