package main

import (
	"context"
	"fmt"
)

// looks is how often our side looks in each turn: one look takes a third of a
// second, where one of Ansible's runs takes half a minute.
const looks = 3

// measureNoop has all sides find that nothing is to be done. Ours is the
// provisioner alone, in a process of its own; the provider's program, which has
// more to say and to hear, is shown beside it.
func measureNoop(ctx context.Context, l *lab) (findings, error) {
	s, err := l.ensureInstalled(ctx)
	if err == nil {
		err = l.invite(ctx, s)
	}
	if err != nil {
		return findings{}, err
	}
	ours := timing("nothing to change on them: the provisioner looks at all, and compares", 0)
	share := timing("… the provider's program, asked as the engine asks it", 0)
	theirs := slower("… the Ansible playbook", ours, 60)
	faster := slower("… the Ansible playbook with Mitogen", ours, 25)
	n := noop{lab: l, site: s}
	look, provider := n.look(ours), n.provider(share)
	ansible, withMitogen := n.play(theirs, linear), n.play(faster, mitogen)
	steps := []step{look, provider, ansible, withMitogen, withMitogen, ansible, provider, look, look, provider, ansible, withMitogen}
	if s.rival == nil {
		steps = []step{look, provider, look, provider}
	} else if err := s.rival.declare(s.cluster, s.pack); err != nil {
		return findings{}, err
	}
	for _, do := range steps {
		if err := do(ctx); err != nil {
			return findings{}, err
		}
	}
	return s.compared([]*measurement{ours, share}, theirs, faster), nil
}

// step measures something once or a few times.
type step = func(context.Context) error

// noop is runs on machines that are as they should be.
type noop struct {
	lab  *lab
	site *site
}

func (n noop) look(m *measurement) step {
	return func(ctx context.Context) error {
		q, err := n.site.question()
		if err != nil {
			return err
		}
		for range looks {
			g, err := look(ctx, q)
			if err != nil {
				return err
			}
			n.lab.note(m, g.took)
		}
		return nil
	}
}

func (n noop) provider(m *measurement) step {
	return func(ctx context.Context) error {
		shares, err := n.site.shares(ctx, looks)
		for _, took := range shares {
			n.lab.note(m, took.whole)
		}
		return err
	}
}

func (n noop) play(m *measurement, strategy string) step {
	return func(ctx context.Context) error {
		changed, took, err := n.site.rival.play(ctx, installPlaybook, strategy)
		if err == nil && changed != 0 {
			err = fmt.Errorf("the playbook changed %d things where there was nothing to change", changed)
		}
		if err != nil {
			return err
		}
		n.lab.note(m, took)
		return nil
	}
}
