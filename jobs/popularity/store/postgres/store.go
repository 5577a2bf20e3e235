// Package postgres keeps the calculator's state in PostgreSQL, where several
// instances share the input's partitions.
//
// Guarantee: what a commit is given becomes durable completely or not at all, in
// one transaction, and only while this instance owns all partitions it is about.
// Ownership is an epoch in the partition's row: who takes a partition raises it,
// and each commit names the epoch it was made under. An instance that was
// suspended, or cut off, and whose partitions others took, finds another epoch: it
// can commit nothing any more, whatever it still believes.
//
// Membership and leases, by the database's clock, only decide who takes what and
// when. One schema holds one state: choose it with search_path in the URL.
package postgres

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"weir/jobs/behavior"
	"weir/jobs/popularity/store"
)

// maxConnections is enough for commits, the outbox and the heartbeat beside them, and
// a restore of two partitions at a time.
const maxConnections = 5

// Store is an open state. Its methods may be called concurrently.
type Store struct {
	pool *pgxpool.Pool
	// instance is this process's name among the members.
	instance string
	ownership
	heart heart
}

// Open connects to a postgres:// URL and makes the tables where they are missing.
// With replace a state that is there is deleted: PostgreSQL's own backups are the
// way back.
func Open(ctx context.Context, url, instance string, replace bool) (*Store, error) {
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, fmt.Errorf("--store: %w", err)
	}
	config.MaxConns = maxConnections
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, err
	}
	s := &Store{pool: pool, instance: instance, ownership: newOwnership()}
	err = s.transaction(ctx, func(tx pgx.Tx) error {
		if err := lock(ctx, tx); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, schema); err != nil || !replace {
			return err
		}
		_, err := tx.Exec(ctx, everything)
		return err
	})
	if err != nil {
		pool.Close()
		return nil, lost("open the state", err)
	}
	s.heart.start(s.beat)
	return s, nil
}

// Close gives the partitions back, so that others need not wait for the lease.
func (s *Store) Close(ctx context.Context) error {
	s.heart.stop()
	err := s.leave(ctx)
	s.pool.Close()
	return err
}

// transaction runs f in a transaction that is committed where f returns nil.
func (s *Store) transaction(ctx context.Context, f func(pgx.Tx) error) error {
	return pgx.BeginFunc(ctx, s.pool, f)
}

// lost is an error after which what is in memory may not be what is stored.
func lost(what string, err error) error {
	if err == nil {
		return nil
	}
	var already *store.LostError
	if errors.As(err, &already) {
		return err
	}
	return &store.LostError{Reason: what + " in PostgreSQL", Err: err}
}

// Identity implements store.Store.
func (s *Store) Identity(ctx context.Context) (id store.Identity, found bool, err error) {
	err = s.pool.QueryRow(ctx, `SELECT identity FROM weir_state`).Scan(&id)
	if errors.Is(err, pgx.ErrNoRows) {
		return store.Identity{}, false, nil
	}
	return id, err == nil, lost("read the identity", err)
}

// Begin implements store.Store. Where several instances begin at the same time the
// first wins; the others get a *store.LostError and find its state when they start
// over. Of a partition that is there, nothing counts as published any more, and its
// owner loses it, as that has in memory what is: it starts over. How far it is counted
// is for its owners alone to say.
func (s *Store) Begin(ctx context.Context, id store.Identity, positions map[int32]store.Position) error {
	return lost("begin the state", s.transaction(ctx, func(tx pgx.Tx) error {
		if err := lock(ctx, tx); err != nil {
			return err
		}
		var state string
		err := tx.QueryRow(ctx, `INSERT INTO weir_state (identity) VALUES ($1)
			ON CONFLICT (one) DO UPDATE SET identity = $1 WHERE weir_state.identity->>'state' = $2
			RETURNING identity->>'state'`, id, id.State).Scan(&state)
		if errors.Is(err, pgx.ErrNoRows) {
			return &store.LostError{Reason: "another instance began the state at the same time"}
		}
		for partition, position := range positions {
			if err == nil {
				_, err = tx.Exec(ctx, `INSERT INTO weir_partition (partition, state, epoch, position) VALUES ($1, $2, $3, $4)
					ON CONFLICT (partition) DO UPDATE SET owner = NULL, epoch = weir_partition.epoch + 1,
						position = jsonb_set(weir_partition.position, '{published}', weir_partition.position->'first')`,
					partition, id.State, position.Epoch, position)
			}
		}
		return err
	}))
}

// Positions implements store.Store.
func (s *Store) Positions(ctx context.Context) (map[int32]store.Position, error) {
	positions := map[int32]store.Position{}
	rows, err := s.pool.Query(ctx, `SELECT partition, position FROM weir_partition`)
	if err != nil {
		return nil, lost("read the positions", err)
	}
	var partition int32
	var text []byte
	_, err = pgx.ForEachRow(rows, []any{&partition, &text}, func() error {
		var p store.Position
		err := json.Unmarshal(text, &p)
		positions[partition] = p
		return err
	})
	return positions, lost("read the positions", err)
}

// sums are a row's, as they are read.
type sums struct {
	behavior.Sums
	stay string
}

func (s *sums) columns() []any { return []any{&s.N, &s.Clicks, &s.stay, &s.Like} }

func (s *sums) finish() error { return s.StayNano.UnmarshalJSON([]byte(s.stay)) }

// Pages implements store.Store.
func (s *Store) Pages(ctx context.Context, partition int32, visit func(page []byte, sums behavior.Sums, changed int64) error) error {
	rows, err := s.pool.Query(ctx, `SELECT page, changed, n, clicks, stay_nano::text, likes FROM weir_page WHERE partition = $1`, partition)
	if err != nil {
		return lost("read the pages", err)
	}
	var page string
	var changed int64
	var row sums
	var refused error // what is stored is there, and cannot be counted on
	_, err = pgx.ForEachRow(rows, append([]any{&page, &changed}, row.columns()...), func() error {
		if refused = row.finish(); refused == nil {
			refused = visit([]byte(page), row.Sums, changed)
		}
		return refused
	})
	return cmp.Or(refused, lost("read the pages", err))
}

// Buckets implements store.Store.
func (s *Store) Buckets(ctx context.Context, w store.Width, partition int32, visit func(bucket int32, page []byte, sums behavior.Sums) error) error {
	rows, err := s.pool.Query(ctx, `SELECT bucket, page, n, clicks, stay_nano::text, likes FROM weir_bucket
		WHERE width = $1 AND partition = $2`, w.String(), partition)
	if err != nil {
		return lost("read the buckets", err)
	}
	var bucket int32
	var page string
	var row sums
	var refused error
	_, err = pgx.ForEachRow(rows, append([]any{&bucket, &page}, row.columns()...), func() error {
		if refused = row.finish(); refused == nil {
			refused = visit(bucket, []byte(page), row.Sums)
		}
		return refused
	})
	return cmp.Or(refused, lost("read the buckets", err))
}
