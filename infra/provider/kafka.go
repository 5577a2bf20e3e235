package provider

import (
	"context"
	"maps"
	"slices"
	"strings"

	"weir/provision/fleet"
	"weir/provision/health"
	"weir/provision/kafka"
	"weir/provision/machine"
	"weir/provision/problem"
	"weir/provision/zookeeper"

	"github.com/pulumi/pulumi-go-provider/infer"
)

// Kafka is the brokers of a cluster: one resource, because the safe order of a
// change, the controller last, is known only while it is made.
type Kafka struct {
	lifecycle[KafkaArgs, *KafkaArgs, KafkaState]
}

func newKafka(env *Env) *Kafka {
	return &Kafka{lifecycle[KafkaArgs, *KafkaArgs, KafkaState]{
		env: env,
		state: func(a KafkaArgs, seen Seen) KafkaState {
			return KafkaState{KafkaArgs: a, Seen: seen, Bootstrap: a.spec().Bootstrap()}
		},
		args:  func(s *KafkaState) *KafkaArgs { return &s.KafkaArgs },
		guard: guardBrokers,
		hint:  hintOpen,
	}}
}

// KafkaBroker is one broker and its machine.
type KafkaBroker struct{ Server }

// Annotate documents the fields in the provider's schema.
func (b *KafkaBroker) Annotate(a infer.Annotator) {
	a.SetToken("index", "KafkaBroker")
	b.describe(a, "Its broker.id, unique; its data carries it for ever.", "the other brokers and the clients")
}

// KafkaArgs are what a person declares of the brokers.
type KafkaArgs struct {
	Cluster string        `pulumi:"cluster"`
	Brokers []KafkaBroker `pulumi:"brokers"`
	// ZooKeeper are the ensemble's client addresses, host:port.
	ZooKeeper []string `pulumi:"zookeeper"`
	Port      *int     `pulumi:"port,optional"`
	Bind      *string  `pulumi:"bind,optional"`
	Chroot    *string  `pulumi:"chroot,optional"`
	JavaService
}

// KafkaState is what is known of the brokers.
type KafkaState struct {
	KafkaArgs
	Seen
	// Bootstrap are the brokers' client addresses.
	Bootstrap []string `pulumi:"bootstrap"`
}

var (
	_ infer.CustomCheck[KafkaArgs]              = &Kafka{}
	_ infer.CustomRead[KafkaArgs, KafkaState]   = &Kafka{}
	_ infer.CustomUpdate[KafkaArgs, KafkaState] = &Kafka{}
	_ infer.CustomDelete[KafkaState]            = &Kafka{}
)

// Annotate documents the resource in the provider's schema.
func (k *Kafka) Annotate(a infer.Annotator) {
	a.Describe(&k, "The brokers of a Kafka cluster. A change rolls them one at a time, the controller last.")
	a.SetToken("index", "Kafka")
}

// Annotate documents the fields in the provider's schema.
func (k *KafkaArgs) Annotate(a infer.Annotator) {
	a.Describe(&k.Cluster, "The cluster that owns the machines.")
	a.Describe(&k.Brokers, "The brokers, one a machine.")
	a.Describe(&k.ZooKeeper, "The ensemble's client addresses, host:port.")
	a.Describe(&k.Port, "The listener's port; 9092 where not set.")
	a.Describe(&k.Bind, "0.0.0.0 or :: to listen on all of a machine's addresses; each broker on its own where not set.")
	a.Describe(&k.Chroot, "The path in ZooKeeper below which the cluster keeps everything; the whole of it where not set.")
	a.Describe(&k.Config, "Merged into server.properties.")
	k.JavaService.describe(a, kafka.Component, "broker", "512m")
}

func (k *KafkaArgs) servers() (all servers) {
	for i := range k.Brokers {
		all = append(all, &k.Brokers[i].Server)
	}
	return all
}

func (k *KafkaArgs) roster() *roster { return k.servers().roster("brokers", &k.Retired) }

func (k *KafkaArgs) software() *software { return k.Release.of(kafka.Component, &k.Digest) }

func (k *KafkaArgs) spec() kafka.Spec {
	s := kafka.Spec{
		Cluster: k.Cluster, Version: k.software().version, ZooKeeper: k.ZooKeeper, Chroot: value(k.Chroot), Adopt: value(k.Adopt), Heap: value(k.Heap), JVMOptions: value(k.JVMOptions), Config: k.Config,
		Layout: k.layout(), Plain: value(k.Plain), Release: k.software().release(),
	}
	if k.Port != nil {
		s.Listeners = []kafka.Listener{{Name: kafka.Plaintext, Protocol: kafka.Plaintext, Port: *k.Port}}
	}
	for _, b := range k.Brokers {
		s.Brokers = append(s.Brokers, kafka.Broker{Machine: b.Machine, ID: int32(b.ID), Address: b.Address, Bind: value(k.Bind), After: k.after(b)})
	}
	return s.WithDefaults()
}

// after names the units that a broker waits for when its machine boots.
func (k *KafkaArgs) after(b KafkaBroker) []string {
	for _, z := range k.ZooKeeper {
		if strings.HasPrefix(z, b.Address+":") || strings.HasPrefix(z, "["+b.Address+"]:") {
			return []string{zookeeper.Unit}
		}
	}
	return nil
}

func (k *KafkaArgs) targets() (targets, problem.List) {
	spec := k.spec()
	if problems := kafka.Validate(spec); len(problems) > 0 {
		return nil, problems
	}
	states, err := kafka.States(spec)
	if err != nil {
		return nil, problem.List{{Message: err.Error()}}
	}
	return k.servers().targets(states), nil
}

func (k *KafkaArgs) containers() []string { return k.servers().containers() }

// hintOpen says what everybody should know who brings up brokers without a lock.
func hintOpen(k *KafkaArgs) string {
	if !k.spec().Open() {
		return ""
	}
	return "the brokers listen in plain text and ask nobody who he is: keep their port inside a network you trust"
}

// guardBrokers asks the cluster itself.
func guardBrokers(ctx context.Context, env *Env, k, was *KafkaArgs, leaving map[string]fleet.Leaver) (fleet.Guard, error) {
	spec := k.spec()
	admin, err := env.admin(spec.Version, brokerRefs(k.Brokers, spec), k.ZooKeeper, spec.Chroot)
	if err != nil {
		return nil, err
	}
	brokers := map[string]int32{}
	for _, b := range spec.Brokers {
		brokers[b.Machine] = b.ID
	}
	tell := func(machine string, f health.Findings) { warn(ctx, machine+": "+f.Err().Error()) }
	taken := func(name string, settings map[string]string) {
		for _, step := range settingSteps(settings) {
			steps(ctx)(machine.Event{Machine: name, Step: step})
		}
	}
	back := func(name string, settings []string) {
		for _, step := range withdrawalSteps(settings) {
			steps(ctx)(machine.Event{Machine: name, Step: step})
		}
	}
	leavers, withdrawn := map[string]kafka.Leaver{}, map[int32][]string{}
	if was != nil {
		old := was.spec()
		withdrawn = kafka.Withdrawn(old, spec)
		for _, b := range old.Brokers {
			if l, ok := leaving[b.Machine]; ok {
				leavers[b.Machine] = kafka.Leaver{ID: b.ID, Address: old.ClientAddress(b), Replaced: l.Replaced}
			}
		}
	}
	return brokerGuard{kafka.Roll{
		Admin: admin, Brokers: brokers, Leaving: leavers, Dynamic: kafka.Dynamic(spec), Withdrawn: withdrawn,
		Warn: tell, Reconfigured: taken, TakenBack: back,
	}}, nil
}

// brokerGuard ends a change by giving partitions back to their preferred leaders.
type brokerGuard struct{ kafka.Roll }

func (g brokerGuard) Healthy(ctx context.Context) error { return g.Finish(ctx) }

// Foretell says which settings the running brokers will be told.
func (g brokerGuard) Foretell(ctx context.Context, restarted []string) (map[string][]machine.Step, error) {
	outdated, err := g.Outdated(ctx, restarted)
	all := map[string][]machine.Step{}
	for name, settings := range outdated {
		all[name] = settingSteps(settings)
	}
	if err != nil {
		return all, err
	}
	outlived, err := g.Outlived(ctx)
	for name, settings := range outlived {
		all[name] = append(all[name], withdrawalSteps(settings)...)
	}
	return all, err
}

// withdrawalSteps are the steps that have a running broker forget settings.
func withdrawalSteps(settings []string) []machine.Step {
	var all []machine.Step
	for _, k := range settings {
		all = append(all, machine.Step{
			Phase: machine.Finish, Action: machine.Remove, Kind: "setting", Target: k, Detail: "as the running broker was told it",
		})
	}
	return all
}

func settingSteps(settings map[string]string) []machine.Step {
	var all []machine.Step
	for _, k := range slices.Sorted(maps.Keys(settings)) {
		all = append(all, machine.Step{
			Phase: machine.Finish, Action: machine.Change, Kind: "setting", Target: k, Detail: "to " + settings[k] + ", on the running broker",
		})
	}
	return all
}

// BrokerRef is a broker's client address and how to reach its machine where
// the address itself is out of reach.
type BrokerRef struct {
	Machine    string     `pulumi:"machine"`
	Address    string     `pulumi:"address"`
	Connection Connection `pulumi:"connection"`
}

// Annotate documents the fields in the provider's schema.
func (b *BrokerRef) Annotate(a infer.Annotator) {
	a.SetToken("index", "BrokerRef")
	a.Describe(&b.Machine, "What messages call the machine.")
	a.Describe(&b.Address, "The broker's client address, host:port.")
}

func brokerRefs(brokers []KafkaBroker, spec kafka.Spec) []BrokerRef {
	refs := make([]BrokerRef, len(brokers))
	for i, address := range spec.Bootstrap() {
		refs[i] = BrokerRef{Machine: brokers[i].Machine, Address: address, Connection: brokers[i].Connection}
	}
	return refs
}
