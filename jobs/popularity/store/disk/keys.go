package disk

import (
	"encoding/binary"
	"encoding/json"
	"fmt"

	"weir/jobs/behavior"
	"weir/jobs/popularity/store"
)

// The key space: one letter, then big-endian numbers, so that the order of keys
// is the order of partitions and offsets.
const (
	identityKey = "i"
	positionTag = 'o' // o<partition>           -> store.Position as JSON
	sumsTag     = 'p' // p<partition><block>    -> the sums of up to store.BlockPages pages: block.go
	namesTag    = 'n' // n<partition><block>    -> their page ids
	letterTag   = 'd' // d<partition><offset>   -> store.DeadLetter as JSON
	// m<partition><bucket><page id> and h<...>, by store.Width -> behavior.Sums, five varints
)

func partitionKey(tag byte, partition int32) []byte {
	return binary.BigEndian.AppendUint32([]byte{tag}, uint32(partition))
}

// appendBlockKey appends the key of the block that begins at a slot.
func appendBlockKey(dst []byte, tag byte, partition int32, first uint32) []byte {
	dst = binary.BigEndian.AppendUint32(append(dst, tag), uint32(partition))
	return binary.BigEndian.AppendUint32(dst, first/store.BlockPages)
}

func letterKey(partition int32, offset int64) []byte {
	return binary.BigEndian.AppendUint64(partitionKey(letterTag, partition), uint64(offset))
}

// headerSize is a key's tag and partition.
const headerSize = 5

func splitKey(key []byte) (partition int32, rest []byte, err error) {
	if len(key) < headerSize {
		return 0, nil, fmt.Errorf("state key %x is too short", key)
	}
	return int32(binary.BigEndian.Uint32(key[1:])), key[headerSize:], nil
}

func encode(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // the three types above always encode
	}
	return b
}

// appendBucketKey appends the beginning of a bucket's keys; buckets are not
// negative.
func appendBucketKey(dst []byte, w store.Width, partition, bucket int32) []byte {
	dst = binary.BigEndian.AppendUint32(append(dst, byte(w)), uint32(partition))
	return binary.BigEndian.AppendUint32(dst, uint32(bucket))
}

// appendSums appends a bucket's sums: mostly a dozen bytes.
func appendSums(dst []byte, s behavior.Sums) []byte {
	for _, number := range [...]uint64{uint64(s.N), uint64(s.Clicks), zigzag(s.Like), s.StayNano.Hi, s.StayNano.Lo} {
		dst = binary.AppendUvarint(dst, number)
	}
	return dst
}

// readSums reads what appendSums wrote.
func readSums(value []byte) (behavior.Sums, error) {
	var numbers [5]uint64
	rest := value
	for i := range numbers {
		number, size := binary.Uvarint(rest)
		if size <= 0 {
			return behavior.Sums{}, fmt.Errorf("stored sums %x end early", value)
		}
		numbers[i], rest = number, rest[size:]
	}
	if len(rest) > 0 {
		return behavior.Sums{}, fmt.Errorf("stored sums %x are too long", value)
	}
	return behavior.Sums{
		N: int64(numbers[0]), Clicks: int64(numbers[1]), Like: unzigzag(numbers[2]),
		StayNano: behavior.Uint128{Hi: numbers[3], Lo: numbers[4]},
	}, nil
}
