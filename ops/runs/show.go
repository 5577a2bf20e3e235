package runs

import (
	"cmp"
	"fmt"
	"io"
	"strings"
	"time"

	"weir/ops/status/table"
	"weir/provision/rollout"
	"weir/provision/runlog"
)

// Write writes one run: what it was, then each thing that it did, with the time
// since it began. With lines, files are shown as differences of their lines.
func Write(to io.Writer, d Detail, lines bool, zone *time.Location, style table.Style) error {
	var out strings.Builder
	fmt.Fprintf(&out, "run %s of stack %s: %s\n", d.ID, table.Clean(d.Stack), table.Clean(d.Command))
	fmt.Fprintf(&out, "by %s on %s (process %d), weir %s, begun %s\n", table.Clean(d.Who), table.Clean(d.On), d.PID, table.Clean(d.Version), d.Started.In(zone).Format(timeForm))
	end := string(d.Outcome)
	if Ill(d.Outcome) {
		end = style.Bad(end)
	}
	fmt.Fprintf(&out, "%s after %s: %s\n\n", end, table.Seconds(d.Seconds), Changed(d.Changed))
	s := shower{out: &out, began: d.Started, lines: lines, style: style}
	for _, e := range d.Entries {
		s.entry(e)
	}
	for _, text := range d.Errors {
		s.error(text)
	}
	_, err := io.WriteString(to, out.String())
	return err
}

type shower struct {
	out   *strings.Builder
	began time.Time
	lines bool
	style table.Style
}

// widths fit a time of hours and "ZooKeeper zookeeper", as in the progress of an up.
func (s shower) line(at time.Time, who, what string) {
	fmt.Fprintf(s.out, "%s %-20s %s\n", s.style.Faint(fmt.Sprintf("%8.1fs", at.Sub(s.began).Seconds())), table.Clean(who), what)
}

func (s shower) entry(e runlog.Entry) {
	switch {
	case e.Work != nil && e.Work.Error != "":
		s.line(e.At, e.Resource, s.style.Bad(string(e.Work.Action)+" failed")+s.took(e.Work.Seconds))
	case e.Work != nil && e.Work.Ended:
		s.line(e.At, e.Resource, string(e.Work.Action)+" done"+s.took(e.Work.Seconds))
	case e.Work != nil:
		s.line(e.At, e.Resource, string(e.Work.Action))
	case e.Step != nil:
		s.line(e.At, cmp.Or(e.Step.Machine, cluster), table.Clean(e.Step.String())+s.took(e.Step.Seconds))
		s.difference(e.Step.Diff)
	case e.Gate != nil:
		s.gate(e)
	case e.Failure != nil:
		s.failure(e)
	case e.Warning != "":
		s.line(e.At, e.Resource, "warning: "+table.Clean(e.Warning))
	}
}

// cluster does what no machine does by itself.
const cluster = "cluster"

func (s shower) took(seconds float64) string {
	return s.style.Faint(" [" + table.Seconds(seconds) + "]")
}

func (s shower) gate(e runlog.Entry) {
	g := e.Gate
	text := string(g.Gate)
	switch g.Phase {
	case rollout.Waiting:
		text += ": " + table.Clean(g.Reason)
	case rollout.Failed:
		text = s.style.Bad(text+" failed: ") + table.Clean(g.Reason)
	}
	s.line(e.At, cmp.Or(g.Machine, cluster), text+s.took(g.Seconds))
}

func (s shower) failure(e runlog.Entry) {
	f := e.Failure
	text := s.style.Bad("failed")
	if f.Step != "" {
		text += ": " + table.Clean(f.Step)
	}
	if f.ExitCode != nil {
		text += fmt.Sprintf(", exit code %d", *f.ExitCode)
	}
	s.line(e.At, cmp.Or(f.Machine, e.Resource), text)
	for line := range strings.Lines(cmp.Or(f.Stderr, f.Error)) {
		fmt.Fprintf(s.out, "%31s%s\n", "", table.Clean(line))
	}
}

func (s shower) error(text string) {
	for line := range strings.Lines(text) {
		fmt.Fprintf(s.out, "%s%s\n", s.style.Bad("error: "), table.Clean(line))
	}
}

func (s shower) difference(text string) {
	if !s.lines {
		return
	}
	for line := range strings.Lines(text) {
		fmt.Fprintf(s.out, "%31s%s\n", "", table.Printable(line))
	}
}
