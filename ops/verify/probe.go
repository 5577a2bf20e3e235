package verify

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"
)

// probeLimit is above the wait for the topic (15 s) and the messages behind it.
const probeLimit = 25 * time.Second

// checkProbe writes through the leader of every partition of the probe topic,
// acknowledged by all in-sync replicas, reads back and counts. Every declared
// broker must lead one of them.
func checkProbe(ctx context.Context, c *subject, r *record) {
	topic, ok := c.probeTopicFor(ctx, r)
	if !ok {
		return
	}
	r.on(brokerMachines(c.cluster)...)
	r.fail(c.leaderless(topic.leaders)...)
	r.doing("writing and reading through the leaders of %s", ProbeTopic)
	passages, err := c.passages(ctx)
	if err != nil {
		r.fail(c.unprobed(err))
		return
	}
	var all latencies
	lost, twice, disordered := 0, 0, 0
	for _, p := range passages {
		r.fail(c.judgePassage(p)...)
		all = append(all, p.acked...)
		if p.tally != nil {
			lost, twice, disordered = lost+p.tally.lost(), twice+p.tally.duplicates(), disordered+p.tally.reordered
		}
		r.note("broker %d on %s, %s-%d from offset %d: %d acknowledged, %s", p.leader, brokerMachine(c.cluster, p.leader),
			ProbeTopic, p.partition, p.from, len(p.acked), p.acked)
	}
	r.note("%d lost, %d duplicated, %d out of order, counted by reading them back", lost, twice, disordered)
	r.sum("%d messages through %d leaders, %s", len(all), len(passages), all)
}

// leaderless finds declared brokers that lead no partition.
func (c *subject) leaderless(leaders map[int32]int32) []Finding {
	leading := slices.Collect(maps.Values(leaders))
	var f []Finding
	for _, id := range slices.Sorted(maps.Values(c.cluster.Kafka.Brokers)) {
		if slices.Contains(leading, id) {
			continue
		}
		f = append(f, Finding{
			Machine: brokerMachine(c.cluster, id), Found: fmt.Sprintf("broker %d leads no partition of %s", id, ProbeTopic),
			Expected: "every broker in sync and leading at least one", Next: kafkaLog(c.cluster, id),
		})
	}
	return f
}

func (c *subject) judgePassage(p passage) []Finding {
	f := Finding{
		Machine:  brokerMachine(c.cluster, p.leader),
		Expected: fmt.Sprintf("up to %d messages acknowledged by all in-sync replicas and read back once, in order", probeMessages),
		Next:     kafkaLog(c.cluster, p.leader),
	}
	wrong := ""
	if p.tally != nil {
		wrong = p.tally.wrong()
	}
	switch {
	case p.err != nil:
		f.Found = fmt.Sprintf("partition %s-%d, led by broker %d: %v", ProbeTopic, p.partition, p.leader, p.err)
	case len(p.acked) == 0:
		f.Found = fmt.Sprintf("partition %s-%d, led by broker %d: no message was acknowledged", ProbeTopic, p.partition, p.leader)
	case wrong != "":
		f.Found = fmt.Sprintf("partition %s-%d, led by broker %d: %s", ProbeTopic, p.partition, p.leader, wrong)
	default:
		return nil
	}
	return []Finding{f}
}
