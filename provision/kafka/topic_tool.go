package kafka

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/IBM/sarama"

	"weir/provision/remote"
)

// ToolDir is where the programs of the release that brokers run on are.
const ToolDir = "/opt/weir/kafka/current/bin"

// toolLimit bounds what a program may say: a description of ten thousand
// partitions fits.
const toolLimit = 4 << 20

// RunTool runs a program of Kafka's on a machine of the cluster and returns what
// it said, errors among it: the old ones exit with 0 when they failed.
func RunTool(ctx context.Context, m remote.Runner, program string, args ...string) (string, error) {
	command := remote.QuoteAll(append([]string{ToolDir + "/" + program}, args...)...)
	result, err := m.Run(ctx, remote.Script{Step: program, Text: "exec 2>&1\nexec " + command + "\n", Limit: toolLimit})
	return string(result.Stdout), err
}

// ToolOn runs programs of Kafka's on the first of the machines that can be reached.
func ToolOn(machines ...remote.Runner) func(ctx context.Context, program string, args ...string) (string, error) {
	return func(ctx context.Context, program string, args ...string) (string, error) {
		var away *remote.ConnectError
		var errs []error
		for _, m := range machines {
			said, err := RunTool(ctx, m, program, args...)
			if !errors.As(err, &away) {
				return said, err
			}
			errs = append(errs, err)
		}
		return "", errors.Join(errs...)
	}
}

// topicTool is the program that makes and changes topics where brokers take no
// such requests.
const topicTool = "kafka-topics.sh"

// topics runs kafka-topics.sh on a machine. It exits with 0 when it failed
// (KAFKA-1737, fixed in 0.9), and says "Error while executing topic command".
func (r Registry) topics(ctx context.Context, args ...string) error {
	said, err := r.Tool(ctx, topicTool, append([]string{"--zookeeper", strings.Join(r.ZooKeeper, ",") + r.Chroot}, args...)...)
	if err != nil {
		return err
	}
	_, failed, ok := strings.Cut(said, "Error while executing topic command")
	if !ok {
		return nil
	}
	if strings.Contains(failed, "already exists") {
		return sarama.ErrTopicAlreadyExists
	}
	line, _, _ := strings.Cut(strings.TrimSpace(failed), "\n")
	return fmt.Errorf("%s: %s", topicTool, line)
}

// CreateAssigned makes a topic whose replicas are where the assignment says, a list
// of brokers for each partition, the preferred leader first. One that exists is
// sarama.ErrTopicAlreadyExists.
func (r Registry) CreateAssigned(ctx context.Context, name string, assignment [][]int32, config map[string]string) error {
	return r.topics(ctx, append([]string{"--create", "--topic", name, "--replica-assignment", assigned(assignment)}, settingArgs(config)...)...)
}

// Extend gives a topic further partitions; the assignment is that of all.
func (r Registry) Extend(ctx context.Context, name string, assignment [][]int32) error {
	return r.topics(ctx, "--alter", "--topic", name, "--partitions", strconv.Itoa(len(assignment)), "--replica-assignment", assigned(assignment))
}

// assigned is an assignment as the tool takes it, "0:1,1:2".
func assigned(assignment [][]int32) string {
	partitions := make([]string, len(assignment))
	for i, replicas := range assignment {
		partitions[i] = strings.Trim(strings.ReplaceAll(fmt.Sprint(replicas), " ", ":"), "[]")
	}
	return strings.Join(partitions, ",")
}

func (r Registry) create(ctx context.Context, t Topic) error {
	args := []string{
		"--create", "--topic", t.Name, "--partitions", strconv.Itoa(int(t.Partitions)),
		"--replication-factor", strconv.Itoa(int(t.ReplicationFactor)),
	}
	return r.topics(ctx, append(args, settingArgs(t.Config)...)...)
}

func (r Registry) change(ctx context.Context, name string, c TopicChange) error {
	args := settingArgs(c.Set)
	for _, key := range c.Unset {
		args = append(args, "--deleteConfig", key)
	}
	if c.Partitions > 0 {
		args = append(args, "--partitions", strconv.Itoa(int(c.Partitions)))
	}
	return r.topics(ctx, append([]string{"--alter", "--topic", name}, args...)...)
}

func (r Registry) delete(ctx context.Context, name string) error {
	return r.topics(ctx, "--delete", "--topic", name)
}

// settingArgs are a topic's settings as the tool takes them, by key.
func settingArgs(settings map[string]string) []string {
	var args []string
	for _, key := range slices.Sorted(maps.Keys(settings)) {
		args = append(args, "--config", key+"="+settings[key])
	}
	return args
}
