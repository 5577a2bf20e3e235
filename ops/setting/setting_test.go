package setting

import (
	"strings"
	"testing"

	"github.com/IBM/sarama"
)

func TestASettingTellsWhereItsValueComesFrom(t *testing.T) {
	synonym := func(value string) []*sarama.ConfigSynonym {
		return []*sarama.ConfigSynonym{{ConfigName: "k", ConfigValue: value, Source: sarama.SourceStaticBroker}}
	}
	for name, c := range map[string]struct {
		entry sarama.ConfigEntry
		want  Setting
	}{
		"from the file": {
			sarama.ConfigEntry{Name: "k", Value: "1", ReadOnly: true, Source: sarama.SourceStaticBroker, Synonyms: synonym("1")},
			Setting{Name: "k", Value: "1", Source: "file", ReadOnly: true},
		},
		"made while it ran, against the file": {
			sarama.ConfigEntry{Name: "k", Value: "2", Source: sarama.SourceDynamicBroker, Synonyms: synonym("1")},
			Setting{Name: "k", Value: "2", Source: "broker", File: "1"},
		},
		"a topic's own: the brokers' file is no matter": {
			sarama.ConfigEntry{Name: "k", Value: "2", Source: sarama.SourceTopic, Synonyms: synonym("1")},
			Setting{Name: "k", Value: "2", Source: "topic"},
		},
		"a throttle, which Kafka calls read only": {
			sarama.ConfigEntry{Name: "leader.replication.throttled.rate", Value: "5", ReadOnly: true, Source: sarama.SourceDynamicBroker},
			Setting{Name: "leader.replication.throttled.rate", Value: "5", Source: "broker"},
		},
		"a secret": {
			sarama.ConfigEntry{Name: "k", Sensitive: true, Source: sarama.SourceDefault},
			Setting{Name: "k", Secret: true, Source: "default"},
		},
	} {
		if got := settingOf(&c.entry); got != c.want {
			t.Errorf("%s: got %+v, want %+v", name, got, c.want)
		}
	}
}

func TestWhatNeedsARestartIsRefused(t *testing.T) {
	now := []Setting{{Name: "broker.id", ReadOnly: true}, {Name: "log.cleaner.threads"}, {Name: "log.dirs", ReadOnly: true}}
	change := Change{Set: map[string]string{"broker.id": "9", "log.cleaner.threads": "2"}, Unset: []string{"log.dirs"}}
	err := change.Refuse(now)
	if err == nil || !strings.Contains(err.Error(), "broker.id is read only") || !strings.Contains(err.Error(), "log.dirs is read only") ||
		strings.Contains(err.Error(), "log.cleaner.threads") {
		t.Errorf("of %+v: got %v, want broker.id and log.dirs refused", change, err)
	}
	if err := (Change{Set: map[string]string{"log.cleaner.threads": "2"}}).Refuse(now); err != nil {
		t.Errorf("what a running broker takes: %v", err)
	}
}
