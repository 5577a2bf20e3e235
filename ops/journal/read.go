package journal

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"weir/ops/connect"
	"weir/provision/inventory"
	"weir/provision/remote"
)

const (
	// readTimeout bounds reaching one machine and reading its journal: some ten
	// thousand lines take it a second or two.
	readTimeout = 20 * time.Second
	// sizeLimit bounds what one machine may send, in bytes.
	sizeLimit = 64 << 20
	// MaxLines bounds the lines of one machine.
	MaxLines = 50_000
)

// Query is what to read.
type Query struct {
	// Machines are those to ask, in any order.
	Machines []string
	// Units are those to read on each machine; a machine without any is not asked.
	Units func(machine string) []string
	// Since is what journalctl takes: "1 hour ago", "2026-01-02 03:04"; empty is any time.
	Since string
	// Lines bounds what is read of each machine, the newest; what is followed is not
	// bounded, and 0 leaves out what was before.
	Lines int
}

// Failure is a machine that did not tell.
type Failure struct {
	Machine string `json:"machine"`
	Err     error  `json:"-"`
}

// Declared are the units that a cluster declares on a machine, those of one
// service where it is not empty: "zookeeper", "kafka" or a job's name.
func Declared(c inventory.Cluster, machine, service string) []string {
	var units []string
	add := func(name, unit string) {
		if service == "" || service == name {
			units = append(units, unit)
		}
	}
	if c.ZooKeeper != nil {
		if _, ok := c.ZooKeeper.Members[machine]; ok {
			add("zookeeper", c.ZooKeeper.Unit)
		}
	}
	if c.Kafka != nil {
		if _, ok := c.Kafka.Brokers[machine]; ok {
			add("kafka", c.Kafka.Unit)
		}
	}
	for _, j := range c.Jobs {
		if j.Machine == machine {
			add(j.Name, j.Unit)
		}
	}
	return units
}

// Read reads all machines at once. It returns what there is, in the order of
// time, the machines that have more than Lines, and those that did not tell.
func Read(ctx context.Context, s *connect.Session, q Query) (all []Entry, cut []string, failed []Failure) {
	type answer struct {
		entries []Entry
		err     error
	}
	answers := make([]answer, len(q.Machines))
	var wg sync.WaitGroup
	for i, m := range q.Machines {
		wg.Go(func() {
			ctx, cancel := context.WithTimeout(ctx, readTimeout)
			defer cancel()
			answers[i].err = q.read(ctx, s, m, false, func(e Entry) { answers[i].entries = append(answers[i].entries, e) })
		})
	}
	wg.Wait()
	for i, a := range answers {
		if a.err != nil {
			failed = append(failed, Failure{q.Machines[i], a.err})
		}
		if len(a.entries) > q.Lines { // one more was asked for
			a.entries = a.entries[1:]
			cut = append(cut, q.Machines[i])
		}
		all = append(all, a.entries...)
	}
	sortByTime(all)
	return all, cut, failed
}

// read gives each entry of one machine to take.
func (q Query) read(ctx context.Context, s *connect.Session, machine string, follow bool, take func(Entry)) error {
	units := q.Units(machine)
	if len(units) == 0 {
		return nil
	}
	limit := int64(sizeLimit)
	if follow {
		limit = 1 << 62 // it has no end
	}
	_, err := s.Run(ctx, machine, remote.Script{
		Step: "read the journal", Root: true, Text: q.script(units, follow), Limit: limit,
		Line: func(line string) {
			if e, ok := parse(machine, line); ok {
				take(e)
			}
		},
	})
	return err
}

// script prints the newest lines as JSON, one more than asked for where the end
// is not waited for.
//
// Following is a second call, from the machine's own time on: journalctl --follow
// --lines goes back from the end, and where a unit has written nothing to go back
// to, it stands behind the first line when that comes (systemd 252).
func (q Query) script(units []string, follow bool) string {
	words := []string{"journalctl", "--no-pager", "--quiet", "--output", "json",
		"--output-fields", "MESSAGE,_SYSTEMD_UNIT,UNIT"}
	for _, u := range units {
		words = append(words, "--unit", u)
	}
	read := remote.QuoteAll(words...)
	before := read
	if q.Since != "" {
		before += " --since " + remote.Quote(q.Since)
	}
	if !follow {
		return fmt.Sprintf("export LC_ALL=C\nexec %s --lines %d\n", before, q.Lines+1)
	}
	text := "export LC_ALL=C\nnow=$(date +%s%6N)\n" // in microseconds, as the journal's own times
	if q.Lines > 0 {
		text += fmt.Sprintf("%s --until \"@${now}us\" --lines %d || exit\n", before, q.Lines)
	}
	return text + "exec " + read + " --follow --since \"@$((now + 1))us\"\n"
}

// Since is what a person writes as what journalctl reads: a duration ("15m",
// "2h") is that long ago; anything else is journalctl's own.
func Since(text string) (string, error) {
	if d, err := time.ParseDuration(text); err == nil {
		if d <= 0 {
			return "", fmt.Errorf("%s is no time that has passed", text)
		}
		return fmt.Sprintf("-%ds", int64(d.Seconds())), nil
	}
	if strings.HasPrefix(text, "-") && strings.HasPrefix(text, "--") || strings.ContainsAny(text, "\n\x00") {
		return "", fmt.Errorf("%q is no time", text)
	}
	return text, nil
}
