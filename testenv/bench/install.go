package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"
)

// measureInstall has both sides install the same cluster on the same machines:
// ours, theirs, theirs, ours, so that what drifts meanwhile is shared. Both
// must leave the same behind, or there is nothing to compare.
func measureInstall(ctx context.Context, l *lab) (findings, error) {
	s, err := l.site(ctx)
	if err == nil {
		err = l.invite(ctx, s)
	}
	if err != nil {
		return findings{}, err
	}
	ours := timing("install ZooKeeper, Kafka and a topic on three bare machines: `ops up`", 0)
	theirs := slower("… an Ansible playbook", ours, 3)
	i := installs{lab: l, site: s}
	turns := []turn{{ours, i.weir}, {theirs, i.ansible}, {theirs, i.ansible}, {ours, i.weir}}
	if s.rival == nil {
		turns = []turn{{ours, i.weir}, {ours, i.weir}}
	}
	for _, t := range turns {
		if err := i.run(ctx, t); err != nil {
			return findings{}, err
		}
	}
	return s.compared([]*measurement{ours}, theirs), nil
}

// turn is one run of a piece of work.
type turn struct {
	m  *measurement
	do func(context.Context) (time.Duration, error)
}

// installs are installations on the same machines that all must come to the same.
type installs struct {
	lab  *lab
	site *site
	// left is what the first of them has left on the machines.
	left []string
}

// run has one side install on bare machines, and looks at what it has left.
func (i *installs) run(ctx context.Context, t turn) error {
	if err := wipe(ctx, i.site.machines); err != nil {
		return err
	}
	took, err := t.do(ctx)
	if err != nil {
		return err
	}
	left, err := i.site.remains(ctx)
	if err != nil {
		return err
	}
	if i.left == nil {
		i.left = left
	}
	for n := range left {
		if left[n] != i.left[n] {
			return fmt.Errorf("%s: it did not come to the same as the first installation:\n%s", t.m.work, difference(i.left[n], left[n]))
		}
	}
	i.lab.note(t.m, took)
	return nil
}

// weir installs with a project that has never seen the machines.
func (i *installs) weir(ctx context.Context) (time.Duration, error) {
	s := i.site
	if err := os.RemoveAll(s.project.dir); err != nil {
		return 0, err
	}
	p, err := newProject(s.project.dir)
	if err != nil {
		return 0, err
	}
	s.project = p
	return s.up(ctx, true)
}

func (i *installs) ansible(ctx context.Context) (time.Duration, error) {
	s := i.site
	s.installed = false
	if err := s.rival.declare(s.cluster, s.pack); err != nil {
		return 0, err
	}
	changed, took, err := s.rival.play(ctx, installPlaybook, linear)
	if err == nil && changed == 0 {
		err = errors.New("the playbook changed nothing on bare machines")
	}
	return took, err
}
