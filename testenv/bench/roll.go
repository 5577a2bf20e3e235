package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"weir/provision/kafka"
	"weir/provision/rollout"
)

// measureRoll changes one line of server.properties and has it rolled over the
// three brokers: in turn by each side, each time to a value of its own.
func measureRoll(ctx context.Context, l *lab) (findings, error) {
	s, err := l.ensureInstalled(ctx)
	if err == nil {
		err = l.invite(ctx, s)
	}
	if err != nil {
		return findings{}, err
	}
	ours := timing("one changed line of server.properties rolled over three brokers: `ops up`", 0)
	theirs := slower("… an Ansible playbook, `serial: 1`, that waits for the replicas", ours, 1)
	r := roll{lab: l, site: s}
	turns := []turn{{ours, r.weir}, {theirs, r.ansible}, {theirs, r.ansible}, {ours, r.weir}, {ours, r.weir}, {theirs, r.ansible}}
	if s.rival == nil {
		turns = []turn{{ours, r.weir}, {ours, r.weir}}
	}
	for _, t := range turns {
		if err := r.run(ctx, t); err != nil {
			return findings{}, err
		}
	}
	return s.compared([]*measurement{ours}, theirs), nil
}

type roll struct {
	lab  *lab
	site *site
}

// run changes the line and has one side roll it. Every broker must have been
// restarted by it, run with the new line, and be in sync.
func (r roll) run(ctx context.Context, t turn) error {
	before, err := r.processes(ctx)
	if err != nil {
		return err
	}
	r.site.retention++
	took, err := t.do(ctx)
	if err != nil {
		return err
	}
	after, err := r.processes(ctx)
	if err != nil {
		return err
	}
	for n, m := range r.site.machines {
		if before[n] == after[n] {
			return fmt.Errorf("%s: the broker of machine %s was not restarted", t.m.work, m.Name)
		}
	}
	if err := r.rolled(ctx); err != nil {
		return fmt.Errorf("%s: %w", t.m.work, err)
	}
	r.lab.note(t.m, took)
	return nil
}

// processes are the brokers' on all machines.
func (r roll) processes(ctx context.Context) ([]string, error) {
	return everywhere(ctx, r.site.machines, "systemctl show --property=MainPID --value "+kafka.Unit)
}

// settlePatience bounds the wait for a cluster to be sound after a side has
// said that it is done: a side that ends too early is not to spoil the next.
const settlePatience = time.Minute

// rolled says that the machines are as they should be, whoever made them so,
// and that the brokers are in sync.
func (r roll) rolled(ctx context.Context) error {
	q, err := r.site.question()
	if err != nil {
		return err
	}
	if _, err := look(ctx, q); err != nil {
		return err
	}
	admin, err := askBrokers(q.Bootstrap)
	if err != nil {
		return err
	}
	defer admin.Close()
	brokers := map[string]int32{}
	for _, b := range r.site.brokers().Brokers {
		brokers[b.Machine] = b.ID
	}
	return rollout.Wait(ctx, settlePatience, kafka.Roll{Admin: admin, Brokers: brokers}.Healthy, nil)
}

func (r roll) weir(ctx context.Context) (time.Duration, error) { return r.site.up(ctx, true) }

func (r roll) ansible(ctx context.Context) (time.Duration, error) {
	s := r.site
	if err := s.rival.declare(s.cluster, s.pack); err != nil {
		return 0, err
	}
	changed, took, err := s.rival.play(ctx, rollPlaybook, linear)
	if err == nil && changed == 0 {
		err = errors.New("the playbook changed nothing")
	}
	return took, err
}
