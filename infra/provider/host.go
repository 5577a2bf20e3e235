package provider

import (
	"context"

	"weir/provision/fleet"
	"weir/provision/host"
	"weir/provision/problem"

	"github.com/pulumi/pulumi-go-provider/infer"
)

// Host is a machine that can be reached by SSH: its Java runtime, its kernel
// settings and the directories that are weir's.
type Host struct{ env *Env }

// HostArgs are what a person declares of a host.
type HostArgs struct {
	Cluster      string           `pulumi:"cluster"`
	Machine      string           `pulumi:"machine"`
	Connection   Connection       `pulumi:"connection"`
	Architecture *string          `pulumi:"architecture,optional"`
	Java         *bool            `pulumi:"java,optional"`
	Tune         *bool            `pulumi:"tune,optional"`
	Machines     map[string]Shown `pulumi:"machines,optional"`
}

// HostState is what is known of a host.
type HostState struct{ HostArgs }

var (
	_ infer.CustomCheck[HostArgs]             = Host{}
	_ infer.CustomRead[HostArgs, HostState]   = Host{}
	_ infer.CustomUpdate[HostArgs, HostState] = Host{}
	_ infer.CustomDelete[HostState]           = Host{}
)

// Annotate documents the resource in the provider's schema.
func (h *Host) Annotate(a infer.Annotator) {
	a.Describe(&h, "A machine that can be reached by SSH: its Java runtime and kernel settings.")
	a.SetToken("index", "Host")
}

// Annotate documents the fields in the provider's schema.
func (h *HostArgs) Annotate(a infer.Annotator) {
	a.Describe(&h.Cluster, "The cluster that owns the machine; a machine of another is refused.")
	a.Describe(&h.Machine, "What messages call the machine.")
	a.Describe(&h.Architecture, "amd64 or arm64; the machine is refused where it differs.")
	a.Describe(&h.Java, "Install a Java runtime where no java is on the PATH; on where not set.")
	a.Describe(&h.Tune, "Set the kernel settings that Kafka asks for; on where not set.")
	describeMachines(a, &h.Machines)
}

func describeMachines(a infer.Annotator, field *map[string]Shown) {
	a.Describe(field, "Computed: what each machine should be. A refresh puts here what each machine is.")
}

func (h *HostArgs) targets() (targets, problem.List) {
	state := host.State(host.Spec{
		Cluster: h.Cluster, Architecture: value(h.Architecture), Java: or(h.Java, true), Tune: or(h.Tune, true),
	})
	return targets{h.Machine: {Host: h.Connection.host(h.Machine), State: state}}, nil
}

func (h *HostArgs) software() *software { return nil }

func (h *HostArgs) containers() []string {
	if value(h.Connection.Container) {
		return []string{h.Machine}
	}
	return nil
}

func (h *HostArgs) shown() *map[string]Shown { return &h.Machines }

// Check renders what the machine should be.
func (h Host) Check(ctx context.Context, req infer.CheckRequest) (infer.CheckResponse[HostArgs], error) {
	return check[HostArgs](ctx, h.env, req)
}

// Create prepares the machine; what is there already is adopted.
func (h Host) Create(ctx context.Context, req infer.CreateRequest[HostArgs]) (infer.CreateResponse[HostState], error) {
	res := infer.CreateResponse[HostState]{ID: req.Name, Output: HostState{req.Inputs}}
	if req.DryRun {
		return res, h.env.preview(ctx, &req.Inputs)
	}
	return res, h.env.apply(ctx, &req.Inputs, fleet.Change{})
}

// Update makes the machine what it should be.
func (h Host) Update(ctx context.Context, req infer.UpdateRequest[HostArgs, HostState]) (infer.UpdateResponse[HostState], error) {
	res := infer.UpdateResponse[HostState]{Output: HostState{req.Inputs}}
	if req.DryRun {
		return res, nil
	}
	return res, h.env.apply(ctx, &req.Inputs, fleet.Change{})
}

// Read looks at the machine.
func (h Host) Read(ctx context.Context, req infer.ReadRequest[HostArgs, HostState]) (infer.ReadResponse[HostArgs, HostState], error) {
	a := req.Inputs
	err := h.env.read(ctx, &a)
	return infer.ReadResponse[HostArgs, HostState]{ID: req.ID, Inputs: a, State: HostState{a}}, err
}

// Delete removes what weir put on the machine, packages excepted.
func (h Host) Delete(ctx context.Context, req infer.DeleteRequest[HostState]) (infer.DeleteResponse, error) {
	return infer.DeleteResponse{}, h.env.remove(ctx, &req.State.HostArgs, false)
}
