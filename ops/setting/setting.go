// Package setting reads and changes the settings of running brokers and of
// topics, and says which of them a running broker takes.
package setting

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"

	"github.com/IBM/sarama"

	"weir/ops/connect"
	"weir/ops/status/table"
	"weir/provision/kafka"
)

// Setting is one setting. Fields are only ever added.
type Setting struct {
	Name string `json:"name"`
	// Value is empty where Kafka keeps it to itself.
	Value  string `json:"value"`
	Secret bool   `json:"secret,omitempty"`
	// Source says where the value comes from: "topic", "broker", "all brokers",
	// "file" or "default".
	Source string `json:"source"`
	// ReadOnly says that a running broker does not take it: the stack file and a
	// restart do.
	ReadOnly bool `json:"readOnly"`
	// File is what server.properties says of it, where it says something else.
	File string `json:"file,omitempty"`
}

// Subject is whose settings: a topic's, or a broker's. An empty name of a broker
// is what all brokers have that say nothing themselves.
type Subject struct {
	Topic  bool
	Name   string
	Broker int32
}

func (s Subject) String() string {
	switch {
	case s.Topic:
		return "topic " + s.Name
	case s.Name == "":
		return "all brokers"
	}
	return "broker " + s.Name
}

func (s Subject) kind() sarama.ConfigResourceType {
	if s.Topic {
		return sarama.TopicResource
	}
	return sarama.BrokerResource
}

// ask asks the broker that knows: the one that it is about, or any.
func ask[T any](ctx context.Context, s *connect.Session, view kafka.View, of Subject, f func(*sarama.Broker) (T, error)) (T, error) {
	if of.Topic || of.Name == "" {
		return connect.AskAny(ctx, s, view.Brokers, f)
	}
	address, registered := view.Brokers[of.Broker]
	if !registered {
		var none T
		return none, fmt.Errorf("broker %d is not in the cluster; there are %v", of.Broker, slices.Sorted(maps.Keys(view.Brokers)))
	}
	return connect.Ask(ctx, s, address, f)
}

// configsVersion tells where a setting comes from; every broker since 2.0 has it.
const configsVersion = 2

// Get returns the settings of a subject, by name; those of names, or all.
func Get(ctx context.Context, s *connect.Session, of Subject, names ...string) ([]Setting, error) {
	view, err := s.View(ctx)
	if err != nil {
		return nil, err
	}
	if of.Topic && len(view.Of(of.Name)) == 0 {
		return nil, fmt.Errorf("topic %s: %w", of.Name, kafka.ErrNoTopic)
	}
	entries, err := ask(ctx, s, view, of, func(b *sarama.Broker) ([]*sarama.ConfigEntry, error) {
		answer, err := b.DescribeConfigs(&sarama.DescribeConfigsRequest{
			Version: configsVersion, IncludeSynonyms: true,
			Resources: []*sarama.ConfigResource{{Type: of.kind(), Name: of.Name, ConfigNames: names}},
		})
		if err != nil {
			return nil, err
		}
		if len(answer.Resources) != 1 {
			return nil, sarama.ErrIncompleteResponse
		}
		r := answer.Resources[0]
		if code := sarama.KError(r.ErrorCode); code != sarama.ErrNoError {
			return nil, fmt.Errorf("%w: %s", code, r.ErrorMsg)
		}
		return r.Configs, nil
	})
	if err != nil {
		return nil, fmt.Errorf("settings of %s: %w", of, err)
	}
	all := []Setting{}
	for _, e := range entries {
		all = append(all, settingOf(e))
	}
	for _, name := range silent {
		if !of.Topic && slices.Contains(names, name) && !slices.ContainsFunc(all, func(s Setting) bool { return s.Name == name }) {
			all = append(all, Setting{Name: name, Source: "default"})
		}
	}
	slices.SortFunc(all, func(a, b Setting) int { return cmp.Compare(a.Name, b.Name) })
	for _, name := range names {
		if !slices.ContainsFunc(all, func(s Setting) bool { return s.Name == name }) {
			return nil, fmt.Errorf("%s has no setting %q", of, name)
		}
	}
	return all, nil
}

// silent are settings of brokers that Kafka tells only where they were made
// (DynamicConfig.Broker).
var silent = []string{
	"follower.replication.throttled.rate", "leader.replication.throttled.rate", "replica.alter.log.dirs.io.max.bytes.per.second",
}

// sources in our words.
var sources = map[sarama.ConfigSource]string{
	sarama.SourceTopic: "topic", sarama.SourceDynamicBroker: "broker", sarama.SourceDynamicDefaultBroker: "all brokers",
	sarama.SourceStaticBroker: "file", sarama.SourceDefault: "default",
}

func settingOf(e *sarama.ConfigEntry) Setting {
	s := Setting{
		Name: e.Name, Value: e.Value, Secret: e.Sensitive, ReadOnly: e.ReadOnly,
		Source: cmp.Or(sources[e.Source], e.Source.String()),
	}
	for _, one := range e.Synonyms {
		if one.Source == sarama.SourceStaticBroker && one.ConfigValue != e.Value && e.Source != sarama.SourceTopic {
			s.File = one.ConfigValue
		}
	}
	return s
}

// Made keeps those that somebody made: in a file, or while the broker ran.
func Made(all []Setting) []Setting {
	return slices.DeleteFunc(slices.Clone(all), func(s Setting) bool { return s.Source == "default" })
}

// Change is what is to be done to settings.
type Change struct {
	Set   map[string]string
	Unset []string
}

// Names are all settings that it is about, sorted.
func (c Change) Names() []string {
	return slices.Sorted(slices.Values(append(slices.Collect(maps.Keys(c.Set)), c.Unset...)))
}

// Refuse says why a running broker cannot make the change.
func (c Change) Refuse(now []Setting) error {
	var errs []error
	for _, s := range now {
		if s.ReadOnly && slices.Contains(c.Names(), s.Name) {
			errs = append(errs, fmt.Errorf("%s is read only while a broker runs: write it under kafka.config in the stack file, and ops up restarts the brokers one after the other", s.Name))
		}
	}
	return errors.Join(errs...)
}

// Alter makes the change; with try it only has the broker judge it.
func Alter(ctx context.Context, s *connect.Session, of Subject, c Change, try bool) error {
	view, err := s.View(ctx)
	if err != nil {
		return err
	}
	entries := map[string]sarama.IncrementalAlterConfigsEntry{}
	for k, v := range c.Set {
		entries[k] = sarama.IncrementalAlterConfigsEntry{Operation: sarama.IncrementalAlterConfigsOperationSet, Value: &v}
	}
	for _, k := range c.Unset {
		entries[k] = sarama.IncrementalAlterConfigsEntry{Operation: sarama.IncrementalAlterConfigsOperationDelete}
	}
	address, registered := view.Brokers[of.Broker]
	if of.Topic || of.Name == "" {
		address, registered = view.Brokers[view.Controller]
	}
	if !registered {
		return fmt.Errorf("%s: no broker to tell is in the cluster", of)
	}
	_, err = connect.Ask(ctx, s, address, func(b *sarama.Broker) (struct{}, error) {
		answer, err := b.IncrementalAlterConfigs(&sarama.IncrementalAlterConfigsRequest{
			Version: 1, ValidateOnly: try,
			Resources: []*sarama.IncrementalAlterConfigsResource{{Type: of.kind(), Name: of.Name, ConfigEntries: entries}},
		})
		if err != nil {
			return struct{}{}, err
		}
		for _, r := range answer.Resources {
			if code := sarama.KError(r.ErrorCode); code != sarama.ErrNoError {
				return struct{}{}, &RefusedError{Of: of, Reason: r.ErrorMsg, Err: code}
			}
		}
		return struct{}{}, nil
	})
	var refused *RefusedError
	if errors.As(err, &refused) {
		return refused
	}
	return err
}

// RefusedError says why a broker did not take a change.
type RefusedError struct {
	Of     Subject
	Reason string
	Err    error
}

func (e *RefusedError) Error() string {
	return fmt.Sprintf("%s refuses: %s", e.Of, cmp.Or(e.Reason, e.Err.Error()))
}

func (e *RefusedError) Unwrap() error { return e.Err }

// Write writes settings for people.
func Write(w io.Writer, all []Setting, style table.Style) error {
	if len(all) == 0 {
		_, err := fmt.Fprintln(w, "every setting has its default")
		return err
	}
	t := table.Table{Style: style}
	t.Head("SETTING", "VALUE", "FROM", "TAKEN")
	for _, s := range all {
		value, taken := s.Value, "while it runs"
		if s.Secret {
			value = "(secret)"
		} else if value == "" {
			value = "-"
		}
		if s.ReadOnly {
			taken = "after a restart"
		}
		source := s.Source
		if s.File != "" {
			source += ", file " + strconv.Quote(s.File)
		}
		t.Row(s.Name, value, source, taken)
	}
	_, err := t.WriteTo(w)
	return err
}
