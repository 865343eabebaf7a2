package dbtest

import (
	"bufio"
	"database/sql"
	"encoding/json"
	"math/rand/v2"
	"net/url"
	"os"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"github.com/oidcsso/oidcsso/connectorstore"
)

const (
	crashWrites  = 1000
	crashKills   = 40
	crashWorkers = 4
)

// A process that writes is killed again and again. Whatever it said was done is there, nothing is half done, and the
// database opens without help.
func TestKilledProcess(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("-short leaves out what kills a process forty times; the gate's steps nested and postgres don't")
	}
	Each(t, func(t *testing.T, e Engine) {
		seed := uint64(time.Now().UnixNano())
		if text := os.Getenv("OIDCSSO_SEED"); text != "" {
			seed, _ = strconv.ParseUint(text, 10, 64)
		}
		t.Logf("OIDCSSO_SEED=%d", seed)
		r := rand.New(rand.NewPCG(seed, 1))
		l := &ledger{t: t, e: e, open: e.New(t), known: map[string]string{}, deleted: map[string]bool{}}
		db := l.open(t)
		if err := storeOver(t, e, db).Migrate(t.Context()); err != nil {
			t.Fatal(err)
		}
		l.dsn = dsnOf(t, e, db)
		db.Close() // the killed process is the only one: who opens the database next has to recover it
		kills, doubts := 0, 0
		for l.writes < crashWrites || kills < crashKills {
			l.run(r.Uint64(), 1+r.IntN(2*crashWrites/crashKills), time.Duration(r.IntN(3000))*time.Microsecond)
			kills++
			doubts += len(l.doubt)
			l.reconcile()
			if t.Failed() {
				t.Fatalf("after %d kills", kills)
			}
		}
		l.inspect()
		t.Logf("%d kills in %d writes; %d connectors were just being changed; there are %d, and %d deleted ones", kills, l.writes, doubts, len(l.known), len(l.deleted))
		if doubts == 0 {
			t.Error("no write was ever under way")
		}
	})
}

// report is a line of the child: it is about to change connectors, or has done so.
type report struct {
	// Begin names those that are about to change; Create says that there will be another one.
	Begin  []string `json:"begin,omitempty"`
	Create bool     `json:"create,omitempty"`
	Worker int      `json:"worker"`
	// Done has all that can be read of them afterwards; "" for what is deleted.
	Done map[string]string `json:"done,omitempty"`
	Fail string            `json:"fail,omitempty"`
}

// ledger is what a child has said.
type ledger struct {
	t       *testing.T
	e       Engine
	open    func(testing.TB) *sql.DB
	dsn     string
	writes  int
	known   map[string]string // what can be read of each connector
	deleted map[string]bool
	doubt   map[string]bool // by ID, of the last run
	created int             // in doubt
}

// run starts a child, and kills it when it has written so often, and some time has gone by.
func (l *ledger) run(seed uint64, writes int, later time.Duration) {
	l.t.Helper()
	child := exec.Command(os.Args[0], "-test.run=^TestKilledProcessItself$", "-test.timeout=1m")
	child.Env = append(os.Environ(), "OIDCSSO_CRASH_DSN="+l.dsn, "OIDCSSO_CRASH_ENGINE="+l.e.Name, "OIDCSSO_CRASH_SEED="+strconv.FormatUint(seed, 10))
	child.Stderr = os.Stderr
	out, err := child.StdoutPipe()
	if err == nil {
		err = child.Start()
	}
	if err != nil {
		l.t.Fatal(err)
	}
	begun := map[int]report{} // by worker
	done := 0
	for lines := bufio.NewReader(out); ; {
		line, err := lines.ReadString('\n')
		if err != nil { // it is dead; half a line says nothing
			break
		}
		var r report
		if json.Unmarshal([]byte(line), &r) != nil {
			l.t.Logf("the child says %s", line)
			continue
		}
		switch {
		case r.Fail != "":
			l.t.Errorf("the child: %s", r.Fail)
		case r.Done == nil:
			begun[r.Worker] = r
			continue
		}
		delete(begun, r.Worker)
		for id, state := range r.Done {
			if l.known[id] = state; state == "" {
				delete(l.known, id)
				l.deleted[id] = true
			}
		}
		l.writes++
		if done++; done == writes {
			time.Sleep(later) // into the midst of what comes next
			child.Process.Kill()
		}
	}
	child.Wait()
	l.doubt, l.created = map[string]bool{}, 0
	for _, r := range begun {
		for _, id := range r.Begin {
			l.doubt[id] = true
		}
		if r.Create {
			l.created++
		}
	}
}

// reconcile compares the database with what the child said.
func (l *ledger) reconcile() {
	l.t.Helper()
	db, ctx := l.open(l.t), l.t.Context()
	defer db.Close()
	store := storeOver(l.t, l.e, db)
	if err := store.Migrate(ctx); err != nil { // waits for a commit that PostgreSQL still has from the dead
		l.t.Fatal(err)
	}
	if l.e.Dialect == connectorstore.SQLite {
		var verdict string
		if err := db.QueryRowContext(ctx, "PRAGMA integrity_check").Scan(&verdict); err != nil || verdict != "ok" {
			l.t.Fatalf("integrity_check: %s, %v", verdict, err)
		}
	}
	if faults, err := store.Integrity(ctx); err != nil || len(faults) > 0 {
		l.t.Fatalf("Integrity: %q, %v", faults, err)
	}
	present := map[string]bool{}
	for after := ""; ; {
		page, err := store.Connectors(ctx, connectorstore.Filter{After: after, Limit: 1000})
		if err != nil {
			l.t.Fatal(err)
		}
		if len(page) == 0 {
			break
		}
		for _, c := range page {
			present[c.ID], after = true, c.ID
			if _, ok := l.known[c.ID]; !ok { // created, and not acknowledged
				if l.created--; l.created < 0 || l.deleted[c.ID] {
					l.t.Errorf("connector %s is there, and nobody made it", c.ID)
				}
				l.doubt[c.ID] = true
			}
		}
	}
	for id, said := range l.known {
		if !present[id] && !l.doubt[id] {
			l.t.Errorf("connector %s is gone; the child had said: %s", id, said)
		}
	}
	for id := range l.doubt {
		if l.known[id] = snapshot(l.t, store, id); l.known[id] == "" {
			delete(l.known, id)
			l.deleted[id] = true
		}
	}
	for id, said := range l.known {
		if is := snapshot(l.t, store, id); is != said {
			l.t.Errorf("connector %s was acknowledged as\n%s\nand is\n%s", id, said, is)
		}
	}
}

// inspect has the engine look for itself, at the end.
func (l *ledger) inspect() {
	l.t.Helper()
	if l.e.Dialect != connectorstore.PostgreSQL {
		return
	}
	db := l.open(l.t)
	program := pgProgram("pg_amcheck")
	if program == "" {
		l.t.Log("without pg_amcheck, which is not here")
		return
	}
	var schema string
	if err := db.QueryRow("SELECT current_schema()").Scan(&schema); err != nil {
		l.t.Fatal(err)
	}
	dsn, err := url.Parse(os.Getenv("OIDCSSO_POSTGRES"))
	if err != nil {
		l.t.Fatal(err)
	}
	check := exec.CommandContext(l.t.Context(), program, "--install-missing", "--heapallindexed", "--schema="+schema, "--host="+dsn.Hostname(),
		"--port="+dsn.Port(), "--username="+dsn.User.Username(), dsn.Path[1:])
	password, _ := dsn.User.Password()
	check.Env = append(os.Environ(), "PGPASSWORD="+password)
	if text, err := check.CombinedOutput(); err != nil {
		l.t.Errorf("pg_amcheck: %v\n%s", err, text)
	}
}

// dsnOf names the database to another process.
func dsnOf(t testing.TB, e Engine, db *sql.DB) string {
	t.Helper()
	query := "SELECT current_schema()"
	if e.Dialect == connectorstore.SQLite {
		query = "SELECT file FROM pragma_database_list WHERE name = 'main'"
	}
	var name string
	if err := db.QueryRowContext(t.Context(), query).Scan(&name); err != nil {
		t.Fatal(err)
	}
	if e.Dialect == connectorstore.SQLite {
		return SQLiteDSN(name)
	}
	dsn, err := url.Parse(os.Getenv("OIDCSSO_POSTGRES"))
	if err != nil {
		t.Fatal(err)
	}
	values := dsn.Query()
	values.Set("search_path", name)
	dsn.RawQuery = values.Encode()
	return dsn.String()
}

// snapshot is all that can be read of a connector; "" if it is deleted.
func snapshot(t testing.TB, s *connectorstore.Store, id string) string {
	t.Helper()
	text, err := snapshotOf(t.Context(), s, id)
	if err != nil {
		t.Fatalf("connector %s: %v", id, err)
	}
	return text
}
