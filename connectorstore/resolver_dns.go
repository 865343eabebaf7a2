package connectorstore

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// dnsClient is a stub resolver for TXT records alone. net.Resolver would be shorter, but where nobody knows it says "not
// found": for a referral, if it has glue or an OPT record, which all of today have; for NXDOMAIN of a server that is neither
// recursive nor authoritative; for an empty answer that is truncated even over TCP; and for names that it never asks for. It
// takes a TXT record of any name for one of the name that was asked for, and so follows aliases, and those that stop half
// way are "not found" again. And when its context is cancelled it goes on reading. (Tried with Go 1.26.)
type dnsClient struct {
	// servers gives addresses with ports.
	servers func(context.Context) []string
	// dial makes "udp" and "tcp" connections. Default: those of a net.Dialer.
	dial func(ctx context.Context, network, server string) (net.Conn, error)
}

// errNotUsable is an answer that does not answer: forged, garbled or truncated. Over UDP it is no reason to despair.
var errNotUsable = errors.New("its message is not a usable answer")

// errAlias is the "no" of a name at which a CNAME stands.
var errAlias = fmt.Errorf("%w but an alias (CNAME), which is not followed", ErrNoRecord)

// errBareNo is a "no" that does not say which zone it is of.
var errBareNo = errors.New("the server says no without the SOA of a zone")

// TXT implements [Resolver].
func (c *dnsClient) TXT(ctx context.Context, name string) ([]string, error) {
	q, err := newQuery(name, dnsmessage.TypeTXT)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, lookupTimeout)
	defer cancel()
	servers := c.servers(ctx)
	err = errors.New("connectorstore: this machine has no DNS server")
	for range maxRounds {
		for _, server := range servers {
			var records []string
			records, err = c.ask(ctx, server, q)
			if err == nil || errors.Is(err, ErrNoRecord) {
				return records, err
			}
			if ctx.Err() != nil {
				return nil, fmt.Errorf("connectorstore: %w: DNS server %s: %w", ctx.Err(), server, err)
			}
			err = fmt.Errorf("connectorstore: DNS server %s: %w", server, err)
		}
	}
	return nil, err
}

// ask asks one server. A "no" without the SOA of a zone may come from a filter that says no to whatever is not on its list,
// and the day when somebody switches one on would lose all proofs at once. Some resolvers leave the SOA out, too, although
// RFC 2308, 6 forbids it. So such a server is also asked for the name servers of the top-level domain, which whoever
// resolves names can tell.
func (c *dnsClient) ask(ctx context.Context, server string, q query) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, tryTimeout)
	defer cancel()
	m, err := c.converse(ctx, server, q)
	if err != nil {
		return nil, err
	}
	records, err := q.records(m)
	if !errors.Is(err, errBareNo) {
		return records, err
	}
	control, err := newQuery(q.topLevel(), dnsmessage.TypeNS)
	if err != nil {
		return nil, err
	}
	if m, err = c.converse(ctx, server, control); err != nil {
		return nil, err
	}
	if !control.hasServers(m.Answers) { //check:dns-filter
		return nil, errors.New("the server says no, and knows no top-level domain either; it seems to filter")
	}
	return nil, ErrNoRecord
}

// converse asks by UDP first. The first datagram has to be the answer: a fresh socket gets no other by chance, so anything
// else is a forger's guess (RFC 5452, 9.3), and TCP, where guessing does not help, is next. So is it after a truncated
// answer (RFC 7766, 5).
func (c *dnsClient) converse(ctx context.Context, server string, q query) (*dnsmessage.Message, error) {
	message, err := c.exchange(ctx, "udp", server, q)
	if err != nil {
		return nil, err
	}
	m, err := q.open(message)
	if !errors.Is(err, errNotUsable) {
		return m, err
	}
	if message, err = c.exchange(ctx, "tcp", server, q); err != nil {
		return nil, err
	}
	return q.open(message)
}

// exchange sends the query on a new connection, for a new source port, and gives the next message.
func (c *dnsClient) exchange(ctx context.Context, network, server string, q query) ([]byte, error) {
	dial := c.dial
	if dial == nil {
		dial = new(net.Dialer).DialContext
	}
	conn, err := dial(ctx, network, server)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { conn.SetDeadline(time.Unix(1, 0)) }) // long past
	defer stop()
	if network == "udp" {
		if _, err := conn.Write(q.message); err != nil {
			return nil, err
		}
		message := make([]byte, 1<<16)
		n, err := conn.Read(message)
		return message[:min(n, maxDatagram)], err // what is longer is not readable then
	}
	framed := binary.BigEndian.AppendUint16(nil, uint16(len(q.message))) // RFC 1035, 4.2.2
	if _, err := conn.Write(append(framed, q.message...)); err != nil {
		return nil, err
	}
	var length [2]byte
	if _, err := io.ReadFull(conn, length[:]); err != nil {
		return nil, err
	}
	message := make([]byte, binary.BigEndian.Uint16(length[:]))
	_, err = io.ReadFull(conn, message)
	return message, err
}

// maxDatagram is announced by EDNS(0) and passes every usual network in one piece. Nothing longer is read: of a datagram in
// two, the second could be forged without a guess.
const maxDatagram = 1232

// query is a question, and what its answer is recognised by.
type query struct {
	id      uint16
	name    string // with a dot at its end, in lower case
	kind    dnsmessage.Type
	message []byte
}

func newQuery(name string, kind dnsmessage.Type) (query, error) {
	if err := checkDNSName(name); err != nil {
		return query{}, err
	}
	var random [2]byte
	rand.Read(random[:])
	q := query{id: binary.BigEndian.Uint16(random[:]), name: name + ".", kind: kind}
	wireName, err := dnsmessage.NewName(q.name)
	if err != nil {
		return query{}, fmt.Errorf("%w: %w", ErrDNSName, err)
	}
	var opt dnsmessage.ResourceHeader
	if err := opt.SetEDNS0(maxDatagram, dnsmessage.RCodeSuccess, false); err != nil {
		return query{}, err
	}
	message := dnsmessage.Message{
		Header:      dnsmessage.Header{ID: q.id, RecursionDesired: true},
		Questions:   []dnsmessage.Question{{Name: wireName, Type: kind, Class: dnsmessage.ClassINET}},
		Additionals: []dnsmessage.Resource{{Header: opt, Body: &dnsmessage.OPTResource{}}},
	}
	q.message, err = message.Pack()
	return q, err
}

// open reads a message that claims to be the answer. What it gives is of a server that knows: that it is there, or not.
func (q query) open(message []byte) (*dnsmessage.Message, error) {
	m := new(dnsmessage.Message)
	if m.Unpack(message) != nil {
		return nil, errNotUsable
	}
	if !m.Response || m.ID != q.id || m.OpCode != 0 { //check:dns-id
		return nil, errNotUsable
	}
	if len(m.Questions) != 1 || !q.isIn(m.Questions[0]) { //check:dns-question
		return nil, errNotUsable
	}
	if m.Truncated { //check:dns-truncated
		return nil, errNotUsable
	}
	if !m.Authoritative && !m.RecursionAvailable { //check:dns-lame
		return nil, errors.New("the server is neither recursive nor authoritative")
	}
	if code := responseCode(m); code != dnsmessage.RCodeSuccess && code != dnsmessage.RCodeNameError { //check:dns-rcode
		return nil, fmt.Errorf("the server answers %s", code)
	}
	return m, nil
}

// records gives the TXT records of an opened message, [ErrNoRecord], errBareNo, or an error that says why the server does
// not know.
func (q query) records(m *dnsmessage.Message) ([]string, error) {
	records, alias := q.recordsIn(m.Answers)
	servers, zone := q.authority(m.Authorities)
	switch {
	case len(records) > maxRecords: //check:dns-count
		return nil, fmt.Errorf("there are more than %d TXT records", maxRecords)
	case alias: // it excludes every other record at the name (RFC 1034, 3.6.2) //check:dns-alias
		return nil, errAlias
	case len(records) > 0 && m.RCode == dnsmessage.RCodeSuccess:
		return records, nil
	case zone:
		return nil, ErrNoRecord
	case servers: //check:dns-referral
		return nil, errors.New("the server refers to other servers")
	}
	return nil, errBareNo
}

// isIn says whether it is the question that was asked.
func (q query) isIn(asked dnsmessage.Question) bool {
	return q.isFor(asked.Name) && asked.Type == q.kind && asked.Class == dnsmessage.ClassINET
}

// isFor compares as DNS does: the case of ASCII letters alone does not count (RFC 4343).
func (q query) isFor(name dnsmessage.Name) bool {
	if int(name.Length) != len(q.name) {
		return false
	}
	for i := range len(q.name) {
		c := name.Data[i]
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		if c != q.name[i] {
			return false
		}
	}
	return true
}

// recordsIn gives the TXT records at the name itself, and whether there is an alias. What is at the alias' target has
// another name.
func (q query) recordsIn(answers []dnsmessage.Resource) (records []string, alias bool) {
	for _, r := range answers {
		if r.Header.Class != dnsmessage.ClassINET || !q.isFor(r.Header.Name) { //check:dns-owner
			continue
		}
		switch body := r.Body.(type) {
		case *dnsmessage.TXTResource:
			records = append(records, strings.Join(body.TXT, ""))
		case *dnsmessage.CNAMEResource:
			alias = true
		}
	}
	return records, alias
}

// responseCode is the code with the upper bits that the OPT record has (RFC 6891, 6.1.3).
func responseCode(m *dnsmessage.Message) dnsmessage.RCode {
	for _, r := range m.Additionals {
		if r.Header.Type == dnsmessage.TypeOPT {
			return r.Header.ExtendedRCode(m.RCode)
		}
	}
	return m.RCode
}

// authority says whether the section names servers, and whether it has the SOA of a zone that the name may be in. Servers
// without a SOA are a referral; with it they are a part of "no" (RFC 2308, 2.2).
func (q query) authority(authorities []dnsmessage.Resource) (servers, zone bool) {
	for _, r := range authorities {
		switch r.Header.Type {
		case dnsmessage.TypeNS:
			servers = true
		case dnsmessage.TypeSOA:
			apex := strings.ToLower(r.Header.Name.String())
			if apex != "." && !strings.HasSuffix("."+q.name, "."+apex) { //check:dns-zone
				continue // a filter's own
			}
			zone = true
		}
	}
	return servers, zone
}

// hasServers says whether the answer section names servers of the name.
func (q query) hasServers(answers []dnsmessage.Resource) bool {
	return slices.ContainsFunc(answers, func(r dnsmessage.Resource) bool {
		return r.Header.Type == dnsmessage.TypeNS && q.isFor(r.Header.Name)
	})
}

// topLevel is the last label.
func (q query) topLevel() string {
	name := strings.TrimSuffix(q.name, ".")
	return name[strings.LastIndexByte(name, '.')+1:]
}
