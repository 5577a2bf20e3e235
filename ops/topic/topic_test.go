package topic

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"weir/ops/status/table"
	"weir/provision/inventory"
	"weir/provision/kafka"
	"weir/testenv/golden"
)

// ill is a cluster whose broker 3 is gone, and where one partition has no leader.
func ill() (kafka.View, inventory.Cluster) {
	view := kafka.View{
		Brokers: map[int32]string{1: "a:9092", 2: "b:9092"},
		Partitions: []kafka.Partition{
			{Topic: "__consumer_offsets", ID: 0, Leader: 1, Replicas: []int32{1, 2}, ISR: []int32{1, 2}},
			{Topic: "clicks", ID: 0, Leader: 1, Replicas: []int32{1, 2, 3}, ISR: []int32{1, 2}},
			{Topic: "clicks", ID: 1, Leader: -1, Replicas: []int32{3, 2}, ISR: []int32{}},
		},
	}
	return view, inventory.Cluster{
		Kafka:  &inventory.Kafka{Brokers: map[string]int32{"m-1": 1, "m-2": 2, "m-3": 3}},
		Topics: []inventory.Topic{{Name: "clicks"}},
	}
}

func TestTheListShowsWhatLacksReplicasAndLeaders(t *testing.T) {
	view, cluster := ill()
	sizes := map[int32]Disk{
		1: {Partitions: map[Partition]Replica{{"clicks", 0}: {Bytes: 1 << 20}}},
		2: {Partitions: map[Partition]Replica{{"clicks", 0}: {Bytes: 1 << 20}, {"clicks", 1}: {Bytes: 1 << 10}}},
	}
	list := List{Topics: summaries(view, sizes, cluster.Topics)}
	want := Summary{Name: "clicks", Partitions: 2, ReplicationFactor: 2, UnderReplicated: 2, Leaderless: 1, Bytes: 2<<20 + 1<<10, Declared: true}
	if len(list.Topics) != 2 || list.Topics[1] != want || !list.Topics[0].Internal {
		t.Errorf("got %+v, want Kafka's own and %+v", list.Topics, want)
	}
	var out strings.Builder
	if err := WriteList(&out, list, table.Style{}); err != nil {
		t.Fatal(err)
	}
	golden.Compare(t, "list.txt", out.String())
}

func TestBrokersThatSayNothingOrAreGoneAreNamed(t *testing.T) {
	view, cluster := ill()
	got := problems(cluster, view, map[int32]error{2: errors.New("i/o timeout")})
	want := []string{"broker 2 does not answer (i/o timeout)", "broker 3 on m-3 is not in the cluster"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestDifferencesShowBothSides(t *testing.T) {
	is := kafka.Topic{Partitions: 3, Config: map[string]string{"retention.ms": "1", "cleanup.policy": "compact", "same": "x"}}
	want := kafka.Topic{Partitions: 6, Config: map[string]string{"retention.ms": "2", "segment.ms": "5", "same": "x"}}
	got := Differences(want, is)
	shown := []string{"partitions: 3 -> 6", "cleanup.policy: compact -> its default", "retention.ms: 1 -> 2", "segment.ms: its default -> 5"}
	if !slices.Equal(got, shown) {
		t.Errorf("got %q, want %q", got, shown)
	}
}
