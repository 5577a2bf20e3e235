package roll

import (
	"fmt"
	"io"
	"strings"

	"weir/ops/internal/indent"
	"weir/ops/status/table"
)

// WriteJSON writes a plan as one indented JSON object.
func WriteJSON(w io.Writer, p Plan) error { return indent.JSON(w, p) }

// Write writes a plan for people: the order of the moment, and the gates.
func Write(w io.Writer, p Plan, style table.Style) error {
	var out strings.Builder
	fmt.Fprintf(&out, "rolling restart of cluster %s\n", table.Clean(p.Cluster))
	if p.Resumes != "" {
		fmt.Fprintf(&out, "goes on with run %s, which did not come to its end\n", p.Resumes)
	}
	for _, part := range p.Parts {
		part.write(&out, style)
	}
	for _, warning := range p.Warnings {
		fmt.Fprintf(&out, "%s%s\n", style.Bad("warning: "), table.Clean(warning))
	}
	_, err := io.WriteString(w, out.String())
	return err
}

func (p Part) write(out *strings.Builder, style table.Style) {
	fmt.Fprintf(out, "\n%s (%s)\n", p.Component, table.Clean(p.Unit))
	for _, m := range p.Done {
		fmt.Fprintf(out, "  -  %s  %s\n", m, style.Faint("(restarted since the roll began)"))
	}
	for i, t := range p.Order {
		fmt.Fprintf(out, "  %d. %s", i+1, t.Machine)
		if t.Why != "" {
			fmt.Fprintf(out, "  %s", style.Faint("("+t.Why+")"))
		}
		out.WriteString("\n")
	}
	if len(p.Order) == 0 {
		out.WriteString("  nothing is left to restart\n")
	} else {
		fmt.Fprintf(out, "  before each  wait until %s\n  behind each  wait until %s\n", p.Gates.Before, p.Gates.After)
	}
	fmt.Fprintf(out, "  at the end   wait until %s%s\n", p.Gates.Healthy, map[bool]string{true: "; give leaders back"}[p.Component == Kafka])
	if p.Hindrance != "" {
		fmt.Fprintf(out, "  %s%s\n", style.Bad("not now: "), table.Clean(p.Hindrance))
	}
}
