package dbtest

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
)

// Listen wakes with each change that a Store makes in the PostgreSQL database, by a connection of its own, until ctx ends. It
// connects again when the connection is lost, and wakes then too, since it may have missed something. The channel is for
// connectorstore.LiveOptions.Wake; it is never closed.
func Listen(ctx context.Context, dsn string) <-chan struct{} {
	wake := make(chan struct{}, 1)
	go func() {
		for ctx.Err() == nil {
			_ = listen(ctx, dsn, wake) // whatever it was: the Live looks by itself meanwhile
			select {
			case <-ctx.Done():
			case <-time.After(time.Second):
			}
		}
	}()
	return wake
}

func listen(ctx context.Context, dsn string, wake chan<- struct{}) error {
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	if _, err := conn.Exec(ctx, "LISTEN oidcsso"); err != nil {
		return err
	}
	for {
		select {
		case wake <- struct{}{}:
		default: // it is about to look anyway
		}
		if _, err := conn.WaitForNotification(ctx); err != nil {
			return err
		}
	}
}
