package connectorstore

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"
)

// addReports counts attempts that enforcement would have stopped, by claim. It is no change of the store: it moves no revision,
// and waits for nobody who makes one. A claim that is gone is passed over.
func (s *Store) addReports(ctx context.Context, counts map[string]int64, last time.Time) error {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("connectorstore: %w", err)
	}
	defer tx.Rollback()
	for _, id := range slices.Sorted(maps.Keys(counts)) { // all replicas in one order
		if _, err := s.options.Dialect.exec(ctx, tx, "UPDATE oidcsso_claims SET report_count = report_count + ?, report_last = ? WHERE id = ?",
			counts[id], millis(last), id); err != nil {
			return err
		}
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("connectorstore: %w", err)
	}
	return nil
}
