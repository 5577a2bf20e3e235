package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"

	"github.com/IBM/sarama"

	"weir/jobs/behavior"
	"weir/jobs/producer"
)

// input is a topic that is full before anything is measured, with the sums that
// its producer wrote down.
type input struct {
	topic    string
	brokers  string // host:port,...
	messages int64
	sums     map[string]string // by page: messages, clicks, 1e-9 minutes, likes
}

// How much is counted, and how often. The variables are for who works on the
// rows: figures of short runs are worth nothing, as most of them is start-up.
var (
	millions  = setting("WEIR_BENCH_MILLIONS", 40)
	runsOfOne = setting("WEIR_BENCH_RUNS", 5)
)

func setting(name string, otherwise int64) int64 {
	n, err := strconv.ParseInt(cmp.Or(os.Getenv(name), "-"), 10, 64)
	if err != nil || n < 1 {
		return otherwise
	}
	return n
}

// Both inputs have the article's messages; one has very many pages.
const (
	articlePages = 100
	manyPages    = 1_000_000
)

// input returns a topic of so many pages, filled when a section first asks.
func (l *lab) input(ctx context.Context, pages int, messages int64) (*input, error) {
	s, err := l.ensureServing(ctx)
	if err != nil {
		return nil, err
	}
	in := &input{
		topic: fmt.Sprintf("bench-%d-pages", pages), messages: messages,
		brokers: strings.Join(s.brokers().Bootstrap(), ","), sums: map[string]string{},
	}
	if l.inputs[in.topic] != nil {
		return l.inputs[in.topic], nil
	}
	fmt.Fprintf(l.progress, "  fill %s with %d messages, which does not count\n", in.topic, messages)
	if err := in.makeTopics(1); err != nil {
		return nil, err
	}
	manifest := filepath.Join(l.dir, in.topic+".json")
	if _, err := in.produce(ctx, "--throughput", "-1", "--num-records", fmt.Sprint(messages), "--pages", fmt.Sprint(pages), "--manifest", manifest); err != nil {
		return nil, err
	}
	if err := in.readManifest(manifest); err != nil {
		return nil, err
	}
	if l.inputs == nil {
		l.inputs = map[string]*input{}
	}
	l.inputs[in.topic] = in
	return in, nil
}

// makeTopics makes the topic, and those to which the calculator writes. One
// replica is enough for what is only read.
func (in *input) makeTopics(replicas int16) error {
	config := sarama.NewConfig()
	config.Version = sarama.V2_8_0_0
	admin, err := sarama.NewClusterAdmin(strings.Split(in.brokers, ","), config)
	if err != nil {
		return err
	}
	compact := map[string]*string{"cleanup.policy": new("compact")}
	return errors.Join(
		admin.CreateTopic(in.topic, &sarama.TopicDetail{NumPartitions: 3, ReplicationFactor: replicas}, false),
		admin.CreateTopic(in.topic+".popularity", &sarama.TopicDetail{NumPartitions: 1, ReplicationFactor: 3, ConfigEntries: compact}, false),
		admin.CreateTopic(in.topic+".dead-letter", &sarama.TopicDetail{NumPartitions: 1, ReplicationFactor: 3, ConfigEntries: compact}, false),
		admin.Close(),
	)
}

// job is where one of our programs is.
func job(name string) string {
	return filepath.Join("bin", "jobs", "linux-"+runtime.GOARCH, "weir-"+name)
}

// produce runs our producer until it ends.
func (in *input) produce(ctx context.Context, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, job("producer"), append([]string{"--bootstrap-server", in.brokers, "--topic", in.topic,
		"--seed", "1", "--quiet", "--metrics-address", "127.0.0.1:0"}, args...)...)
	said, err := cmd.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("weir-producer: %w\n%s", err, said)
	}
	return string(said), nil
}

func (in *input) readManifest(path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var m producer.Manifest
	if err := json.Unmarshal(text, &m); err != nil {
		return err
	}
	if m.Acknowledged != in.messages || m.Unknown != 0 {
		return fmt.Errorf("the producer of %s has %d messages acknowledged, and %d unknown; want %d", in.topic, m.Acknowledged, m.Unknown, in.messages)
	}
	for page, sums := range m.Pages {
		in.sums[page] = written(sums)
	}
	return nil
}

// written is how all engines write sums.
func written(s behavior.Sums) string {
	return fmt.Sprintf("%d %d %s %d", s.N, s.Clicks, s.StayNano, s.Like)
}
