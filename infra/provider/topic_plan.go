package provider

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"weir/provision/fleet"
	"weir/provision/kafka"
	"weir/provision/machine"
	"weir/provision/runlog"
)

// topicStep is one thing that the cluster is asked to do to a topic.
func topicStep(a machine.Action, name, detail string) machine.Step {
	return machine.Step{Phase: machine.Switch, Action: a, Kind: "topic", Target: name, Detail: detail}
}

func creation(t kafka.Topic) machine.Step {
	parts := []string{fmt.Sprintf("%d partitions", t.Partitions), fmt.Sprintf("%d replicas", t.ReplicationFactor)}
	for _, k := range slices.Sorted(maps.Keys(t.Config)) {
		parts = append(parts, k+"="+t.Config[k])
	}
	return topicStep(machine.Create, t.Name, strings.Join(parts, ", "))
}

// changes are the steps of a change, in the order in which they are made.
func changes(name string, c kafka.TopicChange) []machine.Step {
	var steps []machine.Step
	for _, part := range c.Parts() {
		steps = append(steps, topicStep(machine.Change, name, part))
	}
	return steps
}

func removal(name string) machine.Step {
	return topicStep(machine.Remove, name, "with its messages")
}

// planCluster tells the plan of what the cluster itself is asked to do.
func planCluster(ctx context.Context, plan runlog.Plan, unreachable *string, steps ...machine.Step) {
	plan.Machines = []fleet.MachinePlan{{Plan: machine.Plan{Steps: steps}, Unreachable: value(unreachable)}}
	accountOf(ctx).plan(plan)
}

// previewChange tells what Update would do to a topic that was just looked at,
// and what it would refuse.
func (t Topic) previewChange(ctx context.Context, want, is TopicArgs) error {
	t.hide(ctx, want)
	c := kafka.Compare(want.topic(), is.topic())
	planCluster(ctx, runlog.Plan{}, is.Unreachable, changes(want.Name, c)...)
	if len(c.Refused) > 0 {
		return errors.New(strings.Join(c.Refused, "; "))
	}
	return nil
}

// planRemoval tells what Delete would do.
func (t Topic) planRemoval(ctx context.Context, a TopicArgs) {
	t.hide(ctx, a)
	if !value(a.DeleteData) {
		planCluster(ctx, runlog.Plan{Removal: true, Note: "the topic stays with its messages: deleteData was not set"}, a.Unreachable)
		return
	}
	planCluster(ctx, runlog.Plan{Removal: true}, a.Unreachable, removal(a.Name))
}

func (t Topic) hide(ctx context.Context, a TopicArgs) {
	for _, b := range a.Brokers {
		accountOf(ctx).hideHost(b.Connection.host(b.Machine))
	}
}

// done tells that the cluster has carried steps out, since a time.
func done(ctx context.Context, since time.Time, list ...machine.Step) {
	tell := steps(ctx)
	for _, s := range list {
		tell(machine.Event{Step: s, Took: time.Since(since)})
	}
}
