package plan

import (
	"fmt"
	"io"
	"strings"

	"weir/ops/status/table"
)

// WriteScripts writes what each machine would be sent, one script after the
// other, each under a comment that says for whom it is and what goes with it.
func WriteScripts(to io.Writer, d Document) error {
	var out strings.Builder
	for _, r := range d.Resources {
		for _, m := range r.Machines {
			for _, s := range m.Scripts {
				fmt.Fprintf(&out, "#### %s %s: %s: %s, as root\n", r.Type, table.Clean(r.Name), table.Clean(m.Machine), s.Step)
				for _, p := range s.Payloads {
					digest := p.SHA256
					if digest == "" {
						digest = "[secret]"
					}
					fmt.Fprintf(&out, "#### on standard input: %s, %d bytes, sha256 %s\n", table.Clean(p.Name), p.Bytes, digest)
				}
				for line := range strings.Lines(s.Text) {
					out.WriteString(table.Printable(line) + "\n")
				}
				out.WriteString("\n")
			}
			if m.Unreachable != "" {
				fmt.Fprintf(&out, "#### %s %s: %s: not looked at: %s\n\n", r.Type, table.Clean(r.Name), table.Clean(m.Machine), table.Clean(m.Unreachable))
			}
		}
	}
	_, err := io.WriteString(to, out.String())
	return err
}
