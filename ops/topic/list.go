package topic

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/IBM/sarama"

	"weir/ops/connect"
	"weir/ops/status/table"
	"weir/provision/inventory"
	"weir/provision/kafka"
)

// List is the topics of a cluster. Fields are only ever added.
type List struct {
	Topics []Summary `json:"topics"`
	// Problems name what could not be looked at.
	Problems []string `json:"problems,omitempty"`
}

// Summary is one topic.
type Summary struct {
	Name              string `json:"name"`
	Partitions        int    `json:"partitions"`
	ReplicationFactor int    `json:"replicationFactor"`
	UnderReplicated   int    `json:"underReplicated"`
	Leaderless        int    `json:"leaderless"`
	// Bytes are those of all replicas, on the brokers that answered.
	Bytes    int64 `json:"bytes"`
	Internal bool  `json:"internal"`
	Declared bool  `json:"declared"`
}

// Look lists the topics, sorted; those of Kafka itself only where internal is set.
func Look(ctx context.Context, s *connect.Session, internal bool) (List, error) {
	view, err := s.View(ctx)
	if err != nil {
		return List{}, err
	}
	sizes, failed := Sizes(ctx, s, view.Brokers)
	list := List{Topics: summaries(view, sizes, s.Cluster.Topics), Problems: problems(s.Cluster, view, failed)}
	if !internal {
		list.Topics = slices.DeleteFunc(list.Topics, func(t Summary) bool { return t.Internal })
	}
	return list, nil
}

// Internal says that Kafka made a topic for itself.
func Internal(name string) bool { return strings.HasPrefix(name, "__") }

func summaries(view kafka.View, sizes map[int32]Disk, declared []inventory.Topic) []Summary {
	byName := map[string]*Summary{}
	for _, p := range view.Partitions {
		t := byName[p.Topic]
		if t == nil {
			t = &Summary{Name: p.Topic, Internal: Internal(p.Topic), ReplicationFactor: len(p.Replicas)}
			byName[p.Topic] = t
		}
		t.Partitions++
		t.ReplicationFactor = min(t.ReplicationFactor, len(p.Replicas))
		if p.UnderReplicated() {
			t.UnderReplicated++
		}
		if p.Offline() {
			t.Leaderless++
		}
		for _, disk := range sizes {
			t.Bytes += disk.Partitions[Partition{p.Topic, p.ID}].Bytes
		}
	}
	for _, d := range declared {
		if t := byName[d.Name]; t != nil {
			t.Declared = true
		}
	}
	all := []Summary{}
	for _, t := range byName {
		all = append(all, *t)
	}
	slices.SortFunc(all, func(a, b Summary) int { return cmp.Compare(a.Name, b.Name) })
	return all
}

// problems names the brokers that did not answer, and those that are declared
// and not registered: they have no address to ask.
func problems(c inventory.Cluster, view kafka.View, failed map[int32]error) []string {
	var all []string
	for _, id := range slices.Sorted(maps.Keys(failed)) {
		all = append(all, fmt.Sprintf("broker %d does not answer (%v)", id, failed[id]))
	}
	for _, machine := range slices.Sorted(maps.Keys(c.Kafka.Brokers)) {
		id := c.Kafka.Brokers[machine]
		if _, registered := view.Brokers[id]; !registered {
			all = append(all, fmt.Sprintf("broker %d on %s is not in the cluster", id, machine))
		}
	}
	return all
}

// Partition names a partition.
type Partition struct {
	Topic string
	ID    int32
}

// Disk is what one broker keeps.
type Disk struct {
	// Partitions are its replicas, those that move between its disks left out.
	Partitions map[Partition]Replica
	// Dirs are its log directories.
	Dirs []Dir
}

// Replica is one broker's copy of a partition.
type Replica struct {
	Bytes int64
	// Lag is how many records it is behind what consumers may read.
	Lag int64
}

// Dir is a log directory. Its sizes are -1 where the broker does not tell them
// (before 3.3).
type Dir struct {
	Path        string `json:"path"`
	TotalBytes  int64  `json:"totalBytes"`
	UsableBytes int64  `json:"usableBytes"`
	Error       string `json:"error,omitempty"`
}

// logDirsVersion tells sizes of file systems too (KIP-827, 3.3).
const logDirsVersion = 4

// Sizes asks each broker what it keeps.
func Sizes(ctx context.Context, s *connect.Session, brokers map[int32]string) (map[int32]Disk, map[int32]error) {
	return connect.AskAll(ctx, s, brokers, func(_ int32, b *sarama.Broker) (Disk, error) {
		answer, err := b.DescribeLogDirs(&sarama.DescribeLogDirsRequest{Version: logDirsVersion})
		if err != nil {
			return Disk{}, err
		}
		if answer.ErrorCode != sarama.ErrNoError {
			return Disk{}, answer.ErrorCode
		}
		return diskOf(answer.LogDirs), nil
	})
}

func diskOf(dirs []sarama.DescribeLogDirsResponseDirMetadata) Disk {
	disk := Disk{Partitions: map[Partition]Replica{}}
	for _, d := range dirs {
		dir := Dir{Path: d.Path, TotalBytes: d.TotalBytes, UsableBytes: d.UsableBytes}
		if d.ErrorCode != sarama.ErrNoError {
			dir.Error = d.ErrorCode.Error()
		}
		disk.Dirs = append(disk.Dirs, dir)
		for _, t := range d.Topics {
			for _, p := range t.Partitions {
				if !p.IsTemporary {
					disk.Partitions[Partition{t.Topic, p.PartitionID}] = Replica{p.Size, p.OffsetLag}
				}
			}
		}
	}
	slices.SortFunc(disk.Dirs, func(a, b Dir) int { return cmp.Compare(a.Path, b.Path) })
	return disk
}

// WriteList writes the topics for people.
func WriteList(w io.Writer, list List, style table.Style) error {
	if len(list.Topics) == 0 {
		_, err := fmt.Fprintln(w, "no topic")
		return err
	}
	t := table.Table{Style: style}
	t.Head("TOPIC", "PARTITIONS", "REPLICAS", "UNDER-REPLICATED", "SIZE", "DECLARED")
	for _, one := range list.Topics {
		add, state := t.Row, strconv.Itoa(one.UnderReplicated)
		if one.Leaderless > 0 {
			state += fmt.Sprintf(", %d without a leader", one.Leaderless)
		}
		if one.UnderReplicated+one.Leaderless > 0 {
			add = t.BadRow
		}
		add(one.Name, strconv.Itoa(one.Partitions), strconv.Itoa(one.ReplicationFactor), state, table.Bytes(one.Bytes), yesNo(one.Declared))
	}
	_, err := t.WriteTo(w)
	return err
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}
