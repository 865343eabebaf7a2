package main

import (
	"context"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
)

// listen wakes the replica when another one has changed something, so that it knows within milliseconds. It is a convenience:
// while it fails, the replica looks by itself every second.
func listen(ctx context.Context, database string, wake chan<- struct{}, log *slog.Logger) {
	for ctx.Err() == nil {
		if err := listenOnce(ctx, database, wake); err != nil && ctx.Err() == nil {
			log.Warn("not listening to the database", "error", err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(5 * time.Second):
		}
	}
}

// listenOnce has a connection of its own, outside of any pool.
func listenOnce(ctx context.Context, database string, wake chan<- struct{}) error {
	conn, err := pgx.Connect(ctx, database)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	if _, err := conn.Exec(ctx, "LISTEN oidcsso"); err != nil {
		return err
	}
	for {
		select { // also at first: something may have changed while nobody listened
		case wake <- struct{}{}:
		default: // it is about to look anyway
		}
		if _, err := conn.WaitForNotification(ctx); err != nil {
			return err
		}
	}
}
