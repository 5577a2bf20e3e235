package postgres

import (
	"context"
	"encoding/json"
	"fmt"
	"math/bits"

	"github.com/jackc/pgx/v5"

	"weir/jobs/behavior"
	"weir/jobs/popularity/store"
)

// Commit collects one atomic change of the state, column by column.
type Commit struct {
	store     *Store
	positions map[int32]store.Position
	pages     rows
	changed   []int64
	buckets   rows
	widths    []string
	numbers   []int32
	drops     []drop
	letters   []store.DeadLetter
}

// rows are sums of pages, by column.
type rows struct {
	partitions       []int32
	pages            []string
	n, clicks, likes []int64
	stays            []string
}

func (r *rows) add(partition int32, page []byte, s behavior.Sums) {
	r.partitions = append(r.partitions, partition)
	r.pages = append(r.pages, string(page))
	r.n, r.clicks, r.likes = append(r.n, s.N), append(r.clicks, s.Clicks), append(r.likes, s.Like)
	r.stays = append(r.stays, s.StayNano.String())
}

// part are the columns of some rows.
func (r *rows) part(from, until int) []any {
	return []any{
		r.partitions[from:until], r.pages[from:until],
		r.n[from:until], r.clicks[from:until], r.stays[from:until], r.likes[from:until],
	}
}

type drop struct {
	width            store.Width
	partition, until int32
}

// NewCommit implements store.Store.
func (s *Store) NewCommit() store.Commit {
	return &Commit{store: s, positions: map[int32]store.Position{}}
}

// Empty implements store.Commit.
func (c *Commit) Empty() bool { return len(c.positions) == 0 }

// Position implements store.Commit.
func (c *Commit) Position(partition int32, p store.Position) error {
	c.positions[partition] = p
	return nil
}

// Block implements store.Commit: a row is a page, so slots do not matter.
func (c *Commit) Block(partition int32, b store.Block) error {
	for dirty := b.Dirty; dirty != 0; dirty &= dirty - 1 {
		i := bits.TrailingZeros64(dirty)
		c.pages.add(partition, b.Name(b.First+uint32(i)), b.Sums[i])
		c.changed = append(c.changed, b.Changed[i])
	}
	return nil
}

// Bucket implements store.Commit. Of several sums of one bucket the last counts,
// and PostgreSQL takes but one.
func (c *Commit) Bucket(w store.Width, partition, bucket int32, page []byte, sums behavior.Sums) error {
	c.buckets.add(partition, page, sums)
	c.widths, c.numbers = append(c.widths, w.String()), append(c.numbers, bucket)
	return nil
}

// DropBuckets implements store.Commit.
func (c *Commit) DropBuckets(w store.Width, partition, until int32) error {
	c.drops = append(c.drops, drop{w, partition, until})
	return nil
}

// Letter implements store.Commit.
func (c *Commit) Letter(d store.DeadLetter) error {
	c.letters = append(c.letters, d)
	return nil
}

// Discard implements store.Commit.
func (c *Commit) Discard() {}

// Apply implements store.Commit.
func (c *Commit) Apply(ctx context.Context) error {
	return lost("commit", c.store.transaction(ctx, func(tx pgx.Tx) error {
		for partition, position := range c.positions {
			if err := c.swap(ctx, tx, partition, position); err != nil {
				return err
			}
		}
		if err := c.putPages(ctx, tx); err != nil {
			return err
		}
		if err := c.putBuckets(ctx, tx); err != nil {
			return err
		}
		return c.putLetters(ctx, tx)
	}))
}

// swap moves a partition on, if it is still owned under the same epoch. The row
// stays locked until the transaction ends, so that nobody takes it in between.
func (c *Commit) swap(ctx context.Context, tx pgx.Tx, partition int32, position store.Position) error {
	epoch, _ := c.store.epoch(partition)
	position.Epoch = epoch
	tag, err := tx.Exec(ctx, `UPDATE weir_partition SET position = $1 WHERE partition = $2 AND owner = $3 AND epoch = $4
		AND state = (SELECT identity->>'state' FROM weir_state)`, position, partition, c.store.instance, epoch)
	if err == nil && tag.RowsAffected() != 1 {
		return fenced(partition)
	}
	return err
}

// batch is how many rows go into one statement: some megabytes.
const batch = 20_000

func (c *Commit) putPages(ctx context.Context, tx pgx.Tx) error {
	for from := 0; from < len(c.changed); from += batch {
		until := min(from+batch, len(c.changed))
		_, err := tx.Exec(ctx, `INSERT INTO weir_page (partition, page, n, clicks, stay_nano, likes, changed)
			SELECT partition, page, n, clicks, stay::numeric, likes, changed
			FROM unnest($1::int[], $2::text[], $3::bigint[], $4::bigint[], $5::text[], $6::bigint[], $7::bigint[])
				AS r(partition, page, n, clicks, stay, likes, changed)
			ON CONFLICT (partition, page) DO UPDATE SET n = excluded.n, clicks = excluded.clicks,
				stay_nano = excluded.stay_nano, likes = excluded.likes, changed = excluded.changed`,
			append(c.pages.part(from, until), c.changed[from:until])...)
		if err != nil {
			return fmt.Errorf("pages: %w", err)
		}
	}
	return nil
}

func (c *Commit) putBuckets(ctx context.Context, tx pgx.Tx) error {
	for _, d := range c.drops {
		if _, err := tx.Exec(ctx, `DELETE FROM weir_bucket WHERE width = $1 AND partition = $2 AND bucket < $3`,
			d.width.String(), d.partition, d.until); err != nil {
			return fmt.Errorf("old buckets: %w", err)
		}
	}
	for from := 0; from < len(c.widths); from += batch {
		until := min(from+batch, len(c.widths))
		// A bucket that was added to twice is there twice: the later row, with more
		// messages, has all of them.
		_, err := tx.Exec(ctx, `INSERT INTO weir_bucket (partition, page, n, clicks, stay_nano, likes, width, bucket)
			SELECT DISTINCT ON (width, partition, bucket, page) partition, page, n, clicks, stay::numeric, likes, width, bucket
			FROM unnest($1::int[], $2::text[], $3::bigint[], $4::bigint[], $5::text[], $6::bigint[], $7::text[], $8::int[])
				AS r(partition, page, n, clicks, stay, likes, width, bucket)
			ORDER BY width, partition, bucket, page, n DESC
			ON CONFLICT (width, partition, bucket, page) DO UPDATE SET n = excluded.n, clicks = excluded.clicks,
				stay_nano = excluded.stay_nano, likes = excluded.likes`,
			append(c.buckets.part(from, until), c.widths[from:until], c.numbers[from:until])...)
		if err != nil {
			return fmt.Errorf("buckets: %w", err)
		}
	}
	return nil
}

func (c *Commit) putLetters(ctx context.Context, tx pgx.Tx) error {
	for _, d := range c.letters {
		text, err := json.Marshal(d)
		if err == nil {
			_, err = tx.Exec(ctx, `INSERT INTO weir_letter (partition, record_offset, letter) VALUES ($1, $2, $3)`, d.Partition, d.Offset, text)
		}
		if err != nil {
			return fmt.Errorf("dead letters: %w", err)
		}
	}
	return nil
}

// Outbox implements store.Store: the letters of the partitions that are owned.
func (s *Store) Outbox(ctx context.Context, limit int) (letters []store.DeadLetter, err error) {
	rows, err := s.pool.Query(ctx, `SELECT letter FROM weir_letter WHERE partition = ANY($1::int[])
		ORDER BY partition, record_offset LIMIT $2`, s.partitions(), limit)
	if err != nil {
		return nil, lost("read the outbox", err)
	}
	var text []byte
	_, err = pgx.ForEachRow(rows, []any{&text}, func() error {
		var d store.DeadLetter
		err := json.Unmarshal(text, &d)
		letters = append(letters, d)
		return err
	})
	return letters, lost("read the outbox", err)
}

// Delivered implements store.Store.
func (s *Store) Delivered(ctx context.Context, letters []store.DeadLetter) error {
	partitions, offsets := make([]int32, len(letters)), make([]int64, len(letters))
	for i, d := range letters {
		partitions[i], offsets[i] = d.Partition, d.Offset
	}
	_, err := s.pool.Exec(ctx, `DELETE FROM weir_letter USING unnest($1::int[], $2::bigint[]) AS d(partition, record_offset)
		WHERE weir_letter.partition = d.partition AND weir_letter.record_offset = d.record_offset`, partitions, offsets)
	return lost("empty the outbox", err)
}
