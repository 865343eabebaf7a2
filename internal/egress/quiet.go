package egress

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
)

// quiet takes out of the real transport's errors what is nobody's business: addresses, which the errors of package net print
// and which may be inside this network, and what a server sent instead of HTTP, which those of net/http quote.
type quiet struct{ next *http.Transport }

func (q quiet) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := q.next.RoundTrip(req)
	if err != nil {
		return nil, quietError(err)
	}
	return resp, nil
}

var errNotHTTP = errors.New("the answer is not readable HTTP, or its headers are too large")

func quietError(err error) error {
	var refused *AddressError
	var proxy *ProxyError
	var lookup *net.DNSError
	var operation *net.OpError
	var network net.Error
	var certificate *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	switch {
	case errors.As(err, &refused):
		return refused
	case errors.As(err, &proxy):
		return proxy
	case errors.As(err, &lookup):
		return quietLookup(lookup)
	case errors.As(err, &operation):
		own := *operation // behind a proxy, both ends of the connection are inside
		own.Source, own.Addr = nil, nil
		return &own
	case errors.As(err, &network), errors.As(err, &certificate), errors.As(err, &record),
		errors.Is(err, context.Canceled), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return err
	}
	return errNotHTTP
}

// quietLookup says whether a name was found, without the resolver and the text of its failure, which has addresses. It is a
// copy: several that looked up the same name may share the original.
func quietLookup(lookup *net.DNSError) error {
	own := *lookup
	own.Server = ""
	switch {
	case own.IsNotFound:
		own.Err = "no such host"
	case own.IsTimeout:
		own.Err = "no answer in time"
	default:
		own.Err = "the look-up failed"
	}
	return &own
}
