package main

import (
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
)

func (a *app) manCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "man DIR",
		Short: "Write the man pages of all commands into a directory",
		Long: `man writes a page for each command, ops.1, ops-roll.1 and so on, made from the same
words as --help. The directory is made where it is missing.`,
		Example: `  ops man ~/.local/share/man/man1 && man ops-roll`,
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if err := os.MkdirAll(args[0], 0o755); err != nil {
				return err
			}
			root := c.Root()
			root.DisableAutoGenTag = true // it would have the day in it
			// A fixed day: the pages of one build are the same wherever they are written.
			day := time.Unix(0, 0)
			if err := doc.GenManTree(root, &doc.GenManHeader{Section: "1", Source: "weir " + revision(), Manual: "weir", Date: &day}, args[0]); err != nil {
				return fmt.Errorf("write the man pages: %w", err)
			}
			return nil
		},
	}
}
