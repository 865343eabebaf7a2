package dbtest

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"sync"
	"testing"
)

// wire is between a Store and its database. It counts, and breaks where it is told to.
type wire struct {
	mu    sync.Mutex
	steps int // statements, begins and commits so far
	rows  int // read so far
	fault func(step int, commit bool) fault
}

// fault is what becomes of one step.
type fault int

const (
	fine    fault = iota
	refuses       // it is not done
	mute          // it is done, and its answer is lost
	hangs         // nothing comes back, until the caller goes
)

var errWire = errors.New("the connection is lost")

func (w *wire) step(commit bool) fault {
	w.mu.Lock()
	w.steps++
	n, decide := w.steps, w.fault
	w.mu.Unlock()
	if decide == nil {
		return fine
	}
	return decide(n, commit)
}

// from counts anew, and breaks as told.
func (w *wire) from(decide func(step int, commit bool) fault) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.steps, w.rows, w.fault = 0, 0, decide
}

func (w *wire) counted() (steps, rows int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.steps, w.rows
}

// through gives the database at the end of the wire.
func (w *wire) through(t testing.TB, inner *sql.DB) *sql.DB {
	db := sql.OpenDB(wired{w, inner})
	t.Cleanup(func() { db.Close() })
	return db
}

type wired struct {
	w     *wire
	inner *sql.DB
}

func (d wired) Driver() driver.Driver { return d.inner.Driver() }

func (d wired) Connect(ctx context.Context) (driver.Conn, error) {
	held, err := d.inner.Conn(context.WithoutCancel(ctx))
	if err != nil {
		return nil, err
	}
	c := &wiredConn{w: d.w, held: held}
	return c, held.Raw(func(raw any) error {
		c.Conn = raw.(driver.Conn)
		return nil
	})
}

type wiredConn struct {
	driver.Conn
	w    *wire
	held *sql.Conn
}

func (c *wiredConn) Close() error { return c.held.Close() }

// ResetSession and IsValid say that a connection is dead that its driver gave up when its user had gone.
func (c *wiredConn) ResetSession(ctx context.Context) error {
	if r, ok := c.Conn.(driver.SessionResetter); ok {
		return r.ResetSession(ctx)
	}
	return nil
}

func (c *wiredConn) IsValid() bool {
	v, ok := c.Conn.(driver.Validator)
	return !ok || v.IsValid()
}

func (c *wiredConn) BeginTx(ctx context.Context, o driver.TxOptions) (driver.Tx, error) {
	if c.w.step(false) != fine {
		return nil, errWire
	}
	tx, err := c.Conn.(driver.ConnBeginTx).BeginTx(ctx, o)
	return wiredTx{tx, c.w}, err
}

func (c *wiredConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	f := c.w.step(false)
	switch f {
	case refuses:
		return nil, errWire
	case hangs:
		<-ctx.Done()
		return nil, ctx.Err()
	}
	result, err := c.Conn.(driver.ExecerContext).ExecContext(ctx, query, args)
	if f == mute {
		return nil, errWire
	}
	return result, err
}

func (c *wiredConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	if c.w.step(false) != fine {
		return nil, errWire
	}
	rows, err := c.Conn.(driver.QueryerContext).QueryContext(ctx, query, args)
	if err != nil {
		return nil, err
	}
	return wiredRows{rows, c.w}, nil
}

type wiredTx struct {
	driver.Tx
	w *wire
}

func (t wiredTx) Commit() error {
	f := t.w.step(true)
	if f == refuses {
		return errors.Join(errWire, t.Tx.Rollback())
	}
	err := t.Tx.Commit()
	if f == mute {
		return errWire
	}
	return err
}

type wiredRows struct {
	driver.Rows
	w *wire
}

func (r wiredRows) Next(into []driver.Value) error {
	err := r.Rows.Next(into)
	if err == nil {
		r.w.mu.Lock()
		r.w.rows++
		r.w.mu.Unlock()
	}
	return err
}
