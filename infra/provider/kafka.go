package provider

import (
	"context"
	"net"
	"strings"

	"weir/provision/fleet"
	"weir/provision/health"
	"weir/provision/kafka"
	"weir/provision/layout"
	"weir/provision/problem"
	"weir/provision/remote"
	"weir/provision/zookeeper"

	p "github.com/pulumi/pulumi-go-provider"
	"github.com/pulumi/pulumi-go-provider/infer"
)

// Kafka is the brokers of a cluster: one resource, because the safe order of a
// change, the controller last, is known only while it is made.
type Kafka struct{ env *Env }

// KafkaBroker is one broker and its machine.
type KafkaBroker struct {
	Machine    string     `pulumi:"machine"`
	ID         int        `pulumi:"id"`
	Address    string     `pulumi:"address"`
	Connection Connection `pulumi:"connection"`
}

// Annotate documents the fields in the provider's schema.
func (b *KafkaBroker) Annotate(a infer.Annotator) {
	a.SetToken("index", "KafkaBroker")
	a.Describe(&b.Machine, "What messages call the machine.")
	a.Describe(&b.ID, "Its broker.id, unique; its data carries it for ever.")
	a.Describe(&b.Address, "How the other brokers and the clients reach it.")
}

// KafkaArgs are what a person declares of the brokers.
type KafkaArgs struct {
	Cluster string        `pulumi:"cluster"`
	Brokers []KafkaBroker `pulumi:"brokers"`
	// ZooKeeper are the ensemble's client addresses, host:port.
	ZooKeeper  []string          `pulumi:"zookeeper"`
	Port       *int              `pulumi:"port,optional"`
	Heap       *string           `pulumi:"heap,optional"`
	JVMOptions *string           `pulumi:"jvmOptions,optional"`
	DataDir    *string           `pulumi:"dataDir,optional"`
	Config     map[string]string `pulumi:"config,optional"`
	Release    *Release          `pulumi:"release,optional"`
	Digest     *string           `pulumi:"digest,optional"`
	DeleteData *bool             `pulumi:"deleteData,optional"`
	Machines   map[string]Shown  `pulumi:"machines,optional"`
}

// KafkaState is what is known of the brokers.
type KafkaState struct {
	KafkaArgs
	// Bootstrap are the brokers' client addresses.
	Bootstrap []string `pulumi:"bootstrap"`
}

var (
	_ infer.CustomCheck[KafkaArgs]              = Kafka{}
	_ infer.CustomRead[KafkaArgs, KafkaState]   = Kafka{}
	_ infer.CustomUpdate[KafkaArgs, KafkaState] = Kafka{}
	_ infer.CustomDelete[KafkaState]            = Kafka{}
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
	a.Describe(&k.Heap, "The JVM's heap, 512m; sized from the machine's memory where not set.")
	a.Describe(&k.JVMOptions, "In place of the start script's choice of collector and compiler.")
	a.Describe(&k.DataDir, "Where data lives on every machine.")
	a.Describe(&k.Config, "Merged into server.properties.")
	a.Describe(&k.Release, "The software.")
	describeDigest(a, &k.Digest)
	a.Describe(&k.DeleteData, "Lets a delete take the data along.")
	describeMachines(a, &k.Machines)
}

func (k *KafkaArgs) software() *software { return k.Release.of(kafka.Component, &k.Digest) }

func (k *KafkaArgs) spec() kafka.Spec {
	s := kafka.Spec{
		Cluster: k.Cluster, Version: k.software().version, ZooKeeper: k.ZooKeeper, Heap: value(k.Heap), JVMOptions: value(k.JVMOptions), Config: k.Config,
		Layout: layout.Layout{DataDir: value(k.DataDir)}, Release: k.software().release(),
	}
	if k.Port != nil {
		s.Listeners = []kafka.Listener{{Name: kafka.Plaintext, Protocol: kafka.Plaintext, Port: *k.Port}}
	}
	for _, b := range k.Brokers {
		s.Brokers = append(s.Brokers, kafka.Broker{Machine: b.Machine, ID: int32(b.ID), Address: b.Address, After: k.after(b)})
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
	ts := targets{}
	for _, b := range k.Brokers {
		ts[b.Machine] = fleet.Target{Host: b.Connection.host(b.Machine), State: states[b.Machine]}
	}
	return ts, nil
}

func (k *KafkaArgs) containers() []string {
	var names []string
	for _, b := range k.Brokers {
		if value(b.Connection.Container) {
			names = append(names, b.Machine)
		}
	}
	return names
}

func (k *KafkaArgs) shown() *map[string]Shown { return &k.Machines }

// Check validates the brokers and renders what their machines should be.
func (k Kafka) Check(ctx context.Context, req infer.CheckRequest) (infer.CheckResponse[KafkaArgs], error) {
	return check[KafkaArgs](ctx, k.env, req)
}

func (k KafkaArgs) state() KafkaState {
	return KafkaState{KafkaArgs: k, Bootstrap: k.spec().Bootstrap()}
}

// Create installs the brokers, or adopts what a killed run left.
func (k Kafka) Create(ctx context.Context, req infer.CreateRequest[KafkaArgs]) (infer.CreateResponse[KafkaState], error) {
	res := infer.CreateResponse[KafkaState]{ID: req.Name, Output: req.Inputs.state()}
	if req.DryRun {
		return res, k.env.preview(ctx, &req.Inputs)
	}
	return res, k.roll(ctx, req.Inputs)
}

// Update makes the machines what they should be, one broker at a time.
func (k Kafka) Update(ctx context.Context, req infer.UpdateRequest[KafkaArgs, KafkaState]) (infer.UpdateResponse[KafkaState], error) {
	res := infer.UpdateResponse[KafkaState]{Output: req.Inputs.state()}
	if req.DryRun {
		return res, nil
	}
	return res, k.roll(ctx, req.Inputs)
}

func (k Kafka) roll(ctx context.Context, a KafkaArgs) error {
	spec := a.spec()
	if spec.Open() {
		p.GetLogger(ctx).Warning("the brokers listen in plain text and ask nobody who he is: keep their port inside a network you trust")
	}
	admin, err := k.env.admin(spec.Version, brokerRefs(a.Brokers, spec))
	if err != nil {
		return err
	}
	defer admin.Close()
	brokers := map[string]int32{}
	for _, b := range spec.Brokers {
		brokers[b.Machine] = b.ID
	}
	return k.env.apply(ctx, &a, fleet.Change{Guard: kafka.Roll{Admin: admin, Brokers: brokers, Warn: k.warn(ctx)}})
}

// warn tells what a roll disturbs although it is allowed to.
func (k Kafka) warn(ctx context.Context) func(string, health.Findings) {
	log := p.GetLogger(ctx)
	return func(machine string, f health.Findings) { log.Warning(machine + ": " + f.Err().Error()) }
}

// Read looks at the machines.
func (k Kafka) Read(ctx context.Context, req infer.ReadRequest[KafkaArgs, KafkaState]) (infer.ReadResponse[KafkaArgs, KafkaState], error) {
	a := req.Inputs
	err := k.env.read(ctx, &a)
	return infer.ReadResponse[KafkaArgs, KafkaState]{ID: req.ID, Inputs: a, State: a.state()}, err
}

// Delete stops the brokers and removes their files; data stays unless deleteData.
func (k Kafka) Delete(ctx context.Context, req infer.DeleteRequest[KafkaState]) (infer.DeleteResponse, error) {
	return infer.DeleteResponse{}, k.env.remove(ctx, &req.State.KafkaArgs, value(req.State.DeleteData))
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

// admin opens an administrative client that goes through the machines' SSH
// connections where the brokers' addresses cannot be reached directly.
func (e *Env) admin(version string, brokers []BrokerRef) (*kafka.Admin, error) {
	var bootstrap []string
	var ways []remote.Dialer
	for _, b := range brokers {
		bootstrap = append(bootstrap, b.Address)
		ways = append(ways, e.Fleet.Pool.On(b.Connection.host(b.Machine)))
	}
	v, _ := kafka.LookUp(version) // Validate has refused what is not in the table
	return kafka.NewAdmin(bootstrap, v, remote.Via(&net.Dialer{}, ways...))
}
