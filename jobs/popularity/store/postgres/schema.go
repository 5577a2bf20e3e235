package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"
)

// schema is what a state consists of. A page and its bucket are text in the order
// of their bytes, so that ties break as they do in the calculator.
const schema = `
CREATE TABLE IF NOT EXISTS weir_state (
	one      boolean PRIMARY KEY DEFAULT true CHECK (one),
	identity jsonb NOT NULL
);
CREATE TABLE IF NOT EXISTS weir_member (
	name text PRIMARY KEY,
	seen timestamptz NOT NULL
);
CREATE TABLE IF NOT EXISTS weir_partition (
	partition int PRIMARY KEY,
	state     text NOT NULL,
	owner     text,
	epoch     bigint NOT NULL,
	position  jsonb NOT NULL
);
CREATE TABLE IF NOT EXISTS weir_page (
	partition int,
	page      text COLLATE "C",
	n         bigint NOT NULL,
	clicks    bigint NOT NULL,
	stay_nano numeric(39) NOT NULL,
	likes     bigint NOT NULL,
	changed   bigint NOT NULL,
	PRIMARY KEY (partition, page)
);
CREATE TABLE IF NOT EXISTS weir_bucket (
	width     text COLLATE "C",
	partition int,
	bucket    int,
	page      text COLLATE "C",
	n         bigint NOT NULL,
	clicks    bigint NOT NULL,
	stay_nano numeric(39) NOT NULL,
	likes     bigint NOT NULL,
	PRIMARY KEY (width, partition, bucket, page)
);
CREATE TABLE IF NOT EXISTS weir_letter (
	partition     int,
	record_offset bigint,
	letter        jsonb NOT NULL,
	PRIMARY KEY (partition, record_offset)
);`

// everything empties a state.
const everything = `TRUNCATE weir_state, weir_member, weir_partition, weir_page, weir_bucket, weir_letter`

// lockKey is the advisory lock under which instances make the tables and share
// partitions, one after the other: "weir".
const lockKey = 0x77656972

func lock(ctx context.Context, tx pgx.Tx) error {
	_, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock($1)`, lockKey)
	return err
}
