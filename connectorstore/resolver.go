package connectorstore

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"
)

// ErrNoRecord is what a [Resolver] answers when the name certainly has no TXT record: the name does not exist (NXDOMAIN), or
// it exists without such a record, or it is an alias. A proof may be taken as lost because of it. Every other error of a
// Resolver means "not known", and nothing is.
var ErrNoRecord = errors.New("connectorstore: there is no TXT record")

// ErrDNSName is the error for a name that DNS can't have: over 253 bytes, a label that is empty or over 63 bytes, or a
// character that is not expected. Nobody is asked for it. It may be wrapped.
var ErrDNSName = errors.New("connectorstore: not a name that DNS can have")

// Resolver looks up TXT records. It must return once ctx is done, and leave nothing running.
type Resolver interface {
	// TXT gives the TXT records of the name, which is complete and without a dot at its end: no search list is used. The
	// strings of one record are joined without a space (as in RFC 7208, 3.3). Only records that stand at the name itself
	// count: an alias (CNAME) is not followed, since whoever may write at its target need not be whoever owns the name. In
	// a zone with "*.acme.example CNAME sites.example" that would be the owner of sites.example, or whoever bought it.
	//
	// No record is [ErrNoRecord], and only if a server said so that can know: it is authoritative or recursive, and no filter
	// that says no to everything. A time-out, SERVFAIL, REFUSED, a referral and an answer that can't be read are other errors.
	// There is never an empty list without an error.
	TXT(ctx context.Context, name string) ([]string, error)
}

// SystemResolver asks the DNS servers of this machine (resolv.conf; on Windows those of the network adapters), and notices
// when they change. One that can't answer is passed over. Who controls these servers, or forges their answers, decides what
// is proven: where that is a worry, see [Agreeing].
func SystemResolver() Resolver { return &dnsClient{servers: systemServers} }

// NewResolver asks the DNS servers at these addresses, such as "1.1.1.1" or "[2620:fe::fe]:53", in this order; the next one
// if one can't answer. They must be recursive. Names are refused, since another server would have to be asked for them
// first. Default port: 53.
func NewResolver(servers ...string) (Resolver, error) {
	if len(servers) == 0 || len(servers) > maxServers {
		return nil, fmt.Errorf("connectorstore: give between one and %d DNS servers", maxServers)
	}
	addresses := make([]string, len(servers))
	for i, server := range servers {
		address, err := netip.ParseAddrPort(server)
		if err != nil {
			ip, err := netip.ParseAddr(server)
			if err != nil {
				return nil, fmt.Errorf("connectorstore: %q is no address of a DNS server: give an IP address, with or without a port", server)
			}
			address = netip.AddrPortFrom(ip, 53)
		}
		addresses[i] = address.String()
	}
	return &dnsClient{servers: func(context.Context) []string { return addresses }}, nil
}

// Agreeing asks both resolvers at once and answers only what both say: the same records, or both [ErrNoRecord]. Everything
// else is "not known", also if one has a record more: it may be that the other lags behind.
//
// It is for the attack on one resolver, a poisoned cache or a hijacked path, by which somebody would prove a domain that is
// not theirs, or make a proof look lost. That only helps if the two share neither cache nor path: the system's own and a
// public one, say, or those of two providers in two networks. It does not help against whoever controls the zone, its
// registrar account or its name servers.
func Agreeing(a, b Resolver) Resolver { return agreeing{a, b} }

type agreeing [2]Resolver

func (both agreeing) TXT(ctx context.Context, name string) ([]string, error) {
	var records [2][]string
	var missing [2]error
	group, ctx := errgroup.WithContext(ctx) // when one is not known, the answer of the other has no weight
	for i, r := range both {
		group.Go(func() error {
			found, err := lookupTXT(ctx, r, name)
			if errors.Is(err, ErrNoRecord) {
				missing[i], err = err, nil
			}
			records[i] = slices.Compact(slices.Sorted(slices.Values(found)))
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	if !slices.Equal(records[0], records[1]) { //check:dns-agreement
		return nil, errors.New("connectorstore: the two resolvers give different TXT records; one may lag behind, or lie")
	}
	if missing[0] != nil {
		return nil, missing[0]
	}
	return records[0], nil
}

// lookupTXT asks a resolver of anybody's making, and takes "no record" only from one that had the time to look.
func lookupTXT(ctx context.Context, r Resolver, name string) ([]string, error) {
	records, err := r.TXT(ctx, name)
	switch {
	case err == nil && len(records) == 0: //check:dns-empty
		return nil, errors.New("connectorstore: the resolver gave neither a record nor an error")
	case err != nil && ctx.Err() != nil: //check:dns-broken-off
		return nil, fmt.Errorf("connectorstore: the look-up was broken off: %w", ctx.Err())
	case err != nil:
		return nil, err
	}
	return records, nil
}

const (
	maxServers    = 3               // as in resolv.conf
	maxRounds     = 2               // in which each server is asked once
	tryTimeout    = 2 * time.Second // for one server, by UDP and TCP together
	lookupTimeout = 5 * time.Second // for all of it
)

// systemServers are what net.Resolver would ask: it alone knows that on every system. It is made to dial, and nothing is
// dialled. Its answers are not used, see dnsClient.
func systemServers(ctx context.Context) []string {
	var servers []string
	r := net.Resolver{PreferGo: true, Dial: func(_ context.Context, _, server string) (net.Conn, error) {
		if !slices.Contains(servers, server) && len(servers) < maxServers {
			servers = append(servers, server)
		}
		return nil, errors.New("not dialled")
	}}
	_, _ = r.LookupTXT(ctx, "invalid.") // it has no error but "not dialled"
	return servers
}
