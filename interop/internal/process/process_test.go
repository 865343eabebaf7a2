package process

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func script(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "start.sh")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+text), 0o700); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestAScriptThatIsReadyRunsUntilItIsStopped(t *testing.T) {
	t.Parallel()
	mark := filepath.Join(t.TempDir(), "ended")
	path := script(t, `trap 'echo > "$MARK"; exit 143' TERM
echo "installing"
echo "ready http://127.0.0.1:$1/$WHO"
while :; do sleep 0.01; done
`)
	idp, err := Start(t.Context(), path, 4711, "MARK="+mark, "WHO=acme")
	if err != nil {
		t.Fatal(err)
	}
	if idp.Issuer != "http://127.0.0.1:4711/acme" {
		t.Errorf("issuer %q", idp.Issuer)
	}
	if _, err := os.Stat(mark); err == nil {
		t.Error("it ended by itself")
	}
	idp.Stop()
	if _, err := os.Stat(mark); err != nil {
		t.Errorf("TERM did not reach the script: %v", err)
	}
}

func TestAScriptThatFailsSaysWhy(t *testing.T) {
	t.Parallel()
	_, err := Start(t.Context(), script(t, "echo no >&2; echo compiler here >&2; exit 1"), 1)
	if err == nil || !strings.Contains(err.Error(), "no; compiler here") {
		t.Errorf("%v", err)
	}
	_, err = Start(t.Context(), filepath.Join(t.TempDir(), "start.sh"), 1)
	if err == nil || !strings.Contains(err.Error(), "there is no script") {
		t.Errorf("%v", err)
	}
}

func TestAScriptThatIsNeverReadyIsEnded(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err := Start(ctx, script(t, "trap 'exit 1' TERM; while :; do sleep 0.01; done"), 1)
	if err == nil || !strings.Contains(err.Error(), "not ready") {
		t.Errorf("%v", err)
	}
}

func TestFreePortsAreFree(t *testing.T) {
	t.Parallel()
	first, err := FreePorts(3)
	if err != nil || !allFree(first, 3) {
		t.Errorf("%d, %v", first, err)
	}
}
