package stack

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"weir/provision/kafka"
)

// Bounds and defaults of topics and jobs.
const (
	// maxPartitions of one topic: far more than a cluster that three machines
	// carry should have, and far less than what makes its controller crawl.
	maxPartitions      = 10_000
	defaultReplication = 3
	minInterval        = 100 * time.Millisecond
	maxInterval        = time.Hour
)

// Suffixes of the topics that a popularity job needs.
const (
	snapshotSuffix   = ".popularity"
	deadLetterSuffix = ".dead-letter"
)

func (c *checker) topics() {
	if c.config.Kafka == nil && len(c.config.Topics) > 0 {
		c.add("topics", "need Kafka; write kafka: {}")
		return
	}
	seen := map[string]string{}
	for i := range c.config.Topics {
		t, path := &c.config.Topics[i], fmt.Sprintf("topics[%d]", i)
		c.topicDefaults(path, t)
		c.topic(path, *t)
		c.alike(path+".name", t.Name, seen)
	}
}

func (c *checker) brokers() int { return len(c.config.Kafka.Brokers) }

func (c *checker) topicDefaults(path string, t *Topic) {
	if t.Partitions == 0 && !c.broken[path+".partitions"] {
		t.Partitions = 1
	}
	if t.ReplicationFactor == 0 && !c.broken[path+".replicationFactor"] {
		t.ReplicationFactor = int16(min(defaultReplication, c.brokers()))
	}
}

// topic leaves to package kafka what Kafka itself would refuse.
func (c *checker) topic(path string, t Topic) {
	found := kafka.ValidateTopic(kafka.Topic{
		Name: t.Name, Partitions: t.Partitions, ReplicationFactor: t.ReplicationFactor, Config: t.Config,
	}, c.brokers())
	for _, p := range found {
		c.add(path+"."+p.Path, "%s", p.Message)
	}
	if t.Partitions > maxPartitions {
		c.add(path+".partitions", "is %d; write 1 to %d", t.Partitions, maxPartitions)
	}
}

// alike refuses two names that differ only by . and _: Kafka's metrics cannot
// tell them apart, and its tools refuse them too.
func (c *checker) alike(path, name string, seen map[string]string) {
	folded := strings.ReplaceAll(name, ".", "_")
	if other, ok := seen[folded]; ok {
		c.add(path, "is %q, which Kafka does not tell from %q before it; write another", name, other)
		return
	}
	seen[folded] = name
}

func (c *checker) jobs() {
	if c.config.Kafka == nil && len(c.config.Jobs) > 0 {
		c.add("jobs", "need Kafka; write kafka: {}")
		return
	}
	names, calculators := map[string]bool{}, map[string]string{}
	declared := slices.Clone(c.config.Topics)
	for i := range c.config.Jobs {
		j, path := &c.config.Jobs[i], fmt.Sprintf("jobs[%d]", i)
		c.jobName(path+".name", j.Name, names)
		c.machineRef(path+".machine", j.Machine)
		c.jobTopic(path+".topic", j.Topic, declared)
		c.settings(path+".args", j.Args, nil)
		c.jobKind(path, j, calculators)
	}
}

// jobForm is package job's: the name is part of a unit's and of a directory's.
var jobForm = regexp.MustCompile(`^[a-z][a-z0-9-]{0,27}$`)

const jobRule = "up to 28 lower-case letters, digits and hyphens, a letter first"

func (c *checker) jobName(path, name string, seen map[string]bool) {
	switch {
	case name == "":
		c.add(path, "is missing; write %s", jobRule)
	case !jobForm.MatchString(name):
		c.add(path, "is %q; write %s", name, jobRule)
	case seen[name]:
		c.add(path, "is %q, as is that of another job; write another", name)
	}
	seen[name] = true
}

func (c *checker) jobTopic(path, topic string, declared []Topic) {
	var names []string
	for _, t := range declared {
		names = append(names, t.Name)
	}
	switch near := nearest(topic, names); {
	case topic == "":
		c.add(path, "is missing; write one of those under topics")
	case slices.Contains(names, topic):
	case near != "":
		c.add(path, "names topic %q, which is not listed under topics; did you mean %s?", topic, near)
	default:
		c.add(path, "names topic %q, which is not listed under topics; list it there", topic)
	}
}

func (c *checker) jobKind(path string, j *Job, calculators map[string]string) {
	byDefault := 5 * time.Second
	switch j.Kind {
	case Producer:
	case Popularity:
		byDefault = 2 * time.Second
		if other, ok := calculators[j.Topic]; ok {
			c.add(path+".topic", "is calculated by job %s already: both would publish to %s", other, j.Topic+snapshotSuffix)
			return
		}
		calculators[j.Topic] = j.Name
		j.SnapshotTopic, j.DeadLetterTopic = j.Topic+snapshotSuffix, j.Topic+deadLetterSuffix
		c.imply(path, *j)
	case "":
		c.add(path+".kind", "is missing; write %s or %s", Producer, Popularity)
	default:
		c.add(path+".kind", "is %q; write %s or %s", j.Kind, Producer, Popularity)
	}
	if j.Interval == 0 && !c.broken[path+".interval"] {
		j.Interval = Duration(byDefault)
	}
	if d := time.Duration(j.Interval); d != 0 && (d < minInterval || d > maxInterval) {
		c.add(path+".interval", "is %v; write %v to %v", d, minInterval, maxInterval)
	}
}

// imply adds the topics that a calculator writes, as replicated as what it
// reads, unless they are declared.
func (c *checker) imply(path string, j Job) {
	var replication int16
	for _, t := range c.config.Topics {
		if t.Name == j.Topic {
			replication = t.ReplicationFactor
		}
	}
	// The segment that is written to is never compacted: small ones leave a reader
	// less to read.
	compacted := Settings{"cleanup.policy": "compact", "segment.bytes": "16777216"}
	for _, t := range []Topic{
		{Name: j.SnapshotTopic, Partitions: 1, ReplicationFactor: replication, Config: compacted, ImpliedBy: j.Name},
		{Name: j.DeadLetterTopic, Partitions: 1, ReplicationFactor: replication, ImpliedBy: j.Name},
	} {
		i := slices.IndexFunc(c.config.Topics, func(d Topic) bool { return d.Name == t.Name })
		switch {
		case i < 0:
			c.config.Topics = append(c.config.Topics, t)
		case t.Name == j.SnapshotTopic && c.config.Topics[i].Config["cleanup.policy"] != "compact":
			c.add(fmt.Sprintf("topics[%d].config", i), "lacks cleanup.policy: compact, which the snapshots of job %s need; write it", j.Name)
		case len(j.SnapshotTopic) > 249:
			c.add(path+".topic", "is too long to add %s to; write a shorter name", snapshotSuffix)
		}
	}
}
