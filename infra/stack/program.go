package stack

import (
	"encoding/json"
	"os"

	"weir/infra/weir"
	"weir/provision/inventory"
	"weir/provision/kafka"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi/config"
)

// Output is the stack's output that describes the cluster, an
// inventory.Cluster in JSON. It is a secret where it holds one.
const Output = "cluster"

// Program declares the resources of the selected stack. Its config is read and
// checked as a whole first: a mistake anywhere declares nothing.
func Program(ctx *pulumi.Context) error { return declare(ctx, ctx.RootDirectory()) }

// ProgramIn is Program for a project in root: a program that runs inside
// another process is not told where its project is.
func ProgramIn(root string) pulumi.RunFunc {
	return func(ctx *pulumi.Context) error { return declare(ctx, root) }
}

func declare(ctx *pulumi.Context, root string) error {
	cfg, err := load(ctx, root)
	if err != nil {
		return err
	}
	d := &declaration{ctx: ctx, cfg: cfg, root: root}
	d.cluster = cfg.Inventory(d.root)
	for _, step := range []func() error{d.machines, d.zookeeper, d.kafka, d.topics, d.jobs, d.output} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// load reads the stack's config through the SDK, so that `pulumi up` and
// `ops up` see the same.
func load(ctx *pulumi.Context, root string) (Config, error) {
	c := config.New(ctx, "")
	src := Source{Stack: ctx.Stack(), Root: root, Cluster: []byte(c.Get(keyCluster)), Exists: readable}
	src.Home, _ = os.UserHomeDir() // without one, a path with ~ is a problem of its own
	for _, key := range SecretKeys() {
		if v := c.Get(key); v != "" {
			src.Secrets.Put(key, NewSecret(v))
		}
	}
	return Parse(src)
}

func readable(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	_ = f.Close()
	return true
}

// declaration is a program under way: what was declared, for what depends on it.
type declaration struct {
	ctx     *pulumi.Context
	cfg     Config
	root    string
	cluster inventory.Cluster

	hosts    []pulumi.Resource
	made     map[string]pulumi.Resource // the containers, by machine
	ensemble *weir.ZooKeeper
	brokers  *weir.Kafka
	declared []pulumi.Resource // topics
}

// with says what a resource on machines waits for. It goes with its container:
// nobody has to tidy up a machine that is removed as a whole.
func (d *declaration) with(machine string, depends ...pulumi.Resource) []pulumi.ResourceOption {
	opts := []pulumi.ResourceOption{pulumi.DependsOn(depends)}
	if container, ok := d.made[machine]; ok {
		opts = append(opts, pulumi.DeletedWith(container))
	}
	return opts
}

func (d *declaration) machines() error {
	d.made = map[string]pulumi.Resource{}
	for i, m := range d.cfg.Machines {
		var depends []pulumi.Resource
		if m.Container {
			container, err := weir.NewMachine(d.ctx, m.Name, &weir.MachineArgs{
				Stack: pulumi.String(d.cfg.Name), Machine: pulumi.String(m.Name),
				Subnet: pulumi.String(d.cfg.Containers.Subnet), Address: pulumi.String(m.Address),
				KeysDir: pulumi.String(d.cfg.KeysDir(d.root)), Memory: pulumi.Int(int(d.cfg.Containers.Memory >> 20)),
			})
			if err != nil {
				return err
			}
			d.made[m.Name], depends = container, []pulumi.Resource{container}
		}
		host, err := weir.NewHost(d.ctx, m.Name, &weir.HostArgs{
			Cluster: pulumi.String(d.cfg.Name), Machine: pulumi.String(m.Name),
			Connection: d.connection(d.cluster.Machines[i]), Architecture: pulumi.String(m.architecture()),
			Java: pulumi.Bool(d.cfg.Java.Wanted()), Os: d.os(),
		}, d.with(m.Name, depends...)...)
		if err != nil {
			return err
		}
		d.hosts = append(d.hosts, host)
	}
	return nil
}

func (d *declaration) zookeeper() (err error) {
	z := d.cfg.ZooKeeper
	if z == nil {
		return nil
	}
	var members weir.ZooKeeperMemberArray
	first := ""
	for _, m := range d.cluster.Machines {
		id, ok := z.Members[m.Name]
		if !ok {
			continue
		}
		if first == "" {
			first = m.Name
		}
		members = append(members, weir.ZooKeeperMemberArgs{
			Machine: pulumi.String(m.Name), Id: pulumi.Int(id), Address: pulumi.String(m.Address), Connection: d.connection(m), Replaces: text(d.replaces(m.Name)),
		})
	}
	d.ensemble, err = weir.NewZooKeeper(d.ctx, "zookeeper", &weir.ZooKeeperArgs{
		Cluster: pulumi.String(d.cfg.Name), Members: members, ClientPort: pulumi.Int(z.ClientPort),
		PeerPort: pulumi.Int(z.PeerPort), ElectionPort: pulumi.Int(z.ElectionPort),
		TickTime: pulumi.Int(z.TickTime), InitLimit: pulumi.Int(z.InitLimit), SyncLimit: pulumi.Int(z.SyncLimit), Adopt: flag(z.Adopt),
		Heap: text(z.Heap), JvmOptions: text(z.JVMOptions), User: text(z.User), ConfigDir: text(z.ConfigDir), DataDir: text(z.DataDir), Plain: flag(z.Plain), Config: settings(z.Config),
		Release: d.release(), DeleteData: pulumi.Bool(d.deleteData()),
	}, d.with(first, d.hosts...)...)
	return err
}

// deleteData is said once, for the brokers, and holds for the ensemble that
// knows of nothing but them.
func (d *declaration) deleteData() bool { return d.cfg.Kafka != nil && d.cfg.Kafka.DeleteData }

func (d *declaration) kafka() (err error) {
	k := d.cfg.Kafka
	if k == nil {
		return nil
	}
	var brokers weir.KafkaBrokerArray
	first := ""
	for _, m := range d.cluster.Machines {
		id, ok := k.Brokers[m.Name]
		if !ok {
			continue
		}
		if first == "" {
			first = m.Name
		}
		brokers = append(brokers, weir.KafkaBrokerArgs{
			Machine: pulumi.String(m.Name), Id: pulumi.Int(int(id)), Address: pulumi.String(m.Address), Connection: d.connection(m), Replaces: text(d.replaces(m.Name)),
		})
	}
	d.brokers, err = weir.NewKafka(d.ctx, "kafka", &weir.KafkaArgs{
		Cluster: pulumi.String(d.cfg.Name), Brokers: brokers, Zookeeper: pulumi.ToStringArray(d.connect()),
		Port: pulumi.Int(k.Port), Bind: text(k.Bind), Chroot: text(k.Chroot), Adopt: flag(k.Adopt), Heap: text(k.Heap), JvmOptions: text(k.JVMOptions), User: text(k.User), ConfigDir: text(k.ConfigDir), DataDir: text(k.DataDir), Plain: flag(k.Plain), Config: settings(k.Config),
		Release: d.release(), DeleteData: pulumi.Bool(k.DeleteData),
	}, d.with(first, append(d.hosts[:len(d.hosts):len(d.hosts)], d.ensemble)...)...)
	return err
}

// replaces is the machine whose place a machine takes, or "".
func (d *declaration) replaces(name string) string {
	for _, m := range d.cfg.Machines {
		if m.Name == name {
			return m.Replaces
		}
	}
	return ""
}

func (d *declaration) topics() error {
	for _, t := range d.cfg.Topics {
		topic, err := weir.NewTopic(d.ctx, t.Name, &weir.TopicArgs{
			Brokers: d.brokerRefs(), KafkaVersion: pulumi.String(d.cfg.Kafka.Version), Zookeeper: d.registry(), Chroot: text(d.cfg.Kafka.Chroot), Name: pulumi.String(t.Name),
			Partitions: pulumi.Int(int(t.Partitions)), ReplicationFactor: pulumi.Int(int(t.ReplicationFactor)),
			Config: settings(t.Config), DeleteData: pulumi.Bool(t.DeleteData),
		}, pulumi.DependsOn([]pulumi.Resource{d.brokers}), pulumi.DeletedWith(d.brokers))
		if err != nil {
			return err
		}
		d.declared = append(d.declared, topic)
	}
	return nil
}

// registry is the ensemble, for versions whose topics are made there; nil for the others.
func (d *declaration) registry() pulumi.StringArrayInput {
	if v, _ := kafka.LookUp(d.cfg.Kafka.Version); v.Features.Has(kafka.AdminProtocol) {
		return nil
	}
	return pulumi.ToStringArray(d.connect())
}

func (d *declaration) jobs() error {
	for i, j := range d.cfg.Jobs {
		m, err := d.cluster.Machine(j.Machine)
		if err != nil {
			return err
		}
		args, err := d.cfg.jobFlags(i, d.cluster)
		if err != nil {
			return err
		}
		_, err = weir.NewJob(d.ctx, j.Name, &weir.JobArgs{
			Cluster: pulumi.String(d.cfg.Name), Name: pulumi.String(j.Name), Machine: pulumi.String(j.Machine),
			Connection: d.connection(m), Binary: pulumi.String(d.cfg.jobBinary(d.root, j)),
			Args: pulumi.ToStringArray(args), Ports: pulumi.ToIntArray([]int{metricsPort(i)}),
		}, d.with(j.Machine, d.declared...)...)
		if err != nil {
			return err
		}
	}
	return nil
}

// output says what there is and how to reach it, for ops and for other programs.
func (d *declaration) output() error {
	text, err := json.Marshal(d.cluster)
	if err != nil {
		return err
	}
	if d.cfg.Secrets == (Secrets{}) {
		d.ctx.Export(Output, pulumi.String(text))
		return nil
	}
	d.ctx.Export(Output, pulumi.ToSecret(pulumi.String(text)))
	return nil
}
