package oidcsso

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/oidcsso/oidcsso/internal/egress"
	"github.com/oidcsso/oidcsso/internal/keyset"
)

// Operators set time-outs and alerts by the tables of docs/operations.md.
func TestOperationsHasTheFiguresOfTheCode(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	const kib = 1 << 10
	for _, want := range []string{
		fmt.Sprintf("from the start to the callback | %.0f minutes |", loginLifetime.Minutes()),
		fmt.Sprintf("with all its requests | %.0f s |", operationTimeout.Seconds()),
		fmt.Sprintf("name resolution to the last byte | %.0f s,", egress.Timeout.Seconds()),
		fmt.Sprintf("leeway for clocks | %.0f s (`Options.Leeway`) |", defaultLeeway.Seconds()),
		fmt.Sprintf("(`Options.Leeway`, at most %.0f minutes)", maxLeeway.Minutes()),
		fmt.Sprintf("not used any more after | %.0f h, %.0f days |", metadataRefresh.Hours(), metadataHard.Hours()/24),
		fmt.Sprintf("keys: the same | %.0f h, %.0f h |", keysRefresh.Hours(), keysHard.Hours()),
		fmt.Sprintf("a failed fetch is remembered | %.1f s, doubling to %.0f s |", retryMin.Seconds(), retryMax.Seconds()),
		fmt.Sprintf("a key that nobody knows | %.0f s |", keysCooldown.Seconds()),
		fmt.Sprintf("by `Connector.Check` | %.0f s |", metadataCooldown.Seconds()),
		fmt.Sprintf("the body of an answer | %d MiB |", egress.MaxBody/kib/kib),
		fmt.Sprintf("an ID token | %d KiB |", keyset.MaxTokenLength/kib),
		fmt.Sprintf("that are tried for one token | %d; %d |", keyset.MaxKeys, keyset.MaxTries),
		fmt.Sprintf("bytes of each | %d; %d |", maxParameters, maxParameter),
		fmt.Sprintf("body of a start | %d KiB |", maxStartBody/kib),
		fmt.Sprintf("login hint | %d, %d, %d bytes |", maxReturnTo, maxData, maxHint),
		fmt.Sprintf("more are an error | %d |", maxAccountAddresses),
		fmt.Sprintf("sign-ins under way in one browser | %d |", maxOutstanding),
		fmt.Sprintf("never over %d with its name", maxCookie),
	} {
		if !strings.Contains(string(text), want) {
			t.Errorf("docs/operations.md does not say: %s", want)
		}
	}
}
