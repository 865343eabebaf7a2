package oidcssotest

import (
	"io"
	"log/slog"
	"sync"
	"testing"
)

// testLog writes to a test's log for as long as the test runs: a refresh in the background may fail later than that, and
// what is written then would be a panic.
type testLog struct {
	mu  sync.Mutex
	out io.Writer // nil at the end
}

func newTestLogger(t testing.TB) *slog.Logger {
	l := &testLog{out: t.Output()}
	t.Cleanup(func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.out = nil
	})
	return slog.New(slog.NewTextHandler(l, nil))
}

func (l *testLog) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.out == nil {
		return len(line), nil
	}
	return l.out.Write(line)
}
