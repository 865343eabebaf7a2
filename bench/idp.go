package main

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/oidcsso/oidcsso/internal/benchwork"
)

// The one client that every identity provider knows, and where it is called back.
const (
	clientID     = "0oa1b2c3"
	clientSecret = "n0t-4-real-s3cret"
	baseURL      = "https://app.example.com/sso"
	connectorID  = "acme"
	redirectURI  = baseURL + "/callback/" + connectorID
)

// authMethod is what a token endpoint takes.
type authMethod string

const (
	basicOnly authMethod = "client_secret_basic"
	postOnly  authMethod = "client_secret_post"
)

// idp is identity providers on loopback: one at each issuer "http://127.0.0.1:PORT/t/N". It speaks as much HTTP/1.1 as
// well-behaved clients need, and allocates nothing for a token request, so that the allocations of a callback are those of the
// contender. It counts what it is asked.
type idp struct {
	listener net.Listener
	base     string
	method   authMethod
	keys     []byte // the answer to each request for a key set
	basic    []byte // the right Authorization header

	discovery, jwks, token, connections atomic.Int64
	served                              func(path string) // told of each answer, if set before the first request

	mu       sync.Mutex
	grants   map[string][]byte // by code, the answer of the token endpoint
	lastForm []byte            // of the last token request
	waiting  *sync.WaitGroup   // of the token requests that wait for each other; nil if none has to
}

func newIDP(method authMethod, keys ...*benchwork.Key) (*idp, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	basic := base64.StdEncoding.EncodeToString([]byte(clientID + ":" + clientSecret))
	p := &idp{
		listener: listener, base: "http://" + listener.Addr().String(), method: method,
		keys: answer(200, benchwork.JWKS(keys...)), basic: []byte("Basic " + basic), grants: map[string][]byte{},
	}
	go p.listen()
	return p, nil
}

func (p *idp) close() { p.listener.Close() }

// issuer is the nth identity provider's.
func (p *idp) issuer(n int) string { return p.base + "/t/" + strconv.Itoa(n) }

// grant makes code good for one token request, which is answered with the ID token.
func (p *idp) grant(code, idToken string) {
	body := fmt.Sprintf(`{"access_token":%q,"token_type":"Bearer","expires_in":3600,`+
		`"scope":"openid profile email","id_token":%q}`, benchwork.AccessToken, idToken)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.grants[code] = answer(200, body)
}

// gather makes the next n token requests wait until all have come.
func (p *idp) gather(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.waiting = &sync.WaitGroup{}
	p.waiting.Add(n)
}

// form is what the last token request sent.
func (p *idp) form() url.Values {
	p.mu.Lock()
	defer p.mu.Unlock()
	values, _ := url.ParseQuery(string(p.lastForm))
	return values
}

func answer(status int, body string) []byte {
	const head = "HTTP/1.1 %d Status\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
	return fmt.Appendf(nil, head+"%s", status, len(body), body)
}

var (
	notFound      = answer(404, `{"error":"not_found"}`)
	invalidClient = answer(401, `{"error":"invalid_client"}`)
	invalidGrant  = answer(400, `{"error":"invalid_grant"}`)
)

func (p *idp) listen() {
	for {
		conn, err := p.listener.Accept()
		if err != nil {
			return
		}
		p.connections.Add(1)
		go p.converse(conn)
	}
}

func (p *idp) converse(conn net.Conn) {
	defer conn.Close()
	in := bufio.NewReader(conn)
	var q request
	for q.read(in) == nil {
		if _, err := conn.Write(p.respond(&q)); err != nil {
			return
		}
		if p.served != nil {
			p.served(string(q.path))
		}
	}
}

func (p *idp) respond(q *request) []byte {
	switch {
	case bytes.HasSuffix(q.path, []byte("/.well-known/openid-configuration")):
		p.discovery.Add(1)
		tenant, _, _ := strings.Cut(string(q.path), "/.well-known/")
		return answer(200, p.document(p.base+tenant))
	case bytes.HasSuffix(q.path, []byte("/keys")):
		p.jwks.Add(1)
		return p.keys
	case bytes.HasSuffix(q.path, []byte("/token")):
		p.token.Add(1)
		granted := p.exchange(q)
		p.meet()
		return granted
	}
	return notFound
}

func (p *idp) meet() {
	p.mu.Lock()
	waiting := p.waiting
	p.mu.Unlock()
	if waiting != nil {
		waiting.Done()
		waiting.Wait()
	}
}

// document is a discovery document of ordinary length.
func (p *idp) document(issuer string) string {
	return strings.NewReplacer("ISSUER", issuer, "METHOD", string(p.method)).Replace(discoveryDocument)
}

const discoveryDocument = `{"issuer":"ISSUER","authorization_endpoint":"ISSUER/authorize","token_endpoint":"ISSUER/token",` +
	`"jwks_uri":"ISSUER/keys",` +
	`"userinfo_endpoint":"ISSUER/userinfo","end_session_endpoint":"ISSUER/logout","revocation_endpoint":"ISSUER/revoke",` +
	`"introspection_endpoint":"ISSUER/introspect","device_authorization_endpoint":"ISSUER/device",` +
	`"response_types_supported":["code","id_token","code id_token","code token","id_token token","code id_token token"],` +
	`"response_modes_supported":["query","fragment","form_post"],"subject_types_supported":["public"],` +
	`"grant_types_supported":["authorization_code","implicit","refresh_token","urn:ietf:params:oauth:grant-type:device_code"],` +
	`"id_token_signing_alg_values_supported":["RS256","ES256","EdDSA"],` +
	`"scopes_supported":["openid","profile","email","address","phone","offline_access","groups"],` +
	`"claims_supported":["iss","sub","aud","iat","exp","jti","auth_time","amr","nonce","name","nickname",` +
	`"preferred_username","given_name","middle_name","family_name","email","email_verified","profile","zoneinfo","locale","phone_number",` +
	`"picture","updated_at","at_hash","groups"],` +
	`"token_endpoint_auth_methods_supported":["METHOD"],"code_challenge_methods_supported":["S256"],` +
	`"request_parameter_supported":true,"claims_parameter_supported":false,"backchannel_logout_supported":true,` +
	`"backchannel_logout_session_supported":true}`

// exchange takes the code of a client that authenticates in the one way that is announced.
func (p *idp) exchange(q *request) []byte {
	right := bytes.Equal(q.authorization, p.basic)
	if p.method == postOnly {
		right = len(q.authorization) == 0 && bytes.Equal(q.field("client_secret="), []byte(clientSecret))
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.lastForm = append(p.lastForm[:0], q.body...)
	if !right {
		return invalidClient
	}
	code := q.field("code=")
	granted := p.grants[string(code)]
	if granted == nil {
		return invalidGrant
	}
	delete(p.grants, string(code))
	return granted
}

// request is one request as it was read; the next one overwrites it.
type request struct {
	path, authorization, body []byte
}

var errRequest = errors.New("not a request")

func (q *request) read(in *bufio.Reader) error {
	line, err := in.ReadSlice('\n')
	if err != nil {
		return err
	}
	_, rest, _ := bytes.Cut(line, []byte(" "))
	path, _, ok := bytes.Cut(rest, []byte(" "))
	if !ok {
		return errRequest
	}
	q.path, q.authorization = append(q.path[:0], path...), q.authorization[:0]
	length := 0
	for {
		line, err := in.ReadSlice('\n')
		if err != nil {
			return err
		}
		line = bytes.TrimSpace(line)
		if len(line) == 0 {
			break
		}
		name, value, _ := bytes.Cut(line, []byte(": "))
		switch {
		case bytes.EqualFold(name, []byte("Authorization")):
			q.authorization = append(q.authorization, value...)
		case bytes.EqualFold(name, []byte("Content-Length")):
			for _, digit := range value {
				length = length*10 + int(digit-'0')
			}
		}
	}
	q.body = slices.Grow(q.body[:0], length)[:length]
	_, err = io.ReadFull(in, q.body)
	return err
}

// field is the value of a form's field, of which the values need no unescaping.
func (q *request) field(prefix string) []byte {
	rest := q.body
	for len(rest) > 0 {
		var pair []byte
		pair, rest, _ = bytes.Cut(rest, []byte("&"))
		if value, ok := bytes.CutPrefix(pair, []byte(prefix)); ok {
			return value
		}
	}
	return nil
}
