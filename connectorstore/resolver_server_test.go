package connectorstore

import (
	"context"
	"encoding/binary"
	"io"
	"net"
	"sync"
	"testing"

	"golang.org/x/net/dns/dnsmessage"
)

// replies gives the messages that a server sends in answer to one query; none for silence. network is "udp" or "tcp".
type replies func(network string, query dnsmessage.Message) [][]byte

// startDNS is a server of that kind that also knows the top-level domain, as every recursive one does.
func startDNS(t testing.TB, reply replies) (address string) {
	t.Helper()
	return startOnlyDNS(t, func(network string, query dnsmessage.Message) [][]byte {
		if query.Questions[0].Type == dnsmessage.TypeNS {
			return [][]byte{answerTo(query, topLevel)}
		}
		return reply(network, query)
	})
}

// startOnlyDNS runs a real DNS server on loopback, over UDP and TCP on one port, until the test ends.
func startOnlyDNS(t testing.TB, reply replies) (address string) {
	t.Helper()
	udp, tcp := listenBoth(t)
	var running sync.WaitGroup
	running.Go(func() {
		for packet := make([]byte, 4096); ; {
			n, from, err := udp.ReadFrom(packet)
			if err != nil {
				return
			}
			for _, message := range reply("udp", parsed(packet[:n])) {
				udp.WriteTo(message, from)
			}
		}
	})
	running.Go(func() {
		for {
			conn, err := tcp.Accept()
			if err != nil {
				return
			}
			running.Go(func() { serveTCP(conn, reply) })
		}
	})
	t.Cleanup(func() {
		udp.Close()
		tcp.Close()
		running.Wait()
	})
	return udp.LocalAddr().String()
}

func listenBoth(t testing.TB) (net.PacketConn, net.Listener) {
	t.Helper()
	for range 20 {
		udp, err := net.ListenPacket("udp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		if tcp, err := net.Listen("tcp", udp.LocalAddr().String()); err == nil {
			return udp, tcp
		}
		udp.Close() // the port is taken for TCP
	}
	t.Fatal("no port is free for both UDP and TCP")
	return nil, nil
}

// serveTCP answers one query and waits until the client hangs up.
func serveTCP(conn net.Conn, reply replies) {
	defer conn.Close()
	var length [2]byte
	if _, err := io.ReadFull(conn, length[:]); err != nil {
		return
	}
	packet := make([]byte, binary.BigEndian.Uint16(length[:]))
	if _, err := io.ReadFull(conn, packet); err != nil {
		return
	}
	for _, message := range reply("tcp", parsed(packet)) {
		conn.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(message))), message...))
	}
	io.Copy(io.Discard, conn)
}

func parsed(packet []byte) (m dnsmessage.Message) {
	if err := m.Unpack(packet); err != nil {
		panic(err) // the client's own query
	}
	return m
}

// answerTo is what a recursive server says that knows of nothing: NOERROR and no records. edit makes something else of it.
func answerTo(query dnsmessage.Message, edit ...func(*dnsmessage.Message)) []byte {
	m := dnsmessage.Message{Questions: query.Questions, Header: dnsmessage.Header{
		ID: query.ID, Response: true, RecursionDesired: true, RecursionAvailable: true}}
	for _, e := range edit {
		e(&m)
	}
	packed, err := m.Pack()
	if err != nil {
		panic(err)
	}
	return packed
}

// always answers every query in the same way, over both networks.
func always(edit ...func(*dnsmessage.Message)) replies {
	return func(_ string, query dnsmessage.Message) [][]byte { return [][]byte{answerTo(query, edit...)} }
}

// over answers by UDP and by TCP in two ways.
func over(udp, tcp replies) replies {
	return func(network string, query dnsmessage.Message) [][]byte {
		if network == "udp" {
			return udp(network, query)
		}
		return tcp(network, query)
	}
}

func silent(string, dnsmessage.Message) [][]byte { return nil }

func record(owner string, body dnsmessage.ResourceBody, kind dnsmessage.Type) dnsmessage.Resource {
	return dnsmessage.Resource{Body: body, Header: dnsmessage.ResourceHeader{
		Name: dnsmessage.MustNewName(owner), Type: kind, Class: dnsmessage.ClassINET, TTL: 300}}
}

// txt adds a record of these strings at the name that was asked for.
func txt(strings ...string) func(*dnsmessage.Message) {
	return func(m *dnsmessage.Message) {
		m.Answers = append(m.Answers, record(m.Questions[0].Name.String(), &dnsmessage.TXTResource{TXT: strings}, dnsmessage.TypeTXT))
	}
}

// txtAt adds a record at another name.
func txtAt(owner, text string) func(*dnsmessage.Message) {
	return func(m *dnsmessage.Message) {
		m.Answers = append(m.Answers, record(owner, &dnsmessage.TXTResource{TXT: []string{text}}, dnsmessage.TypeTXT))
	}
}

func cname(owner, target string) func(*dnsmessage.Message) {
	return func(m *dnsmessage.Message) {
		m.Answers = append(m.Answers, record(owner, &dnsmessage.CNAMEResource{CNAME: dnsmessage.MustNewName(target)}, dnsmessage.TypeCNAME))
	}
}

func code(c dnsmessage.RCode) func(*dnsmessage.Message) {
	return func(m *dnsmessage.Message) { m.RCode = c }
}

func authoritative(m *dnsmessage.Message) { m.Authoritative, m.RecursionAvailable = true, false }
func neither(m *dnsmessage.Message)       { m.Authoritative, m.RecursionAvailable = false, false }
func truncated(m *dnsmessage.Message)     { m.Truncated = true }

// nameServer is what a referral has, soa what "no data" has.
func nameServer(m *dnsmessage.Message) {
	m.Authorities = append(m.Authorities, record("acme.example.", &dnsmessage.NSResource{NS: dnsmessage.MustNewName("ns.acme.example.")}, dnsmessage.TypeNS))
}

func topLevel(m *dnsmessage.Message) {
	m.Answers = append(m.Answers, record("example.", &dnsmessage.NSResource{NS: dnsmessage.MustNewName("a.nic.example.")}, dnsmessage.TypeNS))
}

func soa(m *dnsmessage.Message) { soaOf("acme.example.")(m) }

func soaOf(zone string) func(*dnsmessage.Message) {
	return func(m *dnsmessage.Message) {
		m.Authorities = append(m.Authorities, record(zone, &dnsmessage.SOAResource{
			NS: dnsmessage.MustNewName("ns.acme.example."), MBox: dnsmessage.MustNewName("hostmaster.acme.example.")}, dnsmessage.TypeSOA))
	}
}

// extended adds an OPT record whose bits make of NOERROR the code 16 * upper.
func extended(upper uint32) func(*dnsmessage.Message) {
	return func(m *dnsmessage.Message) {
		opt := record(".", &dnsmessage.OPTResource{}, dnsmessage.TypeOPT)
		opt.Header.Class, opt.Header.TTL = 1232, upper<<24
		m.Additionals = append(m.Additionals, opt)
	}
}

// resolverFunc is a Resolver of the test's own.
type resolverFunc func(ctx context.Context, name string) ([]string, error)

func (f resolverFunc) TXT(ctx context.Context, name string) ([]string, error) { return f(ctx, name) }

func resolverAt(t testing.TB, servers ...string) Resolver {
	t.Helper()
	r, err := NewResolver(servers...)
	if err != nil {
		t.Fatal(err)
	}
	return r
}
