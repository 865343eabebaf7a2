package oidcsso_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/oidcsso/oidcsso"
	"github.com/oidcsso/oidcsso/oidcssotest"
)

const (
	maxBody = 1 << 20 // of one answer of an identity provider, in bytes
	maxHeap = 8 << 20 // by which a sign-in may grow the heap, whatever the identity provider does
)

// hostile is a sign-in of Alice at an identity provider that tries to use up memory, processor time or connections.
type hostile struct {
	name   string
	faults fault
	code   oidcsso.Code // empty: Alice is signed in all the same
	why    string       // is in the error's text
	asked  oidcssotest.Requests
	cut    bool // a body is longer than the bound; one byte more than the bound is read of it
}

// fault makes an identity provider hostile. elsewhere is another server, to which nobody must come.
type fault func(f *oidcssotest.Faults, issuer, elsewhere string)

// What is asked in a sign-in that ends there. The keys are fetched while Alice is away, and once more if none fits.
var (
	toDiscovery = oidcssotest.Requests{Discovery: 1}
	toToken     = oidcssotest.Requests{Discovery: 1, Authorize: 1, JWKS: 1, Token: 1}
	toNewKeys   = oidcssotest.Requests{Discovery: 1, Authorize: 1, JWKS: 2, Token: 1}
	toUserInfo  = oidcssotest.Requests{Discovery: 1, Authorize: 1, JWKS: 1, Token: 1, UserInfo: 1}
)

const (
	noMetadata  = oidcsso.CodeMetadataInvalid
	noToken     = oidcsso.CodeTokenRejected
	noUserInfo  = oidcsso.CodeUserInfoRejected
	unavailable = oidcsso.CodeUnavailable
)

// hostiles makes the cases anew, so that their texts are garbage afterwards.
func hostiles() []hostile {
	return []hostile{
		{name: "none, a sound sign-in", faults: func(*oidcssotest.Faults, string, string) {}, asked: toUserInfo},

		{name: "discovery of 50 MB", faults: answering(atDiscovery, flood(50<<20)), code: noMetadata, why: "larger than", asked: toDiscovery, cut: true},
		{name: "discovery of 1 GB of zeros, gzipped", faults: answering(atDiscovery, bomb()), code: noMetadata, why: "larger than", asked: toDiscovery, cut: true},
		{name: "discovery of 1 MiB of keys", faults: discoveryWith(members(room / 13)), code: noMetadata, why: "too many members", asked: toDiscovery},
		{name: "discovery of 1 MiB of objects of 33 keys", faults: discoveryWith(`"x":[` + filled(`{`+members(33)+`}`) + `]`), asked: toUserInfo},
		{name: "discovery of 1 MiB of objects of 1000 keys", faults: discoveryWith(`"x":[` + filled(`{`+members(1000)+`}`) + `]`), asked: toUserInfo},
		{name: "discovery of 1 MiB of nesting", faults: discoveryWith(`"x":` + strings.Repeat(`[`, room)), code: noMetadata, why: "nested too deep", asked: toDiscovery},
		{name: "discovery of 1 MiB of one string", faults: discoveryWith(`"x":"` + strings.Repeat(`x`, room) + `"`), asked: toUserInfo},
		{name: "discovery of 1 MiB of one escaped key", faults: discoveryWith(`"` + strings.Repeat(`\u017f`, room/6) + `":0`), asked: toUserInfo},
		{name: "discovery of 1 MiB of empty scopes", faults: discoveryWith(`"scopes_supported":[` + filled(`""`) + `]`), code: noMetadata, why: "too many values", asked: toDiscovery},
		{name: "discovery of 10000 scopes", faults: discoveryWith(`"scopes_supported":[` + repeated(10_000, `"`+strings.Repeat("s", 100)+`"`) + `]`), asked: toUserInfo},
		{name: "discovery with headers of 10 MB", faults: answering(atDiscovery, largeHeaders()), code: unavailable, why: "headers are too large", asked: toDiscovery},
		{name: "discovery after early hints of 10 MB", faults: answering(atDiscovery, earlyHints()), code: unavailable, why: "headers are too large", asked: toDiscovery},
		{name: "discovery is a redirect", faults: redirecting(atDiscovery), code: noMetadata, why: "redirect", asked: toDiscovery},

		{name: "token response of 20 MB", faults: answering(atToken, flood(20<<20)), code: noToken, why: "larger than", asked: toToken, cut: true},
		{name: "token response of 1 GB of zeros, gzipped", faults: answering(atToken, bomb()), code: noToken, why: "larger than", asked: toToken, cut: true},
		{name: "token response of 1 MiB of keys", faults: answering(atToken, jsonAnswer(`{`+members(room/13)+`}`)), code: noToken, why: "too many members", asked: toToken},
		{name: "token response with headers of 10 MB", faults: answering(atToken, largeHeaders()), code: unavailable, why: "headers are too large", asked: toToken},
		{name: "token response is a redirect", faults: redirecting(atToken), code: oidcsso.CodeProviderError, why: "redirect", asked: toToken},
		{name: "ID token with 1 MB of claims", faults: idToken(`{"alg":"RS256","kid":"a"}`, 1_000_000), code: noToken, why: "larger than", asked: toToken, cut: true},
		{name: "ID token with 700 KB of claims", faults: idToken(`{"alg":"RS256","kid":"a"}`, 700_000), code: noToken, why: "a member of it is longer", asked: toToken},
		{name: "ID token with 700 KB of keys in its header", faults: idToken(`{"alg":"RS256","kid":"a",`+members(60_000)+`}`, 100), code: noToken, why: "a member of it is longer", asked: toToken},
		{name: "ID token with 60 KiB of claims, encoded 80", faults: moreClaims(60 << 10), code: noToken, why: "a member of it is longer", asked: toToken},
		{name: "ID token of 60 KiB", faults: moreClaims(44 << 10), asked: toUserInfo},

		{name: "keys of 20 MB", faults: answering(atKeys, flood(20<<20)), code: unavailable, why: "larger than", asked: toToken, cut: true},
		{name: "keys of 1 GB of zeros, gzipped", faults: answering(atKeys, bomb()), code: unavailable, why: "larger than", asked: toToken, cut: true},
		{name: "keys with headers of 10 MB", faults: answering(atKeys, largeHeaders()), code: unavailable, why: "headers are too large", asked: toToken},
		{name: "keys are a redirect", faults: redirecting(atKeys), code: unavailable, why: "redirect", asked: toToken},
		{name: "1400 RSA keys of 4096 bits, none with a kid", faults: answering(atKeys, jsonAnswer(slowKeys(1400))), code: noToken, why: "no key for the token", asked: toNewKeys},
		{name: "1400 RSA keys of 4096 bits, the token without a kid", faults: all(answering(atKeys, jsonAnswer(slowKeys(1400))), withoutKid), code: noToken, why: "names no key", asked: toToken},
		{name: "1400 RSA keys of 4096 bits, all with the token's kid", faults: all(answering(atKeys, jsonAnswer(slowKeys(1400, `"kid":"a"`))), withKid("a")), code: noToken, why: "signature is wrong", asked: toNewKeys},
		{name: "3 RSA keys of 4096 bits before the right one, the token without a kid", faults: all(slowKeysBefore(3), withoutKid), asked: toUserInfo},
		{name: "4 RSA keys of 4096 bits before the right one, the token without a kid", faults: all(slowKeysBefore(4), withoutKid), code: noToken, why: "names no key", asked: toToken},
		{name: "RSA keys of a million bits, with the token's kid", faults: all(answering(atKeys, jsonAnswer(jwks(repeated(5, rsaJWK(1<<20, 0, `"kid":"a"`))))), withKid("a")), code: noToken, why: "no key for the token", asked: toNewKeys},
		{name: "100000 keys of odd types", faults: answering(atKeys, jsonAnswer(jwks(repeated(100_000, `{"kty":0}`)))), code: unavailable, why: "too many values", asked: toToken},
		{name: "9999 keys of odd types before the right one", faults: keysBefore(9999, json.RawMessage(`{"kty":"oct","k":"c2VjcmV0"}`)), asked: toUserInfo},
		{name: "keys with wrong points, 1 MiB of them", faults: answering(atKeys, jsonAnswer(jwks(filled(wrongPoint)))), code: noToken, why: "no key for the token", asked: toNewKeys},

		{name: "UserInfo of 20 MB", faults: answering(atUserInfo, flood(20<<20)), code: noUserInfo, why: "larger than", asked: toUserInfo, cut: true},
		{name: "UserInfo of 1 GB of zeros, gzipped", faults: answering(atUserInfo, bomb()), code: noUserInfo, why: "larger than", asked: toUserInfo, cut: true},
		{name: "UserInfo with headers of 10 MB", faults: answering(atUserInfo, largeHeaders()), code: unavailable, why: "headers are too large", asked: toUserInfo},
		{name: "UserInfo is a redirect", faults: redirecting(atUserInfo), code: noUserInfo, why: "redirect", asked: toUserInfo},
		{name: "UserInfo of 1 MiB of empty groups", faults: answering(atUserInfo, jsonAnswer(`{"sub":"alice","groups":[`+filled(`""`)+`]}`)), code: noUserInfo, why: "too many values", asked: toUserInfo},
		{name: "UserInfo with 10000 groups", faults: answering(atUserInfo, jsonAnswer(`{"sub":"alice","groups":[`+repeated(10_000, `"`+strings.Repeat("g", 100)+`"`)+`]}`)), asked: toUserInfo},
		{name: "UserInfo with 60 KiB of claims", faults: answering(atUserInfo, jsonAnswer(`{"sub":"alice","x":"`+strings.Repeat("x", 60<<10)+`"}`)), asked: toUserInfo},
	}
}

// The bounds hold by count, not by the clock: requests, bytes read of each body, and the growth of the heap, the small share
// of the identity provider included. The test is not parallel, so that no other one allocates meanwhile.
func TestHostileIdentityProviderIsBounded(t *testing.T) {
	var visits atomic.Int32
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { visits.Add(1) }))
	goroutines := make([]byte, 4<<20)
	for _, row := range hostiles() {
		t.Run(row.name, func(t *testing.T) {
			v := newVictim(t, row, elsewhere.URL)
			c := v.connector()
			var id *oidcsso.Identity
			var err error
			grown := heapGrowth(func() {
				id, err = v.signIn(c)
				leftBehind(t, goroutines, "github.com/oidcsso/oidcsso.", "github.com/oidcsso/oidcsso/internal/")
			})

			row.check(t, id, err)
			if asked := v.idp.Requests(); asked != row.asked {
				t.Errorf("asked %+v, want %+v", asked, row.asked)
			}
			if most := v.most.Load(); most > maxBody+1 || row.cut != (most == maxBody+1) {
				t.Errorf("%d bytes were read of a body", most)
			}
			if grown > maxHeap {
				t.Errorf("%d bytes were added to the heap", grown)
			}
			t.Logf("the heap grew by %d KB", grown>>10)
		})
	}
	if n := visits.Load(); n != 0 {
		t.Errorf("%d requests followed a redirect", n)
	}
	elsewhere.Close()
	leftBehind(t, goroutines, "github.com/oidcsso/oidcsso")
}

func (h *hostile) check(t testing.TB, id *oidcsso.Identity, err error) {
	t.Helper()
	var e *oidcsso.Error
	switch {
	case h.code == "" && (err != nil || id.Subject != "alice"):
		t.Errorf("got %v, want Alice signed in", err)
	case h.code != "" && (!errors.As(err, &e) || e.Code != h.code || !strings.Contains(err.Error(), h.why)):
		t.Errorf("got %v, want %s: %s", err, h.code, h.why)
	}
}

// heapGrowth is by how many bytes at most the heap in use grows while f runs, as the garbage collector finds it. It is made to
// look whenever a megabyte was allocated; when it looks by itself depends on what other tests have left in the heap. All
// that was ever allocated would be a number without chance, but most of it is garbage before the next is allocated.
func heapGrowth(f func()) int64 {
	runtime.GC()
	sample := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	heap := func() int64 {
		metrics.Read(sample)
		return int64(sample[0].Value.Uint64())
	}
	before := heap()
	defer debug.SetGCPercent(debug.SetGCPercent(max(1, int(100<<20/before))))
	peak, done, ended := before, make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		ticker := time.NewTicker(200 * time.Microsecond)
		defer ticker.Stop()
		for {
			select {
			case <-done:
				return
			case <-ticker.C:
				peak = max(peak, heap())
			}
		}
	}()
	f()
	close(done)
	<-ended
	return peak - before
}

// leftBehind waits until no goroutine has a frame of ours, by the beginning of its name, but for those of tests, and fails the
// test if that does not come about. The stacks go into buf, so that waiting does not allocate.
func leftBehind(t testing.TB, buf []byte, ours ...string) {
	t.Helper()
	for start := time.Now(); ; runtime.Gosched() {
		stack := remaining(buf[:runtime.Stack(buf, true)], ours)
		if stack == nil {
			return
		}
		if time.Since(start) > 20*time.Second {
			t.Fatalf("left behind:\n%s", stack)
		}
	}
}

func remaining(stacks []byte, ours []string) []byte {
	for stack := range bytes.SplitSeq(stacks, []byte("\n\n")) {
		if bytes.Contains(stack, []byte("\ntesting.tRunner(")) {
			continue
		}
		for line := range bytes.SplitSeq(stack, []byte("\n")) {
			for _, name := range ours {
				if bytes.HasPrefix(line, []byte(name)) || bytes.HasPrefix(line, []byte("created by "+name)) {
					return stack
				}
			}
		}
	}
	return nil
}

// victim is a backend that trusts a hostile identity provider.
type victim struct {
	t    testing.TB
	idp  *oidcssotest.IdP
	opts *oidcsso.Options
	cfg  oidcsso.Config
	most atomic.Int64 // bytes that were read of one body, after decompression
}

func newVictim(t testing.TB, row hostile, elsewhere string) *victim {
	v := &victim{t: t, idp: oidcssotest.New(t, trialBase)}
	v.idp.AddUser(oidcssotest.User{Subject: "alice", Email: "alice@acme.test"})
	v.idp.Configure(func(s *oidcssotest.Settings) { s.AutoSignIn = "alice" })
	v.idp.Faults(func(f *oidcssotest.Faults) { row.faults(f, v.idp.Issuer(), elsewhere) })
	now := time.Now()
	v.opts = v.idp.Options(func(o *oidcsso.Options) {
		o.Now = func() time.Time { return now } // so that a failure is not forgotten, and counts don't depend on the time
		o.Logger = slog.New(slog.DiscardHandler)
		o.Egress.WrapTransport = func(next http.RoundTripper) http.RoundTripper { return &counting{next, &v.most} }
	})
	v.cfg = v.idp.Config("acme", "acme.test")
	v.cfg.UserInfo = oidcsso.UserInfoAlways
	return v
}

// connector is a new one, which has discovered nothing yet.
func (v *victim) connector() *oidcsso.Connector {
	v.t.Helper()
	c, err := oidcsso.NewConnector(v.cfg, v.opts)
	if err != nil {
		v.t.Fatal(err)
	}
	return c
}

func (v *victim) signIn(c *oidcsso.Connector) (*oidcsso.Identity, error) {
	v.t.Helper()
	authorizationURL, login, err := c.Begin(v.t.Context(), oidcsso.BeginParams{Binding: "session"})
	if err != nil {
		return nil, err
	}
	answer := v.idp.Authorize(v.t, authorizationURL, "alice")
	return c.Finish(v.t.Context(), login, oidcsso.Response{URL: answer.String(), Binding: "session"})
}

// counting keeps the length of the longest body, as far as it was read.
type counting struct {
	next http.RoundTripper
	most *atomic.Int64
}

func (c *counting) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := c.next.RoundTrip(r)
	if err == nil {
		resp.Body = &countedBody{ReadCloser: resp.Body, most: c.most}
	}
	return resp, err
}

type countedBody struct {
	io.ReadCloser
	n    int64
	most *atomic.Int64
}

func (b *countedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.n += int64(n)
	for most := b.most.Load(); b.n > most && !b.most.CompareAndSwap(most, b.n); most = b.most.Load() {
	}
	return n, err
}

// The endpoints of an identity provider.
type endpoint func(*oidcssotest.Faults) *oidcssotest.EndpointFaults

func atDiscovery(f *oidcssotest.Faults) *oidcssotest.EndpointFaults { return &f.Discovery }
func atToken(f *oidcssotest.Faults) *oidcssotest.EndpointFaults     { return &f.Token }
func atKeys(f *oidcssotest.Faults) *oidcssotest.EndpointFaults      { return &f.JWKS }
func atUserInfo(f *oidcssotest.Faults) *oidcssotest.EndpointFaults  { return &f.UserInfo }

func all(faults ...fault) fault {
	return func(f *oidcssotest.Faults, issuer, elsewhere string) {
		for _, fault := range faults {
			fault(f, issuer, elsewhere)
		}
	}
}

func answering(at endpoint, handler http.Handler) fault {
	return func(f *oidcssotest.Faults, _, _ string) { at(f).Handler = handler }
}

func redirecting(at endpoint) fault {
	return func(f *oidcssotest.Faults, _, elsewhere string) { at(f).RedirectTo = elsewhere + "/followed" }
}

func jsonAnswer(body string) http.Handler {
	return oidcssotest.Answer(http.StatusOK, "application/json", body)
}

// flood is a JSON string without an end.
func flood(size int) http.Handler {
	chunk := bytes.Repeat([]byte("x"), 64<<10)
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, `"`)
		write(w, chunk, size/len(chunk))
	})
}

// bomb is a gigabyte of zeros, as a thousand gzip streams of a megabyte one after the other.
func bomb() http.Handler {
	var stream bytes.Buffer
	z := gzip.NewWriter(&stream)
	z.Write(make([]byte, 1<<20)) // into a Buffer: it can't fail
	z.Close()
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Encoding", "gzip")
		write(w, stream.Bytes(), 1024)
	})
}

// largeHeaders go on after each kilobyte until 10 MB are sent or nobody listens any more.
func largeHeaders() http.Handler {
	return rawAnswer("HTTP/1.1 200 OK\r\n", "X: "+strings.Repeat("x", 1<<10)+"\r\n")
}

// earlyHints are answers before the answer (RFC 8297), to which HTTP sets no number.
func earlyHints() http.Handler {
	return rawAnswer("", "HTTP/1.1 103 Early Hints\r\nLink: <"+strings.Repeat("x", 1<<10)+">\r\n\r\n")
}

func rawAnswer(first, then string) http.Handler {
	chunk := []byte(then)
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			panic(err)
		}
		defer conn.Close()
		io.WriteString(conn, first)
		write(conn, chunk, 10<<10)
	})
}

func write(w io.Writer, chunk []byte, times int) {
	for range times {
		if _, err := w.Write(chunk); err != nil {
			return // the victim has hung up
		}
	}
}

// room is what a document of 1 MiB has for a case, next to what is in every document.
const room = maxBody - 2048

// discoveryWith is a sound discovery document with more members, filled up with white space to one byte less than the bound.
func discoveryWith(more string) fault {
	return func(f *oidcssotest.Faults, issuer, _ string) {
		sound := strings.TrimSuffix(document(issuer, "jwks_uri", quoted(issuer+"/jwks"), "authorization_response_iss_parameter_supported", "true"), "}")
		text := sound + "," + more + "}"
		f.Discovery.Handler = jsonAnswer(text + strings.Repeat(" ", maxBody-1-len(text)))
	}
}

// members are n members of an object, with keys of the same length.
func members(n int) string {
	var b strings.Builder
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `"k%07x":0`, i)
	}
	return b.String()
}

// repeated is the text n times, with commas between.
func repeated(n int, text string) string {
	return strings.TrimSuffix(strings.Repeat(text+",", n), ",")
}

// filled is repeated as often as there is room for.
func filled(text string) string { return repeated((room-20)/(len(text)+1), text) }

// idToken is a token response with a JWT that nobody has signed.
func idToken(header string, claims int) fault {
	jwt := base64url(header) + "." + base64url(`{"x":"`+strings.Repeat("x", claims)+`"}`) + "." + base64url("signature")
	return answering(atToken, jsonAnswer(`{"access_token":"a","token_type":"Bearer","id_token":"`+jwt+`"}`))
}

// moreClaims adds so many bytes to the claims of a sound ID token.
func moreClaims(size int) fault {
	claim := strings.Repeat("x", size)
	return func(f *oidcssotest.Faults, _, _ string) {
		f.IDTokenClaims = func(claims map[string]any) { claims["x"] = claim }
	}
}

func withoutKid(f *oidcssotest.Faults, _, _ string) { f.OmitKid = true }

func withKid(kid string) fault {
	return func(f *oidcssotest.Faults, _, _ string) {
		f.IDTokenHeader = func(header map[string]any) { header["kid"] = kid }
	}
}

func keysBefore(n int, key json.RawMessage) fault {
	return func(f *oidcssotest.Faults, _, _ string) {
		for range n {
			f.ExtraKeys = append(f.ExtraKeys, key)
		}
	}
}

func jwks(keys string) string { return `{"keys":[` + keys + `]}` }

// slowKeys are RSA keys of 4096 bits with the greatest exponent, each another one: the most work for a signature that 1 MiB
// of keys has room for.
func slowKeys(n int, more ...string) string {
	keys := make([]string, n)
	for i := range keys {
		keys[i] = rsaJWK(4096, i, more...)
	}
	return jwks(strings.Join(keys, ","))
}

// slowKeysBefore are tried before the right key: with it, three are as many as may be tried.
func slowKeysBefore(n int) fault {
	return func(f *oidcssotest.Faults, _, _ string) {
		for i := range n {
			f.ExtraKeys = append(f.ExtraKeys, json.RawMessage(rsaJWK(4096, i)))
		}
	}
}

// rsaJWK has the shape of an RSA key, without the primes.
func rsaJWK(bits, i int, more ...string) string {
	n := bytes.Repeat([]byte{0xff}, bits/8)
	binary.BigEndian.PutUint32(n[100:], uint32(i))
	members := append([]string{`"kty":"RSA","e":"f____w","n":"` + base64url(string(n)) + `"`}, more...)
	return `{` + strings.Join(members, ",") + `}`
}

// wrongPoint is an EC key that is not on its curve, which takes a computation to see.
var wrongPoint = `{"kty":"EC","crv":"P-521","x":"` + base64url("\x00"+strings.Repeat("x", 65)) + `","y":"` + base64url("\x00"+strings.Repeat("y", 65)) + `"}`

// The clock of a bubble of synctest goes on when everybody waits, and it does not end while a goroutine is left.
func TestByteASecondEndsByTheDeadline(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		path   string
		within time.Duration // the caller's own deadline; 0: none
		takes  time.Duration
	}{
		{"/.well-known/openid-configuration", 0, 5 * time.Second},
		{"/.well-known/openid-configuration", 1500 * time.Millisecond, 1500 * time.Millisecond},
		{"/token", 0, 5 * time.Second},
		{"/token", 1500 * time.Millisecond, 1500 * time.Millisecond},
		{"/jwks", 0, 5 * time.Second},
		{"/jwks", 1500 * time.Millisecond, 1500 * time.Millisecond},
		{"/userinfo", 0, 5 * time.Second},
		{"/userinfo", 1500 * time.Millisecond, 1500 * time.Millisecond},
	} {
		t.Run(fmt.Sprintf("%s, deadline of the caller %v", row.path[1:], row.within), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				tr := newTrial(t, "")
				tr.idp.AddUser(tr.alice)
				slow := &dripping{next: tr.wire, path: row.path}
				tr.opts.Egress.WrapTransport = func(http.RoundTripper) http.RoundTripper { return slow }
				ctx := context.Background()
				if row.within > 0 {
					var cancel context.CancelFunc
					ctx, cancel = context.WithTimeout(ctx, row.within)
					defer cancel()
				}
				start := time.Now()
				c := tr.newConnector()
				authorizationURL, login, err := c.Begin(ctx, tr.params)
				if err == nil {
					_, err = c.Finish(ctx, login, oidcsso.Response{URL: tr.authorize(authorizationURL), Binding: tr.params.Binding})
				}
				wantError(t, err, oidcsso.CodeUnavailable)
				if !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("got %v, want a time-out as the cause", err)
				}
				if took := time.Since(start); took != row.takes {
					t.Errorf("it took %v, want %v", took, row.takes)
				}
				time.Sleep(5 * time.Second) // of the bubble: until the deadline of a fetch that nobody waits for any more
				synctest.Wait()
				if n := slow.read.Load(); n > 5 {
					t.Errorf("%d bytes were read", n)
				}
			})
		})
	}
}

// dripping gives the body at one path a byte a second, until its request ends.
type dripping struct {
	next http.RoundTripper
	path string
	read atomic.Int64
}

func (d *dripping) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := d.next.RoundTrip(r)
	if err == nil && r.URL.Path == d.path {
		resp.Body = dripped{resp.Body, r.Context(), &d.read}
	}
	return resp, err
}

type dripped struct {
	io.ReadCloser
	ctx  context.Context
	read *atomic.Int64
}

func (d dripped) Read(p []byte) (int, error) {
	select {
	case <-time.After(time.Second):
		n, err := d.ReadCloser.Read(p[:1])
		d.read.Add(int64(n))
		return n, err
	case <-d.ctx.Done():
		return 0, d.ctx.Err()
	}
}

// In a bubble of synctest all 200 wait for the same five seconds, and it would not end with a goroutine left in it.
func TestDiscoveryThatHangsWhileTwoHundredWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld("")
		w.answers(func(req *http.Request) (*http.Response, error) {
			<-req.Context().Done()
			return nil, req.Context().Err()
		})
		c := w.connector(t)
		start := time.Now()
		var all sync.WaitGroup
		for range 200 {
			all.Go(func() {
				if _, _, err := begin(context.Background(), c); !errors.Is(err, oidcsso.CodeUnavailable) || !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("got %v", err)
				}
			})
		}
		all.Wait()
		if took := time.Since(start); took != 5*time.Second || w.discoveries() != 1 {
			t.Errorf("it took %v and %d discoveries", took, w.discoveries())
		}
	})
}

// The same over connections, by a server that sends one byte. People leave by deadlines of their own, and what is left of the
// fetch ends with the server. Not parallel, because goroutines of other tests would count.
func TestTwoHundredWhoLeaveAHangingServerLeaveNothingBehind(t *testing.T) {
	t.Run("while the server runs", func(t *testing.T) {
		v := newVictim(t, hostile{faults: answering(atDiscovery, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			io.WriteString(w, "{")
			http.NewResponseController(w).Flush()
			<-r.Context().Done()
		}))}, "")
		c := v.connector()
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		var all sync.WaitGroup
		for range 200 {
			all.Go(func() {
				if _, _, err := begin(ctx, c); !errors.Is(err, oidcsso.CodeUnavailable) || !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("got %v", err)
				}
			})
		}
		all.Wait()
		if asked := v.idp.Requests(); asked.Discovery > 1 {
			t.Errorf("%d discoveries", asked.Discovery)
		}
	})
	leftBehind(t, make([]byte, 4<<20), "github.com/oidcsso/oidcsso")
}
