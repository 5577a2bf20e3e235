package postgres

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"weir/jobs/popularity/store"
)

// lease is how long an instance that is not heard of keeps its partitions. It is
// above the pauses of a busy machine, and below what people wait for results. It
// has nothing to do with exactness, which the epochs see to.
const lease = 10 * time.Second

// ownership is what this instance owns: partitions and the epochs under which it
// took them.
type ownership struct {
	mu    sync.Mutex
	owned map[int32]int64
}

func newOwnership() ownership { return ownership{owned: map[int32]int64{}} }

// partitions are those that are owned, ascending; not nil, which would be NULL in
// a query.
func (o *ownership) partitions() []int32 {
	o.mu.Lock()
	defer o.mu.Unlock()
	owned := slices.AppendSeq([]int32{}, maps.Keys(o.owned))
	slices.Sort(owned)
	return owned
}

// epoch is the one under which a partition is owned; false where it is not.
func (o *ownership) epoch(partition int32) (int64, bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	epoch, ok := o.owned[partition]
	return epoch, ok
}

// Share implements store.Store. It says that this instance is alive, makes rows
// for partitions that are new, and takes what is free up to its part: with seven
// partitions and three members 3, 2 and 2, in the order of the members' names.
func (s *Store) Share(ctx context.Context, partitions []int32) (taken map[int32]store.Position, surplus []int32, err error) {
	taken = map[int32]store.Position{}
	err = s.transaction(ctx, func(tx pgx.Tx) error {
		if err := lock(ctx, tx); err != nil {
			return err
		}
		part, err := s.join(ctx, tx, partitions)
		if err != nil {
			return err
		}
		if err := s.stillOwned(ctx, tx); err != nil {
			return err
		}
		owned := s.partitions()
		if len(owned) > part {
			surplus = owned[part:]
		} else if err := s.take(ctx, tx, part-len(owned), taken); err != nil {
			return err
		}
		return s.disown(ctx, tx, taken)
	})
	if err != nil {
		return nil, nil, lost("share the partitions", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for partition, position := range taken {
		s.owned[partition] = position.Epoch
	}
	return taken, surplus, nil
}

// join renews this member and returns its part of the partitions.
func (s *Store) join(ctx context.Context, tx pgx.Tx, partitions []int32) (int, error) {
	var state string
	if err := tx.QueryRow(ctx, `SELECT identity->>'state' FROM weir_state`).Scan(&state); err != nil {
		return 0, fmt.Errorf("the state is gone: %w", err)
	}
	first, err := json.Marshal(store.Position{})
	if err == nil {
		_, err = tx.Exec(ctx, `INSERT INTO weir_partition (partition, state, epoch, position)
			SELECT p, $2, 0, $3 FROM unnest($1::int[]) p ON CONFLICT DO NOTHING`, partitions, state, first)
	}
	if err == nil {
		_, err = tx.Exec(ctx, `INSERT INTO weir_member (name, seen) VALUES ($1, clock_timestamp())
			ON CONFLICT (name) DO UPDATE SET seen = clock_timestamp()`, s.instance)
	}
	if err == nil {
		_, err = tx.Exec(ctx, `DELETE FROM weir_member WHERE seen < clock_timestamp() - $1::interval`, lease)
	}
	if err != nil {
		return 0, err
	}
	var members, rank, all int
	err = tx.QueryRow(ctx, `SELECT count(*), count(*) FILTER (WHERE name < $1), (SELECT count(*) FROM weir_partition) FROM weir_member`,
		s.instance).Scan(&members, &rank, &all)
	if err != nil {
		return 0, err
	}
	return (all + members - 1 - rank) / members, nil
}

// stillOwned is an error where another instance took a partition of ours.
func (s *Store) stillOwned(ctx context.Context, tx pgx.Tx) error {
	rows, err := tx.Query(ctx, `SELECT partition, epoch FROM weir_partition WHERE owner = $1`, s.instance)
	if err != nil {
		return err
	}
	stored := map[int32]int64{}
	var partition int32
	var epoch int64
	if _, err := pgx.ForEachRow(rows, []any{&partition, &epoch}, func() error { stored[partition] = epoch; return nil }); err != nil {
		return err
	}
	for _, partition := range s.partitions() {
		if ours, _ := s.epoch(partition); stored[partition] != ours {
			return fenced(partition)
		}
	}
	return nil
}

func fenced(partition int32) error {
	return &store.LostError{Reason: fmt.Sprintf("another instance has taken partition %d, as nothing was heard of this one for %s", partition, lease)}
}

// take takes up to so many partitions that are free: those of members that were
// not heard of, and what an earlier process of this name left.
func (s *Store) take(ctx context.Context, tx pgx.Tx, most int, taken map[int32]store.Position) error {
	if most <= 0 {
		return nil
	}
	rows, err := tx.Query(ctx, `UPDATE weir_partition SET owner = $1, epoch = epoch + 1
		WHERE partition IN (
			SELECT partition FROM weir_partition
			WHERE partition <> ALL($2::int[]) AND (owner IS NULL OR owner = $1 OR owner NOT IN (SELECT name FROM weir_member))
			ORDER BY partition LIMIT $3)
		RETURNING partition, epoch, position`, s.instance, s.partitions(), most)
	if err != nil {
		return err
	}
	var partition int32
	var epoch int64
	var text []byte
	_, err = pgx.ForEachRow(rows, []any{&partition, &epoch, &text}, func() error {
		var p store.Position
		err := json.Unmarshal(text, &p)
		p.Epoch = epoch
		taken[partition] = p
		return err
	})
	return err
}

// disown frees what an earlier process of this name left and that is beyond our part:
// to others it looks as if we counted it.
func (s *Store) disown(ctx context.Context, tx pgx.Tx, taken map[int32]store.Position) error {
	ours := slices.AppendSeq(s.partitions(), maps.Keys(taken))
	_, err := tx.Exec(ctx, `UPDATE weir_partition SET owner = NULL WHERE owner = $1 AND partition <> ALL($2::int[])`, s.instance, ours)
	return err
}

// Release implements store.Store.
func (s *Store) Release(ctx context.Context, partition int32) error {
	epoch, ok := s.epoch(partition)
	if !ok {
		return nil
	}
	_, err := s.pool.Exec(ctx, `UPDATE weir_partition SET owner = NULL WHERE partition = $1 AND owner = $2 AND epoch = $3`,
		partition, s.instance, epoch)
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.owned, partition)
	return lost("release a partition", err)
}

// leave gives everything back.
func (s *Store) leave(ctx context.Context) error {
	for _, partition := range s.partitions() {
		if err := s.Release(ctx, partition); err != nil {
			return err
		}
	}
	_, err := s.pool.Exec(ctx, `DELETE FROM weir_member WHERE name = $1`, s.instance)
	return lost("leave", err)
}
