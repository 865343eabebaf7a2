package oidcsso

import (
	"context"
	"log/slog"
	"time"
)

// operation is one Begin or Finish as Events are told of it: once, when it is over. Where nobody is to be told, it costs no
// look at the clock and no allocation.
type operation struct {
	env       *environment
	source    Source
	heard     bool
	start     time.Time
	connector string    // empty until it is known: found by the Source, or named by a Login
	begun     time.Time // when the Login of a Finish was
}

func (env *environment) operation(source Source) operation {
	_, told := source.(Events)
	op := operation{env: env, source: source, heard: told || env.events != nil}
	if op.heard {
		op.start = env.now()
	}
	return op
}

// of is whose sign-in a Finish is about, as its sealed Login says.
func (op *operation) of(login *Login) {
	op.connector, op.begun = login.connector, login.expiry.Add(-loginLifetime)
}

// began ends a Begin. asked is the connector's ID as anybody may send it.
func (op *operation) began(ctx context.Context, asked string, err error) {
	switch {
	case !op.heard:
	case err != nil:
		op.refused(ctx, "begin", asked, err)
	default:
		op.tell(ctx, EventSignInStarted)
	}
}

// finished ends a Finish. Without an Identity and an error it panicked, and says nothing.
func (op *operation) finished(ctx context.Context, id *Identity, err error) {
	switch {
	case !op.heard:
	case err != nil:
		op.refused(ctx, "finish", "", err)
	case id != nil:
		attrs := []slog.Attr{slog.String("issuer", id.Issuer), slog.String("key", id.Key().String()),
			slog.String("email_status", string(id.EmailStatus))}
		if id.Domain.Name != "" {
			attrs = append(attrs, slog.String("domain", id.Domain.String()))
		}
		if id.Domain.ClaimID != "" {
			attrs = append(attrs, slog.String("claim", id.Domain.ClaimID))
		}
		op.tell(ctx, EventSignInSucceeded, append(attrs, slog.Duration("took", op.since(op.begun)))...)
	}
}

// refused leaves out the cause, which is for the log of whoever has the error: the id is in both.
func (op *operation) refused(ctx context.Context, stage, asked string, err error) {
	e := AsError(err)
	attrs := []slog.Attr{slog.String("stage", stage), slog.String("code", string(e.Code)), slog.String("kind", string(e.Kind())),
		slog.String("id", e.ID)}
	if e.Check != "" {
		attrs = append(attrs, slog.String("check", e.Check))
	}
	if op.connector == "" && isID(asked) {
		attrs = append(attrs, slog.String("asked", asked))
	}
	op.tell(ctx, EventSignInRefused, attrs...)
}

func (op *operation) tell(ctx context.Context, name string, attrs ...slog.Attr) {
	all := make([]slog.Attr, 0, len(attrs)+2)
	if op.connector != "" {
		all = append(all, slog.String("connector", op.connector))
	}
	all = append(append(all, attrs...), slog.Duration("duration", op.since(op.start)))
	tell(ctx, op.source, op.env.events, name, all...)
}

// since is not negative, though two replicas' clocks may differ.
func (op *operation) since(t time.Time) time.Duration { return max(op.env.now().Sub(t), 0) }

// isID keeps out of the events what can't be an ID: it may be an address that somebody typed in the wrong place.
func isID(text string) bool {
	invalid := &ConfigError{}
	checkID(invalid, text)
	return invalid.orNil() == nil //check:event-asked
}
