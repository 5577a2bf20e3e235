package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"weir/ops/connect"
	"weir/provision/inventory"
	"weir/provision/kafka"
)

const (
	// lookPatience bounds a verb that only looks: each broker is asked for a few
	// seconds, in up to three rounds.
	lookPatience = 20 * time.Second
	// changePatience bounds a verb that makes one change: the controller may need
	// 20 s for a topic of many partitions, and all replicas must be there after.
	changePatience = 90 * time.Second
)

// connection is how the verbs reach the cluster.
func (a *app) connection() connect.Options { return connect.Options{Via: a.via} }

// adminFeatures are what the verbs about topics, groups and settings ask with.
const adminFeatures = kafka.AdminProtocol | kafka.IncrementalConfig | kafka.ElectLeaders

// talk opens a session and does something with it, for at most so long.
func (a *app) talk(ctx context.Context, patience time.Duration, do func(context.Context, *connect.Session) error) error {
	s, err := a.session(ctx)
	if err != nil {
		return err
	}
	defer s.Close()
	if err := s.Speaks(adminFeatures); err != nil {
		return err
	}
	bounded, cancel := context.WithTimeoutCause(ctx, patience, fmt.Errorf("not done after %s", patience))
	defer cancel()
	return do(bounded, s)
}

// consent is how a change was agreed to on the command line.
type consent struct {
	yes, dryRun, declared bool
}

// consentFlags gives a verb that changes something its --yes and --dry-run.
func consentFlags(c *cobra.Command) *consent {
	var k consent
	c.Flags().BoolVarP(&k.yes, "yes", "y", false, "do not ask")
	c.Flags().BoolVar(&k.dryRun, "dry-run", false, "show what would change, and change nothing")
	return &k
}

// declaredFlag adds the consent that a declared topic takes.
func (k *consent) declaredFlag(c *cobra.Command) {
	c.Flags().BoolVar(&k.declared, "although-declared", false, "change a topic by hand that the stack declares")
}

var errNothingChanged = errors.New("nothing was changed")

// agree asks whether to do what was shown. False without an error is a dry run.
func (a *app) agree(k *consent, what string) (bool, error) {
	switch {
	case k.dryRun:
		return false, nil
	case k.yes:
		return true, nil
	case !a.console.Interactive:
		return false, usageError{fmt.Errorf("%s: there is no terminal to ask on, so say it with --yes", what)}
	}
	answer, err := a.console.Ask(upperFirst(what) + "? Type yes:")
	if err != nil {
		return false, err
	}
	if answer != "yes" {
		return false, errNothingChanged
	}
	return true, nil
}

func upperFirst(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

// agreeDeclared is the consent behind agree where the stack declares the topic:
// by hand, it will only be drift.
func (a *app) agreeDeclared(k *consent, c inventory.Cluster, topic, instead string) error {
	if !slices.ContainsFunc(c.Topics, func(t inventory.Topic) bool { return t.Name == topic }) {
		return nil
	}
	text := fmt.Sprintf("the stack declares topic %s: %s", topic, instead)
	if k.declared || k.dryRun {
		a.console.Warn(text)
		return nil
	}
	if k.yes || !a.console.Interactive {
		return usageError{errors.New(text + "; or say --although-declared too")}
	}
	a.console.Warn(text)
	answer, err := a.console.Ask("By hand nevertheless? Type the topic's name:")
	if err != nil {
		return err
	}
	if answer != topic {
		return errNothingChanged
	}
	return nil
}

// partly is how a verb ends that showed what it could: never with 0.
func partly(problems []string) error {
	if len(problems) == 0 {
		return nil
	}
	return errors.New("not all could be looked at: " + strings.Join(problems, "; "))
}

// needsVerb gives a command the verbs that it holds, and has it refuse to be run
// without one.
func needsVerb(c *cobra.Command, verbs ...*cobra.Command) *cobra.Command {
	c.AddCommand(verbs...)
	c.Args = cobra.ArbitraryArgs
	c.RunE = func(c *cobra.Command, args []string) error {
		var names []string
		for _, verb := range c.Commands() {
			names = append(names, verb.Name())
		}
		text := strings.Join(names, ", ")
		if len(args) > 0 {
			return usageError{fmt.Errorf("%s has no %q; it has %s", c.CommandPath(), args[0], text)}
		}
		return usageError{fmt.Errorf("%s needs one of %s", c.CommandPath(), text)}
	}
	return c
}
