package connectorstore

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"
)

// addReports adds to the counters of claims what a replica counted since the last time, all of it or nothing. It is no change
// of any connector, and no replica is woken. Claims that are gone are passed over.
func (s *Store) addReports(ctx context.Context, counts map[string]int64, last time.Time) error {
	if len(counts) == 0 {
		return nil
	}
	tx, err := s.begin(ctx)
	if err != nil {
		return fmt.Errorf("connectorstore: %w", err)
	}
	defer tx.Rollback()
	// The writers' lock: two who change the same rows in another order would block each other.
	if _, err := s.options.Dialect.exec(ctx, tx, "UPDATE oidcsso_meta SET version = version"); err != nil {
		return err
	}
	for _, id := range slices.Sorted(maps.Keys(counts)) {
		_, err := s.options.Dialect.exec(ctx, tx, "UPDATE oidcsso_claims SET report_count = report_count + ?, "+
			"report_last = CASE WHEN report_last < ? THEN ? ELSE report_last END WHERE id = ?", counts[id], millis(last), millis(last), id)
		if err != nil {
			return err
		}
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("connectorstore: %w", err)
	}
	return nil
}
