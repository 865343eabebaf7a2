package connectorstore

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
)

// resealBatch is how many rows one transaction seals anew: others that write wait for so long.
const resealBatch = 100

// Resealed is what [Store.Reseal] did.
type Resealed struct {
	// Changed rows are under the ring's first key now. Tampered ones could not be trusted and are as they were.
	Changed, Tampered int
}

// Reseal brings all rows under the first key of the ring, and their secrets under the Sealer's: the second step of a
// rotation, see [Ring]. Sign-ins and changes go on meanwhile, and replicas need not read anything again. It may be broken off
// and called again, and by several replicas. When it has returned without an error, the old key is not used any more, but by
// the rows that it counts as tampered.
func (s *Store) Reseal(ctx context.Context) (Resealed, error) {
	var done Resealed
	for _, table := range []resealer{connectorTable{s}, claimTable{s}, grantTable{s}} {
		after := ""
		for {
			ids, err := s.ids(ctx, s.db, table.name(), after)
			if err != nil {
				return done, err
			}
			if len(ids) == 0 {
				break
			}
			after = ids[len(ids)-1]
			if err := s.resealRows(ctx, table, ids, &done); err != nil {
				return done, err
			}
		}
	}
	return done, nil
}

// resealer is a table with signed rows.
type resealer interface {
	name() string
	// reseal says whether it changed the row. A row that is gone is no error.
	reseal(ctx context.Context, w *writer, id string) (bool, error)
}

// textID leaves out IDs that somebody made blobs in SQLite. They come behind every text there, also behind their own: who reads
// page by page would not come to an end.
const textID = "id = id || ''"

func (s *Store) ids(ctx context.Context, q queryer, table, after string) ([]string, error) {
	rows, err := q.QueryContext(ctx, s.options.Dialect.query("SELECT id FROM "+table+" WHERE id > ? AND "+textID+" ORDER BY id LIMIT ?"), after, resealBatch)
	if err != nil {
		return nil, fmt.Errorf("connectorstore: %w", err)
	}
	defer rows.Close()
	var ids []string
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			return nil, fmt.Errorf("connectorstore: %w", err)
		}
		ids = append(ids, id)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("connectorstore: %w", err)
	}
	return ids, nil
}

func (s *Store) resealRows(ctx context.Context, table resealer, ids []string, done *Resealed) error {
	var batch Resealed
	err := s.write(ctx, func(w *writer) error {
		batch = Resealed{}
		for _, id := range ids {
			changed, err := table.reseal(ctx, w, id)
			switch {
			case errors.Is(err, CodeTampered), errors.Is(err, errOpen):
				batch.Tampered++
			case errors.Is(err, CodeNotFound):
			case err != nil:
				return err
			case changed:
				batch.Changed++
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	done.Changed += batch.Changed
	done.Tampered += batch.Tampered
	return nil
}

type connectorTable struct{ *Store }

func (connectorTable) name() string { return "oidcsso_connectors" }

func (t connectorTable) reseal(ctx context.Context, w *writer, id string) (bool, error) {
	r, err := t.readRow(ctx, w.tx, id)
	if err != nil {
		return false, err
	}
	if err := t.verify(r); err != nil {
		return false, err
	}
	if !t.options.Ring.staleMAC(r.mac) && !t.staleSecret(r.secret) && !t.staleSecret(r.nextSecret) {
		return false, nil
	}
	cfg, err := r.configuration()
	if err != nil {
		return false, err
	}
	if err := t.openSecrets(ctx, r, &cfg); err != nil {
		return false, err
	}
	if err := t.sealSecrets(ctx, r, &cfg); err != nil {
		return false, err
	}
	old := r.mac
	r.mac = t.options.Ring.mac(r.signed())
	return true, w.overwrite(ctx, r, old)
}

func (s *Store) staleSecret(text string) bool {
	if text == "" {
		return false
	}
	sealed, err := base64.StdEncoding.Strict().DecodeString(text)
	return err != nil || s.options.Sealer.Stale(sealed)
}
