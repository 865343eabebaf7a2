package dbtest

import (
	"bufio"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/oidcsso/oidcsso"
	"github.com/oidcsso/oidcsso/connectorstore"
)

// ownPostgres is a server that no other test uses, so that this one may crash it.
func ownPostgres(t *testing.T) (dsn string, crash func()) {
	t.Helper()
	if os.Getenv("OIDCSSO_POSTGRES") == "" {
		t.Skip("without PostgreSQL: OIDCSSO_POSTGRES is not set")
	}
	script, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	server := exec.Command("bash", script+"/postgres.sh", "bash", "-c", `echo "$OIDCSSO_POSTGRES"; echo "$OIDCSSO_POSTGRES_RESTART"; read`)
	server.Stderr = os.Stderr
	stdin, err := server.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := server.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		stdin.Close() // ends it
		server.Wait()
	})
	lines := bufio.NewScanner(stdout)
	var said []string
	for len(said) < 2 && lines.Scan() {
		said = append(said, lines.Text())
	}
	if len(said) < 2 {
		t.Skip("a PostgreSQL of its own can't be started here")
	}
	return said[0], func() {
		t.Helper()
		if out, err := exec.Command("bash", "-c", said[1]).CombinedOutput(); err != nil {
			t.Fatalf("restarting: %v: %s", err, out)
		}
	}
}

// The server crashes again and again while administrators write and people ask. What was acknowledged is there afterwards, the
// replicas come back by themselves, and a password opens nothing at any moment.
func TestPostgreSQLRestarts(t *testing.T) {
	t.Parallel()
	dsn, crash := ownPostgres(t)
	w := newWorld(t, Engine{Name: "postgres", Dialect: connectorstore.PostgreSQL, New: func(testing.TB) func(testing.TB) *sql.DB {
		return func(t testing.TB) *sql.DB { return open(t, "pgx", dsn) }
	}})
	w.insert(t, row("acme", 1, "acme.example"))
	claim(t, w, "claim-acme.example", "acme", "acme.example", false)
	ctx := t.Context()
	var lives []*connectorstore.Live
	for i := range 2 {
		o := &connectorstore.LiveOptions{Interval: 100 * time.Millisecond}
		if i == 1 {
			o.Interval, o.Wake = time.Second, Listen(ctx, dsn)
		}
		l := w.newStore(t, nil).NewLive(o)
		run(t, l)
		eventually(t, "loading", func() bool { return !l.Status().LastSync.IsZero() })
		lives = append(lives, l)
	}

	working, stop := context.WithCancel(ctx)
	defer stop()
	var group sync.WaitGroup
	var mu sync.Mutex
	acknowledged := map[string]string{} // the name by ID
	var refused, asked atomic.Int64
	for i := range 3 {
		store := w.newStore(t, nil)
		group.Go(func() {
			for n := 0; working.Err() == nil; n++ {
				name := fmt.Sprintf("%d-%d", i, n)
				c, err := store.Create(ctx, "", oidcsso.Config{Name: "draft", Issuer: "https://x.okta.com", ClientID: "x"})
				if err == nil {
					c.Config.Name = name
					c, err = store.Update(ctx, c)
				}
				if err != nil {
					var refusal *connectorstore.Error
					if errors.As(err, &refusal) {
						t.Errorf("it was refused: %v", err)
					}
					refused.Add(1)
					time.Sleep(20 * time.Millisecond)
					continue
				}
				mu.Lock()
				acknowledged[c.ID] = name
				mu.Unlock()
			}
		})
	}
	for _, l := range lives {
		group.Go(func() {
			for working.Err() == nil {
				asked.Add(1)
				if got := password(ctx, l, "ada@acme.example"); got != "by acme" {
					t.Errorf("it is %s", got)
				}
				time.Sleep(time.Millisecond)
			}
		})
	}
	written := func() int {
		mu.Lock()
		defer mu.Unlock()
		return len(acknowledged)
	}
	for range 3 {
		before := written()
		eventually(t, "writing", func() bool { return written() >= before+100 })
		crash()
	}
	before := written()
	eventually(t, "writing again", func() bool { return written() >= before+100 })
	stop()
	group.Wait()

	for i, l := range lives {
		took := eventually(t, "every acknowledged change on every replica", func() bool {
			for id, name := range acknowledged {
				if c, err := l.Connector(ctx, id); err != nil || c.Name() != name {
					return false
				}
			}
			return l.Status().Err == nil
		})
		if s := l.Status(); len(s.Quarantined) > 0 {
			t.Errorf("the status is %+v", s)
		}
		t.Logf("replica %d has all after %v", i, took)
	}
	if faults, err := w.store.Integrity(ctx); err != nil || len(faults) > 0 {
		t.Errorf("in the database: %s, %v", strings.Join(faults, " "), err)
	}
	t.Logf("%d changes acknowledged, %d failed, %d questions", len(acknowledged), refused.Load(), asked.Load())
}
