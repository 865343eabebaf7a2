package egress

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
)

func TestErrorsDoNotTellOfTheNetworkInside(t *testing.T) {
	t.Parallel()
	lookup := &net.OpError{Op: "dial", Net: "tcp", Err: &net.DNSError{Err: "no such host", Name: "idp.example", Server: "10.0.0.2:53", IsNotFound: true}}
	err := quietError(lookup)
	var dns *net.DNSError
	if !errors.As(err, &dns) || !dns.IsNotFound || dns.Name != "idp.example" {
		t.Errorf("got %v, want a DNSError that says what was not found", err)
	}
	if strings.Contains(err.Error(), "10.0.0.2") {
		t.Errorf("it tells the resolver: %v", err)
	}
	if !strings.Contains(lookup.Error(), "10.0.0.2") {
		t.Error("the original was changed, which others may hold")
	}
}

func TestErrorsOfUnknownKindAreReplaced(t *testing.T) {
	t.Parallel()
	for _, err := range []error{
		errors.New(`http2: server sent GOAWAY; debug="MARKER"`),
		fmt.Errorf("net/http: HTTP/1.x transport connection broken: %w", errors.New(`malformed HTTP response "MARKER"`)),
	} {
		if got := quietError(err); got != errNotHTTP {
			t.Errorf("got %v", got)
		}
	}
}

func TestErrorsOfTheNetworkHaveNoAddresses(t *testing.T) {
	t.Parallel()
	end := func(text string) net.Addr { return &net.TCPAddr{IP: net.ParseIP(text), Port: 443} }
	original := &net.OpError{Op: "read", Net: "tcp", Source: end("10.0.0.5"), Addr: end("203.0.113.7"), Err: os.NewSyscallError("read", syscall.ECONNRESET)}
	err := quietError(fmt.Errorf("net/http: HTTP/1.x transport connection broken: %w", original))
	if !errors.Is(err, syscall.ECONNRESET) || err.Error() != "read tcp: read: connection reset by peer" {
		t.Errorf("got %v", err)
	}
	if original.Addr == nil || original.Source == nil {
		t.Error("the original was changed, which others may hold")
	}
	// What the resolver's own failure says has addresses, too.
	lookup := &net.DNSError{Err: "read udp 10.0.0.5:41234->10.0.0.2:53: i/o timeout", Name: "idp.example", Server: "10.0.0.2:53", IsTimeout: true}
	if err := quietError(lookup); err.Error() != "lookup idp.example: no answer in time" {
		t.Errorf("got %v", err)
	}
}
