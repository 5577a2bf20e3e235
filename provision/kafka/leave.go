package kafka

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"weir/provision/address"
	"weir/provision/health"
	"weir/provision/rollout"

	"github.com/cenkalti/backoff/v5"
)

// Leaver is a broker whose machine is no longer declared.
type Leaver struct {
	ID int32
	// Address is its client address, host:port.
	Address string
	// Replaced says that another machine takes its place, with its id: its
	// replicas are rebuilt there.
	Replaced bool
}

const (
	// sessionPatience is how long a broker that died may be registered still: its
	// session with ZooKeeper lasts 18 s where nothing else is said, since 2.5.
	sessionPatience = 30 * time.Second
	// named is how many partitions a refusal names; a broker has thousands.
	named = 10
)

// MayLeave says why the brokers that leave cannot be spared: one still holds
// replicas, or serves on a machine that cannot be reached while another takes
// its id.
func (r Roll) MayLeave(ctx context.Context, silent, _ []string) error {
	if len(r.Leaving) == 0 {
		return nil
	}
	return rollout.Wait(ctx, sessionPatience, func(ctx context.Context) error {
		v, err := r.Admin.View(ctx)
		if err != nil {
			return err
		}
		if err := r.holding(v, silent); err != nil {
			return backoff.Permanent(err)
		}
		return r.serving(v, silent)
	}, nil)
}

// holding names the replicas that brokers would take away.
func (r Roll) holding(v View, silent []string) error {
	for _, machine := range slices.Sorted(maps.Keys(r.Leaving)) {
		l := r.Leaving[machine]
		held := v.With(func(p Partition) bool { return slices.Contains(p.Replicas, l.ID) })
		if l.Replaced || len(held) == 0 {
			continue
		}
		var names []string
		for _, p := range held[:min(named, len(held))] {
			names = append(names, p.String())
		}
		text := strings.Join(names, ", ")
		if more := len(held) - len(names); more > 0 {
			text += fmt.Sprintf(" and %d more", more)
		}
		next := fmt.Sprintf("move them first (bin/ops topic reassign --remove-broker %d, or kafka-reassign-partitions.sh on a machine), with the machine in the config until that is done", l.ID)
		if slices.Contains(silent, machine) {
			next = fmt.Sprintf("it does not answer: where it is lost, put another machine in its place, with replaces: %s, or move them with kafka-reassign-partitions.sh", machine)
		}
		return fmt.Errorf("broker %d on %s still holds replicas, of %s; %s", l.ID, machine, text, next)
	}
	return nil
}

// serving finds brokers that are at work where nobody can stop them, while
// another machine is to have their id.
func (r Roll) serving(v View, silent []string) error {
	var f health.Findings
	for _, machine := range silent {
		l, leaves := r.Leaving[machine]
		if leaves && l.Replaced && v.Brokers[l.ID] == l.Address {
			f.Add(fmt.Sprintf("broker %d at %s", l.ID, l.Address), "stopped: another machine takes its id, and two with one id spoil both",
				"registered, and its machine %s cannot be reached; stop it, then run this again", machine)
		}
	}
	return f.Err()
}

// gone is the gate behind a broker that was taken off its machine.
func (r Roll) gone(v View, machine string) error {
	l := r.Leaving[machine]
	var f health.Findings
	if at, registered := v.Brokers[l.ID]; registered && at == l.Address {
		f.Add(fmt.Sprintf("broker %d on %s", l.ID, machine), "no longer registered", "registered at %s", at)
	}
	return f.Err()
}

// Joined is the gate behind new brokers while others are still to change or to
// leave: the declared ones are there and all replicas are in sync.
func (r Roll) Joined(ctx context.Context) error {
	v, err := r.Admin.View(ctx)
	if err != nil {
		return err
	}
	want := r.machines()
	for machine, l := range r.Leaving {
		if _, registered := v.Brokers[l.ID]; registered && !l.Replaced {
			want[l.ID] = machine
		}
	}
	return append(v.CheckBrokers(want), v.CheckPartitions()...).Err()
}

// ClientAddress is where clients reach a broker of the spec.
func (s Spec) ClientAddress(b Broker) string {
	return address.WithPort(b.Address, s.WithDefaults().Listeners[0].Port)
}
