package main

import (
	"errors"
	"fmt"

	"github.com/oidcsso/oidcsso"
)

// connectorID names the connector of a run; it is nowhere but in errors.
const connectorID = "cli"

// parsed says whether the command goes on after its command line was read, and the exit code if not.
func (p *program) parsed(err error, command string) (code int, ok bool) {
	switch {
	case errors.Is(err, errHelp):
		return exitOK, false
	case err != nil:
		p.err.printf("oidcsso %s: %s\n\"oidcsso %s -h\" lists the flags.\n", command, err, command)
		return exitUsage, false
	}
	return 0, true
}

// flagsOf are the flags that set a field of the configuration.
var flagsOf = map[string]string{
	"issuer": "ISSUER", "client_id": "-client-id", "client_secret": "the client secret", "redirect_url": "-callback", "prompt": "-prompt",
	"email_claim": "-email-claim", "groups_claim": "-groups-claim",
}

// invalid shows each problem of the configuration.
func (p *program) invalid(err error) int {
	var config *oidcsso.ConfigError
	if !errors.As(err, &config) {
		p.err.printf("oidcsso: %s\n", err)
		return exitUsage
	}
	for _, field := range config.Fields {
		name := field.Field
		if flag := flagsOf[name]; flag != "" {
			name = flag
		}
		p.err.printf("oidcsso: %s %s\n  > %s\n", name, here.Replace(field.Message), here.Replace(field.Remedy))
	}
	return exitUsage
}

// exitOfError is the exit code of a sign-in that failed.
func exitOfError(e *oidcsso.Error) int {
	if e.Code == oidcsso.CodeUnavailable {
		return exitUnreachable
	}
	return exitFailed
}

// causeOf is what happened, without the remedy.
func causeOf(e *oidcsso.Error) string {
	if cause := e.Unwrap(); cause != nil {
		return cause.Error()
	}
	return e.Public
}

func counted(n int, word string) string {
	switch n {
	case 0:
		return "no " + word + "s"
	case 1:
		return "1 " + word
	}
	return fmt.Sprintf("%d %ss", n, word)
}
