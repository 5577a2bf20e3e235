// Package store is what the calculator needs of the place where it keeps its
// state: for each input partition the next offset and the sums of its pages, and
// an outbox of dead letters. Package disk keeps it in a directory, package
// postgres in a database that several instances share.
package store

import (
	"context"
	"errors"
	"fmt"

	"weir/jobs/behavior"
)

// Store is an open state. Its methods may be called concurrently.
type Store interface {
	// Identity returns what the state counts; false where it is new.
	Identity(ctx context.Context) (id Identity, found bool, err error)
	// Begin writes the identity, and some positions, in one atomic write.
	Begin(ctx context.Context, id Identity, positions map[int32]Position) error
	// Positions returns the stored position of each partition, whoever owns it.
	Positions(ctx context.Context) (map[int32]Position, error)
	// Share takes partitions that this process is to count, under an epoch that
	// nobody had before, and names those that it should release because others
	// count as well. It is called again and again. A partition that the state does
	// not know begins at offset 0.
	Share(ctx context.Context, partitions []int32) (taken map[int32]Position, surplus []int32, err error)
	// Release gives a partition to whoever wants it.
	Release(ctx context.Context, partition int32) error
	// Pages calls visit once with each page of a partition, its stored sums, and the
	// next offset of the commit that changed them last. Where slots are stored, that
	// is in their order; otherwise the order of the visits is what they are from now
	// on. The page is only valid during the call.
	Pages(ctx context.Context, partition int32, visit func(page []byte, sums behavior.Sums, changed int64) error) error
	// Buckets calls visit with the stored sums of each bucket and page of a
	// partition. The page is only valid during the call.
	Buckets(ctx context.Context, w Width, partition int32, visit func(bucket int32, page []byte, sums behavior.Sums) error) error
	// NewCommit begins a change of partitions that this process owns. Apply or
	// Discard ends it.
	NewCommit() Commit
	// Outbox returns up to limit dead letters of the partitions that this process
	// owns, by partition and offset.
	Outbox(ctx context.Context, limit int) ([]DeadLetter, error)
	// Delivered takes dead letters out of the outbox. A crash may bring some back.
	Delivered(ctx context.Context, letters []DeadLetter) error
	// Close releases everything. Closing twice is no error.
	Close(ctx context.Context) error
}

// Ranker is a store that several instances share: it knows the sums of partitions
// that others count.
type Ranker interface {
	// Top returns the sums, over all partitions, of the k most popular pages,
	// highest first and of equally popular ones the smaller page id first; and the
	// first offset of each partition that is not in them. They are those of the
	// last so many buckets of a width, up to the one with the latest event time, or
	// of all time where buckets is 0.
	Top(ctx context.Context, k int, weights behavior.Weights, w Width, buckets int32) ([]PageSums, map[int32]int64, error)
}

// PageSums is a page with its sums.
type PageSums struct {
	Page string
	behavior.Sums
}

// Commit collects one atomic change of the state.
type Commit interface {
	// Empty says that there is nothing to apply.
	Empty() bool
	// Position stores how far a partition is counted.
	Position(partition int32, p Position) error
	// Block stores all sums of some pages of a partition, not what was added to
	// them. A block is stored once in a commit, and after those before it.
	Block(partition int32, b Block) error
	// Bucket stores all sums of a page of a partition in a bucket; the last ones
	// count.
	Bucket(w Width, partition, bucket int32, page []byte, sums behavior.Sums) error
	// DropBuckets drops those of a partition up to, not including, one. It comes
	// before what is stored of the others.
	DropBuckets(w Width, partition, until int32) error
	// Letter puts a dead letter into the outbox.
	Letter(d DeadLetter) error
	// Apply makes the change durable. After an error it may be there or not, so
	// the state must be read again before counting on.
	Apply(ctx context.Context) error
	// Discard drops the change.
	Discard()
}

// LostError says that what is in memory may not be what is stored, or that this
// process owns it no longer. Nothing is lost but time: what is stored is exact, and
// counting can go on from it.
type LostError struct {
	Reason string
	Err    error // may be nil
}

func (e *LostError) Error() string {
	if e.Err == nil {
		return e.Reason
	}
	return fmt.Sprintf("%s: %v", e.Reason, e.Err)
}

func (e *LostError) Unwrap() error { return e.Err }

// ErrClosed says that the store was closed before the call.
var ErrClosed = errors.New("the state is closed")
