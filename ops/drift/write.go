package drift

import (
	"fmt"
	"io"
	"strings"

	"weir/ops/internal/indent"
	"weir/ops/status/table"
)

// WriteJSON writes the report as one indented JSON object.
func WriteJSON(w io.Writer, r Report) error {
	return indent.JSON(w, r)
}

// WriteText writes the report for people: a line a difference, under it the
// lines in which a text differs, and last what it comes to.
func WriteText(w io.Writer, r Report, style table.Style) error {
	var out strings.Builder
	for _, m := range r.Machines {
		if m.Unreachable != "" {
			fmt.Fprintf(&out, "%s  %s\n", table.Clean(m.Name), style.Bad("could not be looked at: "+table.Clean(m.Unreachable)))
		}
		for _, d := range m.Differences {
			write(&out, m.Name, d, style)
		}
	}
	for _, d := range r.Cluster {
		write(&out, "cluster", d, style)
	}
	if out.Len() > 0 {
		out.WriteString("\n")
	}
	out.WriteString(verdict(r, style) + "\n")
	_, err := io.WriteString(w, out.String())
	return err
}

func write(out *strings.Builder, machine string, d Difference, style table.Style) {
	fmt.Fprintf(out, "%s  %s %s: %s%s\n", table.Clean(machine), table.Clean(d.Kind), table.Clean(d.Target),
		style.Bad(table.Clean(d.Found)), style.Faint("; expected "+table.Clean(d.Expected)))
	for line := range strings.Lines(d.Diff) {
		out.WriteString("    " + diffLine(strings.TrimSuffix(line, "\n"), style) + "\n")
	}
}

// diffLine paints what was added and what is missing. What came from a machine
// is cleaned, its indentation kept.
func diffLine(line string, style table.Style) string {
	if line == "" {
		return ""
	}
	sign, text := line[:1], line[1:]
	indent := text[:len(text)-len(strings.TrimLeft(text, " \t"))]
	text = sign + indent + table.Clean(text)
	switch sign {
	case "+":
		return style.Good(text)
	case "-":
		return style.Bad(text)
	}
	return style.Faint(text)
}

// verdict is the last line, which says it all.
func verdict(r Report, style table.Style) string {
	silent := 0
	for _, m := range r.Machines {
		if m.Unreachable != "" {
			silent++
		}
	}
	name := "stack " + table.Clean(r.Stack)
	switch n := r.Count(); {
	case !r.Drifted:
		return fmt.Sprintf("%s is %s on %s", name, style.Good("as it was last applied"), table.Count(len(r.Machines), "machine"))
	case n == 0:
		return fmt.Sprintf("%s: %s", name, style.Bad(table.Count(silent, "machine")+" could not be looked at"))
	case silent > 0:
		return fmt.Sprintf("%s: %s, and %s could not be looked at; ops up heals what differs", name, style.Bad(table.Count(n, "difference")), table.Count(silent, "machine"))
	default:
		return fmt.Sprintf("%s: %s; ops up heals what differs", name, style.Bad(table.Count(n, "difference")))
	}
}
