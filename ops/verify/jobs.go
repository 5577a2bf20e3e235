package verify

import (
	"context"
	"fmt"
	"sync"
	"time"

	"weir/provision/inventory"
)

// jobsLimit is above the longest wait of a job's check with a recount behind it.
const jobsLimit = 25 * time.Second

// The kinds of jobs that verify knows how to check beyond their units.
const (
	kindProducer   = "producer"
	kindCalculator = "popularity"
)

// checkJobs: the jobs' units run, producers get acknowledgements, and what
// calculators publish equals an independent recount of the topic.
func checkJobs(ctx context.Context, c *subject, r *record) {
	r.doing("waiting for the jobs to be seen at work")
	var wg sync.WaitGroup
	wg.Go(func() {
		if sights, err := c.sights(ctx, time.Time{}); err == nil {
			for _, job := range c.cluster.Jobs {
				r.fail(judgeJob(c.cluster, job, sights)...)
			}
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
	r.sum("%s at work", count(len(c.cluster.Jobs), "job", "jobs"))
}

// judgeJob looks at the job's unit on its machine.
func judgeJob(c inventory.Cluster, job inventory.Job, sights []sight) []Finding {
	declared, _ := c.Machine(job.Machine)
	for _, s := range sights {
		if s.machine != job.Machine {
			continue
		}
		if s.err != nil {
			return []Finding{{
				Machine: s.machine, Found: fmt.Sprintf("job %s cannot be asked: %v", job.Name, s.err),
				Expected: "an answer over SSH", Next: sshTo(declared, ""),
			}}
		}
		if u, ok := s.unit(job.Name); ok {
			f := judgeUnit(declared, u)
			for i := range f {
				f[i].Found = fmt.Sprintf("job %s: %s", job.Name, f[i].Found)
			}
			return f
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
