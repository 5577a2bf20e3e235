package kafka

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/IBM/sarama"
	"github.com/cenkalti/backoff/v5"
)

// dynamic3 are the broker settings that a running broker of Kafka 3 takes, by
// "Dynamic Update Mode" in the documentation of broker configs (KIP-226). Those
// of listeners and their security are not here: they differ by listener.
var dynamic3 = []string{
	"background.threads", "compression.type", "follower.replication.throttled.rate", "leader.replication.throttled.rate",
	"log.cleaner.backoff.ms", "log.cleaner.dedupe.buffer.size", "log.cleaner.delete.retention.ms",
	"log.cleaner.io.buffer.load.factor", "log.cleaner.io.buffer.size", "log.cleaner.io.max.bytes.per.second",
	"log.cleaner.max.compaction.lag.ms", "log.cleaner.min.cleanable.ratio", "log.cleaner.min.compaction.lag.ms",
	"log.cleaner.threads", "log.cleanup.policy", "log.flush.interval.messages", "log.flush.interval.ms",
	"log.index.interval.bytes", "log.index.size.max.bytes", "log.preallocate", "log.retention.bytes", "log.retention.ms",
	"log.roll.jitter.ms", "log.roll.ms", "log.segment.bytes", "log.segment.delete.delay.ms",
	"max.connection.creation.rate", "max.connections", "max.connections.per.ip", "max.connections.per.ip.overrides",
	"message.max.bytes", "min.insync.replicas", "num.io.threads", "num.network.threads",
	"num.recovery.threads.per.data.dir", "num.replica.fetchers", "producer.id.expiration.ms", "unclean.leader.election.enable",
}

// dynamic returns the settings of the file that a running broker of this
// version takes, by key.
func (s Spec) dynamic(b Broker) map[string]string {
	live := map[string]string{}
	for _, section := range s.server(b) {
		for _, line := range section.Settings {
			if slices.Contains(versions[s.Version].Dynamic, line.Key) {
				live[line.Key] = line.Value
			}
		}
	}
	return live
}

// Dynamic returns, by broker id, the settings of server.properties that take
// effect without a restart. The spec must be valid.
func Dynamic(s Spec) map[int32]map[string]string {
	s = s.WithDefaults()
	all := make(map[int32]map[string]string, len(s.Brokers))
	for _, b := range s.Brokers {
		if live := s.dynamic(b); len(live) > 0 {
			all[b.ID] = live
		}
	}
	return all
}

// Withdrawn returns, by broker id, the settings that running brokers may have been
// told for a spec and that another, which takes its place, leaves out, sorted.
func Withdrawn(was, now Spec) map[int32][]string {
	stay := Dynamic(now)
	all := map[int32][]string{}
	for id, live := range Dynamic(was) {
		for _, key := range slices.Sorted(maps.Keys(live)) {
			if _, stays := stay[id][key]; !stays {
				all[id] = append(all[id], key)
			}
		}
	}
	return all
}

// RefusedSettingError says that a running broker does not take a setting.
type RefusedSettingError struct {
	Broker   int32
	Settings map[string]string
	Err      error
}

func (e *RefusedSettingError) Error() string {
	return fmt.Sprintf("broker %d does not take %s while it runs: %v; choose a value that it takes, or restart it: its server.properties holds the value",
		e.Broker, assignments(e.Settings), e.Err)
}

func (e *RefusedSettingError) Unwrap() error { return e.Err }

func assignments(settings map[string]string) string {
	var parts []string
	for _, k := range slices.Sorted(maps.Keys(settings)) {
		parts = append(parts, k+"="+settings[k])
	}
	return strings.Join(parts, ", ")
}

// Reconfigure makes a running broker's settings those of want and returns the
// ones that it changed. A value that the broker refuses is a
// *RefusedSettingError, which no waiting makes go away.
func (a *Admin) Reconfigure(ctx context.Context, id int32, want map[string]string) (map[string]string, error) {
	changed := map[string]string{}
	err := a.do(ctx, fmt.Sprintf("changing the settings of broker %d", id), func(client sarama.Client, admin sarama.ClusterAdmin) error {
		is, err := brokerSettings(client, id, slices.Sorted(maps.Keys(want)))
		if err != nil {
			return err
		}
		changed = outdated(want, is, false)
		entries := map[string]sarama.IncrementalAlterConfigsEntry{}
		for k, v := range changed {
			entries[k] = sarama.IncrementalAlterConfigsEntry{Operation: sarama.IncrementalAlterConfigsOperationSet, Value: &v}
		}
		if len(entries) == 0 {
			return nil
		}
		err = admin.IncrementalAlterConfig(sarama.BrokerResource, strconv.Itoa(int(id)), entries, false)
		if errors.Is(err, sarama.ErrInvalidConfig) || errors.Is(err, sarama.ErrInvalidRequest) {
			return backoff.Permanent(&RefusedSettingError{Broker: id, Settings: changed, Err: err})
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return changed, nil
}

// Told returns those of the settings that a running broker was told and keeps
// through restarts, whatever its file says, sorted.
func (a *Admin) Told(ctx context.Context, id int32, names []string) (told []string, err error) {
	err = a.do(ctx, fmt.Sprintf("asking broker %d what it was told", id), func(client sarama.Client, _ sarama.ClusterAdmin) error {
		is, err := brokerSettings(client, id, names)
		told = nil
		for _, name := range slices.Sorted(maps.Keys(is)) {
			if is[name].taken {
				told = append(told, name)
			}
		}
		return err
	})
	return told, err
}

// TakeBack has a running broker forget what it was told of these settings: its
// file, or the default, is in force again. It returns those that it had been told.
func (a *Admin) TakeBack(ctx context.Context, id int32, names []string) ([]string, error) {
	told, err := a.Told(ctx, id, names)
	if err != nil || len(told) == 0 {
		return nil, err
	}
	entries := map[string]sarama.IncrementalAlterConfigsEntry{}
	for _, name := range told {
		entries[name] = sarama.IncrementalAlterConfigsEntry{Operation: sarama.IncrementalAlterConfigsOperationDelete}
	}
	return told, a.do(ctx, fmt.Sprintf("taking settings of broker %d back", id), func(_ sarama.Client, admin sarama.ClusterAdmin) error {
		return admin.IncrementalAlterConfig(sarama.BrokerResource, strconv.Itoa(int(id)), entries, false)
	})
}

// Settings returns the values in effect on a running broker, its own dynamic
// ones included, for those of the names that it knows.
func (a *Admin) Settings(ctx context.Context, id int32, names ...string) (map[string]string, error) {
	values := map[string]string{}
	err := a.do(ctx, fmt.Sprintf("asking broker %d for its settings", id), func(client sarama.Client, _ sarama.ClusterAdmin) error {
		is, err := brokerSettings(client, id, names)
		for k, setting := range is {
			values[k] = setting.value
		}
		return err
	})
	return values, err
}

// Outdated says what Reconfigure would change, without changing it; restarts
// says that the broker will have read its server.properties anew by then.
func (a *Admin) Outdated(ctx context.Context, id int32, want map[string]string, restarts bool) (map[string]string, error) {
	var changed map[string]string
	err := a.do(ctx, fmt.Sprintf("asking for the settings of broker %d", id), func(client sarama.Client, _ sarama.ClusterAdmin) error {
		is, err := brokerSettings(client, id, slices.Sorted(maps.Keys(want)))
		changed = outdated(want, is, restarts)
		return err
	})
	return changed, err
}

// inEffect is a setting of a running broker.
type inEffect struct {
	value string
	// taken says that the broker took it while it ran: a restart leaves it.
	taken bool
}

// outdated are the settings of want that are told and differ. With restarts,
// those that come from a file or a default are as they should be by then.
func outdated(want map[string]string, is map[string]inEffect, restarts bool) map[string]string {
	changed := map[string]string{}
	for k, v := range want {
		if now, told := is[k]; told && now.value != v && (now.taken || !restarts) {
			changed[k] = v
		}
	}
	return changed
}

// brokerSettings are the values in effect on a running broker, told by itself.
func brokerSettings(client sarama.Client, id int32, names []string) (map[string]inEffect, error) {
	broker, err := client.Broker(id)
	if errors.Is(err, sarama.ErrBrokerNotFound) { // it may have registered since the client looked
		if err = refresh(client); err == nil {
			broker, err = client.Broker(id)
		}
	}
	if err != nil {
		return nil, err
	}
	_ = broker.Open(client.Config()) // one that is open stays so; what fails shows below
	answers, err := describeConfigs(broker, sarama.BrokerResource, []string{strconv.Itoa(int(id))}, names...)
	if err != nil {
		return nil, err
	}
	is := map[string]inEffect{}
	for _, r := range answers {
		for _, c := range r.Configs {
			is[c.Name] = inEffect{c.Value, c.Source == sarama.SourceDynamicBroker}
		}
	}
	return is, nil
}
