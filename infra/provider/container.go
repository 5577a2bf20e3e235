package provider

import (
	"context"
	"strings"
	"time"

	"weir/provision/fleet"
	"weir/provision/machine"
	"weir/provision/runlog"
	"weir/testenv"

	p "github.com/pulumi/pulumi-go-provider"
	"github.com/pulumi/pulumi-go-provider/infer"
)

// Machine is a container that serves as a machine: systemd, sshd, an address of
// its own. It is what the local stack runs on.
type Machine struct{ env *Env }

// MachineArgs are what a person declares of a container machine.
type MachineArgs struct {
	Stack   string `pulumi:"stack"`
	Machine string `pulumi:"machine"`
	Subnet  string `pulumi:"subnet"`
	Address string `pulumi:"address"`
	KeysDir string `pulumi:"keysDir"`
	Memory  *int   `pulumi:"memory,optional"`
	// Power is computed: "running", or what a refresh found.
	Power *string `pulumi:"power,optional"`
}

// MachineState is what is known of a container machine.
type MachineState struct{ MachineArgs }

var (
	_ infer.CustomCheck[MachineArgs]                = Machine{}
	_ infer.CustomRead[MachineArgs, MachineState]   = Machine{}
	_ infer.CustomUpdate[MachineArgs, MachineState] = Machine{}
	_ infer.CustomDelete[MachineState]              = Machine{}
)

// Annotate documents the resource in the provider's schema.
func (m *Machine) Annotate(a infer.Annotator) {
	a.Describe(&m, "A container that serves as a machine: systemd, sshd and an address of its own.")
	a.SetToken("index", "Machine")
}

// Annotate documents the fields in the provider's schema.
func (m *MachineArgs) Annotate(a infer.Annotator) {
	a.Describe(&m.Stack, "Machines of one stack share a network and are swept together.")
	a.Describe(&m.Machine, "The machine's name, unique in its stack.")
	a.Describe(&m.Subnet, "The stack's network, an IPv4 prefix.")
	a.Describe(&m.Address, "The machine's address in that network.")
	a.Describe(&m.KeysDir, "The directory of the stack's SSH keys, made when missing.")
	a.Describe(&m.Memory, "A limit in MiB; none where it is not set.")
	a.Describe(&m.Power, "Computed: running. A refresh puts here what it finds.")
}

const running = "running"

func (m MachineArgs) spec() testenv.Spec {
	return testenv.Spec{
		Stack: m.Stack, Name: m.Machine, Subnet: m.Subnet, Address: m.Address,
		KeysDir: m.KeysDir, MemoryMB: value(m.Memory),
	}
}

// Check adds that the machine should run.
func (Machine) Check(ctx context.Context, req infer.CheckRequest) (infer.CheckResponse[MachineArgs], error) {
	a, failures, err := infer.DefaultCheck[MachineArgs](ctx, req.NewInputs)
	power := running
	a.Power = &power
	return infer.CheckResponse[MachineArgs]{Inputs: a, Failures: failures}, err
}

// Create boots the machine, or adopts the one of that name.
func (m Machine) Create(ctx context.Context, req infer.CreateRequest[MachineArgs]) (infer.CreateResponse[MachineState], error) {
	res := infer.CreateResponse[MachineState]{ID: req.Name, Output: MachineState{req.Inputs}}
	return res, m.ensure(ctx, req.Inputs, m.step(machine.Create, req.Inputs, "at "+req.Inputs.Address), req.DryRun)
}

// Update starts a machine that was stopped, its data kept.
func (m Machine) Update(ctx context.Context, req infer.UpdateRequest[MachineArgs, MachineState]) (infer.UpdateResponse[MachineState], error) {
	res := infer.UpdateResponse[MachineState]{Output: MachineState{req.Inputs}}
	return res, m.ensure(ctx, req.Inputs, m.step(machine.Start, req.Inputs, "is "+value(req.State.Power)), req.DryRun)
}

func (m Machine) step(a machine.Action, args MachineArgs, detail string) machine.Step {
	return machine.Step{Phase: machine.Switch, Action: a, Kind: "container", Target: args.Machine, Detail: detail}
}

func (m Machine) plan(ctx context.Context, a MachineArgs, removal bool, step machine.Step) {
	plan := runlog.Plan{Removal: removal, Plan: fleet.Plan{
		Machines: []fleet.MachinePlan{{Plan: machine.Plan{Machine: a.Machine, Steps: []machine.Step{step}}}},
		Order:    fleet.Order{AtOnce: []string{a.Machine}},
	}}
	accountOf(ctx).plan(plan)
}

// ensure carries out one step that brings the machine up.
func (m Machine) ensure(ctx context.Context, a MachineArgs, step machine.Step, preview bool) error {
	if preview {
		m.plan(ctx, a, false, step)
		return nil
	}
	log, began := p.GetLogger(ctx), time.Now()
	_, err := testenv.Ensure(ctx, a.spec(), func(step string) { log.Info(strings.TrimPrefix(step, "machine ")) })
	m.account(ctx, a, step, began, err)
	return err
}

// account tells the log what became of a step.
func (Machine) account(ctx context.Context, a MachineArgs, step machine.Step, began time.Time, err error) {
	if err != nil {
		accountOf(ctx).failed(err)
		return
	}
	accountOf(ctx).step(machine.Event{Machine: a.Machine, Step: step, Took: time.Since(began)})
}

// Read asks the container engine. A machine that is gone has an empty ID: the
// next up makes it anew.
func (m Machine) Read(ctx context.Context, req infer.ReadRequest[MachineArgs, MachineState]) (infer.ReadResponse[MachineArgs, MachineState], error) {
	var gone infer.ReadResponse[MachineArgs, MachineState]
	a := req.Inputs
	status, err := testenv.Inspect(ctx, a.Stack, a.Machine)
	if err != nil || !status.Exists {
		return gone, err
	}
	power := running
	if !status.Running {
		power = "stopped"
	}
	a.Power = &power
	m.plan(ctx, a, true, m.removal(a))
	return infer.ReadResponse[MachineArgs, MachineState]{ID: req.ID, Inputs: a, State: MachineState{a}}, nil
}

// Delete removes the machine with everything in it.
func (m Machine) Delete(ctx context.Context, req infer.DeleteRequest[MachineState]) (infer.DeleteResponse, error) {
	began := time.Now()
	err := testenv.Remove(ctx, req.State.Stack, req.State.Machine)
	m.account(ctx, req.State.MachineArgs, m.removal(req.State.MachineArgs), began, err)
	return infer.DeleteResponse{}, err
}

func (m Machine) removal(a MachineArgs) machine.Step {
	return m.step(machine.Remove, a, "with everything in it")
}
