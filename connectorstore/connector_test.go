package connectorstore

import (
	"fmt"
	"testing"

	"github.com/oidcsso/oidcsso"
)

// A draft shuts nobody out, whatever its row says of its domains. Nor does it trust what has lost its proof.
func TestDraftsShutNobodyOut(t *testing.T) {
	t.Parallel()
	for state, want := range map[oidcsso.DomainState]oidcsso.DomainState{
		"verified": "verified", "routed": "verified", "report_only": "verified", "enforced": "verified", "frozen": "lapsed", "lapsed": "lapsed",
	} {
		for _, of := range []State{StateDraft, StateActive, StateDisabled} {
			r := &row{id: "acme", state: string(of), config: `{"issuer": "https://acme.okta.com", "client_id": "x"}`,
				domains: fmt.Sprintf(`[{"name": "acme.example", "state": %q, "claim": "c", "since": 1}]`, state)}
			cfg, err := r.live()
			if err != nil {
				t.Fatal(err)
			}
			expected := state
			if of == StateDraft {
				expected = want
			}
			if got := cfg.Domains[0].State; got != expected || cfg.Disabled != (of != StateActive) {
				t.Errorf("%s in a connector that is %s: %s, disabled %t", state, of, got, cfg.Disabled)
			}
		}
	}
}
