package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"weir/ops/connect"
	"weir/ops/status/table"
	"weir/ops/topic"
	"weir/provision/inventory"
	"weir/provision/kafka"
	"weir/provision/rollout"
)

// topicPatience is how long a changed topic may take until all of its replicas
// are there and in sync; empty ones need a second.
const topicPatience = 30 * time.Second

func (a *app) createTopicCommand() *cobra.Command {
	want := kafka.Topic{}
	var replicas int
	c := &cobra.Command{
		Use:   "create TOPIC",
		Short: "Create a topic that the stack does not declare",
		Long: `create makes a topic and waits until all of its replicas are in sync. A topic that
should outlive the cluster's next installation belongs into the stack file, under
topics: ops up makes it, and keeps it as declared.`,
		Example: `  ops topic create clicks --partitions 6 --config retention.ms=86400000`,
		Args:    cobra.ExactArgs(1),
	}
	k := consentFlags(c)
	c.Flags().Int32Var(&want.Partitions, "partitions", 3, "how many partitions")
	c.Flags().IntVar(&replicas, "replication-factor", 0, "how many replicas; three, or as many as there are brokers")
	c.Flags().StringToStringVar(&want.Config, "config", nil, "settings, `name=value`")
	c.RunE = func(c *cobra.Command, args []string) error {
		want.Name = args[0]
		return a.talk(c.Context(), changePatience, func(ctx context.Context, s *connect.Session) error {
			brokers := 0
			if s.Cluster.Kafka != nil {
				brokers = len(s.Cluster.Kafka.Brokers)
			}
			want.ReplicationFactor = int16(replicas)
			if replicas == 0 {
				want.ReplicationFactor = int16(min(3, brokers))
			}
			if problems := kafka.ValidateTopic(want, brokers); len(problems) > 0 {
				return usageError{problems.Err()}
			}
			if err := writable(want, s.Cluster); err != nil {
				return usageError{err}
			}
			return a.createTopic(ctx, s, k, want)
		})
	}
	return c
}

func (a *app) createTopic(ctx context.Context, s *connect.Session, k *consent, want kafka.Topic) error {
	admin, err := s.Changer(ctx)
	if err != nil {
		return err
	}
	defer admin.Close()
	if _, err := admin.Describe(ctx, want.Name); err == nil {
		return fmt.Errorf("topic %s exists already: ops topic describe %[1]s", want.Name)
	} else if !errors.Is(err, kafka.ErrNoTopic) {
		return err
	}
	fmt.Fprintf(a.console.Out, "create topic %s: %s, %s%s\n", want.Name, table.Count(int(want.Partitions), "partition"),
		table.Count(int(want.ReplicationFactor), "replica"), settings(want.Config))
	if err := a.agreeDeclared(k, s.Cluster, want.Name, "ops up makes it as it is declared"); err != nil {
		return err
	}
	if ok, err := a.agree(k, "create topic "+want.Name); !ok {
		return err
	}
	if err := admin.Create(ctx, want); err != nil {
		return err
	}
	return a.topicReady(ctx, admin, want, "created")
}

// writable says that a topic can have as many replicas in sync as a write takes:
// where the brokers' default is more than it has, Kafka makes it and refuses
// every write with acks=all.
func writable(t kafka.Topic, c inventory.Cluster) error {
	const key = "min.insync.replicas"
	if _, own := t.Config[key]; own || c.Kafka == nil || int(t.ReplicationFactor) >= c.Kafka.MinInsyncReplicas {
		return nil
	}
	return fmt.Errorf("the brokers want %d replicas in sync for a write, and topic %s would have %d: give it more with --replication-factor, or say --config %s=%d",
		c.Kafka.MinInsyncReplicas, t.Name, t.ReplicationFactor, key, t.ReplicationFactor)
}

func settings(config map[string]string) string {
	var out strings.Builder
	for _, k := range slices.Sorted(maps.Keys(config)) {
		fmt.Fprintf(&out, ", %s=%s", k, config[k])
	}
	return out.String()
}

// topicReady waits for what a change announced.
func (a *app) topicReady(ctx context.Context, admin *kafka.Admin, want kafka.Topic, done string) error {
	err := rollout.Wait(ctx, topicPatience, func(ctx context.Context) error { return admin.TopicReady(ctx, want) }, nil)
	if err != nil {
		return fmt.Errorf("topic %s was %s, and is not as it should be yet: %w", want.Name, done, err)
	}
	_, err = fmt.Fprintf(a.console.Out, "topic %s is %s\n", want.Name, done)
	return err
}

func (a *app) alterTopicCommand() *cobra.Command {
	var partitions int32
	var set map[string]string
	var unset []string
	c := &cobra.Command{
		Use:   "alter TOPIC",
		Short: "Raise a topic's partitions, change its settings",
		Long: `alter shows how the topic differs from what it should be, asks, and changes it.
Partitions can only be raised; keys go to other partitions then than before.
Replicas are changed by ops topic reassign.`,
		Example: `  ops topic alter clicks --partitions 12
  ops topic alter clicks --config retention.ms=3600000 --unset cleanup.policy`,
		Args: cobra.ExactArgs(1), ValidArgsFunction: a.completeTopic,
	}
	k := consentFlags(c)
	k.declaredFlag(c)
	c.Flags().Int32Var(&partitions, "partitions", 0, "raise to this many partitions")
	c.Flags().StringToStringVar(&set, "config", nil, "settings to make, `name=value`")
	c.Flags().StringSliceVar(&unset, "unset", nil, "settings to give back to their default")
	c.RunE = func(c *cobra.Command, args []string) error {
		if partitions == 0 && len(set)+len(unset) == 0 {
			return usageError{errors.New("nothing to change: say --partitions, --config or --unset")}
		}
		return a.talk(c.Context(), changePatience, func(ctx context.Context, s *connect.Session) error {
			return a.alterTopic(ctx, s, k, args[0], func(t *kafka.Topic) { alter(t, partitions, set, unset) })
		})
	}
	return c
}

func alter(t *kafka.Topic, partitions int32, set map[string]string, unset []string) {
	t.Config = maps.Clone(t.Config)
	if partitions > 0 {
		t.Partitions = partitions
	}
	maps.Copy(t.Config, set)
	for _, key := range unset {
		delete(t.Config, key)
	}
}

func (a *app) alterTopic(ctx context.Context, s *connect.Session, k *consent, name string, alter func(*kafka.Topic)) error {
	admin, err := s.Changer(ctx)
	if err != nil {
		return err
	}
	defer admin.Close()
	is, err := admin.Describe(ctx, name)
	if err != nil {
		return err
	}
	want := is
	alter(&want)
	if want.Partitions < is.Partitions {
		return usageError{fmt.Errorf("topic %s has %d partitions, and Kafka cannot take any away", name, is.Partitions)}
	}
	change := kafka.Compare(want, is)
	if change.Empty() {
		_, err := fmt.Fprintf(a.console.Out, "topic %s is so already\n", name)
		return err
	}
	for _, line := range topic.Differences(want, is) {
		fmt.Fprintln(a.console.Out, line)
	}
	err = a.agreeDeclared(k, s.Cluster, name, "write the change there, and ops up makes it; what is changed by hand, the next ops up sets back, where it can")
	if err != nil {
		return err
	}
	if ok, err := a.agree(k, "change topic "+name); !ok {
		return err
	}
	if err := admin.Change(ctx, name, change); err != nil {
		return err
	}
	return a.topicReady(ctx, admin, want, "changed")
}

func (a *app) deleteTopicCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "delete TOPIC",
		Short: "Delete a topic with all of its messages",
		Args:  cobra.ExactArgs(1), ValidArgsFunction: a.completeTopic,
	}
	k := consentFlags(c)
	k.declaredFlag(c)
	c.RunE = func(c *cobra.Command, args []string) error {
		if topic.Internal(args[0]) {
			return usageError{fmt.Errorf("topic %s is Kafka's own: it is not deleted", args[0])}
		}
		return a.talk(c.Context(), changePatience, func(ctx context.Context, s *connect.Session) error {
			return a.deleteTopic(ctx, s, k, args[0])
		})
	}
	return c
}

func (a *app) deleteTopic(ctx context.Context, s *connect.Session, k *consent, name string) error {
	d, err := topic.Describe(ctx, s, name)
	if err != nil {
		return err
	}
	records, bytes := d.Total()
	fmt.Fprintf(a.console.Out, "delete topic %s: %s, %s, %s on all disks\n", name,
		table.Count(len(d.Partitions), "partition"), table.Count(int(records), "offset"), table.Bytes(bytes))
	for _, j := range jobsOf(s.Cluster, name) {
		a.console.Warn(fmt.Sprintf("job %s on %s uses it", j.Name, j.Machine))
	}
	err = a.agreeDeclared(k, s.Cluster, name, "take it out there with deleteData: true, and ops up removes it; deleted by hand, the next ops up makes it anew, empty")
	if err != nil {
		return err
	}
	if ok, err := a.agree(k, "delete topic "+name+" with all of its messages"); !ok {
		return err
	}
	admin, err := s.Changer(ctx)
	if err != nil {
		return err
	}
	defer admin.Close()
	if err := admin.Delete(ctx, name); err != nil {
		return err
	}
	gone := func(ctx context.Context) error {
		view, err := s.View(ctx)
		if err == nil && len(view.Of(name)) > 0 {
			err = fmt.Errorf("topic %s is still listed", name)
		}
		return err
	}
	if err := rollout.Wait(ctx, topicPatience, gone, nil); err != nil {
		return err
	}
	_, err = fmt.Fprintf(a.console.Out, "topic %s is deleted\n", name)
	return err
}

// jobsOf are the jobs that read or write a topic.
func jobsOf(c inventory.Cluster, topic string) []inventory.Job {
	return slices.DeleteFunc(slices.Clone(c.Jobs), func(j inventory.Job) bool {
		return topic != j.Topic && topic != j.SnapshotTopic && topic != j.DeadLetterTopic
	})
}
