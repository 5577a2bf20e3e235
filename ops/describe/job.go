package describe

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"

	"weir/ops/connect"
	"weir/ops/status"
	"weir/ops/status/table"
	"weir/ops/topic"
	"weir/provision/inventory"
)

// Job is the page of one job. Fields are only ever added.
type Job struct {
	status.Job
	Topics   []JobTopic `json:"topics"`
	Problems []string   `json:"problems,omitempty"`
}

// JobTopic is a topic that the job uses.
type JobTopic struct {
	Topic string `json:"topic"`
	As    string `json:"as"`
	// Offsets is how many are kept, as far as they are told.
	Offsets    int64 `json:"offsets"`
	Partitions int   `json:"partitions"`
}

// LookAtJob describes a job with the topics that it uses.
func LookAtJob(ctx context.Context, s *connect.Session, name string) (Job, error) {
	i := slices.IndexFunc(s.Cluster.Jobs, func(j inventory.Job) bool { return j.Name == name })
	if i < 0 {
		return Job{}, errNoJob(name, s.Cluster.Jobs)
	}
	declared := s.Cluster.Jobs[i]
	found := status.Collect(ctx, s)
	job := Job{Topics: []JobTopic{}}
	for _, j := range found.Jobs {
		if j.Name == name {
			job.Job = j
		}
	}
	if job.Error != "" {
		job.Problems = append(job.Problems, job.Error)
	}
	for _, name := range []string{declared.Topic, declared.SnapshotTopic, declared.DeadLetterTopic} {
		if name == "" {
			continue
		}
		t := JobTopic{Topic: name, As: uses([]inventory.Job{declared}, name)[0].As}
		d, err := topic.Describe(ctx, s, name)
		if err != nil {
			job.Problems = append(job.Problems, err.Error())
		} else {
			t.Partitions = len(d.Partitions)
			t.Offsets, _ = d.Total()
			job.Problems = append(job.Problems, d.Problems...)
		}
		job.Topics = append(job.Topics, t)
	}
	slices.Sort(job.Problems)
	job.Problems = slices.Compact(job.Problems)
	return job, nil
}

// WriteJob writes the page for people.
func WriteJob(w io.Writer, j Job, style table.Style) error {
	t := fields(style)
	t.Row("job", fmt.Sprintf("%s, a %s on %s", j.Name, j.Kind, j.Machine))
	t.Row("service", service(j.Service))
	for _, one := range j.Topics {
		t.Row(one.As, fmt.Sprintf("%s: %s, %s kept", one.Topic, table.Count(one.Partitions, "partition"), table.Count(int(one.Offsets), "offset")))
	}
	for _, name := range slices.Sorted(maps.Keys(j.Metrics)) {
		t.Row(name, strconv.FormatFloat(j.Metrics[name], 'f', -1, 64))
	}
	_, err := t.WriteTo(w)
	return err
}
