package topic

import (
	"cmp"
	"context"
	"errors"
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

// Description is all about one topic. Fields are only ever added.
type Description struct {
	Name              string `json:"name"`
	Internal          bool   `json:"internal"`
	Declared          bool   `json:"declared"`
	ReplicationFactor int    `json:"replicationFactor"`
	// Drift is how it differs from what the stack declares.
	Drift      []string `json:"drift,omitempty"`
	Partitions []State  `json:"partitions"`
	// Config are the settings made for this topic, by name.
	Config   map[string]string `json:"config"`
	Problems []string          `json:"problems,omitempty"`
}

// State is one partition of a topic.
type State struct {
	ID       int32   `json:"id"`
	Leader   int32   `json:"leader"`
	Replicas []int32 `json:"replicas"`
	ISR      []int32 `json:"isr"`
	// Earliest and Latest are -1 where no leader tells them.
	Earliest int64 `json:"earliest"`
	Latest   int64 `json:"latest"`
	// Bytes are those of all replicas, on the brokers that answered.
	Bytes int64 `json:"bytes"`
}

// Describe looks at one topic; where there is none, the error is kafka.ErrNoTopic.
func Describe(ctx context.Context, s *connect.Session, name string) (Description, error) {
	view, err := s.View(ctx)
	if err != nil {
		return Description{}, err
	}
	partitions := view.Of(name)
	if len(partitions) == 0 {
		return Description{}, fmt.Errorf("topic %s: %w; ops topic list shows which there are", name, kafka.ErrNoTopic)
	}
	d := Description{Name: name, Internal: Internal(name)}
	sizes, silent := Sizes(ctx, s, view.Brokers)
	earliest, _ := Offsets(ctx, s, view, partitions, Earliest)
	latest, failed := Offsets(ctx, s, view, partitions, Latest)
	d.Problems = problems(s.Cluster, view, silent)
	if d.Config, err = Config(ctx, s, view, name); err != nil {
		d.Problems = append(d.Problems, err.Error())
	}
	for _, p := range partitions {
		at := Partition{p.Topic, p.ID}
		state := State{ID: p.ID, Leader: p.Leader, Replicas: p.Replicas, ISR: p.ISR,
			Earliest: or(earliest, at), Latest: or(latest, at)}
		for _, disk := range sizes {
			state.Bytes += disk.Partitions[at].Bytes
		}
		d.Partitions = append(d.Partitions, state)
		if failed[at] != nil {
			d.Problems = append(d.Problems, fmt.Sprintf("the offsets of %s are not told: %v", p, failed[at]))
		}
	}
	d.compare(s.Cluster.Topics)
	return d, nil
}

func or(offsets map[Partition]int64, at Partition) int64 {
	if n, told := offsets[at]; told {
		return n
	}
	return -1
}

// compare fills in what the stack says of the topic.
func (d *Description) compare(declared []inventory.Topic) {
	d.ReplicationFactor = len(d.Partitions[0].Replicas)
	for _, p := range d.Partitions {
		d.ReplicationFactor = min(d.ReplicationFactor, len(p.Replicas))
	}
	i := slices.IndexFunc(declared, func(t inventory.Topic) bool { return t.Name == d.Name })
	if i < 0 {
		return
	}
	d.Declared = true
	want := kafka.Topic(declared[i])
	is := kafka.Topic{Name: d.Name, Partitions: int32(len(d.Partitions)), ReplicationFactor: int16(d.ReplicationFactor), Config: d.Config}
	if d.Config == nil {
		is.Config = want.Config // not told, which is said elsewhere
	}
	for _, one := range kafka.Drift(want, is) {
		d.Drift = append(d.Drift, fmt.Sprintf("%s; declared: %s", one.Found, one.Expected))
	}
}

// configsVersion tells where a setting comes from; every broker since 2.0 has it.
const configsVersion = 2

// Config returns the settings that were made for a topic; defaults are not among
// them.
func Config(ctx context.Context, s *connect.Session, view kafka.View, name string) (map[string]string, error) {
	return connect.AskAny(ctx, s, view.Brokers, func(b *sarama.Broker) (map[string]string, error) {
		answer, err := b.DescribeConfigs(&sarama.DescribeConfigsRequest{
			Version: configsVersion, Resources: []*sarama.ConfigResource{{Type: sarama.TopicResource, Name: name}},
		})
		if err != nil {
			return nil, err
		}
		config := map[string]string{}
		for _, r := range answer.Resources {
			if code := sarama.KError(r.ErrorCode); code != sarama.ErrNoError {
				return nil, errors.Join(code, errors.New(r.ErrorMsg))
			}
			for _, c := range r.Configs {
				if c.Source == sarama.SourceTopic {
					config[c.Name] = c.Value
				}
			}
		}
		return config, nil
	})
}

// Write writes a topic for people.
func Write(w io.Writer, d Description, style table.Style) error {
	var out strings.Builder
	fmt.Fprintf(&out, "topic %s: %s, %s", d.Name, table.Count(len(d.Partitions), "partition"), table.Count(d.ReplicationFactor, "replica"))
	switch {
	case d.Internal:
		out.WriteString(", Kafka's own\n")
	case d.Declared && len(d.Drift) == 0:
		out.WriteString(", as the stack declares it\n")
	case d.Declared:
		out.WriteString(", declared by the stack, and not as it declares it\n")
	default:
		out.WriteString(", not declared by the stack\n")
	}
	for _, line := range d.Drift {
		out.WriteString(style.Bad("  "+table.Clean(line)) + "\n")
	}
	for _, k := range slices.Sorted(maps.Keys(d.Config)) {
		fmt.Fprintf(&out, "  %s=%s\n", k, table.Clean(d.Config[k]))
	}
	out.WriteString("\n")
	if _, err := states(d.Partitions, style).WriteTo(&out); err != nil {
		return err
	}
	_, err := io.WriteString(w, out.String())
	return err
}

func states(partitions []State, style table.Style) *table.Table {
	t := &table.Table{Style: style}
	t.Head("PARTITION", "LEADER", "REPLICAS", "IN SYNC", "OFFSETS", "SIZE")
	for _, p := range partitions {
		add, leader, offsets := t.Row, strconv.Itoa(int(p.Leader)), fmt.Sprintf("%d to %d", p.Earliest, p.Latest)
		if len(p.ISR) < len(p.Replicas) {
			add = t.BadRow
		}
		if p.Leader < 0 {
			leader = "none"
		}
		if p.Earliest < 0 || p.Latest < 0 {
			offsets = "-"
		}
		add(strconv.Itoa(int(p.ID)), leader, IDs(p.Replicas), cmp.Or(IDs(p.ISR), "none"), offsets, table.Bytes(p.Bytes))
	}
	return t
}

// IDs writes broker ids in their order: "1 2 3".
func IDs(list []int32) string { return strings.Trim(fmt.Sprint(list), "[]") }
