package plan

import (
	"fmt"
	"io"
	"strings"

	"weir/ops/status/table"
	"weir/provision/fleet"
	"weir/provision/machine"
)

// Write writes the document for people: resource by resource in the order of an
// up, each machine with its steps, files as differences of their lines.
func Write(to io.Writer, d Document, style table.Style) error {
	w := writer{style: style, seen: map[string]string{}}
	for _, r := range d.Resources {
		w.resource(r)
	}
	w.summary(d)
	_, err := io.WriteString(to, w.out.String())
	return err
}

type writer struct {
	out   strings.Builder
	style table.Style
	// seen are differences, and reasons, that were shown, with the machine that
	// they were shown for.
	seen map[string]string
}

func (w *writer) line(depth int, text string) {
	fmt.Fprintf(&w.out, "%s%s\n", strings.Repeat("  ", depth), text)
}

// words that stand out in front of a step or a resource.
func (w *writer) action(word string) string {
	switch word {
	case "create", "start", "enable":
		return w.style.Good(word)
	case "remove", "restart", "stop", "replace":
		return w.style.Bad(word)
	}
	return word
}

func (w *writer) resource(r Resource) {
	w.line(0, fmt.Sprintf("%s %s %s", w.action(string(r.Action)), r.Type, table.Clean(r.Name)))
	for _, note := range []string{r.Unknown, r.Note} {
		if note != "" {
			w.line(1, "note: "+table.Clean(note))
		}
	}
	if r.Unknown+r.Note == "" && len(r.Machines) > 0 && r.Plan.Empty() && !hidden(r.Machines) {
		w.line(1, w.style.Faint("nothing to do on the machines: only what is kept of them changes"))
	}
	for _, m := range r.Machines {
		w.machine(m)
	}
	w.order(r.Order)
	w.out.WriteString("\n")
}

// hidden says that a machine's steps are not known.
func hidden(machines []fleet.MachinePlan) bool {
	for _, m := range machines {
		if m.Unreachable+m.Refused != "" {
			return true
		}
	}
	return false
}

func (w *writer) machine(m fleet.MachinePlan) {
	if len(m.Steps) == 0 && m.Unreachable+m.Refused == "" {
		return
	}
	depth := 1
	if m.Machine != "" {
		w.line(1, table.Clean(m.Machine))
		depth = 2
	}
	switch {
	case m.Unreachable != "" && w.seen[m.Unreachable] != "":
		w.line(depth, w.style.Bad("not looked at")+", as above")
	case m.Unreachable != "":
		w.seen[m.Unreachable] = m.Machine
		w.line(depth, w.style.Bad("not looked at: ")+table.Clean(m.Unreachable))
	case m.Refused != "":
		w.line(depth, w.style.Bad("refused: ")+table.Clean(m.Refused))
	case m.Assumed != "":
		w.line(depth, w.style.Faint(table.Clean(m.Assumed)))
	}
	for _, s := range m.Steps {
		w.step(depth, m.Machine, s)
	}
}

func (w *writer) step(depth int, on string, s machine.Step) {
	text := w.action(string(s.Action)) + " " + s.Kind + " " + table.Clean(s.Target)
	if s.Detail != "" {
		text += " (" + table.Clean(s.Detail) + ")"
	}
	if s.Secret {
		text += ", a secret: its content is not shown"
	}
	if s.Kind == "mark" || s.Kind == "manifest" { // notes to the next run
		w.line(depth, w.style.Faint(table.Clean(s.String())))
		return
	}
	w.line(depth, text)
	w.difference(depth+1, on, s)
}

// difference shows how a file changes; one that was shown for another machine
// is not shown again.
func (w *writer) difference(depth int, on string, s machine.Step) {
	if s.Diff == "" {
		return
	}
	if before, ok := w.seen[s.Diff]; ok {
		w.line(depth, w.style.Faint("as on "+before))
		return
	}
	w.seen[s.Diff] = on
	for line := range strings.Lines(s.Diff) {
		switch line = table.Printable(line); {
		case strings.HasPrefix(line, "--- "), strings.HasPrefix(line, "+++ "), strings.HasPrefix(line, "@@"):
			line = w.style.Faint(line)
		case strings.HasPrefix(line, "+"):
			line = w.style.Good(line)
		case strings.HasPrefix(line, "-"):
			line = w.style.Bad(line)
		}
		w.line(depth, line)
	}
}

func (w *writer) order(o fleet.Order) {
	if len(o.OneByOne)+len(o.Replaced) == 0 {
		return
	}
	w.line(1, "order")
	if len(o.Replaced) > 0 {
		w.line(2, "before all       "+table.Clean(strings.Join(o.Replaced, ", "))+", whose place another machine takes")
	}
	if len(o.AtOnce) > 0 {
		w.line(2, "first, at once  "+table.Clean(strings.Join(o.AtOnce, ", ")))
	}
	for i, t := range o.OneByOne {
		text := fmt.Sprintf("%d. %s", i+1, table.Clean(t.Machine))
		if t.Why != "" {
			text += "  (" + table.Clean(t.Why) + ")"
		}
		w.line(2, text)
	}
	if o.Unknown != "" {
		w.line(2, w.style.Bad("the cluster does not tell its order yet: ")+table.Clean(o.Unknown))
	}
	for _, gate := range [][2]string{{"before each", o.Gates.Before}, {"behind each", o.Gates.After}, {"at the end", o.Gates.Healthy}} {
		if gate[1] != "" {
			w.line(2, fmt.Sprintf("%-11s  wait until %s", gate[0], gate[1]))
		}
	}
}

func (w *writer) summary(d Document) {
	if !d.Changes {
		w.line(0, "stack "+d.Stack+": nothing to change")
		return
	}
	counts := map[Action]int{}
	for _, r := range d.Resources {
		counts[r.Action]++
	}
	var parts []string
	for _, a := range []Action{Create, Change, Replace, Remove} {
		if n := counts[a]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d to %s", n, a))
		}
	}
	t := d.Tally()
	w.line(0, fmt.Sprintf("stack %s: %s; %s on %s", d.Stack, strings.Join(parts, ", "), table.Count(t.Steps, "step"), table.Count(t.Machines, "machine")))
	for _, service := range t.Interrupted {
		w.line(0, w.style.Bad("interrupts")+" "+table.Clean(service))
	}
}
