package store

import (
	"encoding/binary"
	"encoding/json"
	"fmt"

	"weir/jobs/behavior"
)

// The key space: one letter, then big-endian numbers, so that the order of keys
// is the order of partitions and offsets.
const (
	identityKey = "i"
	positionTag = 'o' // o<partition>           -> Position as JSON
	pageTag     = 'p' // p<partition><page id>  -> behavior.Sums, 40 bytes, and the offset behind its last change
	letterTag   = 'd' // d<partition><offset>   -> DeadLetter as JSON
	// m<partition><bucket><page id> and h<...>: Width, behavior.Sums, 40 bytes
)

func partitionKey(tag byte, partition int32) []byte {
	return binary.BigEndian.AppendUint32([]byte{tag}, uint32(partition))
}

func pageKey(dst []byte, partition int32, page []byte) []byte {
	dst = binary.BigEndian.AppendUint32(append(dst, pageTag), uint32(partition))
	return append(dst, page...)
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

// Format is the form of the states that this version reads and writes.
const Format = 2

// Identity says what a state counts. It is written once.
type Identity struct {
	// Format is the state's form; another than ours cannot be read.
	Format int `json:"format"`
	// State is the state's own id: a time, so that later states sort later,
	// and random digits.
	State string `json:"state"`
	// ClusterID, Topic and TopicID are the input topic's; an id is empty where
	// the brokers did not tell one.
	ClusterID string `json:"clusterId"`
	Topic     string `json:"topic"`
	TopicID   string `json:"topicId"`
	// SnapshotTopicID is that of the topic to which the state was published last.
	SnapshotTopicID string `json:"snapshotTopicId"`
	// Epoch is how often the state was opened for counting.
	Epoch int64 `json:"epoch"`
}

// Position says what of an input partition is counted.
type Position struct {
	// Epoch is the opening of the state that wrote this.
	Epoch int64 `json:"epoch"`
	// First is where counting began, Next the first offset not counted.
	First int64 `json:"first"`
	Next  int64 `json:"next"`
	// Published is the offset up to which the sums are known to have been
	// published; First or less where nothing was.
	Published int64 `json:"published"`
	// Latest is the latest event time that was counted, in milliseconds since
	// 1970.
	Latest int64 `json:"latest"`
	// MinutesFrom and HoursFrom are the first buckets that are kept.
	MinutesFrom int32 `json:"minutesFrom"`
	HoursFrom   int32 `json:"hoursFrom"`
}

// DeadLetter is a record that is not a message, on its way to the dead-letter
// topic.
type DeadLetter struct {
	Partition int32 `json:"partition"`
	Offset    int64 `json:"offset"`
	// Time is the record's timestamp in milliseconds since 1970.
	Time int64 `json:"time"`
	// Kept is when it was put into the outbox, in milliseconds since 1970.
	Kept   int64           `json:"kept"`
	Reason behavior.Reason `json:"reason"`
	// Value is the record's, or its beginning where it was longer than
	// MaxLetterBytes; Size is its length.
	Value []byte `json:"value"`
	Size  int    `json:"size"`
}

// MaxLetterBytes is what is kept of a bad record: a dead letter must fit the
// dead-letter topic, headers included, or it would never leave the outbox.
const MaxLetterBytes = 512 << 10

func encode(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // the three types above always encode
	}
	return b
}
