package dbtest

import (
	"testing"

	"github.com/oidcsso/oidcsso/connectorstore"
	"github.com/oidcsso/oidcsso/connectorstore/storetest"
)

func TestStore(t *testing.T) {
	t.Parallel()
	Each(t, func(t *testing.T, e Engine) { storetest.Store(t, e.Dialect, e.New) })
}

// newStore is a store over a new database, which has the tables.
func newStore(t testing.TB, e Engine) *connectorstore.Store {
	t.Helper()
	s := storeOver(t, e, e.New(t)(t))
	if err := s.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s
}
