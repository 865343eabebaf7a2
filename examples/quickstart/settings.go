package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strconv"
	"strings"

	"github.com/oidcsso/oidcsso"
)

// ssoPath is the path of the BaseURL; the callbacks are below it.
const ssoPath = "/sso"

// mainID is the connector of a real identity provider.
const mainID = "main"

// settings are what the command line says.
type settings struct {
	addr, host           string
	issuer, clientID     string
	clientSecret, domain string
}

func readSettings(args []string, getenv func(string) string, stderr io.Writer) (settings, error) {
	var s settings
	flags := flag.NewFlagSet("quickstart", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&s.addr, "addr", "127.0.0.1:8080", "`address` to listen on, on this machine; port 0 takes a free one")
	flags.StringVar(&s.issuer, "issuer", "", "issuer `URL` of a real identity provider, in place of the embedded ones")
	flags.StringVar(&s.clientID, "client-id", "", "client `ID` of the application there")
	flags.StringVar(&s.clientSecret, "client-secret", "", "client `secret` of the application there; everybody on this machine can read it in the list of\nprocesses, so the environment variable OIDC_CLIENT_SECRET is the better place (default: a public client)")
	flags.StringVar(&s.domain, "domain", "", "email `domain` whose people sign in there, or several divided by commas")
	if err := flags.Parse(args); err != nil {
		return s, err
	}
	if s.clientSecret == "" {
		s.clientSecret = getenv("OIDC_CLIENT_SECRET")
	}
	switch {
	case flags.NArg() > 0:
		return s, fmt.Errorf("unexpected argument %q", flags.Arg(0))
	case s.issuer != "" && s.domain == "":
		return s, errors.New("-issuer needs -domain: whose people sign in there?")
	case s.issuer == "" && (s.clientID != "" || s.domain != ""):
		return s, errors.New("-client-id and -domain need -issuer")
	}
	return s, s.readAddr()
}

// readAddr insists on this machine: the connection is plain http, and everybody knows the passwords.
func (s *settings) readAddr() error {
	host, port, err := net.SplitHostPort(s.addr)
	if err != nil {
		return fmt.Errorf("-addr: %w", err)
	}
	if host == "" {
		host = "127.0.0.1"
	}
	if ip, err := netip.ParseAddr(host); host != "localhost" && (err != nil || !ip.IsLoopback()) {
		return fmt.Errorf("-addr: %s is not on this machine; use localhost or 127.0.0.1, since a demonstration has no TLS and no secrets", host)
	}
	s.host, s.addr = host, net.JoinHostPort(host, port)
	return nil
}

// origin is where a browser finds the application, now that the port is known.
func (s *settings) origin(bound net.Addr) string {
	port := bound.(*net.TCPAddr).Port
	if port == 80 { // browsers leave it out
		return "http://" + strings.TrimSuffix(net.JoinHostPort(s.host, ""), ":")
	}
	return "http://" + net.JoinHostPort(s.host, strconv.Itoa(port))
}

// companies are those of the demonstration, or the one with a real identity provider.
func (s *settings) companies(origin string) companies {
	if s.issuer == "" {
		return demoCompanies(origin)
	}
	domains := strings.FieldsFunc(s.domain, func(r rune) bool { return r == ',' || r == ' ' })
	name := s.domain
	if len(domains) > 0 {
		name = domains[0]
	}
	return companies{connectors: []oidcsso.Config{{
		ID: mainID, Name: name, Issuer: s.issuer, ClientID: s.clientID, ClientSecret: oidcsso.NewSecret(s.clientSecret),
		Domains: oidcsso.AssertDomains(domains...), // whoever can start this program may say so
	}}}
}

// announce prints what has to be known before the first sign-in. The Callback URI is known before anything else is
// configured, and is registered at the identity provider first.
func announce(w io.Writer, origin string, s settings) error {
	if s.issuer == "" {
		_, err := fmt.Fprintf(w, "Open %s/\n%s", origin, demoGuide)
		return err
	}
	callback, err := oidcsso.CallbackURL(origin+ssoPath, mainID)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "Callback URI: %s\nOpen %s/\n", callback, origin)
	return err
}
