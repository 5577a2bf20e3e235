package main

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"weir/testenv/golden"
)

// reference is the page of all commands.
const reference = "../docs/reference/ops.md"

// The reference is what the commands say of themselves: it cannot lag behind.
func TestTheReferenceIsUpToDate(t *testing.T) {
	t.Setenv("PULUMI_STACK", "") // a default of this computer's
	t.Setenv("PULUMI_HOME", t.TempDir())
	root := (&app{console: newConsole(strings.NewReader(""), io.Discard, io.Discard)}).root()
	var page bytes.Buffer
	writeReference(&page, root)
	golden.File(t, reference, page.String())
}

// plain keeps texts from being read as Markdown.
var plain = strings.NewReplacer("<", `\<`, "|", `\|`)

func writeReference(to io.Writer, root *cobra.Command) {
	fmt.Fprintf(to, "<!-- Generated from the commands; go test ./ops -run Reference -update rewrites it. -->\n\n")
	fmt.Fprintf(to, "# ops\n\n%s\n\n", plain.Replace(root.Long))
	fmt.Fprint(to, "| Command | |\n|---|---|\n")
	verbs := below(root)
	for _, c := range verbs {
		fmt.Fprintf(to, "| [%s](#%s) | %s |\n", c.CommandPath(), strings.ReplaceAll(c.CommandPath(), " ", "-"), c.Short)
	}
	fmt.Fprint(to, "\nOptions of every command:\n\n")
	writeFlags(to, root.PersistentFlags())
	for _, c := range verbs {
		writeCommand(to, c)
	}
}

// below are a command's commands, each followed by its own.
func below(c *cobra.Command) (all []*cobra.Command) {
	for _, sub := range c.Commands() {
		all = append(append(all, sub), below(sub)...)
	}
	return all
}

func writeCommand(to io.Writer, c *cobra.Command) {
	c.InitDefaultHelpFlag()
	text := c.Long
	if text == "" {
		text = c.Short + "."
	}
	fmt.Fprintf(to, "\n## %s\n\n%s\n\n```\n%s\n```\n", c.CommandPath(), plain.Replace(text), c.UseLine())
	if c.Example != "" {
		fmt.Fprintf(to, "\nExamples:\n\n```\n%s\n```\n", c.Example)
	}
	if own := c.NonInheritedFlags(); hasOwn(own) {
		fmt.Fprintln(to)
		writeFlags(to, own)
	}
}

func writeFlags(to io.Writer, flags *pflag.FlagSet) {
	fmt.Fprint(to, "| Option | Default | |\n|---|---|---|\n")
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Hidden || f.Name == "help" {
			return
		}
		kind, usage := pflag.UnquoteUsage(f)
		name := strings.TrimSpace("--" + f.Name + " " + kind)
		if f.Shorthand != "" {
			name = "-" + f.Shorthand + ", " + name
		}
		fmt.Fprintf(to, "| `%s` | %s | %s |\n", name, shownDefault(f), plain.Replace(usage))
	})
}

// shownDefault leaves out what says no more than that nothing is set.
func shownDefault(f *pflag.Flag) string {
	switch f.DefValue {
	case "", "[]", "0", "0s", "false":
		return ""
	}
	return "`" + f.DefValue + "`"
}

// hasOwn says whether there are options besides --help.
func hasOwn(flags *pflag.FlagSet) (own bool) {
	flags.VisitAll(func(f *pflag.Flag) { own = own || !f.Hidden && f.Name != "help" })
	return own
}
