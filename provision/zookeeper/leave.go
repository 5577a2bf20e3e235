package zookeeper

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"weir/provision/address"
	"weir/provision/health"
	"weir/provision/rollout"
)

// Leaver is a member that is no longer declared.
//
// A static ensemble becomes smaller in an order that keeps a quorum, and what it
// has committed, at every step. First the followers that stay are restarted with
// the new list, one at a time, while those that leave still count. Then those
// that leave are stopped: from now on the leader, which counts by the old list,
// commits only what all that stay have. The leader is restarted last; the others
// are a quorum by the new list. Stopping them first, or a leader among them,
// would leave too few to count, or a follower that finds no one to follow.
type Leaver struct {
	Member
	// Replaced says that another machine takes its place, with its id.
	Replaced bool
}

// smallest is how many members must stay: of two, each stops the other.
const smallest = 3

func (e Ensemble) leaver(machine string) (Leaver, bool) {
	i := slices.IndexFunc(e.Leaving, func(l Leaver) bool { return l.Machine == machine })
	if i < 0 {
		return Leaver{}, false
	}
	return e.Leaving[i], true
}

// during is the ensemble while a replaced member is stopped: with the old one in
// the place of the new one, then with neither.
func (e Ensemble) during(machine string, with bool) Ensemble {
	l, leaves := e.leaver(machine)
	if !leaves || !l.Replaced {
		return e
	}
	e.Members = slices.DeleteFunc(slices.Clone(e.Members), func(m Member) bool { return m.ID == l.ID })
	if with {
		e.Members = append(e.Members, l.Member)
	}
	return e
}

// parting are the members that leave without a replacement.
func (e Ensemble) parting() []Member {
	var members []Member
	for _, l := range e.Leaving {
		if !l.Replaced {
			members = append(members, l.Member)
		}
	}
	return members
}

// MayLeave says why members cannot be spared. Interrupted are the machines whose
// members the change will stop or restart.
func (e Ensemble) MayLeave(ctx context.Context, silent, interrupted []string) error {
	if err := e.holdsOn(ctx, silent); err != nil {
		return err
	}
	if err := e.remembers(); err != nil {
		return err
	}
	parting := e.parting()
	if len(parting) == 0 {
		return nil
	}
	was, stay := len(e.Members)+len(parting), len(e.Members)
	if stay < smallest {
		return fmt.Errorf("an ensemble of %d cannot become one of %d while it serves: it would lose its quorum on the way, and each of two members stops the other; "+
			"keep %d members: declare %s, or another machine with replaces: %s", was, stay, smallest, names(parting), parting[0].Machine)
	}
	if stay < quorum(was) {
		return fmt.Errorf("%d of %d members leave at once, and the %d that stay are no quorum of %d; take away at most %d at a time",
			len(parting), was, stay, was, was-max(quorum(was), smallest))
	}
	all := e
	all.Members = slices.Concat(e.Members, parting)
	return spared(all.Ask(ctx), parting, interrupted)
}

// remembers refuses to replace so many members at once that the new ones, which know
// nothing yet, could be a quorum by themselves and begin anew without the data.
func (e Ensemble) remembers() error {
	replaced := len(e.Leaving) - len(e.parting())
	most := len(e.Members) - quorum(len(e.Members))
	if replaced <= most {
		return nil
	}
	return fmt.Errorf("%d of %d members would be replaced at once: the new ones begin without data, and could be a quorum that knows nothing of it; replace at most %d at a time",
		replaced, len(e.Members), most)
}

// spared checks, on the answers of all members, that each follower that stays can
// be spared for its restart.
func spared(answers []Answer, parting []Member, interrupted []string) error {
	followers, serving, mute := 0, 0, []string(nil)
	for _, a := range answers {
		leaves := slices.ContainsFunc(parting, func(m Member) bool { return m.Machine == a.Member.Machine })
		switch {
		case !a.Serves():
			mute = append(mute, a.Member.Machine)
			continue
		case leaves && a.Status.Mode == Leader:
			return fmt.Errorf("%s leads the ensemble and is to leave it; have another one lead: run systemctl restart %s on %s, where there are several at the same time, then run this again",
				a.Member.Machine, Unit, names(parting))
		case !leaves && a.Status.Mode != Leader && slices.Contains(interrupted, a.Member.Machine):
			followers++
		}
		serving++
	}
	if was := len(answers); followers > 0 && serving-1 < quorum(was) {
		return fmt.Errorf("%d of %d members serve, and not %s: with one more away for its restart there would be no quorum of %d; start them first, "+
			"or put another machine in the place of one that is lost, with replaces", serving, was, strings.Join(mute, ", "), quorum(was))
	}
	return nil
}

// holdsOn finds a member that serves where nobody can stop it, while another
// machine is to have its id.
func (e Ensemble) holdsOn(ctx context.Context, silent []string) error {
	if len(silent) == 0 || len(e.Members) == 0 {
		return nil
	}
	for _, l := range e.Leaving {
		if !l.Replaced || !slices.Contains(silent, l.Machine) {
			continue
		}
		// Its own machine cannot be asked to dial: one that stays is.
		for _, m := range e.Members {
			if _, err := Probe(ctx, e.Dialer(m.Machine), address.WithPort(l.Address, e.ClientPort)); err == nil {
				return fmt.Errorf("member %d at %s serves, and its machine %s cannot be reached; another machine takes its id, and two with one id spoil the ensemble: stop it first",
					l.ID, l.Address, l.Machine)
			}
		}
	}
	return nil
}

// spare is what else must hold before a machine is disturbed while others leave.
func (e Ensemble) spare(_ context.Context, answers []Answer, machine string) error {
	l, leaves := e.leaver(machine)
	if !leaves || l.Replaced {
		return nil
	}
	var f health.Findings
	for _, a := range answers {
		if len(a.Status.Membership) == 0 || a.Status.Mode == Leader {
			continue
		}
		if n := len(a.Status.Membership); n != len(e.Members) {
			f.Add("zookeeper on "+a.Member.Machine, fmt.Sprintf("a list of %d members before %s leaves", len(e.Members), machine), "%d", n)
		}
	}
	return f.Err()
}

// withLeavers orders those that leave behind the followers and before the leader.
func (e Ensemble) withLeavers(answers []Answer, pending []string) ([]rollout.Turn, error) {
	var leavers []rollout.Turn
	for _, m := range pending {
		if _, ok := e.leaver(m); ok {
			leavers = append(leavers, rollout.Turn{Machine: m, Why: "it leaves"})
		}
	}
	if len(leavers) == len(pending) && len(pending) > 0 {
		return leavers, nil
	}
	turns, err := Order(answers, pending)
	if err != nil || len(leavers) == 0 {
		return turns, err
	}
	leads := func(t rollout.Turn) bool {
		return slices.ContainsFunc(answers, func(a Answer) bool {
			return a.Member.Machine == t.Machine && a.Serves() && a.Status.Mode == Leader
		})
	}
	at := len(turns)
	if at > 0 && leads(turns[at-1]) {
		at--
	}
	return slices.Insert(turns, at, leavers...), nil
}

func quorum(members int) int { return members/2 + 1 }

func names(members []Member) string {
	var all []string
	for _, m := range members {
		all = append(all, m.Machine)
	}
	return strings.Join(all, ", ")
}
