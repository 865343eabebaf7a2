package connectorstore

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
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
var errNotUsable = errors.New("connectorstore: the DNS server's message is not a usable answer")

// TXT implements [Resolver].
func (c *dnsClient) TXT(ctx context.Context, name string) ([]string, error) {
	q, err := newQuery(name)
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
				return nil, fmt.Errorf("connectorstore: %w; DNS server %s: %w", ctx.Err(), server, err)
			}
			err = fmt.Errorf("DNS server %s: %w", server, err)
		}
	}
	return nil, err
}

// ask asks one server, by UDP first. The first datagram has to be the answer: a fresh socket gets no other by chance, so
// anything else is a forger's guess, and TCP, where guessing does not help, is next. So is it after a truncated answer
// (RFC 7766, 5).
func (c *dnsClient) ask(ctx context.Context, server string, q query) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, tryTimeout)
	defer cancel()
	message, err := c.exchange(ctx, "udp", server, q)
	if err != nil {
		return nil, err
	}
	records, err := q.readAnswer(message)
	if !errors.Is(err, errNotUsable) {
		return records, err
	}
	if message, err = c.exchange(ctx, "tcp", server, q); err != nil {
		return nil, err
	}
	return q.readAnswer(message)
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
		message := make([]byte, maxDatagram+1) // what is longer is cut off, and not readable
		n, err := conn.Read(message)
		return message[:n], err
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

// maxDatagram is announced by EDNS(0) and passes every usual network in one piece, so that no fragment can be forged.
const maxDatagram = 1232

// query is a question for the TXT records of a name.
type query struct {
	id      uint16
	name    string // with a dot at its end, in lower case
	message []byte
}

func newQuery(name string) (query, error) {
	if err := checkDNSName(name); err != nil {
		return query{}, err
	}
	var random [2]byte
	rand.Read(random[:])
	q := query{id: binary.BigEndian.Uint16(random[:]), name: name + "."}
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
		Questions:   []dnsmessage.Question{{Name: wireName, Type: dnsmessage.TypeTXT, Class: dnsmessage.ClassINET}},
		Additionals: []dnsmessage.Resource{{Header: opt, Body: &dnsmessage.OPTResource{}}},
	}
	q.message, err = message.Pack()
	return q, err
}

// readAnswer judges a message that claims to be the answer. It gives records, [ErrNoRecord], errNotUsable, or an error that
// says why the server does not know.
func (q query) readAnswer(message []byte) ([]string, error) {
	var m dnsmessage.Message
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
	records, alias := q.recordsIn(m.Answers)
	code := responseCode(&m)
	switch {
	case !m.Authoritative && !m.RecursionAvailable: //check:dns-lame
		return nil, errors.New("the server is neither recursive nor authoritative")
	case code != dnsmessage.RCodeSuccess && code != dnsmessage.RCodeNameError: //check:dns-rcode
		return nil, fmt.Errorf("the server answers %s", code)
	case len(records) > maxRecords: //check:dns-count
		return nil, fmt.Errorf("there are more than %d TXT records", maxRecords)
	case alias: // it excludes every other record at the name (RFC 1034, 3.6.2) //check:dns-alias
		return nil, fmt.Errorf("%w: there is an alias (CNAME), which is not followed", ErrNoRecord)
	case code == dnsmessage.RCodeNameError:
		return nil, ErrNoRecord
	case len(records) > 0:
		return records, nil
	case isReferral(m.Authorities): //check:dns-referral
		return nil, errors.New("the server refers to other servers")
	}
	return nil, ErrNoRecord
}

// isIn says whether it is the question that was asked.
func (q query) isIn(asked dnsmessage.Question) bool {
	return q.isFor(asked.Name) && asked.Type == dnsmessage.TypeTXT && asked.Class == dnsmessage.ClassINET
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

// isReferral says whether a section names servers without the SOA that would make the answer "no data" (RFC 2308, 2.2).
func isReferral(authorities []dnsmessage.Resource) bool {
	servers := false
	for _, r := range authorities {
		switch r.Header.Type {
		case dnsmessage.TypeSOA:
			return false
		case dnsmessage.TypeNS:
			servers = true
		}
	}
	return servers
}
