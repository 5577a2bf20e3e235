package provider

import (
	"context"

	"weir/provision/fleet"
	"weir/provision/layout"
	"weir/provision/problem"
	"weir/provision/remote"
	seats "weir/provision/roster"
	"weir/provision/zookeeper"

	"github.com/pulumi/pulumi-go-provider/infer"
)

// ZooKeeper is an ensemble on machines.
type ZooKeeper struct {
	lifecycle[ZooKeeperArgs, *ZooKeeperArgs, ZooKeeperState]
}

func newZooKeeper(env *Env) *ZooKeeper {
	return &ZooKeeper{lifecycle[ZooKeeperArgs, *ZooKeeperArgs, ZooKeeperState]{
		env: env,
		state: func(a ZooKeeperArgs, seen Seen) ZooKeeperState {
			return ZooKeeperState{ZooKeeperArgs: a, Seen: seen, Connect: a.spec().Connect()}
		},
		args:  func(s *ZooKeeperState) *ZooKeeperArgs { return &s.ZooKeeperArgs },
		guard: guardEnsemble,
	}}
}

// ZooKeeperMember is one server of an ensemble.
type ZooKeeperMember struct {
	Machine    string     `pulumi:"machine"`
	ID         int        `pulumi:"id"`
	Address    string     `pulumi:"address"`
	Connection Connection `pulumi:"connection"`
	Replaces   *string    `pulumi:"replaces,optional"`
}

// Annotate documents the fields in the provider's schema.
func (m *ZooKeeperMember) Annotate(a infer.Annotator) {
	a.SetToken("index", "ZooKeeperMember")
	a.Describe(&m.Machine, "What messages call the machine.")
	a.Describe(&m.ID, "Its myid, 1 to 255, unique for the ensemble's lifetime.")
	a.Describe(&m.Address, "How the other members and the brokers reach it.")
	a.Describe(&m.Replaces, "The machine whose place, id and all, it takes.")
}

// ZooKeeperArgs are what a person declares of an ensemble.
type ZooKeeperArgs struct {
	Cluster      string            `pulumi:"cluster"`
	Members      []ZooKeeperMember `pulumi:"members"`
	ClientPort   *int              `pulumi:"clientPort,optional"`
	PeerPort     *int              `pulumi:"peerPort,optional"`
	ElectionPort *int              `pulumi:"electionPort,optional"`
	TickTime     *int              `pulumi:"tickTime,optional"`
	InitLimit    *int              `pulumi:"initLimit,optional"`
	SyncLimit    *int              `pulumi:"syncLimit,optional"`
	Heap         *string           `pulumi:"heap,optional"`
	JVMOptions   *string           `pulumi:"jvmOptions,optional"`
	User         *string           `pulumi:"user,optional"`
	ConfigDir    *string           `pulumi:"configDir,optional"`
	DataDir      *string           `pulumi:"dataDir,optional"`
	Plain        *bool             `pulumi:"plain,optional"`
	Config       map[string]string `pulumi:"config,optional"`
	Release      *Release          `pulumi:"release,optional"`
	Digest       *string           `pulumi:"digest,optional"`
	Adopt        *bool             `pulumi:"adopt,optional"`
	DeleteData   *bool             `pulumi:"deleteData,optional"`
	Machines     map[string]Shown  `pulumi:"machines,optional"`
	Retired      []Retired         `pulumi:"retired,optional"`
}

// ZooKeeperState is what is known of an ensemble.
type ZooKeeperState struct {
	ZooKeeperArgs
	Seen
	// Connect are the members' client addresses.
	Connect []string `pulumi:"connect"`
}

var (
	_ infer.CustomCheck[ZooKeeperArgs]                  = &ZooKeeper{}
	_ infer.CustomRead[ZooKeeperArgs, ZooKeeperState]   = &ZooKeeper{}
	_ infer.CustomUpdate[ZooKeeperArgs, ZooKeeperState] = &ZooKeeper{}
	_ infer.CustomDelete[ZooKeeperState]                = &ZooKeeper{}
)

// Annotate documents the resource in the provider's schema.
func (z *ZooKeeper) Annotate(a infer.Annotator) {
	a.Describe(&z, "A ZooKeeper ensemble. A change rolls it one member at a time, the leader last.")
	a.SetToken("index", "ZooKeeper")
}

// Annotate documents the fields in the provider's schema.
func (z *ZooKeeperArgs) Annotate(a infer.Annotator) {
	a.Describe(&z.Cluster, "The cluster that owns the machines.")
	a.Describe(&z.Members, "The ensemble's servers, one a machine.")
	a.Describe(&z.ClientPort, "Where clients connect; 2181 where not set.")
	a.Describe(&z.PeerPort, "Where followers connect to the leader; 2888 where not set.")
	a.Describe(&z.ElectionPort, "Where members elect a leader; 3888 where not set.")
	a.Describe(&z.TickTime, "The unit of the limits, in milliseconds; 2000 where not set.")
	a.Describe(&z.InitLimit, "Ticks that a follower may take to connect and catch up; 5 where not set.")
	a.Describe(&z.SyncLimit, "Ticks that a follower may lag behind; 2 where not set.")
	a.Describe(&z.Heap, "The JVM's heap, 256m; sized from the machine's memory where not set.")
	a.Describe(&z.JVMOptions, "In place of the start script's choice of collector and compiler.")
	a.Describe(&z.User, "Who runs the members; a user of their own where not set.")
	a.Describe(&z.ConfigDir, "Where the files of the configuration are; /etc/weir/zookeeper where not set.")
	a.Describe(&z.Plain, "Leaves out of the files what is neither the article's nor in config.")
	a.Describe(&z.DataDir, "Where data lives on every machine.")
	a.Describe(&z.Config, "Merged into zookeeper.properties.")
	a.Describe(&z.Release, "The software: a release of Kafka holds its ZooKeeper.")
	describeDigest(a, &z.Digest)
	a.Describe(&z.Adopt, "Lets each member take the place of one that was started by hand on the same data directory.")
	a.Describe(&z.DeleteData, "Lets a delete take the data along.")
	describeMachines(a, &z.Machines)
	describeRetired(a, &z.Retired)
}

func (z *ZooKeeperArgs) roster() *roster {
	r := &roster{at: "members", retired: &z.Retired}
	for _, m := range z.Members {
		r.seats = append(r.seats, seats.Seat{ID: m.ID, Machine: m.Machine, Replaces: value(m.Replaces)})
	}
	return r
}

func (z *ZooKeeperArgs) software() *software { return z.Release.of(zookeeper.Component, &z.Digest) }

func (z *ZooKeeperArgs) spec() zookeeper.Spec {
	s := zookeeper.Spec{
		Cluster: z.Cluster, ClientPort: value(z.ClientPort), PeerPort: value(z.PeerPort), ElectionPort: value(z.ElectionPort),
		TickTime: value(z.TickTime), InitLimit: value(z.InitLimit), SyncLimit: value(z.SyncLimit), Adopt: value(z.Adopt), Heap: value(z.Heap), JVMOptions: value(z.JVMOptions), Config: z.Config,
		Layout: layout.Own(value(z.User), value(z.ConfigDir), value(z.DataDir)), Plain: value(z.Plain), Release: z.software().release(),
	}
	for _, m := range z.Members {
		s.Members = append(s.Members, zookeeper.Member{Machine: m.Machine, ID: m.ID, Address: m.Address})
	}
	return s.WithDefaults()
}

func (z *ZooKeeperArgs) targets() (targets, problem.List) {
	spec := z.spec()
	if problems := zookeeper.Validate(spec); len(problems) > 0 {
		return nil, problems
	}
	states, err := zookeeper.States(spec)
	if err != nil {
		return nil, problem.List{{Message: err.Error()}}
	}
	ts := targets{}
	for _, m := range z.Members {
		ts[m.Machine] = fleet.Target{Host: m.Connection.host(m.Machine), State: states[m.Machine]}
	}
	return ts, nil
}

func (z *ZooKeeperArgs) containers() []string {
	var names []string
	for _, m := range z.Members {
		if value(m.Connection.Container) {
			names = append(names, m.Machine)
		}
	}
	return names
}

func (z *ZooKeeperArgs) shown() *map[string]Shown { return &z.Machines }

func (z *ZooKeeperArgs) dataGoes() bool { return value(z.DeleteData) }

// guardEnsemble asks each member through its own machine.
func guardEnsemble(_ context.Context, env *Env, z, was *ZooKeeperArgs, leaving map[string]fleet.Leaver) (fleet.Guard, error) {
	spec := z.spec()
	hosts := map[string]remote.Host{}
	for _, m := range z.Members {
		hosts[m.Machine] = m.Connection.host(m.Machine)
	}
	var leavers []zookeeper.Leaver
	if was != nil {
		for _, m := range was.Members {
			if l, ok := leaving[m.Machine]; ok {
				hosts[m.Machine] = m.Connection.host(m.Machine)
				leavers = append(leavers, zookeeper.Leaver{
					Member: zookeeper.Member{Machine: m.Machine, ID: m.ID, Address: m.Address}, Replaced: l.Replaced,
				})
			}
		}
	}
	return zookeeper.Ensemble{
		Members: spec.Members, ClientPort: spec.ClientPort, Leaving: leavers,
		Dialer: func(machine string) remote.Dialer { return env.Fleet.Pool.On(hosts[machine]) },
	}, nil
}
