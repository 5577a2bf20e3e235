package zookeeper

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/cenkalti/backoff/v5"

	"weir/provision/address"
	"weir/provision/health"
	"weir/provision/remote"
	"weir/provision/rollout"
)

// Ensemble asks running members. It is safe for concurrent use.
type Ensemble struct {
	Members    []Member
	ClientPort int
	// Dialer returns the dialer for a member's machine: its own, so that a
	// firewall between the caller and the client port does not matter.
	Dialer func(machine string) remote.Dialer
	// Leaving are members that are no longer declared; see [Leaver].
	Leaving []Leaver
}

// Answer is what one member said, or why it said nothing.
type Answer struct {
	Member Member
	Status Status
	Err    error
}

// Serves says that the member takes part in a quorum.
func (a Answer) Serves() bool { return a.Err == nil }

// Ask asks all members at once. The answers are in the order of Members.
func (e Ensemble) Ask(ctx context.Context) []Answer {
	answers := make([]Answer, len(e.Members))
	var wg sync.WaitGroup
	for i, m := range e.Members {
		wg.Go(func() {
			status, err := Probe(ctx, e.Dialer(m.Machine), address.WithPort(m.Address, e.ClientPort))
			answers[i] = Answer{Member: m, Status: status, Err: err}
		})
	}
	wg.Wait()
	return answers
}

// Healthy is the gate of the whole ensemble: nil where Check finds nothing.
func (e Ensemble) Healthy(ctx context.Context) error { return Check(e.Ask(ctx)).Err() }

// Before is the gate in front of a change of one machine: a member that serves
// may be stopped only while every other one serves. One that does not serve
// may be changed at any time: that may be its cure. Members that were restarted
// with another list than the others agree with them again at the end of a change.
func (e Ensemble) Before(ctx context.Context, machine string) error {
	e = e.during(machine, true)
	answers := e.Ask(ctx)
	for _, a := range answers {
		if a.Member.Machine == machine && !a.Serves() {
			return nil
		}
	}
	if f := sound(answers); len(f) > 0 {
		return f.Err()
	}
	return e.spare(ctx, answers, machine)
}

// After is the gate behind a change of one machine: every member serves again,
// so that the next may go.
func (e Ensemble) After(ctx context.Context, machine string) error {
	return sound(e.during(machine, false).Ask(ctx)).Err()
}

// Joined is the gate behind new members, while the others do not have them on
// their lists.
func (e Ensemble) Joined(ctx context.Context) error { return sound(e.Ask(ctx)).Err() }

// Conditions say what the gates wait for.
func (e Ensemble) Conditions() rollout.Conditions {
	const well = "every member serves, and one leads"
	return rollout.Conditions{Before: well, After: well, Healthy: well + ", all with the same list of members"}
}

// Order returns pending as it should change: members that do not serve first,
// then followers, the leader last, as fewer elections follow.
func (e Ensemble) Order(ctx context.Context, pending []string) ([]rollout.Turn, error) {
	return e.withLeavers(e.Ask(ctx), pending)
}

// Order is Ensemble.Order on answers already had. Among equals the order of
// members decides. That no member is pending is an error that will not go away.
func Order(answers []Answer, pending []string) ([]rollout.Turn, error) {
	var members []string
	by := map[string]Answer{}
	for _, a := range answers {
		if m := a.Member.Machine; slices.Contains(pending, m) {
			members, by[m] = append(members, m), a
		}
	}
	if len(members) == 0 {
		return nil, backoff.Permanent(fmt.Errorf("none of the machines %s is a member of the ensemble", strings.Join(pending, ", ")))
	}
	return rollout.Arrange(members, func(machine string) (rollout.Place, string) {
		switch a := by[machine]; {
		case !a.Serves():
			return rollout.First, "its member does not serve"
		case a.Status.Mode == Leader:
			return rollout.Last, "its member leads"
		}
		return rollout.Between, ""
	}), nil
}

// Check says what is wrong with an ensemble that gave these answers: it should
// have one leader, all others following it, each with its own id, and all with
// the same membership. A single member is to be standalone.
func Check(answers []Answer) health.Findings {
	f := sound(answers)
	checkMembership(answers, &f)
	return f
}

// sound is Check but for the membership.
func sound(answers []Answer) health.Findings {
	var f health.Findings
	var leaders []string
	for _, a := range answers {
		subject := "zookeeper on " + a.Member.Machine
		if !a.Serves() {
			f.Add(subject, "a member that serves", "%v", a.Err)
			continue
		}
		switch mode := a.Status.Mode; {
		case mode == Leader:
			leaders = append(leaders, a.Member.Machine)
		case len(answers) == 1 && mode != Standalone:
			f.Add(subject, Standalone, "%s", mode)
		case len(answers) > 1 && mode != Follower:
			f.Add(subject, "leader or follower", "%s", mode)
		}
		if a.Status.ID != 0 && a.Status.ID != a.Member.ID {
			f.Add(subject, fmt.Sprintf("id %d", a.Member.ID), "id %d", a.Status.ID)
		}
	}
	if len(answers) > 1 && len(leaders) != 1 {
		f.Add("zookeeper", "exactly one leader", "%d leaders%s", len(leaders), on(leaders))
	}
	return f
}

// checkMembership compares what the members run with: two that started from
// different lists can both find a majority.
func checkMembership(answers []Answer, f *health.Findings) {
	var first *Answer
	for _, a := range answers {
		if !a.Serves() || len(a.Status.Membership) == 0 {
			continue
		}
		if first == nil {
			first = &a
		} else if !slices.Equal(first.Status.Membership, a.Status.Membership) {
			f.Add("zookeeper on "+a.Member.Machine,
				fmt.Sprintf("the membership of %s: %s", first.Member.Machine, strings.Join(first.Status.Membership, " ")),
				"membership %s", strings.Join(a.Status.Membership, " "))
		}
	}
}

func on(machines []string) string {
	if len(machines) == 0 {
		return ""
	}
	return " (" + strings.Join(machines, ", ") + ")"
}
