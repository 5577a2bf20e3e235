// Package snapshot is what the calculator publishes of its sums: the wire form,
// and how to read and check it.
//
// # Contract
//
// The snapshot topic is compacted. After a commit the calculator publishes, for
// each input partition whose offset moved, a message for each page whose sums
// changed, and behind them a marker. Keys are
//
//	<partition>/<page>   a page's sums            Page
//	<partition>          the partition's marker   Marker
//	top                  the most popular pages   Top
//
// so that compaction leaves of every page its last sums and of every partition
// its last marker. All messages of an input partition are in one partition of
// the snapshot topic, in the order in which they were sent. Values are JSON.
//
// A publication is a marker and the pages before it with the same State, Epoch,
// From and Next. It says:
//
//   - Sums: a page's sums over exactly the records of the input partition from
//     FirstOffset up to, not including, NextOffset (those visible to
//     read_committed, without the bad ones);
//   - Added: the part of them from From up to NextOffset. It equals a recount of
//     those offsets, and pages that are not in the publication have nothing
//     there: so each publication can be checked by itself, from the topic's end;
//   - Total and Pages: the sums of all pages added up, and how many there are: so
//     whoever reads from the topic's beginning knows that nothing is missing.
//
// From is where the publication before ended. The first one after a start of the
// calculator may not know what was added to each page: then From is negative and
// Added is missing. A publication that was cut off by a crash has no marker; its
// pages are published again.
//
// State changes when counting starts anew; then nothing before is comparable. Ids
// of later states are larger as strings. Epoch rises with each owner of a
// partition.
package snapshot

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"weir/jobs/behavior"
)

// TopKey is the key of a Top.
const TopKey = "top"

// Position says what a snapshot has counted.
type Position struct {
	// ClusterID, Topic and TopicID are the input topic's; the ids may be empty
	// where brokers are too old to tell them.
	ClusterID string `json:"clusterId"`
	Topic     string `json:"topic"`
	TopicID   string `json:"topicId"`
	// State is the id of the calculator's state, drawn when counting began.
	State string `json:"state"`
	// Epoch is how often the partition's sums changed owner, from 1.
	Epoch     int64 `json:"epoch"`
	Partition int32 `json:"partition"`
	// FirstOffset is where counting began, NextOffset the first not counted.
	FirstOffset int64 `json:"firstOffset"`
	NextOffset  int64 `json:"nextOffset"`
}

// Page is one page's message.
type Page struct {
	State string `json:"state"`
	Epoch int64  `json:"epoch"`
	// From and Next are the publication's: the marker's From and NextOffset.
	From int64 `json:"from"`
	Next int64 `json:"next"`
	// Sums are those of the page at Next.
	Sums behavior.Sums `json:"sums"`
	// Added is what the offsets from From up to Next added; nil where From is
	// negative.
	Added *behavior.Sums `json:"added,omitempty"`
}

// Marker ends a publication.
type Marker struct {
	Position
	// From is where the publication before ended, or negative.
	From int64 `json:"from"`
	// Changes is how many pages are in the publication, Pages how many there are.
	Changes int `json:"changes"`
	Pages   int `json:"pages"`
	// Total is the sums of all pages added up.
	Total behavior.Sums `json:"total"`
}

// Top is the most popular pages over all partitions.
type Top struct {
	Topic string `json:"topic"`
	State string `json:"state"`
	// Time is when it was made, in milliseconds since 1970.
	Time int64 `json:"time"`
	// Offsets are, by partition, the first offset that is not in it.
	Offsets map[int32]int64 `json:"offsets"`
	Weights string          `json:"weights"`
	// WindowSeconds is how much event time it is of; 0 for all.
	WindowSeconds int64 `json:"windowSeconds"`
	// Pages are sorted by popularity, falling, then by page id.
	Pages []Ranked `json:"pages"`
}

// Ranked is a page of a Top; its popularity is an exact decimal.
type Ranked struct {
	Page       string `json:"page"`
	Popularity string `json:"popularity"`
}

// PageKey is the key of a page's message.
func PageKey(partition int32, page string) string { return MarkerKey(partition) + "/" + page }

// MarkerKey is the key of a partition's marker.
func MarkerKey(partition int32) string { return strconv.Itoa(int(partition)) }

// Encode returns the message's value: one line of JSON. It never fails.
func (p Page) Encode() ([]byte, error) {
	state, err := json.Marshal(p.State)
	if err != nil {
		return nil, err
	}
	const room = 256
	dst := append(append(make([]byte, 0, room), `{"state":`...), state...)
	dst = strconv.AppendInt(append(dst, `,"epoch":`...), p.Epoch, 10)
	dst = strconv.AppendInt(append(dst, `,"from":`...), p.From, 10)
	dst = strconv.AppendInt(append(dst, `,"next":`...), p.Next, 10)
	dst = p.Sums.AppendJSON(append(dst, `,"sums":`...))
	if p.Added != nil {
		dst = p.Added.AppendJSON(append(dst, `,"added":`...))
	}
	return append(dst, '}'), nil
}

// Encode returns the message's value: one line of JSON. It never fails.
func (m Marker) Encode() ([]byte, error) { return json.Marshal(m) }

// Encode returns the message's value: one line of JSON. It never fails.
func (t Top) Encode() ([]byte, error) { return json.Marshal(t) }

// Message is a decoded message: one of its fields is set.
type Message struct {
	// PageID and Partition are those of Page.
	PageID    string
	Partition int32
	Page      *Page
	Marker    *Marker
	Top       *Top
}

// Decode reads a message of the snapshot topic.
func Decode(key, value []byte) (Message, error) {
	m, err := decode(string(key), value)
	if err != nil {
		return Message{}, fmt.Errorf("snapshot message with key %q: %w", clip(key), err)
	}
	return m, nil
}

func decode(key string, value []byte) (m Message, err error) {
	if key == TopKey {
		m.Top = &Top{}
		return m, json.Unmarshal(value, m.Top)
	}
	number, page, ofPage := strings.Cut(key, "/")
	partition, err := strconv.ParseInt(number, 10, 32)
	if err != nil || partition < 0 || ofPage && page == "" {
		return m, fmt.Errorf("want <partition>, <partition>/<page> or %s", TopKey)
	}
	m.Partition = int32(partition)
	if ofPage {
		m.PageID, m.Page = page, &Page{}
		if err = json.Unmarshal(value, m.Page); err == nil {
			err = m.Page.check()
		}
		return m, err
	}
	m.Marker = &Marker{}
	if err = json.Unmarshal(value, m.Marker); err == nil {
		err = m.Marker.check(m.Partition)
	}
	return m, err
}

func (p *Page) check() error {
	if p.State == "" || p.From > p.Next || (p.From < 0) != (p.Added == nil) {
		return fmt.Errorf("sums of state %q from %d to %d make no sense", p.State, p.From, p.Next)
	}
	return nil
}

func (m *Marker) check(partition int32) error {
	if m.State == "" || m.Partition != partition || m.FirstOffset > m.NextOffset || m.From > m.NextOffset || m.Changes < 0 || m.Changes > m.Pages {
		return fmt.Errorf("a marker of state %q, partition %d, from %d to %d with %d changes of %d pages makes no sense",
			m.State, m.Partition, m.From, m.NextOffset, m.Changes, m.Pages)
	}
	return nil
}

// clip keeps a hostile key out of an error's way.
func clip(key []byte) []byte { return key[:min(len(key), 100)] }
