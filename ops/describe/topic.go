package describe

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"

	"weir/ops/connect"
	"weir/ops/group"
	"weir/ops/status/table"
	"weir/ops/topic"
	"weir/provision/inventory"
)

// Topic is the page of one topic. Fields are only ever added.
type Topic struct {
	topic.Description
	Jobs   []Use   `json:"jobs"`
	Groups []Reads `json:"groups"`
}

// Use is what a job has to do with a topic.
type Use struct {
	Job     string `json:"job"`
	Machine string `json:"machine"`
	// As is "writes", "reads", "publishes to" or "puts bad records into".
	As string `json:"as"`
}

// Reads is a group that has read a topic.
type Reads struct {
	Group string `json:"group"`
	State string `json:"state"`
	Lag   int64  `json:"lag"`
}

// LookAtTopic describes a topic with the jobs and groups that use it.
func LookAtTopic(ctx context.Context, s *connect.Session, name string) (Topic, error) {
	t := Topic{Jobs: uses(s.Cluster.Jobs, name), Groups: []Reads{}}
	var groups []group.Description
	var problems []string
	var groupsErr, err error
	var wg sync.WaitGroup
	wg.Go(func() { groups, problems, groupsErr = group.LookAtLag(ctx, s, nil) })
	wg.Go(func() { t.Description, err = topic.Describe(ctx, s, name) })
	wg.Wait()
	if err != nil {
		return t, err
	}
	if groupsErr != nil {
		problems = append(problems, groupsErr.Error())
	}
	t.Problems = append(t.Problems, problems...)
	for _, g := range groups {
		if lag, reads := lagOf(g, name); reads {
			t.Groups = append(t.Groups, Reads{g.Name, g.State, lag})
		}
	}
	return t, nil
}

func lagOf(g group.Description, name string) (lag int64, reads bool) {
	for _, p := range g.Partitions {
		if p.Topic == name {
			lag, reads = lag+max(0, p.Lag), true
		}
	}
	return lag, reads
}

func uses(jobs []inventory.Job, name string) []Use {
	all := []Use{}
	for _, j := range jobs {
		as := "reads"
		switch {
		case j.Topic == name && j.Kind == producer:
			as = "writes"
		case j.SnapshotTopic == name:
			as = "publishes to"
		case j.DeadLetterTopic == name:
			as = "puts bad records into"
		case j.Topic != name:
			continue
		}
		all = append(all, Use{j.Name, j.Machine, as})
	}
	return all
}

// producer is the kind of job that writes its topic.
const producer = "producer"

// WriteTopic writes the page for people.
func WriteTopic(w io.Writer, t Topic, style table.Style) error {
	if err := topic.Write(w, t.Description, style); err != nil {
		return err
	}
	page := fields(style)
	for _, j := range t.Jobs {
		page.Row("job", fmt.Sprintf("%s on %s %s it", j.Job, j.Machine, j.As))
	}
	for _, g := range t.Groups {
		page.Row("group", fmt.Sprintf("%s, %s, lag %d", g.Group, g.State, g.Lag))
	}
	if len(t.Jobs)+len(t.Groups) == 0 {
		page.Row("no job and no group uses it")
	}
	fmt.Fprintln(w)
	_, err := page.WriteTo(w)
	return err
}

// errNoJob says that the stack declares no job of that name.
func errNoJob(name string, jobs []inventory.Job) error {
	var names []string
	for _, j := range jobs {
		names = append(names, j.Name)
	}
	if len(names) == 0 {
		return errors.New("the stack has no jobs")
	}
	slices.Sort(names)
	return fmt.Errorf("the stack has no job %q; it has %s", name, strings.Join(names, ", "))
}
