package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"weir/ops/connect"
	"weir/ops/setting"
	"weir/ops/status/table"
	"weir/provision/kafka"
)

func (a *app) configCommand() *cobra.Command {
	c := &cobra.Command{Use: "config", Short: "Show and change settings of running brokers and of topics"}
	return needsVerb(c, a.getConfigCommand(), a.setConfigCommand())
}

// allBrokers is the name of what brokers have that say nothing themselves.
const allBrokers = "all"

// subject reads "broker 1", "broker all" or "topic clicks".
func subject(kind, name string) (setting.Subject, error) {
	switch {
	case kind == "topic":
		return setting.Subject{Topic: true, Name: name}, nil
	case kind != "broker":
		return setting.Subject{}, usageError{fmt.Errorf("settings of a %q: want broker or topic", kind)}
	case name == allBrokers:
		return setting.Subject{}, nil
	}
	id, err := strconv.ParseInt(name, 10, 32)
	if err != nil || id < 0 {
		return setting.Subject{}, usageError{fmt.Errorf("broker %q: want its id, or all", name)}
	}
	return setting.Subject{Name: name, Broker: int32(id)}, nil
}

func (a *app) completeSubject(c *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	switch {
	case len(args) == 0:
		return []string{"broker", "topic"}, cobra.ShellCompDirectiveNoFileComp
	case len(args) == 1 && args[0] == "topic":
		return a.completion(c.Context(), topicNames)
	case len(args) == 1:
		return a.completion(c.Context(), brokerIDs)
	}
	return nil, cobra.ShellCompDirectiveNoFileComp
}

func brokerIDs(_ context.Context, s *connect.Session) ([]string, error) {
	if s.Cluster.Kafka == nil {
		return nil, connect.ErrNoKafka
	}
	var ids []string
	for _, id := range slices.Sorted(maps.Values(s.Cluster.Kafka.Brokers)) {
		ids = append(ids, strconv.Itoa(int(id)))
	}
	return ids, nil
}

func (a *app) getConfigCommand() *cobra.Command {
	var all bool
	c := &cobra.Command{
		Use:   "get broker ID|topic NAME [SETTING...]",
		Short: "Show settings: values, where they come from, what a restart takes",
		Long: `get shows the settings that somebody made, in a file or while the broker ran; with
--all, the defaults too. "get broker all" shows what was set for all brokers at once.`,
		Example: `  ops config get broker 0
  ops config get topic clicks retention.ms`,
		Args: cobra.MinimumNArgs(2), ValidArgsFunction: a.completeSubject,
	}
	format := outputFlag(c)
	c.Flags().BoolVar(&all, "all", false, "those with their defaults too")
	c.RunE = func(c *cobra.Command, args []string) error {
		of, err := subject(args[0], args[1])
		if err != nil {
			return err
		}
		return a.talk(c.Context(), lookPatience, func(ctx context.Context, s *connect.Session) error {
			found, err := setting.Get(ctx, s, of, args[2:]...)
			if err != nil {
				return err
			}
			if !all && len(args) == 2 {
				found = setting.Made(found)
			}
			return a.show(*format, found, func(w io.Writer, style table.Style) error { return setting.Write(w, found, style) })
		})
	}
	return c
}

func (a *app) setConfigCommand() *cobra.Command {
	var unset []string
	c := &cobra.Command{
		Use:   "set broker ID|topic NAME [SETTING=VALUE...]",
		Short: "Change settings that a running broker takes",
		Long: `set shows what changes, has the broker judge it, asks, and changes it. What needs a
restart is refused: it belongs into the stack file, under kafka.config, and ops up
restarts the brokers one after the other. What server.properties says too, the next
ops up sets back: write it there to keep it.`,
		Example: `  ops config set broker 1 log.cleaner.threads=2
  ops config set broker all max.connections=1000
  ops config set topic clicks retention.ms=3600000 --unset cleanup.policy`,
		Args: cobra.MinimumNArgs(2), ValidArgsFunction: a.completeSubject,
	}
	k := consentFlags(c)
	k.declaredFlag(c)
	c.Flags().StringSliceVar(&unset, "unset", nil, "settings to give back to what they are without")
	c.RunE = func(c *cobra.Command, args []string) error {
		of, err := subject(args[0], args[1])
		if err != nil {
			return err
		}
		change := setting.Change{Set: map[string]string{}, Unset: unset}
		for _, arg := range args[2:] {
			name, value, found := strings.Cut(arg, "=")
			if !found || name == "" {
				return usageError{fmt.Errorf("%q: want SETTING=VALUE", arg)}
			}
			change.Set[name] = value
		}
		if len(change.Names()) == 0 {
			return usageError{errors.New("nothing to change: say SETTING=VALUE, or --unset SETTING")}
		}
		return a.talk(c.Context(), changePatience, func(ctx context.Context, s *connect.Session) error {
			if of.Topic {
				return a.alterTopic(ctx, s, k, of.Name, func(t *kafka.Topic) { alter(t, 0, change.Set, unset) })
			}
			return a.setBroker(ctx, s, k, of, change)
		})
	}
	return c
}

func (a *app) setBroker(ctx context.Context, s *connect.Session, k *consent, of setting.Subject, change setting.Change) error {
	view, err := s.View(ctx)
	if err != nil {
		return err
	}
	// What all brokers have is told by none; any of them tells what it takes.
	told := of
	if of.Name == "" {
		told = setting.Subject{Name: strconv.Itoa(int(view.Controller)), Broker: view.Controller}
	}
	now, err := setting.Get(ctx, s, told, change.Names()...)
	if err != nil {
		return err
	}
	if err := change.Refuse(now); err != nil {
		return usageError{err}
	}
	for _, one := range now {
		a.showSetting(of, one, change)
	}
	if err := setting.Alter(ctx, s, of, change, true); err != nil {
		return err
	}
	if ok, err := a.agree(k, "change "+of.String()); !ok {
		return err
	}
	if err := setting.Alter(ctx, s, of, change, false); err != nil {
		return err
	}
	_, err = fmt.Fprintf(a.console.Out, "%s changed\n", of)
	return err
}

func (a *app) showSetting(of setting.Subject, now setting.Setting, change setting.Change) {
	after, set := change.Set[now.Name]
	if !set {
		after = "what it is without"
	}
	fmt.Fprintf(a.console.Out, "%s: %s: %s (%s) -> %s\n", of, now.Name, table.Clean(now.Value), now.Source, after)
	if set && (now.Source == "file" && now.Value != after || now.File != "" && now.File != after) {
		a.console.Note(now.Name + " is in server.properties too: the next ops up sets it back, unless kafka.config in the stack file says the same")
	}
}
