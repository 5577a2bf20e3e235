package describe

import (
	"strings"
	"testing"

	"weir/ops/group"
	"weir/ops/setting"
	"weir/ops/status"
	"weir/ops/status/table"
	"weir/ops/topic"
	"weir/provision/inventory"
	"weir/provision/kafka"
	"weir/testenv/golden"
)

func TestABrokersPageCountsWhatItKeepsAndWhatItIsBehindIn(t *testing.T) {
	b := Broker{ID: 1, Machine: "m-1", Registered: true, Controller: true, Address: "a:9092", Bytes: 3 << 20,
		Service:  status.Service{Unit: "weir-kafka.service", Known: true, Load: "loaded", Active: "active", Sub: "running", PID: 7, SinceSeconds: 90},
		Dirs:     []topic.Dir{{Path: "/data", TotalBytes: 10 << 30, UsableBytes: 4 << 30}},
		Settings: []setting.Setting{{Name: "log.cleaner.threads", Value: "2", Source: "broker"}},
		Groups:   []string{"g"},
	}
	b.count(kafka.View{Partitions: []kafka.Partition{
		{Topic: "t", ID: 0, Leader: 1, Replicas: []int32{1, 2}, ISR: []int32{1, 2}},
		{Topic: "t", ID: 1, Leader: 2, Replicas: []int32{1, 2}, ISR: []int32{1, 2}},
		{Topic: "t", ID: 2, Leader: 2, Replicas: []int32{2, 1}, ISR: []int32{2}},
		{Topic: "t", ID: 3, Leader: 2, Replicas: []int32{2, 3}, ISR: []int32{2, 3}},
	}})
	var out strings.Builder
	if err := WriteBroker(&out, b, table.Style{}); err != nil {
		t.Fatal(err)
	}
	golden.Compare(t, "broker.txt", out.String())
}

func TestWhatAJobDoesWithATopicIsSaid(t *testing.T) {
	jobs := []inventory.Job{
		{Name: "p", Kind: "producer", Machine: "m", Topic: "in"},
		{Name: "c", Kind: "popularity", Machine: "m", Topic: "in", SnapshotTopic: "out", DeadLetterTopic: "bad"},
	}
	for name, want := range map[string]string{"in": "p writes, c reads", "out": "c publishes to", "bad": "c puts bad records into", "other": ""} {
		var got []string
		for _, u := range uses(jobs, name) {
			got = append(got, u.Job+" "+u.As)
		}
		if text := strings.Join(got, ", "); text != want {
			t.Errorf("topic %s: got %q, want %q", name, text, want)
		}
	}
}

func TestAGroupsLagOnATopicIsWhatItIsBehindThere(t *testing.T) {
	g := group.Description{Partitions: []group.Partition{{Topic: "a", Lag: 3}, {Topic: "a", ID: 1, Lag: -1}, {Topic: "b", Lag: 50}}}
	if lag, reads := lagOf(g, "a"); lag != 3 || !reads {
		t.Errorf("a: got %d, %t; want 3, true", lag, reads)
	}
	if _, reads := lagOf(g, "c"); reads {
		t.Error("c: it reads what it never read")
	}
}
