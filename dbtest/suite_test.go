package dbtest

import (
	"testing"

	"github.com/oidcsso/oidcsso/connectorstore/storetest"
)

func TestStore(t *testing.T) {
	t.Parallel()
	Each(t, func(t *testing.T, e Engine) { storetest.Store(t, e.Dialect, e.New) })
}
