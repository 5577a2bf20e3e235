package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"weir/jobs/behavior"
	"weir/jobs/popularity/store"
)

// ranked adds up a source by page. Weights are in 1e-9 and a stay in 1e-9 minutes,
// so that counts are multiplied by 1e9 to have the same unit; numeric is exact.
func ranked(source string) string {
	return `SELECT page, sum(n)::bigint, sum(clicks)::bigint, sum(stay_nano)::text, sum(likes)::bigint
		FROM (` + source + `) s GROUP BY page
		ORDER BY sum(clicks) * 1000000000 * $2::bigint + sum(stay_nano) * $3::bigint + sum(likes) * 1000000000 * $4::bigint DESC, page
		LIMIT $1`
}

// Top implements store.Ranker. It reads all sums: some seconds for millions.
func (s *Store) Top(ctx context.Context, k int, weights behavior.Weights, w store.Width, buckets int32) (pages []store.PageSums, offsets map[int32]int64, err error) {
	offsets = map[int32]int64{}
	options := pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly} // sums and offsets of one moment
	err = pgx.BeginTxFunc(ctx, s.pool, options, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `SELECT partition, (position->>'next')::bigint, (position->>'latest')::bigint FROM weir_partition`)
		if err != nil {
			return err
		}
		var partition int32
		var next, latest, last int64
		if _, err = pgx.ForEachRow(rows, []any{&partition, &next, &latest}, func() error {
			offsets[partition], last = next, max(last, latest)
			return nil
		}); err != nil {
			return err
		}
		clicks, stay, like := weights.Nano()
		arguments := []any{k, clicks, stay, like}
		query := ranked(`SELECT page, n, clicks, stay_nano, likes FROM weir_page`)
		if buckets > 0 {
			until := int32(last / w.Duration().Milliseconds())
			query = ranked(`SELECT page, n, clicks, stay_nano, likes FROM weir_bucket WHERE width = $5 AND bucket > $6 AND bucket <= $7`)
			arguments = append(arguments, w.String(), until-buckets, until)
		}
		pages, err = collect(ctx, tx, query, arguments)
		return err
	})
	return pages, offsets, lost("rank the pages", err)
}

func collect(ctx context.Context, tx pgx.Tx, query string, arguments []any) (pages []store.PageSums, err error) {
	rows, err := tx.Query(ctx, query, arguments...)
	if err != nil {
		return nil, err
	}
	var page string
	var row sums
	_, err = pgx.ForEachRow(rows, append([]any{&page}, row.columns()...), func() error {
		err := row.finish()
		pages = append(pages, store.PageSums{Page: page, Sums: row.Sums})
		return err
	})
	return pages, err
}
