package connectorstore

import (
	"errors"
	"sync"

	"github.com/oidcsso/oidcsso"
)

// reasons are why rows can't be used, by the ID of the connector. The Router knows only that it was given no configuration. One is
// entered before the Router's step and taken away behind it: whoever meets the Router's answer finds the reason.
type reasons struct{ byID sync.Map }

func (r *reasons) enter(bad map[string]quarantine) {
	for id, q := range bad {
		r.byID.Store(id, q.err)
	}
}

func (r *reasons) remove(id string) { r.byID.Delete(id) }

// withReason asks the Router, and puts the reason in the place of its own cause. Who finds none asks again, since the connector may
// have been mended meanwhile; if there is none then either, it is the Router that refuses the configuration, and its cause is true.
func withReason[T any](r *reasons, ask func() (T, error)) (T, error) {
	for again := false; ; again = true {
		value, err := ask()
		if !errors.Is(err, oidcsso.CodeUnavailable) {
			return value, err
		}
		e := oidcsso.AsError(err)
		id := e.Connector
		reason, ok := r.byID.Load(id)
		if !ok && !again {
			continue
		}
		if ok { //check:live-reason
			e = oidcsso.AsError(outOfOrder{reason.(error)})
			e.Connector = id
		}
		e.Remedy = "The connector is out of order; the cause says why, and Live.Status has all such. Until it is mended nobody signs in through it, or in another way."
		return value, e
	}
}

// outOfOrder is a reason as the cause of CodeUnavailable, whatever it is made of: one that has an [oidcsso.Error] in it would
// otherwise say what the person reads.
type outOfOrder struct{ reason error }

func (o outOfOrder) Error() string { return o.reason.Error() }

// Is looks into the reason.
func (o outOfOrder) Is(target error) bool { return errors.Is(o.reason, target) }

// As finds what this package refused, and the code.
func (o outOfOrder) As(target any) bool {
	switch target := target.(type) {
	case *oidcsso.Code:
		*target = oidcsso.CodeUnavailable
		return true
	case **Error:
		return errors.As(o.reason, target)
	}
	return false
}
