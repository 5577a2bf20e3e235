package adopt

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"weir/provision/kafka"
	"weir/provision/zookeeper"
)

// alive is what the running cluster says of itself.
func alive(f Found) ([]zookeeper.Answer, kafka.View) {
	var answers []zookeeper.Answer
	for i, m := range f.ZooKeeper.Members {
		mode := zookeeper.Follower
		if i == 0 {
			mode = zookeeper.Leader
		}
		answers = append(answers, zookeeper.Answer{Member: m, Status: zookeeper.Status{Mode: mode}})
	}
	v := kafka.View{ClusterID: f.ClusterID, Controller: 0, Brokers: map[int32]string{}}
	for i, address := range f.Kafka.Bootstrap() {
		v.Brokers[f.Kafka.Brokers[i].ID] = address
	}
	v.Partitions = []kafka.Partition{{Topic: "t", Leader: 0, Replicas: []int32{0, 1, 2}, ISR: []int32{0, 1, 2}, MinISR: 1}}
	return answers, v
}

func TestTheRunningClusterConfirmsWhatFilesSay(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(answers []zookeeper.Answer, v *kafka.View)
		says   string
	}{
		{"all as in the files", func([]zookeeper.Answer, *kafka.View) {}, ""},
		{"a name in other letters", func(_ []zookeeper.Answer, v *kafka.View) { v.Brokers[0] = strings.ToUpper(v.Brokers[0]) }, ""},
		{"a member is down", func(a []zookeeper.Answer, _ *kafka.View) { a[2].Err = errors.New("refused") }, "zookeeper: zookeeper on db-3: refused"},
		{"another cluster", func(_ []zookeeper.Answer, v *kafka.View) { v.ClusterID = "other" }, `they say that they are "other"`},
		{"a broker on another machine", func(_ []zookeeper.Answer, v *kafka.View) { v.Brokers[7] = "192.168.1.7:9092" }, "broker 7 at 192.168.1.7:9092 belongs to the cluster"},
		{"a broker that is not registered", func(_ []zookeeper.Answer, v *kafka.View) { delete(v.Brokers, 1) }, "db-2: broker 1 is not registered"},
		{"another address than the file's", func(_ []zookeeper.Answer, v *kafka.View) { v.Brokers[1] = "db-2:9092" }, "db-2: broker 1 tells clients db-2:9092"},
		{"a replica that lags", func(_ []zookeeper.Answer, v *kafka.View) { v.Partitions[0].ISR = []int32{0, 1} }, "kafka: partition t-0: in sync [0 1] of [0 1 2]"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f, _ := Judge(article())
			answers, view := alive(f)
			c.change(answers, &view)
			err := f.Confirm(answers, view).Err()
			if (err == nil) != (c.says == "") || err != nil && !strings.Contains(err.Error(), c.says) {
				t.Errorf("got %v, want a problem that says %q", err, c.says)
			}
		})
	}
}

func TestWhatRunningBrokersWereToldIsTakenOver(t *testing.T) {
	f, _ := Judge(article())
	before := maps.Clone(f.Kafka.Config)
	live := map[int32]map[string]string{}
	for id := range int32(3) {
		live[id] = map[string]string{"min.insync.replicas": "1", "log.retention.bytes": "-1"}
	}
	if problems := f.Take(live); len(problems) > 0 || !maps.Equal(f.Kafka.Config, before) {
		t.Errorf("brokers that run by their files: got %v and settings %v, want %v", problems, f.Kafka.Config, before)
	}
	for id := range live {
		live[id]["log.retention.bytes"] = "1000000"
	}
	if problems := f.Take(live); len(problems) > 0 || f.Kafka.Config["log.retention.bytes"] != "1000000" {
		t.Errorf("got %v and settings %v, want the brokers' log.retention.bytes", problems, f.Kafka.Config)
	}
	live[1]["log.retention.bytes"] = "2000000"
	if err := f.Take(live).Err(); err == nil || !strings.Contains(err.Error(), "kafka log.retention.bytes: was set to") {
		t.Errorf("brokers that were told differently: got %v, want a problem", err)
	}
}

func TestTheFilesOfTheOldInstallationAreNamed(t *testing.T) {
	f, _ := Judge(article())
	if got := f.Homes(); !slices.Equal(got, []string{"/home/fams/kafka"}) {
		t.Errorf("got %v", got)
	}
}
