package preflight

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"weir/provision/machine"
	"weir/provision/remote"
)

// Patience with one machine. They bound what a person waits for one that is
// there and does not answer, and are far above what one that does takes.
const (
	// loginPatience covers a jump host and a sshd that looks up our name.
	loginPatience = 15 * time.Second
	// madePatience is for containers, which are on this computer.
	madePatience = 2 * time.Second
	// askPatience covers a name server that is dead (5 s) on a machine under load.
	askPatience = 20 * time.Second
	// packagePatience covers lists of packages that are fetched over a slow line.
	packagePatience = 90 * time.Second
)

// answerLimit bounds a machine's answer in bytes: a container host with a
// thousand mounts sends some 300 kB.
const answerLimit = 4 << 20

// Options change what Run does. The zero value makes all checks.
type Options struct {
	// Skip are the names of checks that are not made; see Optional.
	Skip []string
	// Now is the clock; nil is time.Now.
	Now func() time.Time
}

// Run asks all machines at once, changing nothing, and judges what they say.
// connect gives the way to a machine. Every machine costs its own time only:
// one that does not answer is given up after 15 seconds.
func Run(ctx context.Context, connect func(remote.Host) remote.Runner, cluster string, subjects []Subject, o Options) Report {
	if o.Now == nil {
		o.Now = time.Now
	}
	r := Report{Cluster: cluster, Started: o.Now().UTC()}
	seen := make([]sight, len(subjects))
	var wg sync.WaitGroup
	for i, s := range subjects {
		wg.Go(func() { seen[i] = look(ctx, connect(s.Host), s, o.Now) })
	}
	wg.Wait()
	for _, c := range checks {
		result := Result{Name: c.name, Title: c.title, Outcome: OK, Findings: []Finding{}, Evidence: []Note{}}
		switch skip := func(why string) { result.Outcome, result.Evidence = Skipped, []Note{{Text: why}} }; {
		case slices.Contains(o.Skip, c.name):
			skip("given up in the config: os.skipChecks")
		case c.name != checks[0].name && len(answered(seen)) == 0:
			skip("no machine answered")
		default:
			c.judge(seen, &result)
		}
		r.Checks = append(r.Checks, result)
	}
	r.settle()
	r.Seconds = o.Now().Sub(r.Started).Seconds()
	return r
}

// sight is what was seen of a machine.
type sight struct {
	Subject
	// err is why it could not be looked at; absent that it is a container which is
	// not there, or stopped.
	err    error
	absent bool

	observed machine.Observed
	reasons  []machine.Reason // of package machine, that speak against a change
	answer   answer
	// silent are the addresses that it gets no answer from.
	silent []string
	// installs are the packages that would be installed; missing why those cannot
	// be had that cannot.
	installs []machine.Package
	missing  []machine.Reason
}

func (s sight) name() string { return s.Host.Name }

// installed says that the component is on the machine already.
func (s sight) installed(component string) bool {
	_, ok := s.observed.Manifests[component]
	return ok
}

func look(ctx context.Context, r remote.Runner, subject Subject, now func() time.Time) sight {
	s := sight{Subject: subject}
	if s.err = login(ctx, r, subject.Made); s.err != nil {
		var connect *remote.ConnectError
		s.absent = subject.Made && errors.As(s.err, &connect)
		return s
	}
	ctx, cancel := context.WithTimeout(ctx, askPatience+packagePatience)
	defer cancel()
	errs := make([]error, 3)
	var wg sync.WaitGroup
	wg.Go(func() { errs[0] = s.observe(ctx, r) })
	wg.Go(func() { errs[1] = s.ask(ctx, r, now) })
	wg.Go(func() { errs[2] = s.reach(ctx, r) })
	wg.Wait()
	s.err = errors.Join(errs...)
	return s
}

// login finds out whether the machine lets us in, and be root there.
func login(ctx context.Context, r remote.Runner, made bool) error {
	patience := loginPatience
	if made {
		patience = madePatience
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	_, err := r.Run(ctx, remote.Script{Step: "log in", Text: ":\n", Root: true})
	return err
}

// observe asks package machine, and whether packages that are missing can be had.
func (s *sight) observe(ctx context.Context, r remote.Runner) (err error) {
	want := s.asked()
	if s.observed, err = machine.Observe(ctx, r, want); err != nil {
		return err
	}
	var refusal *machine.Refusal
	if errors.As(machine.Refuse(s.name(), want, s.observed), &refusal) {
		s.reasons = refusal.Reasons
	}
	for _, p := range want.Packages {
		if s.observed.Packages[p.Name] != "" {
			continue
		}
		s.installs = append(s.installs, p)
		why, err := machine.Installable(ctx, r, p, s.observed.Facts.PackageManager)
		if err != nil {
			return err
		}
		if why != "" {
			s.missing = append(s.missing, machine.Missing(p, why))
		}
	}
	return nil
}

func (s *sight) ask(ctx context.Context, r remote.Runner, now func() time.Time) (err error) {
	ctx, cancel := context.WithTimeout(ctx, askPatience)
	defer cancel()
	l := listener{sent: now(), now: now}
	_, err = r.Run(ctx, remote.Script{Step: "preflight", Text: s.question(), Root: true, Limit: answerLimit, Line: l.line})
	if err != nil {
		return err
	}
	if s.answer, err = l.answer(s.Subject); err != nil {
		return fmt.Errorf("machine %s: preflight: %w", s.name(), err)
	}
	return nil
}

func (s *sight) reach(ctx context.Context, r remote.Runner) (err error) {
	s.silent, err = machine.Unreachable(ctx, r, s.collect(func(st machine.State) []string { return st.Requires.Reach }))
	return err
}
