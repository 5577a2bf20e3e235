package verify

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

// WriteYAML writes the report as one YAML document, of the same form as the JSON.
func WriteYAML(w io.Writer, r Report) error {
	return indent.YAML(w, r)
}

// WriteTable writes the report for people: a line a check, and under one that
// failed what is wrong, what was expected, what was seen and what to type next.
func WriteTable(w io.Writer, r Report, style table.Style) error { return write(w, r, style, false) }

// WriteWide writes the table with what was seen by every check.
func WriteWide(w io.Writer, r Report, style table.Style) error { return write(w, r, style, true) }

func write(w io.Writer, r Report, style table.Style, wide bool) error {
	var out strings.Builder
	for _, c := range r.Checks {
		writeCheck(&out, c, style, wide)
	}
	if out.Len() > 0 {
		out.WriteString("\n")
	}
	out.WriteString(verdict(r, style) + "\n")
	_, err := io.WriteString(w, out.String())
	return err
}

func writeCheck(out *strings.Builder, c Result, style table.Style, wide bool) {
	head := fmt.Sprintf("%s  %-10s", sign(c.Outcome, style), c.Name)
	if c.Outcome == Skipped {
		fmt.Fprintf(out, "%s%9s  %s\n", head, "", style.Faint(table.Clean(c.Reason)))
		return
	}
	said := c.Summary
	if c.Outcome == Failed || said == "" {
		said = c.Title
	}
	fmt.Fprintf(out, "%s%9s  %s\n", head, table.Seconds(c.Seconds), table.Clean(said))
	for _, f := range c.Findings {
		writeFinding(out, f, style)
	}
	if !wide && c.Outcome == OK {
		return
	}
	for _, e := range c.Evidence {
		out.WriteString("      " + style.Faint(table.Clean(e)) + "\n")
	}
}

func writeFinding(out *strings.Builder, f Finding, style table.Style) {
	found := table.Clean(f.Found)
	if f.Machine != "" {
		found = table.Clean(f.Machine) + ": " + found
	}
	fmt.Fprintf(out, "      %s\n", style.Bad(found))
	fmt.Fprintf(out, "        expected  %s\n", table.Clean(f.Expected))
	fmt.Fprintf(out, "        next      %s\n", table.Clean(f.Next))
}

func sign(o Outcome, style table.Style) string {
	plain := map[Outcome]string{OK: "ok     ", Failed: "FAILED ", Skipped: "skipped"}[o]
	if style.Unicode {
		plain = map[Outcome]string{OK: "✓", Failed: "✗", Skipped: "-"}[o]
	}
	switch o {
	case OK:
		return style.Good(plain)
	case Failed:
		return style.Bad(plain)
	}
	return style.Faint(plain)
}

// verdict is the last line, which says it all.
func verdict(r Report, style table.Style) string {
	counts := map[Outcome]int{}
	for _, c := range r.Checks {
		counts[c.Outcome]++
	}
	took := fmt.Sprintf("%d ok, %d failed, %d skipped in %s", counts[OK], counts[Failed], counts[Skipped], table.Seconds(r.Seconds))
	name := "cluster " + table.Clean(r.Cluster)
	switch {
	case r.usage:
		return style.Bad(table.Clean(r.Error))
	case r.Error != "":
		return fmt.Sprintf("%s %s: %s", name, style.Bad("could not be checked"), table.Clean(r.Error))
	case r.Healthy:
		return fmt.Sprintf("%s is %s: %s", name, style.Good("healthy"), took)
	}
	return fmt.Sprintf("%s is %s: %s", name, style.Bad("NOT healthy"), took)
}
