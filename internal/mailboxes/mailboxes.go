// Package mailboxes knows the domains of public mailbox providers, in which everybody can have an address.
package mailboxes

import (
	_ "embed"
	"strings"
	"sync"
)

//go:embed domains.txt
var list string

// domains is read at the first question, since most programs that import the library ask only when a connector changes, and
// some never.
var domains = sync.OnceValue(func() map[string]struct{} {
	set := make(map[string]struct{}, strings.Count(list, "\n"))
	for line := range strings.Lines(list) {
		if name := strings.TrimSpace(line); name != "" && name[0] != '#' {
			set[name] = struct{}{}
		}
	}
	return set
})

// Contains says whether the canonical domain is one that a provider gives mailboxes in. It says nothing of names below it.
func Contains(domain string) bool {
	_, ok := domains()[domain]
	return ok
}
