package store

import (
	"crypto/rand"
	"encoding/hex"
	"time"

	"weir/jobs/behavior"
)

// Format is the form of the states that this version reads and writes.
const Format = 3

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
}

// Position says what of an input partition is counted.
type Position struct {
	// Epoch is how often the partition changed owner; it is its owner's name.
	Epoch int64 `json:"epoch"`
	// First is where counting began, Next the first offset not counted.
	First int64 `json:"first"`
	Next  int64 `json:"next"`
	// LeaderEpoch is the leader's under which the record before Next was written;
	// it means nothing where Next is First.
	LeaderEpoch int32 `json:"leaderEpoch"`
	// Published is the offset up to which the sums are known to have been
	// published; First or less where nothing was.
	Published int64 `json:"published"`
	// Pages is how many pages the partition has.
	Pages int64 `json:"pages"`
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

// NewState returns an id for a state that begins now.
func NewState(now time.Time) string {
	var random [4]byte
	_, _ = rand.Read(random[:]) // documented never to fail
	return now.UTC().Format("20060102T150405.000Z-") + hex.EncodeToString(random[:])
}
