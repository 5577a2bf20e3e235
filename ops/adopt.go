package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"weir/infra/stack"
	"weir/ops/drive"
	"weir/provision/adopt"
	"weir/provision/kafka"
	"weir/provision/problem"
	"weir/provision/remote"
	"weir/provision/zookeeper"
)

// adoptFlags are what adopt is told on the command line.
type adoptFlags struct {
	initFlags
	archive, sha256 string
	yes             bool
}

func (a *app) adoptCommand() *cobra.Command {
	var f adoptFlags
	c := &cobra.Command{
		Use:   "adopt [NAME]",
		Short: "Take over a cluster that was set up by hand",
		Long: `adopt looks at machines on which ZooKeeper and Kafka were started by hand, or by
units of their own, and changes nothing there while it looks. It writes
Pulumi.<NAME>.yaml, which declares the cluster as it runs: ids, addresses, ports,
data directories, version, and every setting in which it differs from weir's own.
It shows what it found, what will be different, and the plan, and asks. Then up does
the work: ZooKeeper first, then Kafka, one machine at a time, behind the conditions
of every rolling change. A server is asked to end, and never killed; its data stays
where it is and is handed to the unit's user.

What weir cannot keep is named, with what to do, and nothing is written then. Secrets
that the stack has already, such as weir:sudoPassword, are used to log in. A
take-over that was interrupted goes on with ops up.`,
		Example: `  ops adopt prod --machine db-1=fams@192.168.1.1 --machine db-2=fams@192.168.1.2 --machine db-3=fams@192.168.1.3 --key ~/.ssh/id_ed25519`,
		Args:    cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) == 1 {
				a.stack = args[0]
			}
			return a.adopt(c.Context(), f)
		},
	}
	f.reach(c)
	c.Flags().StringVar(&f.archive, "archive", "", "Apache's distribution of the version that runs, instead of the locked jars: an https address or a file")
	c.Flags().StringVar(&f.sha256, "sha256", "", "the archive's checksum, 64 hexadecimal digits")
	c.Flags().BoolVarP(&f.yes, "yes", "y", false, "do not ask")
	return c
}

func (a *app) adopt(ctx context.Context, f adoptFlags) error {
	p, err := a.project()
	if err != nil {
		return err
	}
	_, declared, err := besides(p.StackFile(a.stack))
	switch {
	case err != nil:
		return err
	case declared && !f.force:
		return usageError{fmt.Errorf("%s exists; a take-over that was interrupted goes on with bin/ops up --stack %s; to look anew, use --force", p.StackFile(a.stack), a.stack)}
	case !f.yes && !a.console.Interactive:
		return usageError{errors.New("adopt restarts every server of a cluster; there is no terminal to ask on, so say it with --yes")}
	}
	d, err := a.draft(ctx, p, f.initFlags)
	if err != nil {
		return err
	}
	found, err := a.find(ctx, p, &d)
	if err != nil {
		return err
	}
	d.adopted = &adopted{Found: found, Archive: fromRoot(p, f.archive), SHA256: f.sha256}
	if f.archive == "" && !adopt.Locked(found.Kafka.Version) {
		return usageError{fmt.Errorf("weir has no lock file for Kafka %s; give Apache's distribution with --archive and --sha256", found.Kafka.Version)}
	}
	if err := a.writeStack(p, a.stack, d, f.force); err != nil {
		return err
	}
	return a.takeOver(ctx, found, f.yes)
}

// takeOver shows the plan, and in short what it comes to, asks, and has up do it.
func (a *app) takeOver(ctx context.Context, found adopt.Found, yes bool) error {
	s, err := a.open()
	if err != nil {
		return err
	}
	a.warn(s.config)
	d, err := a.preview(ctx, s.Stack, false)
	if err := errors.Join(a.showPlan(d, asTable, false), err); err != nil {
		return err
	}
	a.showFound(found)
	if !yes {
		answer, err := a.console.Ask("Take over this cluster? Type yes:")
		if err != nil {
			return err
		}
		if answer != "yes" {
			return fmt.Errorf("nothing was changed on the machines; %s stays: bin/ops up --stack %s takes over by it", relative(s.Project.StackFile(s.Name)), s.Name)
		}
	}
	return a.recorded(s.Stack, func(stack *drive.Stack) error { return a.up(ctx, &opened{stack, s.config}, true) })
}

// lookLimit bounds the look at all machines and the questions to the cluster:
// a few round trips each, with a person in front of the screen.
const lookLimit = time.Minute

// find looks at the machines, and gives each the address that its servers use:
// that under which it was reached may be another.
func (a *app) find(ctx context.Context, p drive.Project, d *draft) (adopt.Found, error) {
	ctx, cancel := context.WithTimeout(ctx, lookLimit)
	defer cancel()
	config, err := a.reach(ctx, p, *d)
	if err != nil {
		return adopt.Found{}, err
	}
	a.warn(config)
	pool := remote.NewPool()
	defer pool.Close() //nolint:errcheck // nothing is written through it
	hosts := map[string]remote.Host{}
	for _, m := range config.Machines {
		hosts[m.Name] = config.Host(p.Root, m)
	}
	machines, err := readAll(ctx, pool, config.Machines, hosts)
	if err != nil {
		return adopt.Found{}, a.wantsSecret(err)
	}
	found, problems := adopt.Judge(machines)
	if len(problems) == 0 {
		problems, err = confirm(ctx, pool, hosts, &found)
	}
	if err := errors.Join(err, refusal(problems)); err != nil {
		return found, err
	}
	for i := range d.Machines {
		m := &d.Machines[i]
		if address := found.Addresses[m.Name]; address != "" && address != m.Address {
			m.SSHAddress, m.Address = m.Address, address
		}
	}
	return found, nil
}

// reach is a stack of the machines and the way to them, with the secrets that
// were set for it before it was written.
func (a *app) reach(ctx context.Context, p drive.Project, d draft) (stack.Config, error) {
	text, err := d.reachYAML()
	if err != nil {
		return stack.Config{}, err
	}
	others, _, err := besides(p.StackFile(a.stack))
	if err != nil {
		return stack.Config{}, err
	}
	config, err := parseConfig(p, a.stack, append(text, others...))
	if err != nil {
		return config, usageError{fmt.Errorf("that makes no stack: %w", err)}
	}
	if config.Secrets == (stack.Secrets{}) {
		return config, nil
	}
	s, err := a.drive(p)
	if err != nil {
		return config, err
	}
	return withSecrets(ctx, s, config)
}

// wantsSecret says how to set the password that sudo asks for: there is no stack
// yet to set it for.
func (a *app) wantsSecret(err error) error {
	if sudo, ok := errors.AsType[*remote.SudoError](err); !ok || sudo.Err != remote.ErrSudoNeedsPassword {
		return err
	}
	return fmt.Errorf("%w; to set it for this stack: eval \"$(bin/ops env)\"; pulumi stack init %s; pulumi config set --secret --stack %s weir:sudoPassword; then adopt again", err, a.stack, a.stack)
}

// refusal says why the cluster cannot be taken over.
func refusal(problems problem.List) error {
	if len(problems) == 0 {
		return nil
	}
	return fmt.Errorf("the cluster cannot be taken over as it is, and nothing was changed: %w", problems.Err())
}

// readAll reads all machines at once.
func readAll(ctx context.Context, pool *remote.Pool, machines []stack.Machine, hosts map[string]remote.Host) ([]adopt.Machine, error) {
	found := make([]adopt.Machine, len(machines))
	errs := make([]error, len(machines))
	var wg sync.WaitGroup
	for i, m := range machines {
		wg.Go(func() { found[i], errs[i] = adopt.Read(ctx, pool.On(hosts[m.Name]), m.Address) })
	}
	wg.Wait()
	return found, errors.Join(errs...)
}

// confirm asks the running cluster, through its machines where it is out of reach.
func confirm(ctx context.Context, pool *remote.Pool, hosts map[string]remote.Host, found *adopt.Found) (problem.List, error) {
	ensemble := zookeeper.Ensemble{
		Members: found.ZooKeeper.Members, ClientPort: found.ZooKeeper.ClientPort,
		Dialer: func(machine string) remote.Dialer { return pool.On(hosts[machine]) },
	}
	var ways []remote.Dialer
	for _, b := range found.Kafka.Brokers {
		ways = append(ways, pool.On(hosts[b.Machine]))
	}
	version, _ := kafka.LookUp(found.Kafka.Version) // Judge has refused what is not in the table
	admin, err := kafka.NewAdmin(found.Kafka.Bootstrap(), version, remote.Via(&net.Dialer{}, ways...), nil)
	if err != nil {
		return nil, err
	}
	defer admin.Close() //nolint:errcheck // it was only asked
	view, err := admin.View(ctx)
	if err != nil {
		return nil, err
	}
	problems := found.Confirm(ensemble.Ask(ctx), view)
	if len(problems) > 0 {
		return problems, nil
	}
	live := map[int32]map[string]string{}
	for _, b := range found.Kafka.Brokers {
		if live[b.ID], err = admin.Settings(ctx, b.ID, version.Dynamic...); err != nil {
			return nil, err
		}
	}
	return slices.Concat(problems, found.Take(live)), nil
}
