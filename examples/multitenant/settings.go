package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/url"
	"strings"

	"github.com/oidcsso/oidcsso"
	"github.com/oidcsso/oidcsso/connectorstore"
)

// ssoPath is the path of the BaseURL; the callbacks are below it.
const ssoPath = "/sso"

// settings are what the command line and the environment say.
type settings struct {
	addr, origin   string // origin is where the outside world finds all replicas
	database       string // empty: one that is gone at the end
	replicas       int
	dns            string
	demo, loopback bool

	adminToken string
	tokenDrawn bool
	sealKeys   []oidcsso.SealKey
	ring       *connectorstore.Ring
}

func readSettings(args []string, getenv func(string) string, stderr io.Writer) (*settings, error) {
	s := new(settings)
	flags := flag.NewFlagSet("multitenant", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&s.addr, "addr", "127.0.0.1:8080", "`address` to listen on; port 0 takes a free one")
	flags.StringVar(&s.origin, "base-url", "", "`URL` at which the outside world reaches all replicas, without a path (default: http:// and the address)")
	flags.StringVar(&s.database, "db", "", "`file` of SQLite, or a postgres:// URL; it needs SSO_KEY and SSO_STORE_KEY (default: a file that is gone at the end,\nwith the demonstration)")
	flags.IntVar(&s.replicas, "replicas", 2, "how `many` replicas take turns in this process; other processes may join with -db and -base-url")
	flags.StringVar(&s.dns, "dns", "", "`address` of the DNS server that is asked for proofs (default: those of this machine)")
	flags.BoolVar(&s.demo, "demo", false, "serve identity providers to try it with, and have two companies use them")
	flags.BoolVar(&s.loopback, "insecure-loopback", false, "allow identity providers on this machine, also by http; -demo does")
	if err := flags.Parse(args); err != nil {
		return nil, err
	}
	switch {
	case flags.NArg() > 0:
		return nil, fmt.Errorf("unexpected argument %q", flags.Arg(0))
	case s.replicas < 1 || s.replicas > 20:
		return nil, errors.New("-replicas: between 1 and 20")
	}
	s.origin = strings.TrimSuffix(s.origin, "/")
	s.demo = s.demo || s.database == ""
	s.loopback = s.loopback || s.demo
	return s, s.readSecrets(getenv)
}

// readSecrets draws none where a database stays: what is sealed with a key that nobody keeps is lost at the next start, and
// another process would have another key.
func (s *settings) readSecrets(getenv func(string) string) error {
	storeKey, sealKey := getenv("SSO_STORE_KEY"), getenv("SSO_KEY")
	if s.database == "" {
		storeKey, sealKey = newKeyText(), newKeyText()
	}
	key, err := connectorstore.ParseKey(storeKey)
	if err != nil {
		return fmt.Errorf("SSO_STORE_KEY (make one with: openssl rand -base64 32): %w", err)
	}
	if s.ring, err = connectorstore.NewRing(key); err != nil {
		return err
	}
	seal, err := oidcsso.ParseSealKey(sealKey)
	if err != nil {
		return fmt.Errorf("SSO_KEY (make one with: openssl rand -base64 32): %w", err)
	}
	s.sealKeys = []oidcsso.SealKey{seal}
	if s.adminToken = getenv("ADMIN_TOKEN"); s.adminToken == "" {
		s.adminToken, s.tokenDrawn = newToken(), true
	}
	if len(s.adminToken) < 20 {
		return errors.New("ADMIN_TOKEN is shorter than 20 characters: it opens every customer's single sign-on")
	}
	return nil
}

// bound completes the settings, now that the port is known.
func (s *settings) bound(address net.Addr) {
	if s.addr = address.String(); s.origin == "" {
		s.origin = "http://" + s.addr
	}
}

// announce prints what has to be known before the first sign-in.
func (s *settings) announce(w io.Writer, hints []string) {
	fmt.Fprintf(w, "Open %s/ (replicas: %d, at %s, on %s)\n", s.origin, s.replicas, s.addr, s.databaseName())
	if s.tokenDrawn {
		fmt.Fprintf(w, "The admin API is at %s/admin, with ADMIN_TOKEN=%s\n", s.origin, s.adminToken)
	}
	for _, hint := range hints {
		fmt.Fprintln(w, " ", hint)
	}
}

// databaseName leaves out a password.
func (s *settings) databaseName() string {
	if u, err := url.Parse(s.database); err == nil && isPostgres(s.database) {
		return u.Redacted()
	}
	return s.database
}
