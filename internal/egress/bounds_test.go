package egress_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/oidcsso/oidcsso/internal/egress"
)

func quietLog() *log.Logger { return log.New(io.Discard, "", 0) }

// counted counts the bytes of a body that are read.
type counted struct {
	io.ReadCloser
	n *atomic.Int64
}

func (c counted) Read(p []byte) (int, error) {
	n, err := c.ReadCloser.Read(p)
	c.n.Add(int64(n))
	return n, err
}

// counting is a policy for loopback that counts the bytes read of all bodies, after decompression.
func counting() (egress.Policy, *atomic.Int64) {
	n := new(atomic.Int64)
	return egress.Policy{InsecureAllowLoopback: true, WrapTransport: func(next http.RoundTripper) http.RoundTripper {
		return roundTripper(func(req *http.Request) (*http.Response, error) {
			resp, err := next.RoundTrip(req)
			if err == nil {
				resp.Body = counted{resp.Body, n}
			}
			return resp, err
		})
	}}, n
}

func TestBodyIsReadUpToItsBound(t *testing.T) {
	t.Parallel()
	const huge = 20 << 20
	padded := func(size int) string { return "{}" + strings.Repeat(" ", size-2) }
	var bomb bytes.Buffer
	z, _ := gzip.NewWriterLevel(&bomb, gzip.BestSpeed)
	io.WriteString(z, padded(huge))
	z.Close()
	if egress.MaxBody != 1<<20 {
		t.Errorf("the bound is %d bytes", egress.MaxBody)
	}
	for _, row := range []struct {
		name    string
		handler http.HandlerFunc
		refused bool
	}{
		{"exactly at the bound", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, padded(egress.MaxBody)) }, false},
		{"one byte more", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, padded(egress.MaxBody+1)) }, true},
		{"20 MB with a length", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", fmt.Sprint(huge))
			io.WriteString(w, padded(huge))
		}, true},
		{"20 MB in chunks", func(w http.ResponseWriter, _ *http.Request) {
			for range huge / 4096 {
				if _, err := io.WriteString(w, padded(4096)); err != nil {
					return
				}
			}
		}, true},
		{"a gzip bomb", func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Accept-Encoding") != "gzip" {
				t.Error("gzip is not accepted, so this bomb does not explode")
			}
			w.Header().Set("Content-Encoding", "gzip")
			w.Write(bomb.Bytes())
		}, true},
	} {
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			t.Run(row.name+", "+method, func(t *testing.T) {
				t.Parallel()
				server, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
					w.Header().Set("Content-Type", "application/json")
					row.handler(w, r)
				})
				policy, read := counting()
				request := get
				if method == http.MethodPost {
					request = post
				}
				_, err := request(t.Context(), client(policy), server.URL)
				var body *egress.BodyError
				if row.refused && !errors.As(err, &body) || !row.refused && err != nil {
					t.Errorf("got %v", err)
				}
				if n := read.Load(); n > egress.MaxBody+1 {
					t.Errorf("%d bytes were read", n)
				}
			})
		}
	}
}

func TestBodyOfAFailureIsNotRead(t *testing.T) {
	t.Parallel()
	server, _ := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusServiceUnavailable)
		io.WriteString(w, strings.Repeat("MARKER", 1<<20))
	})
	policy, read := counting()
	_, err := get(t.Context(), client(policy), server.URL)
	var status *egress.StatusError
	if !errors.As(err, &status) || status.Status != http.StatusServiceUnavailable {
		t.Errorf("got %v, want a StatusError with 503", err)
	}
	mustNotContain(t, err, "MARKER")
	if n := read.Load(); n != 0 {
		t.Errorf("%d bytes were read", n)
	}
}

func TestBodyThatBreaksOff(t *testing.T) {
	t.Parallel()
	_, err := get(t.Context(), loopbackClient(), raw1(t, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{\"MARKER\":"))
	if !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("got %v, want ErrUnexpectedEOF", err)
	}
	mustContain(t, err, "broke off")
	mustNotContain(t, err, "MARKER")
}

func TestBodyThatIsNotTheGzipThatItSays(t *testing.T) {
	t.Parallel()
	server, _ := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		io.WriteString(w, `{"MARKER":1}`)
	})
	_, err := get(t.Context(), loopbackClient(), server.URL)
	mustContain(t, err, "broke off")
	mustNotContain(t, err, "MARKER")
}

func TestHeadersAreBounded(t *testing.T) {
	t.Parallel()
	handler := func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/large" {
			w.Header().Set("Large", "MARKER"+strings.Repeat("x", 100<<10))
		}
		io.WriteString(w, `{}`)
	}
	for _, h2 := range []bool{false, true} {
		t.Run(map[bool]string{false: "HTTP/1.1", true: "HTTP/2"}[h2], func(t *testing.T) {
			t.Parallel()
			server := httptest.NewUnstartedServer(http.HandlerFunc(handler))
			server.EnableHTTP2 = h2
			server.StartTLS()
			t.Cleanup(server.Close)
			c := client(egress.Policy{InsecureAllowLoopback: true, RootCAs: rootCAs(server)})
			if _, err := get(t.Context(), c, server.URL+"/small"); err != nil {
				t.Fatal(err)
			}
			_, err := get(t.Context(), c, server.URL+"/large")
			mustContain(t, err, "headers are too large")
			mustNotContain(t, err, "MARKER")
		})
	}
}

// net/http quotes what it can't read. What quotes a hostile server could fill a log or a page with what it likes.
func TestWhatIsNotHTTPIsNotQuoted(t *testing.T) {
	t.Parallel()
	for name, raw := range map[string]string{
		"no HTTP at all":          "MARKER hello\r\n\r\n",
		"a bad status":            "HTTP/1.1 MARKER OK\r\n\r\n",
		"a bad version":           "HTTP/MARKER 200 OK\r\n\r\n",
		"a header without colon":  "HTTP/1.1 200 OK\r\nMARKER\r\n\r\n",
		"a bad header name":       "HTTP/1.1 200 OK\r\nMARK ER: 1\r\n\r\n",
		"a bad length":            "HTTP/1.1 200 OK\r\nContent-Length: MARKER\r\n\r\n",
		"two lengths":             "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{} MARKER",
		"an unknown encoding":     "HTTP/1.1 200 OK\r\nTransfer-Encoding: MARKER\r\n\r\n{}",
		"a bad chunk":             "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nMARKER\r\n{}\r\n0\r\n\r\n",
		"a switch of protocols":   "HTTP/1.1 101 Switching Protocols\r\nUpgrade: MARKER\r\nConnection: Upgrade\r\n\r\n",
		"a bad trailer":           "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\nMARKER\r\n\r\n",
		"a redirect to elsewhere": "HTTP/1.1 302 Found\r\nLocation: https://MARKER.example/\r\nContent-Length: 0\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := get(t.Context(), loopbackClient(), raw1(t, raw))
			if err == nil {
				t.Fatal("there is no error")
			}
			mustNotContain(t, err, "MARKER", "MARK ER")
		})
	}
}

// raw1 is a server that answers one request with this text and closes the connection.
func raw1(t *testing.T, text string) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			conn.Read(make([]byte, 4096))
			io.WriteString(conn, text)
			conn.Close()
		}
	}()
	return "http://" + listener.Addr().String()
}

func TestConnectionThatIsClosedAtOnce(t *testing.T) {
	t.Parallel()
	_, err := get(t.Context(), loopbackClient(), raw1(t, ""))
	if !errors.Is(err, io.EOF) {
		t.Errorf("got %v, want EOF", err)
	}
}

func TestConnectionRefused(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	target := "http://" + listener.Addr().String()
	listener.Close()
	_, err = get(t.Context(), loopbackClient(), target)
	var network *net.OpError
	if !errors.As(err, &network) || network.Op != "dial" {
		t.Errorf("got %v, want an OpError", err)
	}
}

func TestOneRequestHasFiveSeconds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := client(fake(func(req *http.Request) (*http.Response, error) {
			<-req.Context().Done()
			return nil, req.Context().Err()
		}))
		start := time.Now()
		_, err := get(context.Background(), c, "https://idp.example/")
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v, want DeadlineExceeded", err)
		}
		if took := time.Since(start); took != 5*time.Second {
			t.Errorf("it took %v", took)
		}
	})
}

// A body may come byte by byte for ever; the deadline covers it too.
func TestSlowBodyHasTheSameFiveSeconds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := client(fake(func(req *http.Request) (*http.Response, error) {
			resp := answer(http.StatusOK, "application/json", "")
			resp.Body = io.NopCloser(drip{req.Context()})
			return resp, nil
		}))
		start := time.Now()
		_, err := get(context.Background(), c, "https://idp.example/")
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v, want DeadlineExceeded", err)
		}
		if took := time.Since(start); took != 5*time.Second {
			t.Errorf("it took %v", took)
		}
	})
}

// drip gives a byte a second, in a bubble's time.
type drip struct{ ctx context.Context }

func (d drip) Read(p []byte) (int, error) {
	select {
	case <-time.After(time.Second):
		p[0] = ' '
		return 1, nil
	case <-d.ctx.Done():
		return 0, d.ctx.Err()
	}
}

func TestFetchesAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var under, most atomic.Int64
		release := make(chan struct{})
		transport := egress.NewTransport(fake(func(req *http.Request) (*http.Response, error) {
			n := under.Add(1)
			defer under.Add(-1)
			for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
			}
			<-release
			return answer(http.StatusOK, "application/json", `{}`), nil
		}))
		slow, other := transport.Client(), transport.Client()

		var done sync.WaitGroup
		for range 50 {
			done.Go(func() {
				if _, err := get(context.Background(), slow, "https://slow.example/"); err != nil {
					t.Error(err)
				}
			})
		}
		synctest.Wait()
		if n := under.Load(); n != 32 {
			t.Errorf("%d fetches are under way, want 32", n)
		}

		// Who waits for a place may leave.
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		if _, err := get(ctx, slow, "https://slow.example/"); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want context.Canceled", err)
		}

		// Another connector over the same transport has places of its own.
		done.Go(func() {
			if _, err := get(context.Background(), other, "https://other.example/"); err != nil {
				t.Error(err)
			}
		})
		synctest.Wait()
		if n := under.Load(); n != 33 {
			t.Errorf("%d fetches are under way, want 33", n)
		}

		close(release)
		done.Wait()
		if n := most.Load(); n != 33 {
			t.Errorf("%d fetches were under way at once, want 33", n)
		}
	})
}
