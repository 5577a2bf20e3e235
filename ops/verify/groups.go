package verify

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf16"

	"github.com/IBM/sarama"

	"weir/ops/connect"
	"weir/ops/status"
)

const (
	// groupsLimit is above the wait for the topic (15 s) and the commits behind it.
	groupsLimit = 24 * time.Second
	// groupPatience bounds one group's questions: a coordinator that was just
	// elected loads its offsets first.
	groupPatience = 6 * time.Second
	// groupPoll is how often a coordinator that is not ready is asked again.
	groupPoll = 200 * time.Millisecond
	// offsetsTopic is where coordinators keep offsets; the leader of a group's
	// partition coordinates it.
	offsetsTopic = "__consumer_offsets"
	// leftoverAge is more than a run takes: a group that is older was left by one
	// that was cut off, or that a paused broker answered when it had gone.
	leftoverAge = 10 * time.Minute
	// groupTries bounds the search for a name that a broker coordinates: with 50
	// partitions of which it leads one, 500 fail once in 20,000 runs.
	groupTries = 500
)

// checkGroups commits an offset for a group that each broker coordinates, fetches
// it again, and removes the group, with those that runs before have left there.
func checkGroups(ctx context.Context, c *subject, r *record) {
	if _, ok := c.probeTopicFor(ctx, r); !ok {
		return
	}
	r.on(brokerMachines(c.cluster)...)
	a, err := c.ask(ctx, time.Time{})
	if err != nil {
		return
	}
	names := c.groupNames(a.topics)
	r.doing("committing offsets with %d coordinators", len(names))
	turns := make([]turn, len(names))
	var wg sync.WaitGroup
	for i, name := range names {
		wg.Go(func() { turns[i] = c.turnOf(ctx, name) })
	}
	wg.Wait()
	var commits latencies
	for _, t := range turns {
		r.fail(c.judgeTurn(t)...)
		if t.err == nil {
			commits = append(commits, t.took)
			r.note("broker %d on %s: offset %d committed and fetched again in %s, lag 0, group removed",
				t.coordinator, brokerMachine(c.cluster, t.coordinator), t.committed, t.took.Round(time.Millisecond))
		}
	}
	r.sum("%s, offset committed and fetched again by each within %s", count(len(names), "coordinator", "coordinators"), commits.percentile(100).Round(time.Millisecond))
}

// groupNames are names of groups such that every broker that coordinates any
// coordinates one of them; a single one where Kafka's topic is not there yet.
func (c *subject) groupNames(topics []status.Topic) []string {
	prefix := ProbeTopic + "-" + c.run + "-"
	i := slices.IndexFunc(topics, func(t status.Topic) bool { return t.Name == offsetsTopic && len(t.Partitions) > 0 })
	if i < 0 {
		return []string{prefix + "0"}
	}
	partitions := topics[i].Partitions
	leads := map[int32]bool{}
	for _, p := range partitions {
		leads[p.Leader] = true
	}
	delete(leads, -1)
	chosen := map[int32]string{}
	for n := 0; n < groupTries && len(chosen) < len(leads); n++ {
		name := prefix + strconv.Itoa(n)
		leader := partitions[groupPartition(name, len(partitions))].Leader
		if chosen[leader] == "" && leads[leader] {
			chosen[leader] = name
		}
	}
	return slices.Sorted(maps.Values(chosen))
}

// groupPartition is where a group's offsets are: Java's hash of its name, without
// its sign, modulo the partitions (org.apache.kafka.common.utils.Utils.abs, which
// gives 0 for the smallest number).
func groupPartition(group string, partitions int) int {
	var hash int32
	for _, u := range utf16.Encode([]rune(group)) {
		hash = 31*hash + int32(u)
	}
	if hash < 0 {
		hash = -hash
	}
	return int(max(hash, 0)) % partitions
}

// turn is one group's commit and what came back.
type turn struct {
	group              string
	coordinator        int32 // -1 until it is known
	committed, fetched int64
	end                int64
	took               time.Duration
	err                error
}

func (c *subject) turnOf(ctx context.Context, group string) turn {
	ctx, cancel := c.bounded(ctx, groupPatience, "not done after")
	defer cancel()
	t := turn{group: group, coordinator: -1}
	for {
		t.err = c.take(ctx, &t)
		if t.err == nil || !transient(t.err) {
			return t
		}
		select {
		case <-ctx.Done():
			t.err = errors.Join(t.err, context.Cause(ctx))
			return t
		case <-time.After(groupPoll):
		}
	}
}

// transient says that a coordinator is being elected, or loads.
func transient(err error) bool {
	for _, code := range []sarama.KError{
		sarama.ErrConsumerCoordinatorNotAvailable, sarama.ErrNotCoordinatorForConsumer, sarama.ErrOffsetsLoadInProgress,
		sarama.ErrNotLeaderForPartition, sarama.ErrUnknownTopicOrPartition, sarama.ErrRequestTimedOut,
	} {
		if errors.Is(err, code) {
			return true
		}
	}
	return false
}

// take finds the group's coordinator and asks it directly.
func (c *subject) take(ctx context.Context, t *turn) error {
	client, err := c.Client(ctx)
	if err != nil {
		return err
	}
	if t.end, err = endOffset(ctx, client, ProbeTopic, 0); err != nil {
		return err
	}
	t.committed = t.end
	found, err := connect.Bounded(ctx, func() (int32, error) {
		if err := client.RefreshCoordinator(t.group); err != nil {
			return -1, err
		}
		b, err := client.Coordinator(t.group)
		if err != nil {
			return -1, err
		}
		return b.ID(), nil
	})
	if err != nil {
		return fmt.Errorf("its coordinator: %w", err)
	}
	t.coordinator = found
	machine := brokerMachine(c.cluster, found)
	if machine == "" {
		return fmt.Errorf("its coordinator is broker %d, which is not declared", found)
	}
	_, err = connect.WithBroker(ctx, c.Session, machine, func(b *sarama.Broker) (struct{}, error) {
		if c.Registry() != nil { // such brokers forget groups by themselves
			return struct{}{}, t.commit(b, 1)
		}
		return struct{}{}, errors.Join(t.commit(b, 2), t.remove(b))
	})
	return err
}

// commit commits and fetches, each as a client outside of any generation.
func (t *turn) commit(b *sarama.Broker, version int16) error {
	started := time.Now()
	request := &sarama.OffsetCommitRequest{
		Version: version, ConsumerGroup: t.group, ConsumerGroupGeneration: sarama.GroupGenerationUndefined, RetentionTime: -1,
	}
	request.AddBlock(ProbeTopic, 0, t.committed, sarama.ReceiveTime, "")
	committed, err := b.CommitOffset(request)
	if err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	if code := committed.Errors[ProbeTopic][0]; code != sarama.ErrNoError {
		return fmt.Errorf("commit: %w", code)
	}
	question := &sarama.OffsetFetchRequest{Version: 1, ConsumerGroup: t.group}
	question.AddPartition(ProbeTopic, 0)
	answer, err := b.FetchOffset(question)
	if err != nil {
		return fmt.Errorf("fetch the offset: %w", err)
	}
	block := answer.GetBlock(ProbeTopic, 0)
	switch {
	case block == nil:
		return errors.New("fetch the offset: the answer says nothing of the partition")
	case block.Err != sarama.ErrNoError:
		return fmt.Errorf("fetch the offset: %w", block.Err)
	}
	t.fetched, t.took = block.Offset, time.Since(started)
	return nil
}

// remove leaves nothing behind. What an earlier run has left there and what cannot
// be removed now is for the next one.
func (t *turn) remove(b *sarama.Broker) error {
	groups := []string{t.group}
	listed, err := b.ListGroups(&sarama.ListGroupsRequest{})
	if err != nil {
		return fmt.Errorf("list the groups: %w", err)
	}
	for name := range listed.Groups {
		if leftover(name, time.Now()) {
			groups = append(groups, name)
		}
	}
	answer, err := b.DeleteGroups(&sarama.DeleteGroupsRequest{Groups: groups})
	if err != nil {
		return fmt.Errorf("remove the group: %w", err)
	}
	if code := answer.GroupErrorCodes[t.group]; code != sarama.ErrNoError && code != sarama.ErrGroupIDNotFound {
		return fmt.Errorf("remove the group: %w", code)
	}
	return nil
}

// leftover says that a group was made by a run that cannot be under way any more.
func leftover(group string, now time.Time) bool {
	run, ours := strings.CutPrefix(group, ProbeTopic+"-")
	began, _, _ := strings.Cut(run, "-")
	seconds, err := strconv.ParseInt(began, 10, 64)
	return ours && err == nil && now.Sub(time.Unix(seconds, 0)) > leftoverAge
}

func (c *subject) judgeTurn(t turn) []Finding {
	machine, next := strings.Join(brokerMachines(c.cluster), ", "), describe(c.cluster, offsetsTopic)
	if name := brokerMachine(c.cluster, t.coordinator); name != "" {
		machine, next = name, kafkaLog(c.cluster, t.coordinator)
	}
	f := Finding{Machine: machine, Expected: "a coordinator that commits an offset and gives it back", Next: next}
	switch {
	case t.err != nil:
		f.Found = fmt.Sprintf("group %s: %v", t.group, t.err)
	case t.fetched != t.committed:
		f.Found = fmt.Sprintf("group %s: offset %d was committed, and %d came back", t.group, t.committed, t.fetched)
	default:
		return nil
	}
	return []Finding{f}
}
