// Command oidcsso is for the administrator who sets up single sign-on, and for the support engineer who has one on the phone.
//
//	oidcsso check ISSUER    looks at an identity provider, and at an application's client there, before anybody signs in
//	oidcsso login ISSUER    signs in from the terminal, and shows who it was and the outcome of every check
//	oidcsso version         says what it was built from
//
// docs/cli.md is the reference. No secret and no token is ever printed, and nothing that an identity provider sends can
// write to the terminal anything but printable text.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"syscall"
)

// Exit codes, for scripts.
const (
	exitOK          = 0 // nothing is wrong; somebody signed in
	exitFailed      = 1 // a finding is an error; the sign-in was refused
	exitUsage       = 2 // the command line can't be understood, or the configuration is not valid
	exitUnreachable = 3 // the identity provider can't be reached or is out of order
	exitNobody      = 4 // login: nobody came back in time, or it was interrupted
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	p := &program{
		stdin: os.Stdin, out: newPrinter(os.Stdout, colourful(os.Stdout, os.Getenv)), err: newPrinter(os.Stderr, false),
		getenv: os.Getenv, open: openBrowser,
	}
	code := p.run(ctx, os.Args[1:])
	stop()
	os.Exit(code)
}

// program is one run of the command, with all that it touches of the world.
type program struct {
	stdin    io.Reader
	out, err *printer
	getenv   func(string) string
	open     func(url, without string) error
}

const usage = `oidcsso looks at OpenID Connect identity providers, and signs in from the terminal.

  oidcsso check ISSUER [flags]   the identity provider's configuration, and what is wrong with it
  oidcsso login ISSUER [flags]   sign in through a browser on this machine, and show the outcome of every check
  oidcsso version

Every command has -h. Exit codes: 0 nothing is wrong, 1 an error was found or the sign-in was refused, 2 usage,
3 the identity provider can't be reached, 4 nobody came back from the sign-in in time.
`

func (p *program) run(ctx context.Context, args []string) int {
	command, rest := "", args
	if len(args) > 0 {
		command, rest = args[0], args[1:]
	}
	switch command {
	case "check":
		return p.check(ctx, rest)
	case "login":
		return p.login(ctx, rest)
	case "version", "-version", "--version":
		p.out.printf("%s\n", version())
		return exitOK
	case "help", "-h", "-help", "--help":
		p.out.printf(usage)
		return exitOK
	}
	p.err.printf(usage)
	if command != "" { // not quoted: it may be anything that was pasted
		p.err.printf("\noidcsso: there is no such command\n")
	}
	return exitUsage
}

// version is what the Go command noted when it built the program.
func version() string {
	v, revision := "(devel)", ""
	if info, ok := debug.ReadBuildInfo(); ok {
		if info.Main.Version != "" {
			v = info.Main.Version
		}
		for _, setting := range info.Settings {
			if setting.Key == "vcs.revision" {
				revision = " " + setting.Value
			}
		}
	}
	return fmt.Sprintf("oidcsso %s%s %s %s/%s", v, revision, runtime.Version(), runtime.GOOS, runtime.GOARCH)
}
