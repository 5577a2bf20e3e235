package verify

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"weir/ops/status"
	"weir/provision/inventory"
)

// jobsLimit is above the longest wait of a job's check with a recount behind it.
const jobsLimit = 28 * time.Second

// The kinds of jobs that verify knows how to check beyond their units.
const (
	kindProducer   = "producer"
	kindCalculator = "popularity"
)

// checkJobs: the jobs' units run, producers get acknowledgements, and what
// calculators publish equals an independent recount of the topic.
func checkJobs(ctx context.Context, c *subject, r *record) {
	if len(c.cluster.Jobs) == 0 {
		r.skip("the inventory declares no job")
		return
	}
	r.doing("waiting for the jobs to be seen at work")
	var wg sync.WaitGroup
	wg.Go(func() {
		machines := status.Machines(ctx, c.Session)
		if slices.ContainsFunc(machines, func(m status.Machine) bool { return m.Reachable }) {
			c.answered.Store(true)
		}
		for _, job := range c.cluster.Jobs {
			r.fail(judgeUnit(c.cluster, job, machines)...)
		}
	})
	for _, job := range c.cluster.Jobs {
		r.on(job.Machine)
		switch job.Kind {
		case kindProducer:
			wg.Go(func() { checkProducer(ctx, c, job, r) })
		case kindCalculator:
			wg.Go(func() { checkCalculator(ctx, c, job, r) })
		}
	}
	wg.Wait()
}

func judgeUnit(c inventory.Cluster, job inventory.Job, machines []status.Machine) []Finding {
	declared, _ := c.Machine(job.Machine)
	for _, m := range machines {
		if m.Name != job.Machine {
			continue
		}
		if !m.Reachable {
			return []Finding{{
				Machine: m.Name, Found: fmt.Sprintf("job %s cannot be asked: %s", job.Name, m.Error),
				Expected: "an answer over SSH", Next: sshTo(declared, ""),
			}}
		}
		for _, s := range m.Services {
			if s.Component == job.Name && !s.Running() {
				return []Finding{{
					Machine: m.Name, Found: fmt.Sprintf("job %s: %s is %s", job.Name, s.Unit, s.State()),
					Expected: "active (running)", Next: logOf(declared, s.Unit),
				}}
			}
		}
	}
	return nil
}

// jobFinding is a finding about a job on its machine.
func (c *subject) jobFinding(job inventory.Job, expected, found string, args ...any) Finding {
	return Finding{
		Machine: job.Machine, Found: fmt.Sprintf("job %s: ", job.Name) + fmt.Sprintf(found, args...),
		Expected: expected, Next: logOf(c.machine(job.Machine), job.Unit),
	}
}

// seconds is a declared interval, or a default where none is declared.
func seconds(declared float64, otherwise time.Duration) time.Duration {
	if declared <= 0 {
		return otherwise
	}
	return time.Duration(declared * float64(time.Second))
}
