package provider

import (
	"fmt"

	"weir/provision/fleet"
	"weir/provision/layout"
	"weir/provision/machine"
	seats "weir/provision/roster"

	"github.com/pulumi/pulumi-go-provider/infer"
)

// Server is one broker, or one member of an ensemble, and its machine.
type Server struct {
	Machine    string     `pulumi:"machine"`
	ID         int        `pulumi:"id"`
	Address    string     `pulumi:"address"`
	Connection Connection `pulumi:"connection"`
	Replaces   *string    `pulumi:"replaces,optional"`
}

func (s *Server) describe(a infer.Annotator, id, clients string) {
	a.Describe(&s.Machine, "What messages call the machine.")
	a.Describe(&s.ID, id)
	a.Describe(&s.Address, fmt.Sprintf("How %s reach it.", clients))
	a.Describe(&s.Replaces, "The machine whose place, id and all, it takes.")
}

// JavaService is what brokers and members of an ensemble are declared with alike: both
// are Java programs of one release, with files, data and a user of their own.
type JavaService struct {
	Heap       *string           `pulumi:"heap,optional"`
	JVMOptions *string           `pulumi:"jvmOptions,optional"`
	User       *string           `pulumi:"user,optional"`
	ConfigDir  *string           `pulumi:"configDir,optional"`
	DataDir    *string           `pulumi:"dataDir,optional"`
	Plain      *bool             `pulumi:"plain,optional"`
	Config     map[string]string `pulumi:"config,optional"`
	Release    *Release          `pulumi:"release,optional"`
	Digest     *string           `pulumi:"digest,optional"`
	Adopt      *bool             `pulumi:"adopt,optional"`
	DeleteData *bool             `pulumi:"deleteData,optional"`
	Machines   map[string]Shown  `pulumi:"machines,optional"`
	Retired    []Retired         `pulumi:"retired,optional"`
}

// describe documents the fields: of a component, a server of which is called one.
func (j *JavaService) describe(a infer.Annotator, component, one, heap string) {
	a.Describe(&j.Heap, fmt.Sprintf("The JVM's heap, %s; sized from the machine's memory where not set.", heap))
	a.Describe(&j.JVMOptions, "In place of the start script's choice of collector and compiler.")
	a.Describe(&j.User, fmt.Sprintf("Who runs the %ss; a user of their own where not set.", one))
	a.Describe(&j.ConfigDir, fmt.Sprintf("Where the files of the configuration are; /etc/weir/%s where not set.", component))
	a.Describe(&j.DataDir, "Where data lives on every machine.")
	a.Describe(&j.Plain, "Leaves out of the files what is neither the article's nor in config.")
	a.Describe(&j.Release, "The software: a release of Kafka, which holds its ZooKeeper too.")
	describeDigest(a, &j.Digest)
	a.Describe(&j.Adopt, fmt.Sprintf("Lets each %s take the place of one that was started by hand on the same data directory.", one))
	a.Describe(&j.DeleteData, "Lets a delete take the data along.")
	describeMachines(a, &j.Machines)
	describeRetired(a, &j.Retired)
}

func (j *JavaService) layout() layout.Layout {
	return layout.Own(value(j.User), value(j.ConfigDir), value(j.DataDir))
}

func (j *JavaService) shown() *map[string]Shown { return &j.Machines }

func (j *JavaService) dataGoes() bool { return value(j.DeleteData) }

// servers are those of a component, in the order in which they were declared.
type servers []*Server

// roster says who has which id; at is the property that lists them.
func (ss servers) roster(at string, retired *[]Retired) *roster {
	r := &roster{at: at, retired: retired}
	for _, s := range ss {
		r.seats = append(r.seats, seats.Seat{ID: s.ID, Machine: s.Machine, Replaces: value(s.Replaces)})
	}
	return r
}

func (ss servers) targets(states map[string]machine.State) targets {
	ts := targets{}
	for _, s := range ss {
		ts[s.Machine] = fleet.Target{Host: s.Connection.host(s.Machine), State: states[s.Machine]}
	}
	return ts
}

func (ss servers) containers() []string {
	var names []string
	for _, s := range ss {
		if value(s.Connection.Container) {
			names = append(names, s.Machine)
		}
	}
	return names
}
