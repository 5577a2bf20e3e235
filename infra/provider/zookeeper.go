package provider

import (
	"context"

	"weir/provision/fleet"
	"weir/provision/problem"
	"weir/provision/remote"
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
type ZooKeeperMember struct{ Server }

// Annotate documents the fields in the provider's schema.
func (m *ZooKeeperMember) Annotate(a infer.Annotator) {
	a.SetToken("index", "ZooKeeperMember")
	m.describe(a, "Its myid, 1 to 255, unique for the ensemble's lifetime.", "the other members and the brokers")
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
	JavaService
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
	a.Describe(&z.Config, "Merged into zookeeper.properties.")
	z.JavaService.describe(a, zookeeper.Component, "member", "256m")
}

func (z *ZooKeeperArgs) servers() (all servers) {
	for i := range z.Members {
		all = append(all, &z.Members[i].Server)
	}
	return all
}

func (z *ZooKeeperArgs) roster() *roster { return z.servers().roster("members", &z.Retired) }

func (z *ZooKeeperArgs) software() *software { return z.Release.of(zookeeper.Component, &z.Digest) }

func (z *ZooKeeperArgs) spec() zookeeper.Spec {
	s := zookeeper.Spec{
		Cluster: z.Cluster, ClientPort: value(z.ClientPort), PeerPort: value(z.PeerPort), ElectionPort: value(z.ElectionPort),
		TickTime: value(z.TickTime), InitLimit: value(z.InitLimit), SyncLimit: value(z.SyncLimit), Adopt: value(z.Adopt), Heap: value(z.Heap), JVMOptions: value(z.JVMOptions), Config: z.Config,
		Layout: z.layout(), Plain: value(z.Plain), Release: z.software().release(),
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
	return z.servers().targets(states), nil
}

func (z *ZooKeeperArgs) containers() []string { return z.servers().containers() }

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
