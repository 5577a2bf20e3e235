package status

import (
	"context"
	"sync"
	"time"

	"weir/ops/connect"
)

// collectTimeout bounds the whole: a machine that drops packets is found out in
// half of it, and a person waits in front of a screen.
const collectTimeout = 8 * time.Second

// Status is a cluster at one moment. Its JSON form is stable: fields are only
// ever added.
type Status struct {
	Cluster string `json:"cluster"`
	// Taken is when collecting began; Seconds is how long it took.
	Taken     time.Time  `json:"taken"`
	Seconds   float64    `json:"seconds"`
	Machines  []Machine  `json:"machines"`
	ZooKeeper *ZooKeeper `json:"zookeeper,omitempty"`
	Kafka     *Kafka     `json:"kafka,omitempty"`
	Topics    []Topic    `json:"topics"`
	Jobs      []Job      `json:"jobs"`
	// Away is what is declared and was not found at work, in words.
	Away []string `json:"away"`
}

// Collect looks at everything at once. It returns within eight seconds, or when
// ctx ends, whatever does not answer.
func Collect(ctx context.Context, s *connect.Session) Status {
	ctx, cancel := context.WithTimeout(ctx, collectTimeout)
	defer cancel()
	started := time.Now()
	st := Status{Cluster: s.Cluster.Name, Taken: started.UTC(), Topics: []Topic{}, Jobs: []Job{}}
	var wg sync.WaitGroup
	wg.Go(func() { st.Machines = Machines(ctx, s) })
	wg.Go(func() { st.ZooKeeper = Ensemble(ctx, s) })
	wg.Go(func() { st.Kafka, st.Topics = Brokers(ctx, s) })
	wg.Go(func() { st.Jobs = collectJobs(ctx, s) })
	wg.Wait()
	for i := range st.Jobs {
		st.Jobs[i].fillService(st.Machines)
	}
	st.Away = st.away()
	st.Seconds = time.Since(started).Seconds()
	return st
}

// each calls f for 0 to n-1 at once and waits for all.
func each(n int, f func(i int)) {
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { f(i) })
	}
	wg.Wait()
}
