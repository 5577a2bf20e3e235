package reassign

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"weir/ops/connect"
	"weir/ops/setting"
)

// The settings that slow a move down: of brokers how much, of topics whom (KIP-73).
const (
	leaderRate       = "leader.replication.throttled.rate"
	followerRate     = "follower.replication.throttled.rate"
	leaderReplicas   = "leader.replication.throttled.replicas"
	followerReplicas = "follower.replication.throttled.replicas"
)

// Throttle is one setting that a run made: it is removed where it still has that
// value, and left alone where somebody changed it since.
type Throttle struct {
	// Topic, or Broker where that is empty.
	Topic  string `json:"topic,omitempty"`
	Broker int32  `json:"broker"`
	Name   string `json:"name"`
	Value  string `json:"value"`
}

func (t Throttle) subject() setting.Subject {
	if t.Topic != "" {
		return setting.Subject{Topic: true, Name: t.Topic}
	}
	return setting.Subject{Name: strconv.Itoa(int(t.Broker)), Broker: t.Broker}
}

func (t Throttle) String() string { return fmt.Sprintf("%s of %s", t.Name, t.subject()) }

// throttles of some moves: leaders are all replicas that there are now, as any of
// them may lead; followers those that are made. Brokers that are gone take none.
func throttles(moves []Move, rate int64, registered map[int32]string) []Throttle {
	leaders, followers := map[string][]string{}, map[string][]string{}
	brokers := map[int32]bool{}
	for _, m := range moves {
		if len(m.Added()) == 0 {
			continue // no data moves
		}
		for _, id := range m.From {
			leaders[m.Topic] = append(leaders[m.Topic], fmt.Sprintf("%d:%d", m.ID, id))
			brokers[id] = true
		}
		for _, id := range m.Added() {
			followers[m.Topic] = append(followers[m.Topic], fmt.Sprintf("%d:%d", m.ID, id))
			brokers[id] = true
		}
	}
	var all []Throttle
	for _, id := range slices.Sorted(maps.Keys(brokers)) {
		if _, is := registered[id]; is {
			value := strconv.FormatInt(rate, 10)
			all = append(all, Throttle{Broker: id, Name: leaderRate, Value: value}, Throttle{Broker: id, Name: followerRate, Value: value})
		}
	}
	for _, topic := range slices.Sorted(maps.Keys(leaders)) {
		all = append(all,
			Throttle{Topic: topic, Name: leaderReplicas, Value: strings.Join(leaders[topic], ",")},
			Throttle{Topic: topic, Name: followerReplicas, Value: strings.Join(followers[topic], ",")})
	}
	return all
}

// now is what a throttle's setting is: made by hand or by a run, or not made.
func (t Throttle) now(ctx context.Context, s *connect.Session) (value string, made bool, err error) {
	found, err := setting.Get(ctx, s, t.subject(), t.Name)
	if err != nil {
		return "", false, err
	}
	own := "broker"
	if t.Topic != "" {
		own = "topic"
	}
	return found[0].Value, found[0].Source == own && found[0].Value != "", nil
}

// foreign names the throttles that are set already, by somebody else.
func foreign(ctx context.Context, s *connect.Session, wanted []Throttle) error {
	var names []string
	for _, t := range wanted {
		value, made, err := t.now(ctx, s)
		if err != nil {
			return err
		}
		if made {
			names = append(names, fmt.Sprintf("%s is %s", t, value))
		}
	}
	if len(names) == 0 {
		return nil
	}
	return fmt.Errorf("throttles are set that are not this run's: %s; remove them (ops config set ... --unset), or move without a throttle of our own: --throttle 0", strings.Join(names, ", "))
}

// bySubject are the throttles of each topic and broker, in their order. What is
// one subject's is changed in one request: Kafka reads, changes and writes a
// subject's settings as a whole, so that of two requests at a time one is lost.
func bySubject(all []Throttle) [][]Throttle {
	var groups [][]Throttle
	for _, t := range all {
		i := slices.IndexFunc(groups, func(g []Throttle) bool { return g[0].subject() == t.subject() })
		if i < 0 {
			groups = append(groups, []Throttle{t})
		} else {
			groups[i] = append(groups[i], t)
		}
	}
	return groups
}

// set makes the throttles.
func set(ctx context.Context, s *connect.Session, all []Throttle) error {
	for _, group := range bySubject(all) {
		change := setting.Change{Set: map[string]string{}}
		for _, t := range group {
			change.Set[t.Name] = t.Value
		}
		if err := setting.Alter(ctx, s, group[0].subject(), change, false); err != nil {
			return fmt.Errorf("set the throttles of %s: %w", group[0].subject(), err)
		}
	}
	return nil
}

// removePatience bounds the removal of a run's throttles, also after an interrupt.
const removePatience = 30 * time.Second

// remove takes away the throttles that are as they were set. It goes on where one
// cannot be removed; left are those.
func remove(ctx context.Context, s *connect.Session, all []Throttle) (left []Throttle, err error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), removePatience)
	defer cancel()
	groups := bySubject(all)
	errs := make([]error, len(groups))
	var wg sync.WaitGroup
	for i, group := range groups {
		wg.Go(func() { errs[i] = removeOf(ctx, s, group) })
	}
	wg.Wait()
	for i, err := range errs {
		if err != nil {
			left = append(left, groups[i]...)
		}
	}
	return left, errors.Join(errs...)
}

// removeOf takes away those of one subject that are still as they were set.
func removeOf(ctx context.Context, s *connect.Session, group []Throttle) error {
	var ours []string
	for _, t := range group {
		value, made, err := t.now(ctx, s)
		if err != nil {
			return fmt.Errorf("%s could not be removed: %w", t, err)
		}
		if made && value == t.Value {
			ours = append(ours, t.Name)
		}
	}
	if len(ours) == 0 {
		return nil
	}
	if err := setting.Alter(ctx, s, group[0].subject(), setting.Change{Unset: ours}, false); err != nil {
		return fmt.Errorf("the throttles of %s could not be removed: %w", group[0].subject(), err)
	}
	return nil
}
