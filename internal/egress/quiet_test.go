package egress

import (
	"errors"
	"fmt"
	"net"
	"strings"
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
