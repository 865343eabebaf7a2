// Package process runs the scripts that start identity providers. Their contract: `start.sh PORT` installs what it needs,
// prints `ready ISSUER` on standard output when discovery answers, stays in the foreground, and ends with TERM.
package process

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

const endWithin = 30 * time.Second // after TERM

// IdP is a running identity provider.
type IdP struct {
	// Issuer is what it says of itself.
	Issuer string
	// Took is how long the start took, with the install if there was one.
	Took time.Duration

	cancel context.CancelFunc
	ended  chan struct{}
}

// Start runs the script and waits until it is ready, or the context ends. env is added to the process's own environment.
// The error has the last lines that the script wrote.
func Start(ctx context.Context, script string, port int, env ...string) (*IdP, error) {
	if _, err := os.Stat(script); err != nil {
		return nil, fmt.Errorf("there is no script: %w", err)
	}
	running, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(running, script, strconv.Itoa(port))
	cmd.Env = append(os.Environ(), env...)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = endWithin
	log := &tail{}
	cmd.Stderr = log
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		cancel()
		return nil, err
	}
	began := time.Now()
	ready, ended := make(chan string, 1), make(chan struct{})
	go func() {
		defer close(ended)
		if issuer, ok := issuerOf(out); ok {
			ready <- issuer
		}
		io.Copy(io.Discard, out)
		cmd.Wait()
	}()
	p := &IdP{cancel: cancel, ended: ended}
	select {
	case p.Issuer = <-ready:
		p.Took = time.Since(began)
		return p, nil
	case <-ended:
		cancel()
		return nil, fmt.Errorf("%s ended before it was ready: %s", filepath.Base(filepath.Dir(script)), log)
	case <-ctx.Done():
		p.Stop()
		return nil, fmt.Errorf("not ready after %s (%w): %s", time.Since(began).Round(time.Second), ctx.Err(), log)
	}
}

// Stop ends it and waits until it has ended.
func (p *IdP) Stop() {
	p.cancel()
	<-p.ended
}

func issuerOf(out io.Reader) (string, bool) {
	lines := bufio.NewReader(out)
	for {
		line, err := lines.ReadString('\n')
		if issuer, ok := strings.CutPrefix(strings.TrimSpace(line), "ready "); ok {
			return issuer, true
		}
		if err != nil {
			return "", false
		}
	}
}

// FreePorts finds that many ports in a row that nobody listens at. They are below the range from which systems usually take
// ports for outgoing connections, so that they are still free after a restart.
func FreePorts(count int) (int, error) {
	for range 100 {
		first := 20000 + rand.IntN(12000)
		if allFree(first, count) {
			return first, nil
		}
	}
	return 0, errors.New("no free ports were found")
}

func allFree(first, count int) bool {
	for port := first; port < first+count; port++ {
		listener, err := net.Listen("tcp", "127.0.0.1:"+strconv.Itoa(port))
		if err != nil {
			return false
		}
		listener.Close()
	}
	return true
}

// tail keeps the end of what was written.
type tail struct {
	mu   sync.Mutex
	kept []byte
}

const keep = 2000 // bytes

func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.kept = append(t.kept, b...)
	t.kept = t.kept[max(0, len(t.kept)-keep):]
	return len(b), nil
}

// String is the last lines in one.
func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	lines := strings.Split(strings.TrimSpace(string(t.kept)), "\n")
	return strings.Join(lines[max(0, len(lines)-3):], "; ")
}
