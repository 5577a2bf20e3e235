package main

import (
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"weir/ops/ui"
	"weir/provision/inventory"
	"weir/provision/kafka"
)

// asked is an app whose person answers so; without answers nobody is there.
func asked(answers string) (*app, *strings.Builder) {
	var said strings.Builder
	return &app{console: &ui.Console{In: strings.NewReader(answers), Interactive: answers != "", Out: io.Discard, Err: &said, Now: time.Now}}, &said
}

func TestAChangeIsMadeByConsentAlone(t *testing.T) {
	for _, c := range []struct {
		name    string
		consent consent
		answers string
		want    bool
		err     string
	}{
		{"--yes", consent{yes: true}, "", true, ""},
		{"a yes", consent{}, "yes\n", true, ""},
		{"another word", consent{}, "y\n", false, "nothing was changed"},
		{"nobody there", consent{}, "", false, "say it with --yes"},
		{"a dry run, --yes or not", consent{yes: true, dryRun: true}, "", false, ""},
	} {
		a, _ := asked(c.answers)
		got, err := a.agree(&c.consent, "change it")
		if got != c.want || (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
			t.Errorf("%s: got %t, %v; want %t, %q", c.name, got, err, c.want, c.err)
		}
		var usage usageError
		if c.answers == "" && err != nil && !errors.As(err, &usage) {
			t.Errorf("%s: %v is no mistake in usage, so that the exit code would not be 2", c.name, err)
		}
	}
}

func TestWhatTheStackDeclaresTakesASecondConsent(t *testing.T) {
	cluster := inventory.Cluster{Topics: []inventory.Topic{{Name: "clicks"}}}
	for _, c := range []struct {
		name    string
		topic   string
		consent consent
		answers string
		err     string
	}{
		{"a topic that it does not declare", "other", consent{yes: true}, "", ""},
		{"--yes alone is not enough", "clicks", consent{yes: true}, "", "--although-declared"},
		{"--although-declared", "clicks", consent{yes: true, declared: true}, "", ""},
		{"its name, typed", "clicks", consent{}, "clicks\n", ""},
		{"a yes is not its name", "clicks", consent{}, "yes\n", "nothing was changed"},
		{"a dry run only warns", "clicks", consent{dryRun: true}, "", ""},
	} {
		a, said := asked(c.answers)
		err := a.agreeDeclared(&c.consent, cluster, c.topic, "do it there")
		if (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
			t.Errorf("%s: got %v, want %q", c.name, err, c.err)
		}
		if c.topic == "clicks" && err == nil && !strings.Contains(said.String(), "do it there") {
			t.Errorf("%s: what to do instead was not said: %q", c.name, said)
		}
	}
}

func TestATopicThatWouldTakeNoWriteIsRefused(t *testing.T) {
	cluster := inventory.Cluster{Kafka: &inventory.Kafka{MinInsyncReplicas: 2}}
	for name, c := range map[string]struct {
		topic kafka.Topic
		ok    bool
	}{
		"enough replicas":                 {kafka.Topic{ReplicationFactor: 2}, true},
		"fewer than the brokers want":     {kafka.Topic{ReplicationFactor: 1}, false},
		"fewer, and it says so of itself": {kafka.Topic{ReplicationFactor: 1, Config: map[string]string{"min.insync.replicas": "1"}}, true},
	} {
		if err := writable(c.topic, cluster); (err == nil) != c.ok {
			t.Errorf("%s: %+v: got %v", name, c.topic, err)
		}
	}
}

func TestATimeIsOneOrHowLongAgo(t *testing.T) {
	now := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	for text, want := range map[string]time.Time{
		"90m":                  now.Add(-90 * time.Minute),
		"2026-11-20T08:00:00Z": time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC),
	} {
		if got, err := parseTime(text, now); err != nil || !got.Equal(want) {
			t.Errorf("%s: got %s, %v; want %s", text, got, err, want)
		}
	}
	for _, text := range []string{"", "soon", "-5m"} {
		if got, err := parseTime(text, now); err == nil {
			t.Errorf("%q: got %s, want a refusal", text, got)
		}
	}
}
