package producer

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/google/renameio/v2"

	"weir/jobs/behavior"
)

// Manifest says what a producer has put into a topic, exactly: of a run, what
// all its processes have.
type Manifest struct {
	// Format is 1. Fields are only ever added.
	Format int    `json:"format"`
	Run    string `json:"run,omitempty"`
	Topic  string `json:"topic"`
	// TopicID and ClusterID are empty where the cluster does not tell them.
	TopicID   string `json:"topicId,omitempty"`
	ClusterID string `json:"clusterId,omitempty"`
	// Seed and Shape are what the messages were drawn with.
	Seed  uint64 `json:"seed,string"`
	Shape Shape  `json:"shape"`
	// Acknowledged counts the messages that the cluster acknowledged, Bad those
	// of them that are none and Unknown those without an answer: they may be in
	// the topic or not. Where Unknown is 0 the topic holds these messages of
	// the producer and no other.
	Acknowledged int64 `json:"acknowledged"`
	Bad          int64 `json:"bad"`
	Unknown      int64 `json:"unknown"`
	// Partitions are in order of their ids.
	Partitions []ManifestPartition `json:"partitions"`
	// Pages are the sums over the acknowledged messages, without the bad ones.
	Pages map[string]behavior.Sums `json:"pages"`
}

// ManifestPartition is a partition's part of a manifest.
type ManifestPartition struct {
	Partition    int32 `json:"partition"`
	Acknowledged int64 `json:"acknowledged"`
	Bad          int64 `json:"bad"`
	Unknown      int64 `json:"unknown"`
	// FirstOffset and LastOffset are where this process's messages are, with
	// those of others in between; -1 where it has none.
	FirstOffset int64 `json:"firstOffset"`
	LastOffset  int64 `json:"lastOffset"`
}

// fill adds up what is known of the partitions, once their writers have ended;
// unknown are the messages of each that have no answer.
func (m *Manifest) fill(s *score, unknown []int64) error {
	m.Pages = map[string]behavior.Sums{}
	for i, t := range s.partitions {
		if t.err != nil {
			return t.err
		}
		p := ManifestPartition{
			Partition: t.id, Acknowledged: t.sums.messages, Bad: t.sums.bad, Unknown: unknown[i],
			FirstOffset: t.first, LastOffset: t.last,
		}
		m.Partitions = append(m.Partitions, p)
		m.Acknowledged += p.Acknowledged
		m.Bad += p.Bad
		m.Unknown += p.Unknown
		for _, page := range slices.Sorted(maps.Keys(t.sums.pages)) {
			sums := m.Pages[page]
			if err := sums.Add(*t.sums.pages[page]); err != nil {
				return fmt.Errorf("page %s: %w", page, err)
			}
			m.Pages[page] = sums
		}
	}
	return nil
}

// writeJSON replaces a file as a whole: whoever reads it sees the old or the
// new one, after a crash too.
func writeJSON(path string, value any) error {
	text, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		return err
	}
	if err := renameio.WriteFile(path, append(text, '\n'), 0o644, renameio.IgnoreUmask(), renameio.WithTempDir(filepath.Dir(path))); err != nil {
		return err
	}
	return syncDirectory(filepath.Dir(path))
}

// syncDirectory makes a rename in a directory durable.
func syncDirectory(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	err = dir.Sync()
	if closed := dir.Close(); err == nil {
		err = closed
	}
	return err
}
