package kafka

import (
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/IBM/sarama"
)

// part is a partition t-0 of replicas 1, 2, 3 that needs two in sync.
func part(change func(*Partition)) Partition {
	p := Partition{Topic: "t", Leader: 1, Replicas: []int32{1, 2, 3}, ISR: []int32{1, 2, 3}, MinISR: 2}
	if change != nil {
		change(&p)
	}
	return p
}

func viewWith(p ...Partition) View {
	return View{
		Controller: 2,
		Brokers:    map[int32]string{1: "a:9092", 2: "b:9092", 3: "c:9092"},
		Partitions: p,
	}
}

func TestWhetherABrokerMayStop(t *testing.T) {
	for _, test := range []struct {
		name        string
		broker      int32
		partition   Partition
		warn, block string
	}{
		{"all three in sync, two needed", 1, part(nil), "", ""},
		{"it has no replica", 9, part(func(p *Partition) { p.ISR = nil }), "", ""},
		{"just enough in sync, it among them", 1, part(func(p *Partition) { p.ISR = []int32{1, 2} }), "", "partition t-0: in sync [1 2] (expected more than 2 in sync before broker 1 stops)"},
		{"just enough in sync without it", 3, part(func(p *Partition) { p.ISR = []int32{2, 1} }), "", ""},
		{"too few in sync already", 3, part(func(p *Partition) { p.ISR = []int32{1} }), "", "partition t-0: in sync [1] (expected at least 2 in sync)"},
		{"every replica needed", 1, part(func(p *Partition) { p.MinISR = 3 }), "partition t-0: has 3 replicas and needs 3 in sync: it refuses writes while broker 1 is away", ""},
		{"a single copy", 1, part(func(p *Partition) { p.Replicas, p.ISR, p.MinISR = []int32{1}, []int32{1}, 1 }), "partition t-0: has 1 replicas and needs 1 in sync: it refuses writes while broker 1 is away", ""},
		{"the last of two in sync", 1, part(func(p *Partition) { p.Replicas, p.ISR, p.MinISR = []int32{1, 2}, []int32{1}, 1 }), "", "partition t-0: in sync [1] (expected more than 1 in sync before broker 1 stops)"},
		{"one of two in sync", 1, part(func(p *Partition) { p.Replicas, p.ISR, p.MinISR = []int32{1, 2}, []int32{1, 2}, 1 }), "", ""},
	} {
		warn, block := viewWith(test.partition).CanStop(test.broker)
		for what, pair := range map[string][2]string{"warn": {errText(warn.Err()), test.warn}, "block": {errText(block.Err()), test.block}} {
			if pair[0] != pair[1] {
				t.Errorf("%s: %s\n got %q\nwant %q", test.name, what, pair[0], pair[1])
			}
		}
	}
}

func errText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestAPartitionIsNamedOnceByItsWorst(t *testing.T) {
	v := viewWith(
		part(nil),
		part(func(p *Partition) { p.ID, p.ISR = 1, []int32{3, 1} }),
		part(func(p *Partition) { p.ID, p.ISR = 2, []int32{2} }),
		part(func(p *Partition) { p.ID, p.Leader, p.ISR = 3, -1, nil }),
	)
	var got []string
	for _, f := range v.CheckPartitions() {
		got = append(got, f.String())
	}
	want := []string{
		"partition t-1: in sync [1 3] of [1 2 3] (expected all replicas in sync)",
		"partition t-2: in sync [2] of [1 2 3] (expected at least 2 in sync)",
		"partition t-3: none; in sync [] of [1 2 3] (expected a leader)",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if n := len(v.With(Partition.UnderReplicated)); n != 3 {
		t.Errorf("%d partitions under-replicated, want 3", n)
	}
}

func TestBrokersAreComparedBothWays(t *testing.T) {
	v := viewWith()
	v.Brokers[9], v.Controller = "d:9092", -1
	delete(v.Brokers, 3)
	err := v.CheckBrokers(map[int32]string{1: "m1", 2: "m2", 3: "m3"}).Err()
	want := "broker 3 on m3: missing (expected registered in the cluster); " +
		"broker 9 at d:9092: registered, not declared (expected only declared brokers); " +
		"controller: broker -1 (expected a registered broker)"
	if errText(err) != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}

func TestOnlyLeadersThatCanMoveAreMoved(t *testing.T) {
	got := viewWith(
		part(nil),
		part(func(p *Partition) { p.ID, p.Leader = 1, 2 }),
		part(func(p *Partition) { p.ID, p.Leader, p.ISR = 2, 2, []int32{2, 3} }),
	).Unpreferred()
	if want := map[string][]int32{"t": {1}}; !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestMetadataBecomesAViewInOrder(t *testing.T) {
	id := "abc"
	v, err := viewOf(&sarama.MetadataResponse{
		ClusterID: &id, ControllerID: 3,
		Topics: []*sarama.TopicMetadata{
			{Name: "b", Partitions: []*sarama.PartitionMetadata{{ID: 1, Leader: 1}, {ID: 0, Leader: -1, Err: sarama.ErrLeaderNotAvailable}}},
			{Name: "a", Partitions: []*sarama.PartitionMetadata{{ID: 0, Leader: 2, Replicas: []int32{2}, Isr: []int32{2}}}},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, p := range v.Partitions {
		names = append(names, p.String())
	}
	if want := []string{"a-0", "b-0", "b-1"}; !slices.Equal(names, want) || v.ClusterID != "abc" || v.Controller != 3 {
		t.Errorf("got %v of %q under %d, want %v", names, v.ClusterID, v.Controller, want)
	}
	if _, err := viewOf(&sarama.MetadataResponse{Topics: []*sarama.TopicMetadata{{Name: "x", Err: sarama.ErrTopicAuthorizationFailed}}}); !errors.Is(err, sarama.ErrTopicAuthorizationFailed) {
		t.Errorf("got %v, want the topic's error", err)
	}
}
