package connectorstore

import (
	"encoding/json"
	"log/slog"
	"time"
)

// Status is how well a [Live] knows its [Store].
type Status struct {
	// Revision is that of the store which everything answers by, at least.
	Revision int64
	// LastSync is when the database was last asked successfully. Zero: never, and everything is unavailable. It is what to
	// alarm on: while it is older than a minute, say, changes do not arrive, such as a connector that was disabled.
	LastSync time.Time
	// Err is what the last look failed with; nil if it succeeded.
	Err error
	// Connectors is how many there are, those in quarantine included.
	Connectors int
	// Quarantined are the connectors through which nobody can sign in because of their rows, sorted by ID. Alarm on every one.
	Quarantined []Quarantined
}

// Quarantined is a connector whose row could not be used.
type Quarantined struct {
	// ID is the connector's, Err what is wrong with its row.
	ID  string
	Err error
}

// Status says how well the replica knows the store: for health checks. A replica that has loaded once can serve; one whose
// database is away serves what it knows, and is best left running.
func (l *Live) Status() Status {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.status
}

// MarshalJSON gives {"revision", "last_sync", "connectors", "quarantined", "error"}, with the texts of errors, which may name what
// is in the network: it is for an operator, not for a public health check. A struct that embeds a Status is written in the same
// way.
func (s Status) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Revision    int64         `json:"revision"`
		LastSync    time.Time     `json:"last_sync,omitzero"`
		Connectors  int           `json:"connectors"`
		Quarantined []Quarantined `json:"quarantined"`
		Error       string        `json:"error,omitempty"`
	}{s.Revision, s.LastSync, s.Connectors, append([]Quarantined{}, s.Quarantined...), textOf(s.Err)})
}

// LogValue gives the same, but for how many are quarantined in place of which: there may be thousands.
func (s Status) LogValue() slog.Value {
	attrs := []slog.Attr{slog.Int64("revision", s.Revision), slog.Time("last_sync", s.LastSync), slog.Int("connectors", s.Connectors),
		slog.Int("quarantined", len(s.Quarantined))}
	if s.Err != nil {
		attrs = append(attrs, slog.String("error", s.Err.Error()))
	}
	return slog.GroupValue(attrs...)
}

// MarshalJSON gives {"id", "error"}, with the text of the error: for an operator.
func (q Quarantined) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		ID    string `json:"id"`
		Error string `json:"error"`
	}{q.ID, textOf(q.Err)})
}

// LogValue gives the same.
func (q Quarantined) LogValue() slog.Value {
	return slog.GroupValue(slog.String("id", q.ID), slog.String("error", textOf(q.Err)))
}

func textOf(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
