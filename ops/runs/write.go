// Package runs shows the logs of runs to people and to programs.
package runs

import (
	"fmt"
	"io"
	"strings"
	"time"

	"weir/ops/internal/indent"
	"weir/ops/status/table"
	"weir/provision/runlog"
)

// timeForm is local time to the second: what a person compares with a clock.
const timeForm = "2006-01-02 15:04:05"

// WriteTable writes a list of runs, a line each.
func WriteTable(w io.Writer, list []runlog.Run, zone *time.Location, style table.Style) error {
	if len(list) == 0 {
		_, err := fmt.Fprintln(w, "no run is kept")
		return err
	}
	t := table.Table{Style: style}
	t.Head("RUN", "STARTED", "WHO", "COMMAND", "CHANGED", "ENDED", "TOOK")
	for _, r := range list {
		add := t.Row
		if Ill(r.Outcome) {
			add = t.BadRow
		}
		add(r.ID, r.Started.In(zone).Format(timeForm), r.Who+"@"+r.On, r.Command, Changed(r.Changed), string(r.Outcome), table.Seconds(r.Seconds))
	}
	_, err := t.WriteTo(w)
	return err
}

// Ill says that a run did not end as it should.
func Ill(o runlog.Outcome) bool { return o != runlog.Done && o != runlog.Running }

// Changed counts in words: "2 created, 1 removed; 12 steps on 3 machines".
func Changed(c runlog.Changed) string {
	var parts []string
	for _, p := range []struct {
		n    int
		verb string
	}{{c.Created, "created"}, {c.Changed, "changed"}, {c.Removed, "removed"}} {
		if p.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", p.n, p.verb))
		}
	}
	text := strings.Join(parts, ", ")
	if c.Steps > 0 {
		text += "; " + table.Count(c.Steps, "step")
	}
	if c.Machines > 0 {
		text += " on " + table.Count(c.Machines, "machine")
	}
	if text == "" {
		return "nothing"
	}
	return strings.TrimPrefix(text, "; ")
}

// Detail is one run with all that is kept of it. Fields are only ever added.
type Detail struct {
	runlog.Run
	Entries []runlog.Entry `json:"entries"`
}

// WriteJSON writes a list of runs, or a Detail, indented.
func WriteJSON(w io.Writer, v any) error {
	return indent.JSON(w, v)
}
