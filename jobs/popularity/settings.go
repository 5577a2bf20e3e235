package popularity

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"weir/jobs/behavior"
	"weir/jobs/cluster"
	"weir/jobs/program"
)

const clientID = "weir-popularity"

// Settings is what a calculator is told on its command line.
type Settings struct {
	Brokers         []string
	Version         cluster.Version
	Topic, Group    string
	SnapshotTopic   string
	DeadLetterTopic string
	StateDir        string
	// Store is a postgres:// URL; empty where the state is in StateDir.
	Store string
	// Instance is this process's name among those that share a database.
	Instance string
	Interval time.Duration
	// SnapshotInterval is how often at most changed pages are published.
	SnapshotInterval time.Duration
	Top              int
	// Window is what the top is made of: so much event time up to the latest; 0
	// for all time.
	Window         time.Duration
	Keep           Keep
	Weights        behavior.Weights
	MetricsAddress string
	// Rebuild counts anew from the start of the log; a state that is there is
	// put aside.
	Rebuild bool
}

// flags declares the command line; what it returns turns raw values into
// settings and reports the first that is wrong.
func (s *Settings) flags(f *program.Flags) (check func() error) {
	bootstrap := f.String("bootstrap-server", "127.0.0.1:9092", "brokers to start from, `host:port,...`")
	version := f.String("kafka-version", "", "the brokers' `version`, where they do not tell it: before 0.10, such as 0.8.2.1")
	weights := f.String("weights", behavior.Article().String(), "what a click, a minute and a like count")
	f.StringVar(&s.Topic, "topic", "user-behavior-topic", "topic to count")
	f.StringVar(&s.StateDir, "state-dir", "popularity-state", "`directory` of the state; keep it between runs")
	f.StringVar(&s.Store, "store", "", "keep the state in PostgreSQL instead, where several instances share the partitions: `postgres://...`")
	f.StringVar(&s.Instance, "instance", "", "with --store: this instance's name (default: host name and a random number)")
	f.DurationVar(&s.Interval, "interval", 2*time.Second, "how often to commit, print and publish")
	f.DurationVar(&s.SnapshotInterval, "snapshot-interval", 0, "how often at most to publish the pages that changed, first after so long (default: every interval)")
	f.IntVar(&s.Top, "top", 10, "how many pages to print")
	f.DurationVar(&s.Window, "window", 0, "print the top of the last so much event time (default: of all time)")
	f.DurationVar(&s.Keep.Minutes, "keep-minutes", 2*time.Hour, "how long to keep sums by minute of event time; 0 for not at all")
	f.DurationVar(&s.Keep.Hours, "keep-hours", 48*time.Hour, "how long to keep sums by hour of event time; 0 for not at all")
	f.StringVar(&s.Group, "group", "user-behavior-topic-message-consumer-group", "consumer group in which offsets are mirrored for tools that show lag")
	f.StringVar(&s.SnapshotTopic, "snapshot-topic", "", "compacted topic for snapshots (default <topic>.popularity)")
	f.StringVar(&s.DeadLetterTopic, "dead-letter-topic", "", "topic for records that are no messages (default <topic>.dead-letter)")
	f.StringVar(&s.MetricsAddress, "metrics-address", "127.0.0.1:9402", "serve /metrics and /healthy on `host:port`")
	f.BoolVar(&s.Rebuild, "rebuild", false, "count anew from the start of the log and put a state that is there aside; for one run by hand, not for a unit file")
	return func() error { return s.read(*bootstrap, *version, *weights) }
}

func (s *Settings) read(bootstrap, version, weights string) (err error) {
	var ok bool
	if s.Brokers, ok = cluster.Brokers(bootstrap); !ok {
		return fmt.Errorf("--bootstrap-server %q: want host:port, several separated by commas", bootstrap)
	}
	if s.Version, err = cluster.ParseVersion(version); err != nil {
		return fmt.Errorf("--kafka-version %w", err)
	}
	if s.Weights, err = behavior.ParseWeights(weights); err != nil {
		return fmt.Errorf("--weights: %w", err)
	}
	if s.SnapshotTopic == "" {
		s.SnapshotTopic = s.Topic + ".popularity"
	}
	if s.DeadLetterTopic == "" {
		s.DeadLetterTopic = s.Topic + ".dead-letter"
	}
	return s.check()
}

func (s *Settings) check() error {
	const shortest = 10 * time.Millisecond // a synced commit takes a few
	switch {
	case s.Topic == "" || s.Group == "" || s.StateDir == "":
		return errors.New("--topic, --group and --state-dir: want a name each")
	case s.Store != "" && !strings.HasPrefix(s.Store, "postgres://") && !strings.HasPrefix(s.Store, "postgresql://"):
		return errors.New("--store: want postgres://user@host/database, or nothing and --state-dir")
	case s.SnapshotTopic == s.Topic || s.DeadLetterTopic == s.Topic || s.SnapshotTopic == s.DeadLetterTopic:
		return errors.New("--topic, --snapshot-topic and --dead-letter-topic: want three different topics")
	case s.Interval < shortest:
		return fmt.Errorf("--interval %s: want at least %s", s.Interval, shortest)
	case s.Top < 1:
		return fmt.Errorf("--top %d: want at least 1", s.Top)
	}
	return s.Keep.check(s.Window)
}

// state says where the state is, without a password.
func (s *Settings) state() string {
	if s.Store == "" {
		return s.StateDir
	}
	if u, err := url.Parse(s.Store); err == nil {
		return u.Redacted()
	}
	return "in PostgreSQL"
}

// needs are the topics the calculator cannot work without.
func (s *Settings) needs() []cluster.Need {
	const compacted = "--partitions 1 --replication-factor 3 --config cleanup.policy=compact"
	return []cluster.Need{
		{Topic: s.Topic, Options: "--partitions 3 --replication-factor 3"},
		{Topic: s.SnapshotTopic, Options: compacted},
		{Topic: s.DeadLetterTopic, Options: compacted},
	}
}
