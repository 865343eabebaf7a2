package egress

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/oidcsso/oidcsso/internal/strictjson"
)

// Bounds of one request.
const (
	Timeout         = 5 * time.Second
	MaxBody         = 1 << 20
	usualBody       = 16 << 10 // room for it is made at once
	maxHeader       = 64 << 10
	maxMember       = 64 << 10 // of a token response: other decoders read tokens before they are bounded elsewhere
	idlePerHost     = 32
	fetchesAtOnce   = 32
	dialTimeout     = 3 * time.Second
	idleConnTimeout = 90 * time.Second
)

// StatusError says that the answer had another status than the request can use. The body is dropped: it may hold anything.
type StatusError struct{ Status int }

func (e *StatusError) Error() string {
	if e.Status >= 300 && e.Status < 400 {
		return fmt.Sprintf("the identity provider answered with a redirect (status %d), which is not followed", e.Status)
	}
	return fmt.Sprintf("the identity provider answered with status %d", e.Status)
}

// BodyError says why a body can't be used. It does not quote it.
type BodyError struct {
	// ContentType is the media type that was sent, if it is application/json or application/jwt; otherwise empty.
	ContentType string
	// Err is a *strictjson.Error, or says that the body is too large.
	Err error
}

func (e *BodyError) Error() string {
	return "the identity provider's answer can't be used: " + e.Err.Error()
}
func (e *BodyError) Unwrap() error { return e.Err }

var (
	errTooLarge = fmt.Errorf("it is larger than %d bytes", MaxBody)
	errNotJSON  = errors.New("its content type is not application/json")
	errLongText = fmt.Errorf("a member of it is longer than %d bytes", maxMember)
)

// Transport reads whole answers under the bounds above and lets only strict JSON through, before any other decoder sees it.
type Transport struct{ next http.RoundTripper }

// NewTransport makes the one transport of a policy, with its own pool of connections.
func NewTransport(policy Policy) *Transport {
	return newTransport(policy, &net.Dialer{Timeout: dialTimeout})
}

// newTransport dials through a copy of plain that is guarded; a proxy, which is the developer's word, through plain itself.
func newTransport(policy Policy, plain *net.Dialer) *Transport {
	guarded := *plain
	guarded.Control = func(_, address string, _ syscall.RawConn) error { return policy.check(address) }
	dial := guarded.DialContext
	if policy.Proxy != nil {
		dial = newTunnel(&policy, plain, &guarded).dial
	}
	var next http.RoundTripper = quiet{&http.Transport{
		Proxy:                  nil, // it would be told names, and its address would be all that the check above sees
		DialContext:            dial,
		TLSClientConfig:        policy.tlsConfig(),
		TLSHandshakeTimeout:    Timeout,
		ForceAttemptHTTP2:      true,
		MaxIdleConns:           0,
		MaxIdleConnsPerHost:    idlePerHost,
		IdleConnTimeout:        idleConnTimeout,
		MaxResponseHeaderBytes: maxHeader,
	}}
	if policy.WrapTransport != nil {
		next = policy.WrapTransport(next)
	}
	return &Transport{next: next}
}

// tlsConfig is for identity providers. It has no cache of sessions: a resumed one would carry over what another profile's
// connection had shown.
func (p *Policy) tlsConfig() *tls.Config {
	config := &tls.Config{RootCAs: p.RootCAs, MinVersion: tls.VersionTLS12}
	if certificate := p.ClientCertificate; certificate != nil {
		// Not config.Certificates: those are left out, without a word, where the server hints at other authorities, as it
		// does for a self-signed certificate that was registered with it (RFC 8705, 2.2).
		config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return certificate, nil }
	}
	return config
}

// Client is a connector's own client over the shared transport: its fetches wait for each other when they are too many, so
// that a slow identity provider is its own problem.
func (t *Transport) Client() *http.Client {
	return &http.Client{
		Transport:     &limited{next: t, slots: semaphore.NewWeighted(fetchesAtOnce)},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

type limited struct {
	next  http.RoundTripper
	slots *semaphore.Weighted
}

func (l *limited) RoundTrip(req *http.Request) (*http.Response, error) {
	if err := l.slots.Acquire(req.Context(), 1); err != nil {
		return nil, err
	}
	defer l.slots.Release(1)
	return l.next.RoundTrip(req)
}

// RoundTrip makes the request. A GET gets its answer only with status 200 and strict JSON; a POST, which is the token
// request, also an error answer, if it is strict JSON.
func (t *Transport) RoundTrip(req *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithTimeout(req.Context(), Timeout)
	defer cancel() // the body is read before we return
	resp, err := t.next.RoundTrip(req.WithContext(ctx))
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if req.Method != http.MethodPost && resp.StatusCode != http.StatusOK { //check:answer-status
		return nil, &StatusError{resp.StatusCode}
	}
	body, err := readBody(resp)
	if err != nil {
		return nil, err
	}
	if req.Method == http.MethodPost {
		body, err = tokenAnswer(resp, body)
	} else if err = strictjson.Check(body); err != nil { //check:strict-documents
		// Not for its media type: many servers send another one for documents.
		err = &BodyError{mediaType(resp), err}
	}
	if err != nil {
		return nil, err
	}
	resp.Body = io.NopCloser(bytes.NewReader(body))
	resp.ContentLength = int64(len(body))
	return resp, nil
}

func readBody(resp *http.Response) ([]byte, error) {
	var body bytes.Buffer
	if 0 < resp.ContentLength && resp.ContentLength <= usualBody { // the server's word costs no more than that
		body.Grow(int(resp.ContentLength) + bytes.MinRead) // what ReadFrom wants free to see the end
	}
	if _, err := body.ReadFrom(io.LimitReader(resp.Body, MaxBody+1)); err != nil {
		return nil, fmt.Errorf("the identity provider's answer broke off: %w", quietError(err))
	}
	if body.Len() > MaxBody { //check:body-size
		return nil, &BodyError{Err: errTooLarge}
	}
	return body.Bytes(), nil
}

// tokenMembers are all that is read of a token response (RFC 6749, 5.1 and 5.2; OpenID Connect Core 1.0, 3.1.3.3).
var tokenMembers = []string{"access_token", "token_type", "refresh_token", "expires_in", "id_token", "error"}

// tokenAnswer gives a token response with the members above alone, each under its exact name, for a decoder that folds the
// case of names and gives up at an expires_in that is no integer.
func tokenAnswer(resp *http.Response, body []byte) ([]byte, error) {
	failed := resp.StatusCode < 200 || resp.StatusCode > 299
	if mediaType(resp) != "application/json" { //check:token-media-type
		if failed {
			return nil, &StatusError{resp.StatusCode}
		}
		return nil, &BodyError{mediaType(resp), errNotJSON}
	}
	object, err := strictjson.Parse(body)
	if err != nil {
		if failed {
			return nil, &StatusError{resp.StatusCode}
		}
		return nil, &BodyError{mediaType(resp), err}
	}
	out := append(make([]byte, 0, len(body)+1), '{')
	for _, name := range tokenMembers {
		value, ok := object.Get(name)
		if !ok {
			continue
		}
		raw := value.Raw()
		if len(raw)-len(`""`) > maxMember { //check:token-member
			return nil, &BodyError{mediaType(resp), errLongText}
		}
		if name == "expires_in" {
			seconds, ok := lifetime(value)
			if !ok {
				continue
			}
			raw = strconv.AppendInt(nil, seconds, 10)
		} else if value.Kind() != strictjson.String {
			continue
		}
		if len(out) > 1 {
			out = append(out, ',')
		}
		out = append(append(append(out, '"'), name...), '"', ':')
		out = append(out, raw...)
	}
	return append(out, '}'), nil
}

const maxLifetime = 1e9 // seconds, some thirty years

// lifetime reads 3600, and what servers send for it: 3600.0, 3.6e3, "3600".
func lifetime(value strictjson.Value) (int64, bool) {
	seconds, ok := value.Int()
	if text, isText := value.Text(); isText {
		n, err := strconv.ParseInt(text, 10, 64)
		seconds, ok = n, err == nil
	}
	return seconds, ok && seconds > 0 && seconds <= maxLifetime
}

// mediaType is that of the answer, if it is one that makes a difference; other texts of a server are not kept.
func mediaType(resp *http.Response) string {
	media, _, err := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if err != nil || media != "application/json" && media != "application/jwt" {
		return ""
	}
	return media
}
