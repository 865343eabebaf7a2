package main

import (
	"bufio"
	"crypto/x509"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"os"
	"strings"

	"github.com/oidcsso/oidcsso"
)

// settings are what both commands take from their command line.
type settings struct {
	config      oidcsso.Config
	egress      oidcsso.Egress
	secretEnv   string
	secretStdin bool
	json        bool
}

var errHelp = errors.New("help was asked for")

// register adds the flags that both commands have.
func (s *settings) register(flags *flag.FlagSet) {
	flags.StringVar(&s.config.ClientID, "client-id", "", "client `ID` of the application at the identity provider")
	flags.StringVar(&s.secretEnv, "client-secret-env", "", "`name` of the environment variable that has the client secret")
	flags.BoolVar(&s.secretStdin, "client-secret-stdin", false, "read the client secret from the first line of standard input")
	flags.StringVar(&s.config.TokenEndpointAuthMethod, "auth-method", "", "`method` by which the secret is sent: client_secret_basic or client_secret_post (default: basic where it is offered)")
	flags.Func("scopes", "further `scopes` beside openid profile email, divided by spaces or commas", func(text string) error {
		s.config.Scopes = append(s.config.Scopes, oidcsso.ParseScopes(text)...)
		return nil
	})
	flags.Func("domains", "email `domains` whose people sign in here, divided by spaces or commas", func(text string) error {
		s.config.Domains = append(s.config.Domains, oidcsso.AssertDomains(oidcsso.ParseScopes(text)...)...)
		return nil
	})
	flags.BoolVar(&s.config.RequireEmail, "require-email", false, "refuse who comes without a trusted address, as a backend with RequireEmail does")
	flags.StringVar(&s.config.Prompt, "prompt", "", "`prompt` parameter: none, login, consent, select_account")
	flags.StringVar(&s.config.EmailClaim, "email-claim", "", "`claim` that has the email address (default email)")
	flags.StringVar(&s.config.GroupsClaim, "groups-claim", "", "`claim` that has the groups (default groups)")
	flags.BoolVar(&s.json, "json", false, "print one JSON object on standard output")
	flags.BoolVar(&s.egress.InsecureAllowLoopback, "allow-loopback", false, "allow identity providers on this machine, also by http")
	flags.Func("allow-prefix", "private `network` in which the identity provider may be, such as 10.1.2.0/24; may be repeated", func(text string) error {
		prefix, err := netip.ParsePrefix(text)
		s.egress.AllowPrefixes = append(s.egress.AllowPrefixes, prefix)
		return err
	})
	flags.Func("ca", "`file` with the authorities (PEM) that are trusted in place of the system's", func(name string) error {
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		if s.egress.RootCAs == nil {
			s.egress.RootCAs = x509.NewCertPool()
		}
		if !s.egress.RootCAs.AppendCertsFromPEM(text) {
			return errors.New("there is no certificate in it")
		}
		return nil
	})
}

// parse reads the command line, in which flags may stand before and after the issuer. errHelp means that help was printed.
func (p *program) parse(flags *flag.FlagSet, s *settings, about string, args []string) error {
	flags.Init(flags.Name(), flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.Usage = func() {}
	var issuers []string
	for rest := args; ; {
		err := flags.Parse(rest)
		if errors.Is(err, flag.ErrHelp) {
			p.out.printf("%s", block(about))
			var defaults strings.Builder
			flags.SetOutput(&defaults)
			flags.PrintDefaults()
			p.out.printf("\n%s", block(strings.ReplaceAll(defaults.String(), "\t", "    ")))
			return errHelp
		}
		if err != nil {
			return explain(err)
		}
		if flags.NArg() == 0 {
			break
		}
		issuers, rest = append(issuers, flags.Arg(0)), flags.Args()[1:]
	}
	switch { // nothing is quoted: a secret may have been pasted
	case len(issuers) == 0:
		return errors.New("the issuer is missing")
	case len(issuers) > 1:
		return errors.New("there is something beside the issuer that is no flag")
	}
	s.config.Issuer = issuers[0]
	return p.readSecret(s)
}

func explain(err error) error {
	const undefined = "flag provided but not defined: "
	if name, ok := strings.CutPrefix(err.Error(), undefined); ok && strings.TrimLeft(name, "-") == "client-secret" {
		return errors.New("the client secret can't be given on the command line, where everybody on this machine can read it; use -client-secret-env or -client-secret-stdin")
	}
	return err
}

const maxSecretLine = 4096 // bytes; what is too long for a client secret is refused with the configuration

func (p *program) readSecret(s *settings) error {
	secret := ""
	switch {
	case s.secretEnv != "" && s.secretStdin:
		return errors.New("-client-secret-env and -client-secret-stdin are two places for one secret")
	case s.secretEnv != "":
		if secret = p.getenv(s.secretEnv); secret == "" {
			return errors.New("the environment variable that -client-secret-env names is empty")
		}
	case s.secretStdin:
		line, err := bufio.NewReader(io.LimitReader(p.stdin, maxSecretLine)).ReadString('\n')
		if err != nil && err != io.EOF {
			return fmt.Errorf("the client secret can't be read: %w", err)
		}
		if secret = strings.TrimRight(line, "\r\n"); secret == "" {
			return errors.New("the first line of standard input, which should be the client secret, is empty")
		}
	}
	s.config.ClientSecret = oidcsso.NewSecret(secret)
	return nil
}

// options trust the redirect URI to be this client's alone, unless it is said to be shared.
func (s *settings) options(shared bool) *oidcsso.Options {
	opts := &oidcsso.Options{Egress: s.egress, Logger: slog.New(slog.DiscardHandler)}
	if !shared {
		opts.ExclusiveRedirectURLs = []string{s.config.RedirectURL}
	}
	return opts
}
