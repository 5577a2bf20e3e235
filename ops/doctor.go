package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"weir/infra/stack"
	"weir/ops/connect"
	"weir/ops/doctor"
	"weir/ops/drive"
	"weir/provision/inventory"
)

func (a *app) doctorCommand() *cobra.Command {
	format := asTable
	c := &cobra.Command{
		Use:   "doctor",
		Short: "Find what is in the way, from this computer to the brokers",
		Long: `doctor looks at this computer, the stack, and the way to each machine and to the
brokers, in the order in which things are to be mended, and says how. It works
where nothing else does, and changes nothing. It exits 0 where nothing is in the
way, and 10 where something is.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			r := a.diagnose(c.Context())
			var err error
			if format == asJSON {
				err = doctor.WriteJSON(a.console.Out, r)
			} else {
				err = doctor.Write(a.console.Out, r, a.console.OutStyle)
			}
			if err == nil && !r.Well {
				err = codeError(exitDrifted)
			}
			return err
		},
	}
	c.Flags().VarP(&format, "output", "o", "table or json")
	return c
}

// diagnose looks at one thing after the other; what cannot be looked at is said.
func (a *app) diagnose(ctx context.Context) doctor.Report {
	var r doctor.Report
	cluster, explain, err := a.described(ctx, &r)
	if err != nil {
		r.Skip("machine", "all", "nothing says which machines there are: "+err.Error())
		r.Skip("cluster", "brokers", "nothing says where they are")
		return r.Conclude()
	}
	made := ""
	if explain != nil { // the keys are made with the containers
		made = "bin/ops up --stack " + a.stack + " makes it"
	}
	r.Files(cluster, made)
	s, err := connect.Open(ctx, cluster, a.connection())
	if !r.Check("cluster", "description", err, fmt.Sprintf("%d machines", len(cluster.Machines)), "mend the stack file, or the inventory") {
		return r.Conclude()
	}
	defer s.Close() //nolint:errcheck // it was only asked
	r.Machines(ctx, s, explain)
	r.Cluster(ctx, s)
	return r.Conclude()
}

// described finds the cluster's description: the inventory file, the stack as it
// was brought up, or what its config declares.
func (a *app) described(ctx context.Context, r *doctor.Report) (c inventory.Cluster, explain func(context.Context, string) string, err error) {
	if a.inventory != "" {
		c, err = inventoryFrom(a.inventory)
		r.Check("stack", "inventory", err, a.inventory, "bin/ops inventory prints one, where the stack is known")
		return c, nil, err
	}
	p, err := a.project()
	if !r.Check("computer", "project", err, p.Root, "change to the directory that holds Pulumi.yaml, or set WEIR_ROOT to it") {
		return c, nil, err
	}
	s := a.programs(r, p)
	config, err := a.readConfig(p)
	if !r.Check("stack", "config", err, p.StackFile(a.stack), a.noConfig(p)) {
		return c, nil, err
	}
	explain = a.containers(ctx, r, config)
	c = config.Inventory(p.Root)
	up, known := a.stateOf(ctx, r, s)
	if known {
		c = up
		if c.Kafka != nil {
			c.Kafka.ClusterID = p.ClusterID(a.stack)
		}
	}
	return c, explain, nil
}

// noConfig is what to do about a config that cannot be had.
func (a *app) noConfig(p drive.Project) string {
	switch _, err := os.Stat(p.StackFile(a.stack)); {
	case err == nil:
		return "mend it: docs/stacks.md says what it may hold"
	case a.stack == localStack:
		return "make up writes it, and brings the stack up"
	}
	return "bin/ops init " + a.stack + " writes one"
}

// programs looks at what ops starts: the engine, its provider, the jobs.
func (a *app) programs(r *doctor.Report, p drive.Project) *drive.Stack {
	s, err := a.drive(p)
	r.Check("computer", "pulumi", err, "found", "make setup")
	for _, program := range []string{"pulumi-resource-weir", "jobs"} {
		path := filepath.Join(p.BinDir(), program)
		_, err := os.Stat(path)
		r.Check("computer", program, err, path, "make build")
	}
	return s
}

// containers looks at the engine where the stack has machines that it makes, and
// returns what can be said of one that is not reached.
func (a *app) containers(ctx context.Context, r *doctor.Report, config stack.Config) func(context.Context, string) string {
	made := map[string]bool{}
	first := ""
	for _, m := range config.Machines {
		if m.Container {
			made[m.Name], first = true, m.Name
		}
	}
	if first == "" {
		return nil
	}
	_, err := stack.ContainerState(ctx, config.Name, first)
	if !r.Check("computer", "docker", err, "an engine answers", "make setup") {
		return nil
	}
	return func(ctx context.Context, machine string) string {
		state, err := stack.ContainerState(ctx, config.Name, machine)
		switch {
		case err != nil || !made[machine] || state == "running":
			return ""
		case state == "paused":
			return "its container is paused: docker unpause lets it go on"
		}
		return "its container is " + state + ": bin/ops up --stack " + a.stack + " makes it and starts it"
	}
}

// stateOf is the stack as it was last brought up, where that can be read.
func (a *app) stateOf(ctx context.Context, r *doctor.Report, s *drive.Stack) (c inventory.Cluster, known bool) {
	up := "bin/ops up --stack " + a.stack
	switch {
	case s == nil:
		r.Skip("stack", "state", "without the engine it cannot be read; the config is taken")
		return c, false
	case !s.Exists():
		r.Advise("stack", "state", "it was never brought up; the config is taken", up)
		return c, false
	case s.Damaged():
		r.Check("stack", "state", errors.New("it cannot be read; the config is taken"), "", "the state before its last change is "+s.Backup())
		return c, false
	}
	c, err := s.Cluster(ctx)
	if errors.Is(err, fs.ErrNotExist) {
		err = fmt.Errorf("read the state: %w", err)
	}
	return c, r.Check("stack", "state", err, "read", up)
}
