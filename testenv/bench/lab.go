package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"weir/provision/kafka"
	"weir/provision/release"
)

// lab is what the sections share: machines and rivals, each made when the first
// section needs it.
type lab struct {
	// dir goes with this run.
	dir      string
	rounds   int
	progress io.Writer
	// build tells builds of the measured programs apart; warning says why the
	// figures are not to be trusted, if they are not.
	build, warning string

	shared *site
	inputs map[string]*input // of the calculator, by topic
}

// cache keeps what is worth keeping from run to run.
const cache = ".weir/bench"

// note records a time and tells of it.
func (l *lab) note(m *measurement, took time.Duration) {
	m.took(took)
	fmt.Fprintf(l.progress, "  %s: %s (load average %s)\n", m.work, seconds.write(took.Seconds()), loadAverage())
}

// loadAverage is that of the last minute, as the kernel writes it.
func loadAverage() string {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	average, _, _ := strings.Cut(string(text), " ")
	return average
}

// site is three machines and the two that make a cluster of them in turn.
type site struct {
	cluster
	project
	// rival is nil where Ansible cannot be had, which why says, and before it is
	// invited.
	rival *rival
	why   error
	// pack is the packed release on this computer.
	pack string
	// installed says that `ops up` was the last that made the cluster there.
	installed bool
}

// site returns the three machines, bare where no section has installed anything.
func (l *lab) site(ctx context.Context) (*site, error) {
	if l.shared != nil {
		return l.shared, nil
	}
	p, err := newProject(filepath.Join(l.dir, "site"))
	if err != nil {
		return nil, err
	}
	s := &site{project: p}
	s.retention, s.jvmOptions = firstRetention, quickStart
	if s.machines, err = makeMachines(ctx, filepath.Join(l.dir, "keys")); err != nil {
		return nil, err
	}
	if err := s.fetch(ctx); err != nil {
		return nil, err
	}
	l.shared = s
	return s, nil
}

// invite has the rivals ready, for sections that measure them.
func (l *lab) invite(ctx context.Context, s *site) error {
	if s.rival != nil || s.why != nil {
		return nil
	}
	if err := s.invite(ctx, l.dir); err != nil {
		return err
	}
	if s.why != nil {
		fmt.Fprintf(l.progress, "WITHOUT RIVALS: %v\n", s.why)
	}
	return nil
}

// fetch has the release in the store, so that nobody waits for a download.
func (s *site) fetch(ctx context.Context) error {
	dir, err := release.DefaultDir()
	if err != nil {
		return err
	}
	lock, err := kafka.Release(kafka.DefaultVersion)
	if err != nil {
		return err
	}
	packed, err := (&release.Store{Dir: dir}).Pack(ctx, lock)
	if err != nil {
		return err
	}
	s.digest, s.pack = packed.Digest, packed.Path
	return nil
}

// invite gets the rivals ready, here and on the machines. Where they cannot be
// had, the sections are told.
func (s *site) invite(ctx context.Context, dir string) error {
	keep, err := filepath.Abs(cache)
	if err != nil {
		return err
	}
	r, err := findRival(ctx, keep, filepath.Join(dir, "rival"))
	if err == nil {
		python, cancel := context.WithTimeout(ctx, pythonPatience)
		defer cancel()
		if _, err = everywhere(python, s.machines, pythonScript); err != nil {
			err = fmt.Errorf("%w: no Python on the machines: %w", errNoRival, err)
		}
	}
	switch {
	case errors.Is(err, errNoRival) && ctx.Err() == nil:
		s.why = err
		return nil
	case err != nil:
		return err
	}
	s.rival = &r
	return nil
}

// up makes the cluster of the site's machines what its config says, and
// returns how long the whole command took. changes says whether it must find
// something to do.
func (s *site) up(ctx context.Context, changes bool) (time.Duration, error) {
	if err := os.WriteFile(filepath.Join(s.project.dir, "Pulumi."+stack+".yaml"), []byte(s.config()), 0o644); err != nil {
		return 0, err
	}
	said, took, err := s.ops(ctx, "up", "--no-verify")
	if err != nil {
		return 0, err
	}
	if strings.Contains(said, nothingToChange) == changes {
		return 0, fmt.Errorf("want an ops up that changes something to be %t, it said:\n%s", changes, said)
	}
	s.installed = true
	return took, nil
}

// compared are our rows, and behind them the rivals', or why those are missing.
func (s *site) compared(ours []*measurement, rivals ...*measurement) findings {
	f := findings{rows: ours}
	for _, m := range rivals {
		if s.rival != nil {
			f.rows = append(f.rows, m)
			continue
		}
		why, _, _ := strings.Cut(s.why.Error(), "\n")
		f.notes = append(f.notes, fmt.Sprintf("**Not measured:** %s, %s: %s.", ours[0].work, strings.TrimPrefix(m.work, "… "), why))
	}
	return f
}

// question is what a look at the whole site asks.
func (s *site) question() (question, error) {
	all, err := s.components()
	return question{Components: all, Topic: s.topic(), Bootstrap: s.brokers().Bootstrap()}, err
}

// ensureInstalled is for sections that begin with a cluster.
func (l *lab) ensureInstalled(ctx context.Context) (*site, error) { return l.ensure(ctx, quickStart) }

// ensureServing is for sections that measure what a cluster serves: its virtual machines
// run as they do in production, and not as they start quickly, which keeps them from
// compiling well.
func (l *lab) ensureServing(ctx context.Context) (*site, error) { return l.ensure(ctx, "") }

func (l *lab) ensure(ctx context.Context, jvmOptions string) (*site, error) {
	s, err := l.site(ctx)
	if err != nil || s.installed && s.jvmOptions == jvmOptions {
		return s, err
	}
	fmt.Fprintln(l.progress, "  install a cluster, which does not count")
	s.jvmOptions = jvmOptions
	_, err = s.up(ctx, true)
	return s, err
}

// versions say what was compared with what, in the form of notes.
func (l *lab) versions(ctx context.Context) ([]string, error) {
	s := l.shared
	if s == nil {
		return nil, nil
	}
	java, err := s.machines[0].Exec(ctx, "sh", "-c", "java -version 2>&1 | head -n 1; ssh -V 2>&1")
	if err != nil {
		return nil, err
	}
	notes := []string{fmt.Sprintf("On the machines: Kafka and its ZooKeeper %s, %s.", kafka.DefaultVersion, strings.Join(lines(java), ", "))}
	if s.rival == nil {
		return notes, nil
	}
	rivals, err := s.rival.versions(ctx)
	return append(notes, "The rivals: "+rivals+"; pipelining, ControlPersist, no facts gathered."), err
}

func lines(text string) []string { return strings.Split(strings.TrimSpace(text), "\n") }
