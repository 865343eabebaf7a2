package egress

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"net/url"
	"testing"
	"testing/synctest"
	"time"
)

// A proxy that is slow at any point costs four seconds, shared out among the addresses of the host.
func TestSlowProxy(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name, scheme string
		proxy        func(net.Conn)
	}{
		{"it does not read the request", "http", func(net.Conn) {}},
		{"it does not answer", "http", func(c net.Conn) { io.Copy(io.Discard, c) }},
		{"it answers byte by byte for ever", "http", func(c net.Conn) {
			go io.Copy(io.Discard, c)
			io.WriteString(c, "HTTP/1.1 200 OK\r\n")
			for {
				time.Sleep(time.Millisecond) // of the bubble's time
				if _, err := io.WriteString(c, "x"); err != nil {
					return
				}
			}
		}},
		{"it does not shake hands", "https", func(c net.Conn) { io.Copy(io.Discard, c) }},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				policy := &Policy{Proxy: &url.URL{Scheme: row.scheme, Host: "proxy.example"}}
				tunnel := newTunnel(policy, &net.Dialer{}, &net.Dialer{})
				var open []net.Conn
				tunnel.toProxy = func(context.Context, string, string) (net.Conn, error) {
					here, there := net.Pipe()
					open = append(open, there)
					go row.proxy(there)
					return here, nil
				}
				start := time.Now()
				_, err := tunnel.dial(t.Context(), "tcp", "8.8.8.8:443")
				var failed *ProxyError
				if !errors.As(err, &failed) || !failed.Timeout() {
					t.Errorf("got %v, want a ProxyError that is a time-out", err)
				}
				if took := time.Since(start); took != tunnelTimeout {
					t.Errorf("it took %v", took)
				}
				for _, c := range open {
					c.Close()
				}
				time.Sleep(time.Second) // of the bubble's: the proxies notice
			})
		})
	}
}

func TestSlowAddressLeavesTimeForTheNext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		tunnel := newTunnel(&Policy{Proxy: &url.URL{Scheme: "http", Host: "proxy.example"}}, &net.Dialer{}, &net.Dialer{})
		first := true
		tunnel.toProxy = func(context.Context, string, string) (net.Conn, error) {
			here, there := net.Pipe()
			answers := !first
			first = false
			go func() {
				defer there.Close()
				there.Read(make([]byte, 4096))
				if answers {
					io.WriteString(there, "HTTP/1.1 200 OK\r\n\r\n")
				}
				io.Copy(io.Discard, there)
			}()
			return here, nil
		}
		ctx, cancel := context.WithTimeout(t.Context(), tunnelTimeout)
		defer cancel()
		start := time.Now()
		conn, err := tunnel.each(ctx, "tcp", []netip.Addr{netip.MustParseAddr("8.8.8.8"), netip.MustParseAddr("8.8.4.4")}, "443")
		if err != nil {
			t.Fatal(err)
		}
		if took := time.Since(start); took != tunnelTimeout/2 {
			t.Errorf("it took %v", took)
		}
		// The time-out was for the dialling; the connection stays.
		time.Sleep(tunnelTimeout)
		if _, err := conn.Write([]byte("GET")); err != nil {
			t.Error(err)
		}
		conn.Close()
	})
}
