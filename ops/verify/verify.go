package verify

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"weir/ops/connect"
	"weir/provision/inventory"
)

// RunLimit bounds a whole run: an operator waits for it, and what does not answer
// in half a minute does not serve its users either. The rest of it is for knowing the
// cluster by its id before, and closing connections behind.
const RunLimit = 26 * time.Second

// Options choose what to check. The zero value checks everything.
type Options struct {
	// Only and Skip name checks; see Names. Empty Only is all.
	Only, Skip []string
	// Timeout bounds the whole run; 0 means RunLimit. A longer one gives each check,
	// and each answer that it waits for, as many times longer.
	Timeout time.Duration
}

// UsageError says that the options name a check that does not exist, or leave none.
type UsageError struct{ Problem string }

func (e *UsageError) Error() string { return e.Problem }

// Validate returns a *UsageError where the options make no sense.
func (o Options) Validate() error {
	for _, name := range slices.Concat(o.Only, o.Skip) {
		if !slices.Contains(Names(), name) {
			return &UsageError{fmt.Sprintf("there is no check %q; there are: %s", name, strings.Join(Names(), ", "))}
		}
	}
	if o.Timeout < 0 {
		return &UsageError{fmt.Sprintf("timeout %s: want a positive duration", o.Timeout)}
	}
	for _, name := range Names() {
		if o.chosen(name) {
			return nil
		}
	}
	return &UsageError{"the options leave no check to run"}
}

func (o Options) chosen(name string) bool {
	return (len(o.Only) == 0 || slices.Contains(o.Only, name)) && !slices.Contains(o.Skip, name)
}

// check is one question with its time limit.
type check struct {
	name, title string
	limit       time.Duration
	// of is what it is about: where none is declared, there is nothing to check.
	of  declared
	run func(ctx context.Context, c *subject, r *record)
}

// declared is a part that a cluster need not have.
type declared string

const (
	ofMachines  declared = "machine"
	ofZooKeeper declared = "ZooKeeper"
	ofKafka     declared = "Kafka"
	ofJobs      declared = "job"
)

func (d declared) in(c inventory.Cluster) bool {
	switch d {
	case ofZooKeeper:
		return c.ZooKeeper != nil
	case ofKafka:
		return c.Kafka != nil
	case ofJobs:
		return len(c.Jobs) > 0
	}
	return true // there is no cluster without machines
}

// Topics is the check that finds leaders that are not where they should be, which
// whoever changes a cluster can mend.
const Topics = "topics"

// checks are all there are, in the order of the report: causes before what follows
// from them.
func checks() []check {
	return []check{
		{"machines", "machines answer, units run and listen", machinesLimit, ofMachines, checkMachines},
		{"zookeeper", "one leader, distinct ids, one ensemble", zookeeperLimit, ofZooKeeper, checkZooKeeper},
		{"brokers", "the declared brokers, one cluster, one controller, one version", brokersLimit, ofKafka, checkBrokers},
		{"listeners", "advertised listeners, reached from here and from each other", listenersLimit, ofKafka, checkListeners},
		{"partitions", "leaders and replicas, internal topics too", partitionsLimit, ofKafka, checkPartitions},
		{Topics, "topics as declared, preferred leaders", topicsLimit, ofKafka, checkTopics},
		{"console", "console round trip between two machines", consoleLimit, ofKafka, checkConsole},
		{"probe", "write and read through every leader", probeLimit, ofKafka, checkProbe},
		{"replicas", "end offsets, and every replica the same", replicasLimit, ofKafka, checkReplicas},
		{"groups", "offsets committed and fetched again", groupsLimit, ofKafka, checkGroups},
		{"disk", "room, file systems, log directories", lookLimit, ofMachines, checkDisk},
		{"clock", "clocks of machines and brokers", clockLimit, ofMachines, checkClock},
		{"limits", "limits of the running processes", lookLimit, ofMachines, checkLimits},
		{"jobs", "jobs at work, results recounted", jobsLimit, ofJobs, checkJobs},
	}
}

// Names are the checks' names, in the order of the report.
func Names() []string {
	var names []string
	for _, c := range checks() {
		names = append(names, c.name)
	}
	return names
}

// subject is what is checked, and what checks share.
type subject struct {
	*connect.Session
	cluster inventory.Cluster
	// ctx is the run's: it bounds what several checks wait for.
	ctx context.Context
	// run tells this run's messages from those of others.
	run string
	// stretch is how many times longer than usual everything may take; below 1 it is 1.
	stretch float64
	// answered is set when anything at all has answered.
	answered atomic.Bool

	machines looks[[]sight]
	brokers  looks[answers]
	configs  looks[settings]
	probe    looks[probeTopic]
	passed   looks[passing]
}

const nobodyAnswered = "no machine and no broker answered, so nothing could be checked"

// Run checks a cluster. It returns within Options.Timeout, or when ctx ends,
// with all that was found until then.
func Run(ctx context.Context, s *connect.Session, o Options) Report {
	started := time.Now()
	report := Report{Cluster: s.Cluster.Name, Started: started.UTC(), Checks: []Result{}}
	if err := o.Validate(); err != nil {
		report.Error, report.usage = err.Error(), true
		return report
	}
	limit := cmp.Or(o.Timeout, RunLimit)
	limited, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	c := &subject{Session: s, cluster: s.Cluster, ctx: limited, run: newRunID(started), stretch: limit.Seconds() / RunLimit.Seconds()}
	report.Checks = runAll(limited, c, checks(), o.chosen)
	report.Seconds = time.Since(started).Seconds()
	switch {
	case ctx.Err() != nil:
		report.Error = "stopped before the end: " + context.Cause(ctx).Error()
	case !c.answered.Load():
		report.Error = nobodyAnswered
	}
	report.judge()
	return report
}

// within is a limit as this run has it: whoever gives a run more time than usual says
// that the machines are slow, and then each answer takes longer.
func (c *subject) within(limit time.Duration) time.Duration {
	if c.stretch <= 1 {
		return limit
	}
	return time.Duration(float64(limit) * c.stretch).Round(100 * time.Millisecond)
}

// bounded ends ctx after a limit as this run has it, and says so: "no answer within",
// for example, and how long that was.
func (c *subject) bounded(ctx context.Context, limit time.Duration, what string) (context.Context, context.CancelFunc) {
	limit = c.within(limit)
	return context.WithTimeoutCause(ctx, limit, fmt.Errorf("%s %s", what, limit))
}

func runAll(ctx context.Context, c *subject, all []check, chosen func(string) bool) []Result {
	results := make([]Result, len(all))
	var wg sync.WaitGroup
	for i, one := range all {
		switch {
		case !chosen(one.name):
			results[i] = one.skipped("not asked for")
		case !one.of.in(c.cluster):
			results[i] = one.skipped("the inventory declares no " + string(one.of))
		default:
			wg.Go(func() { results[i] = one.do(ctx, c) })
		}
	}
	wg.Wait()
	return results
}

func (one check) skipped(why string) Result {
	return Result{
		Name: one.name, Title: one.title, Outcome: Skipped, Reason: why,
		Machines: []string{}, Findings: []Finding{}, Evidence: []string{},
	}
}

// do runs one check within its limit.
func (one check) do(ctx context.Context, c *subject) Result {
	started := time.Now()
	limit := c.within(one.limit)
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	r := new(record)
	done := make(chan struct{})
	go func() {
		defer close(done)
		one.run(ctx, c, r)
	}()
	select {
	case <-done:
	case <-ctx.Done():
		// A check that listens to ctx says better than this what was missing.
		select {
		case <-done:
		case <-time.After(lastWords):
		}
	}
	if ctx.Err() != nil && !r.failed() { // what was not seen is not good
		r.fail(one.late(c, limit, r.waitingFor(), time.Since(started)))
	}
	result := r.seal()
	result.Name, result.Title = one.name, one.title
	result.Seconds = time.Since(started).Seconds()
	return result
}

// lastWords is how long a check whose time is over may take to say so.
const lastWords = 300 * time.Millisecond

func (one check) late(c *subject, limit time.Duration, waiting string, after time.Duration) Finding {
	var machines []string
	for _, m := range c.cluster.Machines {
		machines = append(machines, m.Name)
	}
	return Finding{
		Machine:  strings.Join(machines, ", "),
		Found:    fmt.Sprintf("not done after %.0f s, %s", after.Seconds(), cmp.Or(waiting, "waiting for an answer")),
		Expected: fmt.Sprintf("an end within %.0f s", limit.Seconds()),
		Next:     "ops status",
	}
}

// settle looks again, twice a second, while a look finds something wrong and
// the limit is not over: a leader that moves, or a replica that catches up,
// right now is not a fault. A look may be one that others began, from a time on.
// It returns what the last look found.
func settle(ctx context.Context, limit time.Duration, look func(from time.Time) []Finding) []Finding {
	const pause = 500 * time.Millisecond
	deadline := time.Now().Add(limit)
	var findings []Finding
	for from := (time.Time{}); ; from = time.Now() {
		now := look(from)
		if ctx.Err() != nil && len(findings) > 0 {
			return findings // what was seen, and not that the time was over then
		}
		findings = now
		if len(findings) == 0 || time.Now().Add(pause).After(deadline) {
			return findings
		}
		select {
		case <-ctx.Done():
			return findings
		case <-time.After(pause):
		}
	}
}
