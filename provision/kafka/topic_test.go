package kafka

import (
	"reflect"
	"strings"
	"testing"
)

func TestCompareTopics(t *testing.T) {
	is := Topic{
		Name: "t", Partitions: 3, ReplicationFactor: 3,
		Config: map[string]string{"retention.ms": "1000", "leader.replication.throttled.replicas": "0:1"},
	}
	with := func(change func(*Topic)) Topic {
		want := Topic{Name: "t", Partitions: 3, ReplicationFactor: 3, Config: map[string]string{"retention.ms": "1000"}}
		change(&want)
		return want
	}
	for _, test := range []struct {
		name string
		want Topic
		text string
	}{
		{"alike, but for a throttle that is not ours", with(func(*Topic) {}), ""},
		{"more partitions", with(func(t *Topic) { t.Partitions = 6 }), "raise to 6 partitions"},
		{"fewer partitions", with(func(t *Topic) { t.Partitions = 2 }), "topic t has 3 partitions, declared are 2: Kafka cannot take partitions away; declare 3, or delete the topic with its data and create it anew"},
		{"another replication factor", with(func(t *Topic) { t.ReplicationFactor = 2 }), "topic t has replication factor 3, declared is 2: changing it moves data between brokers and is not done here; declare 3, or move its replicas: ops topic reassign t --replication-factor 2"},
		{"a changed and a new setting", with(func(t *Topic) {
			t.Config = map[string]string{"retention.ms": "2000", "cleanup.policy": "compact"}
		}), "set cleanup.policy=compact; set retention.ms=2000"},
		{"a setting that is gone", with(func(t *Topic) { t.Config = nil }), "unset retention.ms"},
	} {
		c := Compare(test.want, is)
		if c.String() != test.text || c.Empty() != (test.text == "") {
			t.Errorf("%s:\n got %s (empty: %v)\nwant %s", test.name, c, c.Empty(), test.text)
		}
	}
}

func TestValidateTopicNamesEveryProblem(t *testing.T) {
	good := Topic{Name: "user-behavior-topic", Partitions: 3, ReplicationFactor: 3, Config: map[string]string{"min.insync.replicas": "2"}}
	for _, test := range []struct {
		name   string
		change func(*Topic)
		paths  []string
	}{
		{"the article's topic is sound", func(*Topic) {}, nil},
		{"a name with a slash", func(t *Topic) { t.Name = "a/b" }, []string{"name"}},
		{"a name that is too long", func(t *Topic) { t.Name = strings.Repeat("x", 250) }, []string{"name"}},
		{"a name of Kafka's own", func(t *Topic) { t.Name = "__consumer_offsets" }, []string{"name"}},
		{"more copies than brokers, none of the partitions", func(t *Topic) { t.ReplicationFactor, t.Partitions = 4, 0 }, []string{"partitions", "replicationFactor"}},
		{"more in sync than copies", func(t *Topic) { t.Config = map[string]string{"min.insync.replicas": "4"} }, []string{`config["min.insync.replicas"]`}},
	} {
		topic := good
		test.change(&topic)
		var paths []string
		for _, p := range ValidateTopic(topic, 3) {
			paths = append(paths, p.Path)
		}
		if !reflect.DeepEqual(paths, test.paths) {
			t.Errorf("%s: problems at %v, want %v", test.name, paths, test.paths)
		}
	}
}
