package store

import (
	"encoding/binary"
	"fmt"
	"time"

	"weir/jobs/behavior"
)

// Width is how much event time a bucket covers: the tag of its keys.
type Width byte

// The widths there are.
const (
	Minute Width = 'm'
	Hour   Width = 'h'
)

// Duration is the width as a duration.
func (w Width) Duration() time.Duration {
	if w == Minute {
		return time.Minute
	}
	return time.Hour
}

func (w Width) String() string {
	if w == Minute {
		return "minute"
	}
	return "hour"
}

// Start is when a bucket begins. Buckets are numbered from the beginning of 1970.
func (w Width) Start(bucket int32) time.Time {
	return time.Unix(int64(bucket)*int64(w.Duration()/time.Second), 0).UTC()
}

// Dropper drops buckets.
type Dropper interface {
	// DropBuckets drops those of a partition up to, not including, one.
	DropBuckets(w Width, partition, until int32) error
}

// Bucket stores all sums of a page of a partition in a bucket.
func (c *Commit) Bucket(w Width, partition, bucket int32, page []byte, sums behavior.Sums) error {
	c.key = append(appendBucketKey(c.key[:0], w, partition, bucket), page...)
	c.value = sums.AppendBinary(c.value[:0])
	return c.batch.Set(c.key, c.value, nil)
}

// DropBuckets implements Dropper.
func (c *Commit) DropBuckets(w Width, partition, until int32) error {
	return c.batch.DeleteRange(appendBucketKey(nil, w, partition, 0), appendBucketKey(nil, w, partition, until), nil)
}

// Buckets calls visit with the stored sums of each bucket and page of a
// partition. The page is only valid during the call.
func (s *Store) Buckets(w Width, partition int32, visit func(bucket int32, page []byte, sums behavior.Sums) error) error {
	const size = headerSize + 4
	low, high := partitionKey(byte(w), partition), partitionKey(byte(w), partition+1)
	return s.scan(low, high, func(key, value []byte) error {
		if len(key) < size {
			return fmt.Errorf("state key %x is too short", key)
		}
		var sums behavior.Sums
		bucket := int32(binary.BigEndian.Uint32(key[headerSize:]))
		if err := sums.UnmarshalBinary(value); err != nil {
			return fmt.Errorf("partition %d, %s %d, page %q: %w", partition, w, bucket, key[size:], err)
		}
		return visit(bucket, key[size:], sums)
	})
}

// appendBucketKey appends the beginning of a bucket's keys; buckets are not
// negative.
func appendBucketKey(dst []byte, w Width, partition, bucket int32) []byte {
	dst = binary.BigEndian.AppendUint32(append(dst, byte(w)), uint32(partition))
	return binary.BigEndian.AppendUint32(dst, uint32(bucket))
}
