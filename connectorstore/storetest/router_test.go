package storetest_test

import (
	"testing"

	"github.com/oidcsso/oidcsso"
	"github.com/oidcsso/oidcsso/connectorstore/storetest"
)

func TestRouterIsASource(t *testing.T) {
	t.Parallel()
	storetest.Source(t, func(t testing.TB, cfgs []oidcsso.Config) storetest.Subject {
		r := oidcsso.NewRouter(storetest.Options())
		change := func(t testing.TB, cfgs []oidcsso.Config) {
			if err := r.Replace(cfgs); err != nil {
				t.Error(err)
			}
		}
		change(t, cfgs)
		return storetest.Subject{Source: r, Change: change}
	})
}
