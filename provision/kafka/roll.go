package kafka

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/IBM/sarama"
	"github.com/cenkalti/backoff/v5"

	"weir/provision/health"
	"weir/provision/rollout"
)

// Roll holds the gates and the order for changing brokers one at a time.
type Roll struct {
	Admin *Admin
	// Brokers maps machine names to broker ids: all that the cluster should have.
	Brokers map[string]int32
	// Leaving are those that are to leave it, by machine.
	Leaving map[string]Leaver
	// AllowUnderReplicated lets a change go on while partitions that the broker
	// does not endanger lack replicas.
	AllowUnderReplicated bool
	// Dynamic are settings, by broker, that a running broker takes; see [Dynamic].
	Dynamic map[int32]map[string]string
	// Withdrawn are settings, by broker, that running brokers may have been told and
	// that no file has any more: what a broker was told outlives its restart.
	Withdrawn map[int32][]string
	// Reconfigured, when set, is told what a running broker has taken, and TakenBack
	// what it no longer has of its own.
	Reconfigured func(machine string, settings map[string]string)
	TakenBack    func(machine string, settings []string)
	// Warn, when set, is told what a change will disturb although it is allowed.
	Warn func(machine string, findings health.Findings)
}

// Healthy is the gate of the whole cluster: the declared brokers and no other,
// a controller, every partition with all its replicas in sync.
func (r Roll) Healthy(ctx context.Context) error {
	v, err := r.Admin.View(ctx)
	if err != nil {
		return err
	}
	return append(v.CheckBrokers(r.machines()), v.CheckPartitions()...).Err()
}

// Before is the gate in front of a change of one machine. A broker that is not
// registered may be changed at any time: that may be its cure. Where no broker
// answers at all, none can be endangered either, but that is not for one
// machine to decide: the error stands.
func (r Roll) Before(ctx context.Context, machine string) error {
	v, err := r.Admin.View(ctx)
	if err != nil {
		return err
	}
	warn, err := r.judge(v, machine)
	if len(warn) > 0 && err == nil && r.Warn != nil {
		r.Warn(machine, warn)
	}
	return err
}

// judge is Before on a view already had.
func (r Roll) judge(v View, machine string) (warn health.Findings, err error) {
	id, ok := r.id(machine)
	if !ok {
		return nil, errNoBroker(machine)
	}
	if l := r.Leaving[machine]; !r.declared(machine) && !l.Replaced {
		if err := r.holding(v, nil); err != nil { // moved there since the change began
			return nil, backoff.Permanent(err)
		}
	}
	if _, registered := v.Brokers[id]; !registered {
		return nil, nil
	}
	warn, block := v.CanStop(id)
	if !r.AllowUnderReplicated {
		block = append(block, v.CheckPartitions()...)
	}
	return warn, block.Err()
}

// After is the gate behind a change of one machine: its broker is registered,
// answers by its own listener, and is in sync wherever it has a replica.
// Being registered is not enough: a broker may be so and still load its logs.
func (r Roll) After(ctx context.Context, machine string) error {
	id, ok := r.id(machine)
	if !ok {
		return errNoBroker(machine)
	}
	v, err := r.Admin.View(ctx)
	if err != nil {
		return err
	}
	if !r.declared(machine) {
		return r.gone(v, machine)
	}
	var f health.Findings
	subject := fmt.Sprintf("broker %d on %s", id, machine)
	if _, ok := v.Brokers[id]; !ok {
		f.Add(subject, "registered in the cluster", "missing")
		return f.Err()
	}
	for _, p := range v.Partitions {
		if slices.Contains(p.Replicas, id) && !slices.Contains(p.ISR, id) {
			f.Add("partition "+p.String(), fmt.Sprintf("broker %d in sync", id), "in sync %s of %s", ids(p.ISR), ids(p.Replicas))
		}
	}
	if len(f) > 0 {
		return f.Err()
	}
	return r.Admin.Answers(ctx, id)
}

// Finish tells the brokers what they take without a restart, gives the
// partitions back to their preferred leaders, and says whether the cluster is
// healthy.
func (r Roll) Finish(ctx context.Context) error {
	for _, machine := range slices.Sorted(maps.Keys(r.Brokers)) {
		if err := r.reconfigure(ctx, machine); err != nil {
			return err
		}
	}
	if err := r.Admin.ElectPreferred(ctx); err != nil {
		return err
	}
	return r.Healthy(ctx)
}

// reconfigure tells one broker what it is to have, and what no longer.
func (r Roll) reconfigure(ctx context.Context, machine string) error {
	id := r.Brokers[machine]
	if len(r.Dynamic[id]) > 0 {
		taken, err := r.Admin.Reconfigure(ctx, id, r.Dynamic[id])
		if err != nil {
			return err
		}
		if len(taken) > 0 && r.Reconfigured != nil {
			r.Reconfigured(machine, taken)
		}
	}
	if len(r.Withdrawn[id]) == 0 {
		return nil
	}
	back, err := r.Admin.TakeBack(ctx, id, r.Withdrawn[id])
	if len(back) > 0 && err == nil && r.TakenBack != nil {
		r.TakenBack(machine, back)
	}
	return err
}

// Outlived says what Finish would have the running brokers forget, by machine.
func (r Roll) Outlived(ctx context.Context) (map[string][]string, error) {
	all := map[string][]string{}
	for machine, id := range r.Brokers {
		if len(r.Withdrawn[id]) == 0 {
			continue
		}
		told, err := r.Admin.Told(ctx, id, r.Withdrawn[id])
		if errors.Is(err, sarama.ErrBrokerNotFound) {
			continue // what it was told is found at the end of the change
		}
		if err != nil {
			return nil, err
		}
		if len(told) > 0 {
			all[machine] = told
		}
	}
	return all, nil
}

// Outdated says what Finish would have the running brokers take, by machine;
// restarted are the machines whose broker will have been restarted by then.
func (r Roll) Outdated(ctx context.Context, restarted []string) (map[string]map[string]string, error) {
	all := map[string]map[string]string{}
	for machine, id := range r.Brokers {
		if len(r.Dynamic[id]) == 0 {
			continue
		}
		changed, err := r.Admin.Outdated(ctx, id, r.Dynamic[id], slices.Contains(restarted, machine))
		if errors.Is(err, sarama.ErrBrokerNotFound) {
			continue // it is down, and reads its file when it starts
		}
		if err != nil {
			return nil, err
		}
		if len(changed) > 0 {
			all[machine] = changed
		}
	}
	return all, nil
}

// Conditions say what the gates wait for.
func (r Roll) Conditions() rollout.Conditions {
	return rollout.Conditions{
		Before:  "every partition has all replicas in sync",
		After:   "its broker is registered, answers, and is in sync everywhere",
		Healthy: "the declared brokers and no other are registered, and every partition has all replicas in sync",
	}
}

// Order returns pending as it should change: brokers that are not registered
// first, as changing a sound one before would make things worse; the active
// controller last, as fewer elections follow. It is asked again before each
// change, because the controller moves.
func (r Roll) Order(ctx context.Context, pending []string) ([]rollout.Turn, error) {
	v, err := r.Admin.View(ctx)
	if err != nil {
		return nil, err
	}
	return r.order(v, pending)
}

func (r Roll) order(v View, pending []string) ([]rollout.Turn, error) {
	known := slices.DeleteFunc(slices.Sorted(slices.Values(pending)), func(m string) bool {
		_, ok := r.id(m)
		return !ok
	})
	if len(known) == 0 {
		return nil, backoff.Permanent(fmt.Errorf("none of the machines %s has a broker", strings.Join(pending, ", ")))
	}
	return rollout.Arrange(known, func(machine string) (rollout.Place, string) {
		id, _ := r.id(machine)
		switch _, registered := v.Brokers[id]; {
		case !r.declared(machine):
			return rollout.First, "it leaves"
		case !registered:
			return rollout.First, "its broker is not registered"
		case id == v.Controller:
			return rollout.Last, "its broker is the controller"
		}
		return rollout.Between, ""
	}), nil
}

// id is the broker id of a machine, of one that leaves too.
func (r Roll) id(machine string) (int32, bool) {
	if id, ok := r.Brokers[machine]; ok {
		return id, true
	}
	l, ok := r.Leaving[machine]
	return l.ID, ok
}

func (r Roll) declared(machine string) bool {
	_, ok := r.Brokers[machine]
	return ok
}

func (r Roll) machines() map[int32]string {
	byID := make(map[int32]string, len(r.Brokers))
	for machine, id := range r.Brokers {
		byID[id] = machine
	}
	return byID
}

// errNoBroker is the caller's mistake: no waiting makes it go away.
func errNoBroker(machine string) error {
	return backoff.Permanent(fmt.Errorf("machine %s has no broker", machine))
}
