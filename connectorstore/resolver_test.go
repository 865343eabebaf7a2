package connectorstore

import (
	"context"
	"errors"
	"net"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

const (
	asked = "_oidcsso-challenge.acme.example"
	owner = asked + "."
)

func TestRecordsThatAreThere(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 255)
	for name, c := range map[string]struct {
		reply replies
		want  []string
	}{
		"one":                         {always(txt("a")), []string{"a"}},
		"several":                     {always(txt("a"), txt("b")), []string{"a", "b"}},
		"strings of one are joined":   {always(txt("a", " b", "c")), []string{"a bc"}},
		"an empty one":                {always(txt("")), []string{""}},
		"longer than 255 bytes":       {always(txt(long, long)), []string{long + long}},
		"an authoritative server":     {always(authoritative, txt("a")), []string{"a"}},
		"the name in another case":    {always(txtAt("_OIDCsso-challenge.Acme.EXAMPLE.", "a")), []string{"a"}},
		"truncated, then by TCP":      {over(always(truncated, txt("cut")), always(txt("whole"))), []string{"whole"}},
		"cut off, then by TCP":        {over(cutOff(txt("a")), always(txt("whole"))), []string{"whole"}},
		"oversized, then by TCP":      {over(always(times(20, long)), always(times(20, long))), slices.Repeat([]string{long}, 20)},
		"a hundred":                   {over(always(truncated), always(times(100, "a"))), slices.Repeat([]string{"a"}, 100)},
		"wrong ID first, then by TCP": {over(otherID(txt("forged")), always(txt("true"))), []string{"true"}},
		"garbage first, then by TCP":  {over(raw("garbage"), always(txt("true"))), []string{"true"}},
		"an empty datagram":           {over(raw(""), always(txt("true"))), []string{"true"}},
		"two answers, the first counts": {over(func(_ string, q dnsmessage.Message) [][]byte {
			return [][]byte{answerTo(q, txt("first")), answerTo(q, txt("second"))}
		}, silent), []string{"first"}},
		"beside one of another name": {always(txtAt("evil.example.", "forged"), txt("a")), []string{"a"}},
		"by a zone's wildcard":       {always(authoritative, txt("v=spf1 -all")), []string{"v=spf1 -all"}}, // looks like any other
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := resolverAt(t, startDNS(t, c.reply)).TXT(t.Context(), asked)
			if err != nil || !slices.Equal(got, c.want) {
				t.Errorf("got %q, %v; want %q", got, err, c.want)
			}
		})
	}
}

func TestOnlyACertainNoIsErrNoRecord(t *testing.T) {
	t.Parallel()
	for name, reply := range map[string]replies{
		"NXDOMAIN":                        always(code(dnsmessage.RCodeNameError)),
		"NXDOMAIN with an SOA":            always(code(dnsmessage.RCodeNameError), soa),
		"NXDOMAIN, authoritative":         always(code(dnsmessage.RCodeNameError), authoritative),
		"no data":                         always(),
		"no data with an OPT record":      always(extended(0)),
		"no data with an SOA":             always(soa),
		"no data with NS and SOA":         always(nameServer, soa),
		"no data, authoritative":          always(authoritative, soa),
		"truncated, then no data by TCP":  over(always(truncated), always(soa)),
		"a record of another name alone":  always(txtAt("evil.example.", "forged")),
		"a record of a name below":        always(txtAt("x."+owner, "forged")),
		"an alias to nowhere":             always(cname(owner, "gone.example.")),
		"an alias to nowhere, NXDOMAIN":   always(cname(owner, "gone.example."), code(dnsmessage.RCodeNameError)),
		"an alias and the target's":       always(cname(owner, "sites.example."), txtAt("sites.example.", "planted")),
		"an alias chain":                  always(cname(owner, "a.example."), cname("a.example.", "b.example."), txtAt("b.example.", "planted")),
		"an alias to itself":              always(cname(owner, owner)),
		"an alias and a record beside it": always(cname(owner, "sites.example."), txt("planted")),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got, err := resolverAt(t, startDNS(t, reply)).TXT(t.Context(), asked); !errors.Is(err, ErrNoRecord) || got != nil {
				t.Errorf("got %q, %v; want ErrNoRecord", got, err)
			}
		})
	}
}

func TestEverythingElseIsNotKnown(t *testing.T) {
	t.Parallel()
	for name, reply := range map[string]replies{
		"SERVFAIL":                                  always(code(dnsmessage.RCodeServerFailure)),
		"SERVFAIL with a record":                    always(code(dnsmessage.RCodeServerFailure), txt("a")),
		"SERVFAIL behind an alias":                  always(code(dnsmessage.RCodeServerFailure), cname(owner, "gone.example.")),
		"REFUSED":                                   always(code(dnsmessage.RCodeRefused)),
		"FORMERR":                                   always(code(dnsmessage.RCodeFormatError)),
		"NOTIMP":                                    always(code(dnsmessage.RCodeNotImplemented)),
		"an extended code":                          always(extended(1)),
		"NXDOMAIN with an extended code":            always(code(dnsmessage.RCodeNameError), extended(1)),
		"lame: NXDOMAIN":                            always(neither, code(dnsmessage.RCodeNameError)),
		"lame: nothing":                             always(neither),
		"lame: nothing, with an OPT record":         always(neither, extended(0)),
		"lame: a record":                            always(neither, txt("a")),
		"a referral":                                always(neither, nameServer),
		"a referral with an OPT record":             always(neither, nameServer, extended(0)),
		"a referral by a recursive server":          always(nameServer),
		"a hundred and one records":                 over(always(truncated), always(times(101, "a"))),
		"truncated over TCP, empty":                 always(truncated),
		"truncated over TCP, with records":          always(truncated, txt("one of many")),
		"garbage":                                   raw("garbage"),
		"garbage of 64 KiB over TCP":                over(raw("garbage"), raw(strings.Repeat("g", 65535))),
		"the wrong ID":                              otherID(txt("forged")),
		"the wrong ID, NXDOMAIN":                    otherID(code(dnsmessage.RCodeNameError)),
		"another question":                          otherQuestion(dnsmessage.MustNewName("evil.example."), dnsmessage.TypeTXT),
		"another type asked for":                    otherQuestion(dnsmessage.MustNewName(owner), dnsmessage.TypeA),
		"no question":                               always(func(m *dnsmessage.Message) { m.Questions = nil }),
		"two questions":                             always(func(m *dnsmessage.Message) { m.Questions = append(m.Questions, m.Questions[0]) }),
		"the query sent back":                       always(func(m *dnsmessage.Message) { m.Response = false }),
		"another operation":                         always(func(m *dnsmessage.Message) { m.OpCode = 5 }),
		"cut off":                                   cutOff(txt("a")),
		"cut off, NXDOMAIN":                         cutOff(code(dnsmessage.RCodeNameError), soa),
		"truncated, and TCP gives an empty message": over(always(truncated), raw("")),
		"truncated, then cut off over TCP":          over(always(truncated), cutOff(txt("a"))),
		"a record whose strings pass over it":       badLength,
		"a name that is a loop of compressions":     compressionLoop,
		"a record of another class (CHAOS) only":    always(neither, chaos),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got, err := resolverAt(t, startDNS(t, reply)).TXT(t.Context(), asked); err == nil || errors.Is(err, ErrNoRecord) {
				t.Errorf("got %q, %v; want an error that is not ErrNoRecord", got, err)
			}
		})
	}
}

// A filter that says no to everything says it as well of a proof that is there. It is told from a resolver that leaves
// out SOA records by asking for something that is there for certain.
func TestNoWithoutAZoneNeedsAServerThatKnowsTheTopLevel(t *testing.T) {
	t.Parallel()
	nx := code(dnsmessage.RCodeNameError)
	for name, c := range map[string]struct {
		no, control replies
		absent      bool
	}{
		"a resolver that leaves out SOAs":           {always(nx), always(topLevel), true},
		"the same, no data":                         {always(), always(topLevel), true},
		"the same, truncated":                       {always(nx), over(always(truncated), always(topLevel)), true},
		"the SOA of the domain":                     {always(nx, soaOf("acme.example.")), always(nx), true},
		"the SOA of the domain, in another case":    {always(nx, soaOf("Acme.EXAMPLE.")), always(nx), true},
		"the SOA of the name itself":                {always(soaOf(owner)), always(nx), true},
		"the SOA of the top level: nobody's domain": {always(nx, soaOf("example.")), always(nx), true},
		"the SOA of the root":                       {always(nx, soaOf(".")), always(nx), true},
		"a filter: NXDOMAIN to everything":          {always(nx), always(nx), false},
		"a filter: no data for everything":          {always(), always(), false},
		"a filter with a SOA of its own":            {always(nx, soaOf("rpz.filter.test.")), always(nx, soaOf("rpz.filter.test.")), false},
		"a SOA of a name that ends alike":           {always(nx, soaOf("me.example.")), always(nx), false},
		"a filter that refuses the rest":            {always(nx), always(code(dnsmessage.RCodeRefused)), false},
		"a filter that is silent about the rest":    {always(nx), over(always(truncated), raw("")), false},
		"name servers of another name":              {always(nx), always(nameServer, func(m *dnsmessage.Message) { m.Answers = m.Authorities }), false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := startOnlyDNS(t, func(network string, q dnsmessage.Message) [][]byte {
				if q.Questions[0].Type != dnsmessage.TypeNS {
					return c.no(network, q)
				}
				if got := q.Questions[0].Name.String(); got != "example." {
					t.Errorf("asked for the name servers of %q", got)
				}
				return c.control(network, q)
			})
			if _, err := resolverAt(t, server).TXT(t.Context(), asked); err == nil || errors.Is(err, ErrNoRecord) != c.absent {
				t.Errorf("got %v; want ErrNoRecord: %v", err, c.absent)
			}
		})
	}
}

// A server that does not know is passed over, and one that says no is believed.
func TestNextServerIsAsked(t *testing.T) {
	t.Parallel()
	good := startDNS(t, always(txt("a")))
	for name, c := range map[string]struct {
		first string
		want  error
	}{
		"SERVFAIL":      {startDNS(t, always(code(dnsmessage.RCodeServerFailure))), nil},
		"a referral":    {startDNS(t, always(neither, nameServer, extended(0))), nil},
		"garbage":       {startDNS(t, raw("garbage")), nil},
		"nobody there":  {"nobody", nil},
		"no such name":  {startDNS(t, always(code(dnsmessage.RCodeNameError))), ErrNoRecord},
		"no TXT record": {startDNS(t, always()), ErrNoRecord},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := &dnsClient{
				servers: func(context.Context) []string { return []string{c.first, good} },
				dial: func(ctx context.Context, network, server string) (net.Conn, error) {
					if server == "nobody" {
						return nil, errors.New("connection refused")
					}
					return new(net.Dialer).DialContext(ctx, network, server)
				},
			}
			got, err := r.TXT(t.Context(), asked)
			if !errors.Is(err, c.want) || err == nil && !slices.Equal(got, []string{"a"}) {
				t.Errorf("got %q, %v; want %v", got, err, c.want)
			}
		})
	}
}

// In resolv.conf a search list could make "_oidcsso-challenge.acme.example" a name below the operator's own domain.
func TestNameIsAskedForAsItIs(t *testing.T) {
	t.Parallel()
	names := make(chan string, 10)
	server := startOnlyDNS(t, func(_ string, q dnsmessage.Message) [][]byte {
		names <- q.Questions[0].Name.String()
		return [][]byte{answerTo(q, code(dnsmessage.RCodeNameError), soa)}
	})
	if _, err := resolverAt(t, server).TXT(t.Context(), asked); !errors.Is(err, ErrNoRecord) {
		t.Error(err)
	}
	if got := <-names; got != owner || len(names) > 0 {
		t.Errorf("asked for %q and %d more", got, len(names))
	}
}

func TestNamesThatNobodyIsAskedFor(t *testing.T) {
	t.Parallel()
	r := resolverAt(t, startDNS(t, always(code(dnsmessage.RCodeNameError))))
	for _, name := range []string{"", ".", "acme..example", ".acme.example", "acme.example.", "a b.example", "*.acme.example", "ACME.example", "bücher.example",
		"a\x00b.example", `a\.b.example`, strings.Repeat("a", 64) + ".example", strings.Repeat("a.", 127) + "example"} {
		if _, err := r.TXT(t.Context(), name); !errors.Is(err, ErrDNSName) || errors.Is(err, ErrNoRecord) {
			t.Errorf("%q: got %v; want ErrDNSName", name, err)
		}
	}
}

func TestAddressesOfServers(t *testing.T) {
	t.Parallel()
	for _, servers := range [][]string{nil, {""}, {"dns.example"}, {"dns.example:53"}, {"1.1.1.1:"}, {"1.1.1.1:dns"}, {"1.1.1.1:65536"},
		{"2620:fe::fe:x"}, {"https://1.1.1.1"}, {"1.1.1.1", "x"}, {"1.1.1.1", "1.1.1.2", "1.1.1.3", "1.1.1.4"}} {
		if _, err := NewResolver(servers...); err == nil {
			t.Errorf("%q: no error", servers)
		}
	}
	for server, want := range map[string]string{"1.1.1.1": "1.1.1.1:53", "1.1.1.1:5353": "1.1.1.1:5353", "2620:fe::fe": "[2620:fe::fe]:53", "[2620:fe::fe]:54": "[2620:fe::fe]:54"} {
		if got := resolverAt(t, server).(*dnsClient).servers(t.Context()); !slices.Equal(got, []string{want}) {
			t.Errorf("%q: got %q", server, got)
		}
	}
}

// Whatever this machine has, the system's servers are addresses, each once, and nothing was dialled to learn them.
func TestSystemServersAreAddresses(t *testing.T) {
	t.Parallel()
	servers := systemServers(t.Context())
	if len(servers) == 0 || len(servers) > maxServers {
		t.Fatalf("got %q", servers)
	}
	if _, err := NewResolver(servers...); err != nil {
		t.Error(err)
	}
}

func TestSystemResolverWithoutServers(t *testing.T) {
	t.Parallel()
	r := &dnsClient{servers: func(context.Context) []string { return nil }}
	if _, err := r.TXT(t.Context(), asked); err == nil || errors.Is(err, ErrNoRecord) {
		t.Errorf("got %v", err)
	}
}

func TestCancelledWhileTheServerIsSilent(t *testing.T) {
	t.Parallel()
	for name, reply := range map[string]replies{"UDP": silent, "TCP": over(always(truncated), silent)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithCancel(t.Context())
			server := startDNS(t, func(network string, q dnsmessage.Message) [][]byte {
				answers := reply(network, q)
				if answers == nil {
					cancel()
				}
				return answers
			})
			if _, err := resolverAt(t, server).TXT(ctx, asked); !errors.Is(err, context.Canceled) || errors.Is(err, ErrNoRecord) {
				t.Errorf("got %v; want context.Canceled", err)
			}
		})
	}
}

// On a false clock: three servers that swallow everything cost five seconds, and no goroutine is left (synctest would not end).
func TestSilentServersAreGivenUp(t *testing.T) {
	t.Parallel()
	for servers, want := range map[int]time.Duration{1: maxRounds * tryTimeout, 3: lookupTimeout} {
		synctest.Test(t, func(t *testing.T) {
			dialled := 0
			r := &dnsClient{
				servers: func(context.Context) []string { return []string{"a", "b", "c"}[:servers] },
				dial: func(context.Context, string, string) (net.Conn, error) {
					dialled++
					client, server := net.Pipe()
					go func() { // until the client closes
						for {
							if _, err := server.Read(make([]byte, 1024)); err != nil {
								return
							}
						}
					}()
					return client, nil
				},
			}
			start := time.Now()
			_, err := r.TXT(t.Context(), asked)
			if took := time.Since(start); err == nil || errors.Is(err, ErrNoRecord) || took != want {
				t.Errorf("%d servers: got %v after %v; want an error after %v", servers, err, took, want)
			}
			if least := min(servers*maxRounds, 3); dialled < least {
				t.Errorf("%d servers: dialled %d times", servers, dialled)
			}
		})
	}
}

func TestQueriesCantBeForeseen(t *testing.T) {
	t.Parallel()
	ids := map[uint16]bool{}
	for range 64 {
		q, err := newQuery(asked, dnsmessage.TypeTXT)
		if err != nil {
			t.Fatal(err)
		}
		ids[q.id] = true
	}
	if len(ids) < 32 { // 64 of 65536: two or three the same at the very most
		t.Errorf("64 queries had %d different IDs", len(ids))
	}
}

func TestAgreeing(t *testing.T) {
	t.Parallel()
	says := func(records ...string) Resolver {
		return resolverFunc(func(context.Context, string) ([]string, error) { return records, nil })
	}
	fails := func(err error) Resolver {
		return resolverFunc(func(context.Context, string) ([]string, error) { return nil, err })
	}
	down := errors.New("SERVFAIL")
	for name, c := range map[string]struct {
		a, b   Resolver
		want   []string // nil: not known
		absent bool
	}{
		"the same":                            {says("a"), says("a"), []string{"a"}, false},
		"the same, in another order":          {says("a", "b"), says("b", "a"), []string{"a", "b"}, false},
		"neither has one":                     {fails(ErrNoRecord), fails(ErrNoRecord), nil, true},
		"neither has one, by different words": {fails(errors.Join(ErrNoRecord, errors.New("alias"))), fails(ErrNoRecord), nil, true},
		"one is poisoned: a record more":      {says("a", "planted"), says("a"), nil, false},
		"one is poisoned: another record":     {says("planted"), says("a"), nil, false},
		"one is poisoned: no such name":       {fails(ErrNoRecord), says("a"), nil, false},
		"one is poisoned: a record":           {says("planted"), fails(ErrNoRecord), nil, false},
		"one is poisoned: an empty record":    {says(""), fails(ErrNoRecord), nil, false},
		"one does not know, one found":        {fails(down), says("a"), nil, false},
		"one does not know, one has none":     {fails(down), fails(ErrNoRecord), nil, false},
		"neither knows":                       {fails(down), fails(down), nil, false},
		"one says nothing at all":             {says(), says("a"), nil, false},
		"both say nothing at all":             {says(), says(), nil, false},
	} {
		for order, r := range map[string]Resolver{"": Agreeing(c.a, c.b), ", swapped": Agreeing(c.b, c.a)} {
			t.Run(name+order, func(t *testing.T) {
				t.Parallel()
				got, err := r.TXT(t.Context(), asked)
				if !slices.Equal(got, c.want) || errors.Is(err, ErrNoRecord) != c.absent || (err == nil) != (c.want != nil) {
					t.Errorf("got %q, %v", got, err)
				}
			})
		}
	}
}

// The second one would wait for ever; it is called off as soon as the first one does not know.
func TestAgreeingLeavesNothingRunning(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ended := false
		waits := resolverFunc(func(ctx context.Context, _ string) ([]string, error) {
			<-ctx.Done()
			ended = true
			return nil, ErrNoRecord // which it can't know
		})
		down := resolverFunc(func(context.Context, string) ([]string, error) { return nil, errors.New("SERVFAIL") })
		if _, err := Agreeing(waits, down).TXT(t.Context(), asked); err == nil || errors.Is(err, ErrNoRecord) || !ended {
			t.Errorf("got %v, ended %v", err, ended)
		}
	})
}

func FuzzReadAnswer(f *testing.F) {
	q, err := newQuery(asked, dnsmessage.TypeTXT)
	if err != nil {
		f.Fatal(err)
	}
	q.id = 7
	query := parsed(q.message)
	query.ID = 7
	for _, edit := range []func(*dnsmessage.Message){txt("a"), txt("a", "b"), cname(owner, "x.example."), code(dnsmessage.RCodeNameError), soa, nameServer, extended(1), truncated, neither} {
		f.Add(answerTo(query, edit))
	}
	f.Fuzz(func(t *testing.T, message []byte) {
		m, err := q.open(message)
		if err != nil {
			return
		}
		if m.ID != 7 || !m.Response || m.Truncated || !m.Authoritative && !m.RecursionAvailable || m.RCode != 0 && m.RCode != 3 {
			t.Errorf("opened %x", message)
		}
		records, err := q.records(m)
		if (err == nil) != (len(records) > 0) || len(records) > maxRecords {
			t.Errorf("got %q, %v", records, err)
		}
	})
}

// What servers do wrong.

func raw(message string) replies {
	return func(string, dnsmessage.Message) [][]byte { return [][]byte{[]byte(message)} }
}

func otherID(edit ...func(*dnsmessage.Message)) replies {
	return func(_ string, q dnsmessage.Message) [][]byte {
		q.ID++
		return [][]byte{answerTo(q, edit...)}
	}
}

func otherQuestion(name dnsmessage.Name, kind dnsmessage.Type) replies {
	return func(_ string, q dnsmessage.Message) [][]byte {
		q.Questions = []dnsmessage.Question{{Name: name, Type: kind, Class: dnsmessage.ClassINET}}
		return [][]byte{answerTo(q, txtAt(owner, "forged"))}
	}
}

// cutOff ends three bytes early.
func cutOff(edit ...func(*dnsmessage.Message)) replies {
	return func(_ string, q dnsmessage.Message) [][]byte {
		m := answerTo(q, edit...)
		return [][]byte{m[:len(m)-3]}
	}
}

func times(n int, text string) func(*dnsmessage.Message) {
	return func(m *dnsmessage.Message) {
		for range n {
			txt(text)(m)
		}
	}
}

func chaos(m *dnsmessage.Message) {
	txt("a")(m)
	m.Answers[0].Header.Class = dnsmessage.ClassCHAOS
}

// badLength says of its only string that it is longer than the record.
func badLength(_ string, q dnsmessage.Message) [][]byte {
	m := answerTo(q, txt("abcdef"), txt("abcdef"))
	m[len(m)-7-12-7] = 9
	return [][]byte{m}
}

// compressionLoop has an answer whose name is a pointer to itself.
func compressionLoop(_ string, q dnsmessage.Message) [][]byte {
	m := answerTo(q)
	m[7] = 1 // one answer
	at := len(m)
	return [][]byte{append(m, 0xC0, byte(at), 0, 16, 0, 1, 0, 0, 0, 1, 0, 2, 1, 'a')}
}
