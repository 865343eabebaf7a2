package main

import (
	"context"
	"errors"
	"flag"
	"time"

	"github.com/oidcsso/oidcsso"
)

const loginAbout = `oidcsso login ISSUER -client-id ID [flags]

Signs in through a browser on this machine and shows who it was and the outcome of every check. The Callback URI that it
prints first must be registered at the identity provider. Nothing is kept, and no token is shown.

Exit codes: 0 signed in, 1 refused, 2 usage, 3 the identity provider can't be reached, 4 nobody came back in time.
`

const (
	defaultPort    = 8765
	defaultTimeout = 5 * time.Minute
	maxTimeout     = 10 * time.Minute // a Login lives no longer
)

// loginSettings are what only this command takes.
type loginSettings struct {
	settings
	port      int
	localhost bool
	open      bool
	hint      string
	timeout   time.Duration
	claims    []string
}

func (s *loginSettings) register(flags *flag.FlagSet) {
	s.settings.register(flags)
	flags.IntVar(&s.port, "port", defaultPort, "`port` on 127.0.0.1 where the answer arrives; 0 takes a free one")
	flags.BoolVar(&s.localhost, "localhost", false, "call this machine localhost in the Callback URI, for identity providers that refuse 127.0.0.1")
	flags.BoolVar(&s.open, "open", false, "open the browser as well")
	flags.StringVar(&s.hint, "login-hint", "", "`address` of the person who signs in")
	flags.DurationVar(&s.timeout, "timeout", defaultTimeout, "how `long` to wait for the answer, at most 10m")
	flags.Func("claims", "further `claims` to show, divided by spaces or commas", func(text string) error {
		s.claims = append(s.claims, oidcsso.ParseScopes(text)...)
		return nil
	})
}

func (s *loginSettings) problem() error {
	switch {
	case s.config.ClientID == "":
		return errors.New("-client-id is missing")
	case s.timeout <= 0 || s.timeout > maxTimeout:
		return errors.New("-timeout is not between 1s and 10m")
	case s.port < 0 || s.port > 65535 || s.port == 80:
		return errors.New("-port is not a port that a Callback URI can name")
	}
	return nil
}

func (p *program) login(ctx context.Context, args []string) int {
	var s loginSettings
	flags := flag.NewFlagSet("login", flag.ContinueOnError)
	s.register(flags)
	err := p.parse(flags, &s.settings, loginAbout, args)
	if err == nil {
		err = s.problem()
	}
	if code, ok := p.parsed(err, "login"); !ok {
		return code
	}
	place, err := listen(s.port, s.localhost)
	if err != nil {
		p.err.printf("oidcsso: %s\n  > -port takes another port, and 0 a free one.\n", err)
		return exitUsage
	}
	defer place.close()
	s.config.ID, s.config.RedirectURL = connectorID, place.url.String()
	connector, err := oidcsso.NewConnector(s.config, s.options(false))
	if err != nil {
		return p.invalid(err)
	}
	p.err.printf("Callback URI, to be registered at the identity provider exactly so:\n  %s\n\n", connector.CallbackURL())
	return p.signIn(ctx, &s, connector, place)
}

// signIn goes from the authorization request to the outcome. The Login never leaves this function's hands, so that it needs
// no binding: an answer counts only with its state, which is nowhere but in the URL that is printed.
func (p *program) signIn(ctx context.Context, s *loginSettings, connector *oidcsso.Connector, place *place) int {
	address, login, err := connector.Begin(ctx, oidcsso.BeginParams{LoginHint: s.hint, InsecureUnbound: true})
	if err != nil {
		return p.outcome(s, nil, err)
	}
	p.err.printf("Open this URL in a browser on this machine:\n  %s\n\n", address)
	if s.open {
		if err := p.open(address, s.secretEnv); err != nil {
			p.err.printf("The browser could not be opened: %s\n", err)
		}
	}
	p.err.printf("Waiting for the answer, for %s at most; Ctrl-C ends it.\n", s.timeout)
	response, err := place.receive(ctx, login.State(), s.timeout, func() {
		p.err.printf("An answer without the state of this sign-in arrived. It is ignored.\n")
	})
	if err != nil {
		p.err.printf("oidcsso: %s\n", err)
		return exitNobody
	}
	identity, err := connector.Finish(ctx, login, oidcsso.Response{URL: response})
	return p.outcome(s, identity, err)
}
