package provider

import (
	"weir/provision/host"
	"weir/provision/problem"

	"github.com/pulumi/pulumi-go-provider/infer"
)

// Host is a machine that can be reached by SSH: its Java runtime, the
// settings of its operating system and the directories that are weir's.
type Host struct {
	lifecycle[HostArgs, *HostArgs, HostState]
}

func newHost(env *Env) *Host {
	return &Host{lifecycle[HostArgs, *HostArgs, HostState]{
		env:   env,
		state: func(a HostArgs, seen Seen) HostState { return HostState{a, seen} },
		args:  func(s *HostState) *HostArgs { return &s.HostArgs },
	}}
}

// HostArgs are what a person declares of a host.
type HostArgs struct {
	Cluster      string           `pulumi:"cluster"`
	Machine      string           `pulumi:"machine"`
	Connection   Connection       `pulumi:"connection"`
	Architecture *string          `pulumi:"architecture,optional"`
	Java         *bool            `pulumi:"java,optional"`
	OS           *HostOS          `pulumi:"os,optional"`
	Machines     map[string]Shown `pulumi:"machines,optional"`
}

// HostOS are settings of a host's operating system: a value, "keep", or nothing
// for the default.
type HostOS struct {
	OpenFiles            *string `pulumi:"openFiles,optional"`
	MaxMapCount          *string `pulumi:"maxMapCount,optional"`
	Swappiness           *string `pulumi:"swappiness,optional"`
	TransparentHugePages *string `pulumi:"transparentHugePages,optional"`
}

// HostState is what is known of a host.
type HostState struct {
	HostArgs
	Seen
}

var (
	_ infer.CustomCheck[HostArgs]             = &Host{}
	_ infer.CustomRead[HostArgs, HostState]   = &Host{}
	_ infer.CustomUpdate[HostArgs, HostState] = &Host{}
	_ infer.CustomDelete[HostState]           = &Host{}
)

// Annotate documents the resource in the provider's schema.
func (h *Host) Annotate(a infer.Annotator) {
	a.Describe(&h, "A machine that can be reached by SSH: its Java runtime and the settings of its operating system.")
	a.SetToken("index", "Host")
}

// Annotate documents the fields in the provider's schema.
func (h *HostArgs) Annotate(a infer.Annotator) {
	a.Describe(&h.Cluster, "The cluster that owns the machine; a machine of another is refused.")
	a.Describe(&h.Machine, "What messages call the machine.")
	a.Describe(&h.Architecture, "amd64 or arm64; the machine is refused where it differs.")
	a.Describe(&h.Java, "Install a Java runtime where no java is on the PATH; on where not set.")
	a.Describe(&h.OS, "Settings of its operating system.")
	describeMachines(a, &h.Machines)
}

// Annotate documents the fields in the provider's schema.
func (o *HostOS) Annotate(a infer.Annotator) {
	a.SetToken("index", "HostOS")
	a.Describe(&o.OpenFiles, "Limit of open files of who logs in as a service's user; 100000 where not set, keep leaves the machine's own.")
	a.Describe(&o.MaxMapCount, "vm.max_map_count; 262144 where not set, keep leaves the machine's own.")
	a.Describe(&o.Swappiness, "vm.swappiness; 1 where not set, keep leaves the machine's own.")
	a.Describe(&o.TransparentHugePages, "always, madvise or never; madvise where not set, keep leaves the machine's own.")
}

func (o *HostOS) settings() host.OS {
	if o == nil {
		return host.OS{}
	}
	return host.OS{
		OpenFiles: value(o.OpenFiles), MaxMapCount: value(o.MaxMapCount),
		Swappiness: value(o.Swappiness), TransparentHugePages: value(o.TransparentHugePages),
	}
}

func describeMachines(a infer.Annotator, field *map[string]Shown) {
	a.Describe(field, "Computed: what each machine should be. A refresh puts here what each machine is.")
}

func (h *HostArgs) targets() (targets, problem.List) {
	var problems problem.List
	settings := h.OS.settings()
	settings.Validate("os", &problems)
	if len(problems) > 0 {
		return nil, problems
	}
	state := host.State(host.Spec{
		Cluster: h.Cluster, Machine: h.Machine, Architecture: value(h.Architecture), Java: or(h.Java, true), OS: settings,
	})
	return targets{h.Machine: {Host: h.Connection.host(h.Machine), State: state}}, nil
}

func (h *HostArgs) roster() *roster { return nil }

func (h *HostArgs) software() *software { return nil }

func (h *HostArgs) containers() []string {
	if value(h.Connection.Container) {
		return []string{h.Machine}
	}
	return nil
}

func (h *HostArgs) shown() *map[string]Shown { return &h.Machines }

func (h *HostArgs) dataGoes() bool { return false }
