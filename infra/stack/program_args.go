package stack

import (
	"cmp"
	"fmt"
	"maps"
	"net"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"weir/infra/weir"
	"weir/provision/host"
	"weir/provision/inventory"
	"weir/provision/kafka"
	"weir/provision/release"
	"weir/provision/remote"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// connection turns a machine's host into a resource's input, keys and passwords secret.
func (d *declaration) connection(m inventory.Machine) weir.ConnectionArgs {
	c := connection(m.Host)
	_, container := d.made[m.Name]
	c.Container = flag(container)
	return c
}

func connection(h remote.Host) weir.ConnectionArgs {
	c := weir.ConnectionArgs{
		Address: pulumi.String(h.Address), Port: number(h.Port), User: text(h.User),
		PrivateKey: secret(h.PrivateKey), PrivateKeyFile: text(h.PrivateKeyFile),
		Passphrase: secret(h.Passphrase), PassphraseFile: text(h.PassphraseFile),
		Password: secret(h.Password), Agent: flag(h.Agent), AgentSocket: text(h.AgentSocket), IdentitiesOnly: flag(h.IdentitiesOnly),
		HostKey: text(h.HostKey), KnownHosts: text(h.KnownHosts), HostKeyAlias: text(h.HostKeyAlias),
		InsecureIgnoreHostKey: flag(h.InsecureIgnoreHostKey), SudoPassword: secret(h.SudoPassword),
	}
	if h.Jump != nil {
		c.Jump = connection(*h.Jump)
	}
	return c
}

// What is not set is left out, so that a diff shows only what somebody wrote.

func text(s string) pulumi.StringPtrInput {
	if s == "" {
		return nil
	}
	return pulumi.StringPtr(s)
}

func secret(s string) pulumi.StringPtrInput {
	if s == "" {
		return nil
	}
	return pulumi.ToSecret(pulumi.StringPtr(s)).(pulumi.StringPtrOutput)
}

func number(n int) pulumi.IntPtrInput {
	if n == 0 {
		return nil
	}
	return pulumi.IntPtr(n)
}

func flag(b bool) pulumi.BoolPtrInput {
	if !b {
		return nil
	}
	return pulumi.BoolPtr(b)
}

func settings(s Settings) pulumi.StringMapInput {
	if len(s) == 0 {
		return nil
	}
	return pulumi.ToStringMap(s)
}

// os leaves the argument out where nothing is set in the config.
func (d *declaration) os() weir.HostOSPtrInput {
	o := d.cfg.OS
	if o.host() == (host.OS{}) {
		return nil
	}
	return weir.HostOSArgs{
		OpenFiles: text(string(o.OpenFiles)), MaxMapCount: text(string(o.MaxMapCount)),
		Swappiness: text(string(o.Swappiness)), TransparentHugePages: text(string(o.TransparentHugePages)),
	}
}

func (d *declaration) release() weir.ReleasePtrInput {
	k := d.cfg.Kafka
	if k == nil {
		return nil
	}
	r := weir.ReleaseArgs{Version: text(k.Version)}
	if k.Release != nil {
		r.Archive, r.Sha256 = text(k.Release.Archive), text(k.Release.SHA256)
	}
	return r
}

// connect are the ensemble's client addresses.
func (d *declaration) connect() []string {
	var addresses []string
	for _, m := range d.cluster.Machines {
		if _, ok := d.cluster.ZooKeeper.Members[m.Name]; ok {
			addresses = append(addresses, net.JoinHostPort(m.Address, strconv.Itoa(d.cluster.ZooKeeper.ClientPort)))
		}
	}
	return addresses
}

func (d *declaration) brokerRefs() weir.BrokerRefArray {
	var refs weir.BrokerRefArray
	for _, m := range d.cluster.Machines {
		if _, ok := d.cluster.Kafka.Brokers[m.Name]; ok {
			refs = append(refs, weir.BrokerRefArgs{
				Machine: pulumi.String(m.Name), Connection: d.connection(m),
				Address: pulumi.String(net.JoinHostPort(m.Address, strconv.Itoa(d.cluster.Kafka.Port))),
			})
		}
	}
	return refs
}

// architecture is what is declared, or else this computer's: the host refuses
// the machine where that is wrong, and says what to write.
func (m Machine) architecture() string { return cmp.Or(m.Architecture, runtime.GOARCH) }

// jobBinary is where `make build` puts the program for the job's machine, or
// where `ops fetch` has put a copy of it.
func (c Config) jobBinary(root string, j Job) string {
	name := c.jobProgram(j)
	built := filepath.Join(root, "bin", name)
	if readable(built) {
		return built
	}
	for _, dir := range release.DefaultSources() {
		if fetched := filepath.Join(dir, name); readable(fetched) {
			return fetched
		}
	}
	return built // what needs it says that it is not there
}

// jobProgram is a job's program below the directories that hold some.
func (c Config) jobProgram(j Job) string {
	arch := runtime.GOARCH
	for _, m := range c.Machines {
		if m.Name == j.Machine {
			arch = m.architecture()
		}
	}
	return filepath.Join("jobs", "linux-"+arch, "weir-"+j.Kind)
}

// JobBinaries are the programs of the stack's jobs on this computer, by their
// place in a directory that `ops fetch` fills. root is the project's directory.
func (c Config) JobBinaries(root string) map[string]string {
	binaries := map[string]string{}
	for _, j := range c.Jobs {
		binaries[c.jobProgram(j)] = c.jobBinary(root, j)
	}
	return binaries
}

// KafkaRelease is the lock of the software that brokers and ensemble run on.
func (c Config) KafkaRelease() (release.Lock, error) {
	if r := c.Kafka.Release; r != nil {
		return kafka.ReleaseFrom(c.Kafka.Version, r.Archive, r.SHA256)
	}
	return kafka.Release(c.Kafka.Version)
}

// firstMetricsPort is the first job's; each further job has the next.
const firstMetricsPort = 9401

func metricsPort(index int) int { return firstMetricsPort + index }

func metricsAddress(index int) string {
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(metricsPort(index)))
}

// jobFlags are the program's flags: what follows from the cluster, then what a
// person wrote under args, which must not say it again.
func (c Config) jobFlags(index int, cluster inventory.Cluster) ([]string, error) {
	j := c.Jobs[index]
	managed := map[string]string{
		"bootstrap-server": strings.Join(cluster.Bootstrap(), ","),
		"topic":            j.Topic,
		"interval":         time.Duration(j.Interval).String(),
		"metrics-address":  metricsAddress(index),
	}
	if j.Kind == Popularity {
		managed["snapshot-topic"], managed["dead-letter-topic"] = j.SnapshotTopic, j.DeadLetterTopic
		managed["state-dir"] = "/var/lib/weir/jobs/" + j.Name + "/state"
	}
	if v, _ := kafka.LookUp(c.Kafka.Version); !v.Negotiates {
		managed["kafka-version"] = v.Name
	}
	for key := range j.Args {
		if _, taken := managed[key]; taken {
			return nil, fmt.Errorf("jobs[%d].args.%s: is set by weir; leave it out", index, key)
		}
	}
	flags := make([]string, 0, len(managed)+len(j.Args))
	for _, set := range []map[string]string{managed, j.Args} {
		for _, key := range slices.Sorted(maps.Keys(set)) {
			flags = append(flags, "--"+key+"="+set[key])
		}
	}
	return flags, nil
}
