// Package snapshot is what the calculator publishes of its sums: the wire form,
// and how to read and check it.
//
// # Contract
//
// The snapshot topic is compacted. After a commit the calculator publishes, for
// each input partition whose offset moved, the committed sums of all its pages
// as JSON (see Chunk), cut into chunks so that no message is larger than
// MaxBytes. A chunk's key is "<partition>/<chunk>".
//
// A snapshot says: the sums of exactly the records of the input partition from
// FirstOffset up to, not including, NextOffset (those visible to
// read_committed, without the bad ones). So for two snapshots A and B of one
// partition with the same State and A.NextOffset <= B.NextOffset, B minus A
// (see Snapshot.Since) equals a recount of the offsets from A.NextOffset up to
// B.NextOffset. Anybody can check that without trusting the calculator.
//
// State changes when counting starts anew; then A and B are not comparable.
// Epoch rises with each start of the calculator.
//
// Chunks of one snapshot may arrive in any order, twice, interleaved with those
// of others, or never (the calculator was killed while publishing, or
// compaction removed some): only complete snapshots count. Assembler does that.
package snapshot

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"

	"weir/jobs/behavior"
)

// MaxBytes is what a message stays below: brokers accept 1 MiB by default, less
// what a batch adds.
const MaxBytes = 900_000

// Position says what a snapshot has counted.
type Position struct {
	// ClusterID, Topic and TopicID are the input topic's; the ids may be empty
	// where brokers are too old to tell them.
	ClusterID string `json:"clusterId"`
	Topic     string `json:"topic"`
	TopicID   string `json:"topicId"`
	// State is the id of the calculator's state, drawn when counting began. Ids
	// of later states are larger as strings.
	State string `json:"state"`
	// Epoch is how often that state was opened, from 1.
	Epoch     int64 `json:"epoch"`
	Partition int32 `json:"partition"`
	// FirstOffset is where counting began, NextOffset the first not counted.
	FirstOffset int64 `json:"firstOffset"`
	NextOffset  int64 `json:"nextOffset"`
}

// Snapshot is one input partition's sums at a position.
type Snapshot struct {
	Position
	Pages map[string]behavior.Sums
}

// Chunk is one message: a part of a snapshot's pages.
type Chunk struct {
	Position
	// Chunk counts from 0; Chunks is how many make the snapshot, at least 1.
	Chunk  int                      `json:"chunk"`
	Chunks int                      `json:"chunks"`
	Pages  map[string]behavior.Sums `json:"pages"`
}

// Key is the message's key.
func (c Chunk) Key() string {
	return strconv.Itoa(int(c.Partition)) + "/" + strconv.Itoa(c.Chunk)
}

// Encode returns the message's value: one line of JSON, at most MaxBytes long.
func (c Chunk) Encode() ([]byte, error) { return json.Marshal(c) }

// Decode reads a message's value.
func Decode(value []byte) (Chunk, error) {
	var c Chunk
	if err := json.Unmarshal(value, &c); err != nil {
		return Chunk{}, fmt.Errorf("snapshot chunk: %w", err)
	}
	if c.Chunks < 1 || c.Chunk < 0 || c.Chunk >= c.Chunks || c.State == "" || c.FirstOffset > c.NextOffset {
		return Chunk{}, fmt.Errorf("snapshot chunk: %d of %d of state %q from %d to %d makes no sense",
			c.Chunk, c.Chunks, c.State, c.FirstOffset, c.NextOffset)
	}
	return c, nil
}

// Split cuts the snapshot into chunks, pages in the order of their ids.
func (s Snapshot) Split() []Chunk {
	pages := make([]string, 0, len(s.Pages))
	for page := range s.Pages {
		pages = append(pages, page)
	}
	slices.Sort(pages)
	chunks := []Chunk{{Position: s.Position, Pages: map[string]behavior.Sums{}}}
	size := envelope
	for _, page := range pages {
		cost := entrySize(page)
		if size+cost > MaxBytes {
			chunks = append(chunks, Chunk{Position: s.Position, Pages: map[string]behavior.Sums{}})
			size = envelope
		}
		chunks[len(chunks)-1].Pages[page] = s.Pages[page]
		size += cost
	}
	for i := range chunks {
		chunks[i].Chunk, chunks[i].Chunks = i, len(chunks)
	}
	return chunks
}

const (
	// envelope bounds a chunk's JSON without pages: topic names have at most
	// 249 characters, ids are short, numbers have at most 20 digits.
	envelope = 2048
	// sumsSize bounds the JSON of a page's sums with quotes, colon and comma.
	sumsSize = 160
)

// entrySize bounds a page's JSON: a byte becomes six at worst, \u0000.
func entrySize(page string) int {
	const escaped = 6
	for i := range len(page) {
		if c := page[i]; c < 0x20 || c >= 0x7f || c == '"' || c == '\\' || c == '<' || c == '>' || c == '&' {
			return escaped*len(page) + sumsSize
		}
	}
	return len(page) + sumsSize
}

// Since returns what was counted after an earlier snapshot of the same state
// and partition: the sums of the offsets from earlier.NextOffset up to
// s.NextOffset. Pages without new messages are left out.
func (s Snapshot) Since(earlier Snapshot) (map[string]behavior.Sums, error) {
	if s.State != earlier.State || s.Partition != earlier.Partition || s.FirstOffset != earlier.FirstOffset {
		return nil, fmt.Errorf("snapshots of state %s partition %d and state %s partition %d cannot be compared: counting began anew between them",
			earlier.State, earlier.Partition, s.State, s.Partition)
	}
	if s.NextOffset < earlier.NextOffset {
		return nil, fmt.Errorf("snapshot at offset %d is not after the one at %d", s.NextOffset, earlier.NextOffset)
	}
	for page := range earlier.Pages {
		if _, ok := s.Pages[page]; !ok {
			return nil, fmt.Errorf("partition %d: page %q vanished between offsets %d and %d",
				s.Partition, page, earlier.NextOffset, s.NextOffset)
		}
	}
	difference := map[string]behavior.Sums{}
	for page, sums := range s.Pages {
		d, err := sums.Sub(earlier.Pages[page])
		if err != nil {
			return nil, fmt.Errorf("partition %d page %q: %w", s.Partition, page, err)
		}
		if d != (behavior.Sums{}) {
			difference[page] = d
		}
	}
	return difference, nil
}

// Assembler puts chunks together. Its zero value is ready to use.
type Assembler struct {
	open map[Position]*Snapshot
	seen map[Position]map[int]bool
	done map[int32]Position // the newest complete one
}

// Add takes a chunk and returns a snapshot where the chunk completes one that
// is newer than all complete ones of its partition before. Chunks that do not
// belong together are an error.
func (a *Assembler) Add(c Chunk) (s Snapshot, complete bool, err error) {
	if a.open == nil {
		a.open, a.seen, a.done = map[Position]*Snapshot{}, map[Position]map[int]bool{}, map[int32]Position{}
	}
	if last, ok := a.done[c.Partition]; ok && !newer(c.Position, last) {
		return Snapshot{}, false, nil
	}
	if a.seen[c.Position] == nil {
		a.seen[c.Position] = map[int]bool{}
		a.open[c.Position] = &Snapshot{Position: c.Position, Pages: map[string]behavior.Sums{}}
	}
	part := a.open[c.Position]
	for page, sums := range c.Pages {
		if known, ok := part.Pages[page]; ok && known != sums {
			return Snapshot{}, false, fmt.Errorf("two chunks of partition %d at offset %d disagree on page %q",
				c.Partition, c.NextOffset, page)
		}
		part.Pages[page] = sums
	}
	if a.seen[c.Position][c.Chunk] = true; len(a.seen[c.Position]) < c.Chunks {
		return Snapshot{}, false, nil
	}
	a.done[c.Partition] = c.Position
	a.forget(c.Position)
	return *part, true, nil
}

// newer says whether p was published after q.
func newer(p, q Position) bool {
	return cmp.Or(
		cmp.Compare(p.State, q.State),
		cmp.Compare(p.NextOffset, q.NextOffset),
		cmp.Compare(p.Epoch, q.Epoch),
	) > 0
}

// forget drops what a complete snapshot makes useless.
func (a *Assembler) forget(complete Position) {
	for p := range a.open {
		if p.Partition == complete.Partition && !newer(p, complete) {
			delete(a.open, p)
			delete(a.seen, p)
		}
	}
}
