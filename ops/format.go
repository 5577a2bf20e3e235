package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"weir/ops/internal/indent"
	"weir/ops/status/table"
)

// format is how a result is written.
type format string

const (
	asTable format = "table" // for people
	asJSON  format = "json"  // for programs
	asYAML  format = "yaml"  // the same fields, for either
)

func (f *format) String() string { return string(*f) }

// Type is what help texts call the value.
func (f *format) Type() string { return "format" }

// Set refuses what is no format.
func (f *format) Set(s string) error {
	if s != string(asTable) && s != string(asJSON) {
		return fmt.Errorf("want %s or %s", asTable, asJSON)
	}
	*f = format(s)
	return nil
}

// threeFormats is a format of the verbs that write YAML too.
type threeFormats struct{ *format }

// Set refuses what is no format.
func (f threeFormats) Set(s string) error {
	if s == string(asYAML) {
		*f.format = asYAML
		return nil
	}
	if f.format.Set(s) != nil {
		return fmt.Errorf("want %s, %s or %s", asTable, asJSON, asYAML)
	}
	return nil
}

// outputFlag gives a verb its -o.
func outputFlag(c *cobra.Command) *format {
	f := asTable
	c.Flags().VarP(threeFormats{&f}, "output", "o", "table, json or yaml")
	_ = c.RegisterFlagCompletionFunc("output", cobra.FixedCompletions([]string{string(asTable), string(asJSON), string(asYAML)}, cobra.ShellCompDirectiveNoFileComp))
	return &f
}

// show writes data as it was asked for.
func (a *app) show(f format, data any, people func(io.Writer, table.Style) error) error {
	switch f {
	case asJSON:
		return indent.JSON(a.console.Out, data)
	case asYAML:
		return indent.YAML(a.console.Out, data)
	}
	return people(a.console.Out, a.console.OutStyle)
}

// beginDocument comes before each result of a verb that writes several: JSON values
// tell where they end, YAML documents do not.
func (a *app) beginDocument(f string) {
	if f == string(asYAML) {
		fmt.Fprintln(a.console.Out, "---")
	}
}
