// Package preflight writes what a preflight found, for people and for programs.
package preflight

import (
	"fmt"
	"io"
	"strings"

	"weir/ops/internal/indent"
	"weir/ops/status/table"
	"weir/provision/preflight"
)

// WriteJSON writes the report as one indented JSON object.
func WriteJSON(w io.Writer, r preflight.Report) error {
	return indent.JSON(w, r)
}

// WriteTable writes the report for people: a line a check, under it what is not
// as it should be, what was expected and what to type next, then what was seen.
func WriteTable(w io.Writer, r preflight.Report, style table.Style) error {
	var out strings.Builder
	for _, c := range r.Checks {
		fmt.Fprintf(&out, "%s  %-14s%s\n", sign(c.Outcome, style), c.Name, c.Title)
		for _, f := range c.Findings {
			writeFinding(&out, f, style)
		}
		for _, line := range grouped(c.Evidence) {
			out.WriteString("         " + style.Faint(table.Clean(line)) + "\n")
		}
	}
	out.WriteString("\n" + verdict(r, style) + "\n")
	_, err := io.WriteString(w, out.String())
	return err
}

// grouped are the notes, those that say the same of several machines in one line.
func grouped(notes []preflight.Note) []string {
	var texts []string
	machines := map[string][]string{}
	for _, n := range notes {
		if _, known := machines[n.Text]; !known {
			texts = append(texts, n.Text)
		}
		machines[n.Text] = append(machines[n.Text], n.Machine)
	}
	for i, text := range texts {
		if who := strings.Join(machines[text], ", "); who != "" {
			texts[i] = who + ": " + text
		}
	}
	return texts
}

func writeFinding(out *strings.Builder, f preflight.Finding, style table.Style) {
	found := table.Clean(f.Machine + ": " + f.Found)
	if f.Severity == preflight.Refuse {
		found = style.Bad(found)
	}
	fmt.Fprintf(out, "         %s\n", found)
	for _, line := range []struct{ label, text string }{{"expected", f.Expected}, {"evidence", f.Evidence}, {"next", f.Next}} {
		if line.text != "" {
			fmt.Fprintf(out, "           %-9s %s\n", line.label, table.Clean(line.text))
		}
	}
}

func sign(o preflight.Outcome, style table.Style) string {
	plain := map[preflight.Outcome]string{
		preflight.OK: "ok     ", preflight.Advised: "advice ", preflight.Refused: "REFUSED", preflight.Skipped: "skipped",
	}[o]
	if style.Unicode {
		plain = map[preflight.Outcome]string{
			preflight.OK: "✓      ", preflight.Advised: "!      ", preflight.Refused: "✗      ", preflight.Skipped: "-      ",
		}[o]
	}
	switch o {
	case preflight.OK:
		return style.Good(plain)
	case preflight.Refused:
		return style.Bad(plain)
	}
	return style.Faint(plain)
}

// verdict is the last line, which says it all.
func verdict(r preflight.Report, style table.Style) string {
	refused, advised := len(r.Findings(preflight.Refuse)), len(r.Findings(preflight.Advise))
	counts := fmt.Sprintf("%s, %s, %d checks in %s", table.Count(refused, "refusal"), table.Count(advised, "piece of advice", "pieces of advice"), len(r.Checks), table.Seconds(r.Seconds))
	word := style.Good("fit")
	if !r.Fit {
		word = style.Bad("NOT fit")
	}
	return fmt.Sprintf("the machines of cluster %s are %s: %s", table.Clean(r.Cluster), word, counts)
}
