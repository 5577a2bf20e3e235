package roll

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"weir/ops/connect"
	"weir/provision/fleet"
	"weir/provision/machine"
	"weir/provision/remote"
	"weir/provision/rollout"
	"weir/provision/runlog"
)

// resumable is for how long a roll that was stopped is gone on with. What was
// restarted a day ago was hardly meant by who types roll today.
const resumable = 24 * time.Hour

// The components that are rolled, in this order: a broker that starts needs the
// ensemble.
const (
	ZooKeeper = "zookeeper"
	Kafka     = "kafka"
)

// Options say what to roll.
type Options struct {
	// ZooKeeper rolls the ensemble too, before the brokers.
	ZooKeeper bool
	// Only are machines, or ids of brokers; empty is all.
	Only []string
	// Anew restarts all, whatever an earlier roll has done.
	Anew bool
	// Reason is kept in the log of the run.
	Reason string
	// Patience bounds the wait for each gate; 0 is rollout.DefaultPatience.
	Patience time.Duration
}

// Part is a roll of one component.
type Part struct {
	Component string `json:"component"`
	Unit      string `json:"unit"`
	// Order is that of the moment: it is asked again before each restart.
	Order []rollout.Turn `json:"order"`
	// Done were restarted by the roll that this one goes on with.
	Done  []string           `json:"done,omitempty"`
	Gates rollout.Conditions `json:"gates"`
	// Hindrance is why it would not begin now.
	Hindrance string `json:"hindrance,omitempty"`

	guard fleet.Guard
	began runlog.Roll
	// locked are the machines that no other run may change meanwhile.
	locked []string
}

// pending are the machines that are to be restarted.
func (p Part) pending() []string {
	var all []string
	for _, t := range p.Order {
		all = append(all, t.Machine)
	}
	return all
}

// Plan is what a roll would do. Its JSON form is stable: fields are only ever added.
type Plan struct {
	Cluster string `json:"cluster"`
	// Resumes is the run that it goes on with; empty where it begins anew.
	Resumes string `json:"resumes,omitempty"`
	Parts   []Part `json:"parts"`
	// Warnings are what to know besides.
	Warnings []string `json:"warnings,omitempty"`
}

// Restarts counts the servers that are to be restarted.
func (p Plan) Restarts() int {
	n := 0
	for _, part := range p.Parts {
		n += len(part.Order)
	}
	return n
}

// Hindrance is why the roll would not begin now; empty where it would.
func (p Plan) Hindrance() string {
	var all []string
	for _, part := range p.Parts {
		if part.Hindrance != "" {
			all = append(all, part.Component+": "+part.Hindrance)
		}
	}
	return strings.Join(all, "; ")
}

// Rejected is a mistake in what was asked for: nothing was done.
type Rejected struct{ error }

// Prepare looks at the machines and says what a roll would do. earlier are the
// runs that were logged, the newest first; now is the time.
func Prepare(ctx context.Context, s *connect.Session, brokers *Brokers, o Options, earlier []runlog.Run, now time.Time) (Plan, error) {
	wanted, err := choose(s, o)
	if err != nil {
		return Plan{}, Rejected{err}
	}
	p := Plan{Cluster: s.Cluster.Name}
	for _, component := range []string{ZooKeeper, Kafka} {
		if len(wanted[component]) == 0 {
			continue
		}
		part := Part{Component: component, began: runlog.Roll{Component: component, Wanted: wanted[component], Reason: o.Reason, Since: now}}
		all := members(s, component)
		if component == Kafka {
			part.Unit, part.guard = s.Cluster.Kafka.Unit, brokers
		} else {
			part.Unit, part.guard = s.Cluster.ZooKeeper.Unit, Members(s)
		}
		part.guard = watched{part.guard, s, part.Unit}
		part.Gates = part.guard.Conditions()
		if err := p.look(ctx, s, &part, all, o, earlier, now); err != nil {
			return p, err
		}
		if component == Kafka && len(part.Order) > 0 {
			if err := brokers.Settled(ctx); err != nil {
				part.Hindrance = err.Error()
			}
		}
		p.Parts = append(p.Parts, part)
	}
	return p, nil
}

// look fills in what the machines say.
func (p *Plan) look(ctx context.Context, s *connect.Session, part *Part, all []string, o Options, earlier []runlog.Run, now time.Time) error {
	seen := lookAll(ctx, s, part.Unit, all)
	begun := map[string]sight{}
	var unseen []error
	for _, m := range all {
		chosen := slices.Contains(part.began.Wanted, m)
		switch err := seen[m].err; {
		case err == nil:
			part.locked = append(part.locked, m)
		case chosen:
			unseen = append(unseen, err)
		default:
			p.Warnings = append(p.Warnings, fmt.Sprintf("%v: its lock is not held meanwhile", err))
		}
		if chosen {
			begun[m] = seen[m]
		}
	}
	if err := errors.Join(unseen...); err != nil {
		return fmt.Errorf("nothing was restarted: %w", err)
	}
	if run, roll := unfinished(earlier, part.began, now); run != "" && !o.Anew {
		p.Resumes, part.began.Since, part.began.Began = run, roll.Since, roll.Began
	} else {
		part.began.Began = map[string]string{}
		for m, seen := range begun {
			part.began.Began[m] = seen.Invocation
		}
	}
	var pending []string
	pending, part.Done = split(part.began.Began, begun)
	if len(pending) == 0 {
		return nil
	}
	turns, err := order(ctx, part.guard, pending)
	if err != nil {
		part.Hindrance = err.Error()
	}
	part.Order = turns
	return nil
}

// unfinished is the newest roll of the same machines, where it did not come to
// its end and began not long ago.
func unfinished(earlier []runlog.Run, want runlog.Roll, now time.Time) (run string, roll runlog.Roll) {
	for _, r := range earlier {
		for _, roll := range r.Rolls {
			if roll.Component != want.Component || !slices.Equal(roll.Wanted, want.Wanted) {
				continue
			}
			ended := r.Outcome == runlog.Done || r.Outcome == runlog.Running
			if ended || now.Sub(roll.Since) > resumable {
				return "", runlog.Roll{}
			}
			return r.ID, roll
		}
	}
	return "", runlog.Roll{}
}

// members are the machines of a component, sorted.
func members(s *connect.Session, component string) []string {
	switch {
	case component == Kafka && s.Cluster.Kafka != nil:
		return slices.Sorted(maps.Keys(s.Cluster.Kafka.Brokers))
	case component == ZooKeeper && s.Cluster.ZooKeeper != nil:
		return slices.Sorted(maps.Keys(s.Cluster.ZooKeeper.Members))
	}
	return nil
}

// choose are the machines to restart, by component.
func choose(s *connect.Session, o Options) (map[string][]string, error) {
	if s.Cluster.Kafka == nil {
		return nil, connect.ErrNoKafka
	}
	if o.ZooKeeper && s.Cluster.ZooKeeper == nil {
		return nil, errors.New("the cluster has no ZooKeeper")
	}
	chosen := map[string][]string{Kafka: members(s, Kafka)}
	if o.ZooKeeper {
		chosen[ZooKeeper] = members(s, ZooKeeper)
	}
	if len(o.Only) == 0 {
		return chosen, nil
	}
	var names []string
	for _, only := range o.Only {
		name, ok := machineOf(s, only)
		if !ok {
			return nil, fmt.Errorf("%q is neither a machine nor the id of a broker; the machines are %s", only, strings.Join(machines(s), ", "))
		}
		names = append(names, name)
	}
	for component, all := range chosen {
		chosen[component] = slices.DeleteFunc(all, func(m string) bool { return !slices.Contains(names, m) })
	}
	for _, name := range names {
		if !slices.Contains(chosen[Kafka], name) && !slices.Contains(chosen[ZooKeeper], name) {
			return nil, fmt.Errorf("machine %s has no broker%s", name, map[bool]string{true: " and no member of the ensemble"}[o.ZooKeeper])
		}
	}
	return chosen, nil
}

func machineOf(s *connect.Session, word string) (string, bool) {
	if slices.Contains(machines(s), word) {
		return word, true
	}
	for m, id := range s.Cluster.Kafka.Brokers {
		if strconv.Itoa(int(id)) == word {
			return m, true
		}
	}
	return "", false
}

func machines(s *connect.Session) []string {
	var all []string
	for _, m := range s.Cluster.Machines {
		all = append(all, m.Name)
	}
	return all
}

// Observers are told what happens; none may be nil.
type Observers struct {
	Began func(runlog.Roll)
	Step  func(machine.Event)
	Gate  func(rollout.Event)
}

// Run carries out a plan. It stops at the first server that does not come back,
// and before the next one.
func Run(ctx context.Context, f *fleet.Fleet, s *connect.Session, p Plan, o Options, tell Observers) error {
	for _, part := range p.Parts { // before the first restart: a kill may come any time
		tell.Began(part.began)
	}
	for _, part := range p.Parts {
		hosts := map[string]remote.Host{}
		for _, name := range part.locked {
			m, err := s.Cluster.Machine(name)
			if err != nil {
				return err
			}
			hosts[name] = m.Host
		}
		err := f.Restart(ctx, hosts, fleet.Restart{
			Unit: part.Unit, Pending: part.pending(), Guard: part.guard,
			Patience: o.Patience, Step: tell.Step, Gate: tell.Gate,
		})
		if err != nil {
			return fmt.Errorf("roll of %s: %w", part.Component, err)
		}
	}
	return nil
}
