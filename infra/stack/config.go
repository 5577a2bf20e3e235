// Package stack turns a Pulumi stack's config into the cluster it declares.
//
// Config is what a person writes under weir:cluster in Pulumi.<stack>.yaml.
// It is read strictly and as a whole: an unknown key, a wrong type, a missing
// value and a contradiction are all found before anything is touched, each
// with its path and what to write instead. What Parse returns is complete:
// defaults are filled in, paths are absolute, and names refer to what exists.
package stack

import (
	"time"

	"weir/provision/remote"
)

// Config is one cluster, as declared.
type Config struct {
	// Name owns the machines: a machine that belongs to another name is
	// refused. It is the stack's name unless it is given.
	Name string `yaml:"name"`
	// Machines is everything the cluster may run on; at least one.
	Machines   []Machine  `yaml:"machines"`
	SSH        SSH        `yaml:"ssh"`
	Containers Containers `yaml:"containers"`
	Java       Java       `yaml:"java"`
	OS         OS         `yaml:"os"`
	// ZooKeeper and Kafka are nil where the cluster has none.
	ZooKeeper *ZooKeeper `yaml:"zookeeper"`
	Kafka     *Kafka     `yaml:"kafka"`
	// Topics ends with those that the jobs imply.
	Topics []Topic `yaml:"topics"`
	Jobs   []Job   `yaml:"jobs"`

	// Secrets are the stack's secret keys; they are never part of weir:cluster.
	Secrets Secrets `yaml:"-"`
}

// Machine is one machine: one of your own, or a container that weir makes.
type Machine struct {
	// Name is a DNS label; every message calls the machine by it.
	Name string `yaml:"name"`
	// Address is how the other machines reach it: an IP address, or a DNS name.
	Address string `yaml:"address"`
	// Container has weir make the machine, on this computer, with that address.
	// Such a machine takes none of the settings below.
	Container bool `yaml:"container"`
	// Replaces names a machine that was listed before, and is not any more, whose
	// place this one takes: its ids in the ensemble and among the brokers are
	// this one's, and its replicas are rebuilt here. It may stay when that is done.
	Replaces string `yaml:"replaces"`
	// SSHAddress is where sshd listens when that is not Address.
	SSHAddress string `yaml:"sshAddress"`
	// Port and User take the place of those under ssh; 0 and "" do not.
	Port int    `yaml:"port"`
	User string `yaml:"user"`
	// HostKey pins the machine's public keys, one authorized_keys line each.
	HostKey string `yaml:"hostKey"`
	// Architecture is Go's name, amd64 or arm64; this computer's by default. A machine
	// that has another is refused.
	Architecture string `yaml:"architecture"`
}

// SSH is how to log in to the machines that are not containers.
type SSH struct {
	User string `yaml:"user"` // root by default
	Port int    `yaml:"port"` // 22 by default
	// PrivateKeyFile names a key; the secret sshPrivateKey holds one instead.
	PrivateKeyFile string `yaml:"privateKeyFile"`
	// PassphraseFile names a file whose first line opens an encrypted key; the
	// secret sshPassphrase holds it instead. Without either, ops asks at a terminal.
	PassphraseFile string `yaml:"passphraseFile"`
	// Agent offers the keys of the agent at $SSH_AUTH_SOCK, PrivateKeyFile's first.
	Agent bool `yaml:"agent"`
	// Config names an OpenSSH client's configuration, ~/.ssh/config mostly. What
	// is not said here is taken from it, for each machine by its sshAddress or
	// address, as what one would type behind ssh.
	Config string `yaml:"config"`
	// KnownHosts names a file in OpenSSH's format. Each machine needs it or
	// its own hostKey, unless InsecureIgnoreHostKey gives verification up.
	KnownHosts            string `yaml:"knownHosts"`
	InsecureIgnoreHostKey bool   `yaml:"insecureIgnoreHostKey"`
	// Jump is the machine through which the others are reached; nil is none.
	Jump *Jump `yaml:"jump"`

	// file is what Config names, once it was read.
	file *remote.SSHConfig `yaml:"-"`
}

// Jump is a machine that only passes connections on. What it leaves out is
// taken from SSH.
type Jump struct {
	Address        string `yaml:"address"`
	Port           int    `yaml:"port"`
	User           string `yaml:"user"`
	PrivateKeyFile string `yaml:"privateKeyFile"`
	HostKey        string `yaml:"hostKey"`
	// Jump is the machine through which this one is reached; nil is none.
	Jump *Jump `yaml:"jump"`
}

// Containers says how the machines that weir makes are made.
type Containers struct {
	// Subnet is their own network; the first address is the gateway's.
	Subnet string `yaml:"subnet"` // 172.30.77.0/24 by default
	// Memory limits each of them; 0 is no limit.
	Memory Bytes `yaml:"memory"`
}

// Java says whether machines without a Java runtime are given one.
type Java struct {
	// Install is true unless it is set.
	Install *bool `yaml:"install"`
}

// Wanted says whether a missing Java runtime is installed.
func (j Java) Wanted() bool { return j.Install == nil || *j.Install }

// OS is what is set in the operating system of each machine. `keep` leaves a
// setting as the machine has it. A container's kernel is the computer's: what
// is said here of the kernel is then not set.
type OS struct {
	// OpenFiles is the limit of open files of who logs in as a service's user, to
	// run Kafka's tools; the services have theirs from their units. 100000 by
	// default.
	OpenFiles Tunable `yaml:"openFiles"`
	// MaxMapCount is the kernel's vm.max_map_count: a broker takes two memory maps
	// for each log segment. 262144 by default.
	MaxMapCount Tunable `yaml:"maxMapCount"`
	// Swappiness is the kernel's vm.swappiness, 0 to 100: a broker that swaps
	// misses its session. 1 by default.
	Swappiness Tunable `yaml:"swappiness"`
	// TransparentHugePages is always, madvise or never: who gets huge pages
	// without asking, and may be stalled while memory is compacted for them.
	// madvise by default.
	TransparentHugePages Tunable `yaml:"transparentHugePages"`
	// SkipChecks names checks of `ops preflight` that are not made, as their owner
	// wants it that way: storage, memory, kernel, limits, clock or names.
	SkipChecks []string `yaml:"skipChecks"`
}

// ZooKeeper is the ensemble.
type ZooKeeper struct {
	// Members maps machines to their myid, 1 to 255; all machines, numbered
	// from 1 in their order, unless given.
	Members    map[string]int `yaml:"members"`
	ClientPort int            `yaml:"clientPort"` // 2181 by default
	// PeerPort is the leader's, for its followers; 2888 by default.
	PeerPort     int `yaml:"peerPort"`
	ElectionPort int `yaml:"electionPort"` // 3888 by default
	// TickTime is the unit of the limits below, in milliseconds; 2000 by default.
	TickTime int `yaml:"tickTime"`
	// InitLimit is how many ticks a follower may take to connect and catch up (5
	// by default), SyncLimit how many it may lag behind (2 by default).
	InitLimit int `yaml:"initLimit"`
	SyncLimit int `yaml:"syncLimit"` // See InitLimit.
	// Heap is the JVM's -Xmx, "256m"; "" is sized from the machine's memory.
	Heap string `yaml:"heap"`
	// JVMOptions take the place of the start script's choice of collector and
	// compiler: "-XX:+UseSerialGC -XX:TieredStopAtLevel=1" starts in half the
	// time and is slower at its peak.
	JVMOptions string `yaml:"jvmOptions"`
	// User runs the members: one who is there already, or one that is made. A
	// user of their own by default.
	User      string `yaml:"user"`
	ConfigDir string `yaml:"configDir"` // /etc/weir/zookeeper by default
	DataDir   string `yaml:"dataDir"`   // "" is the component's own
	// Plain keeps out of zookeeper.properties what is neither the article's nor
	// under config.
	Plain  bool     `yaml:"plain"`
	Config Settings `yaml:"config"`
	// Adopt lets each member take the place of one that was started by hand on
	// the same DataDir: that one is ended and its data handed over. It means
	// nothing where there is none.
	Adopt bool `yaml:"adopt"`
}

// Kafka is the brokers.
type Kafka struct {
	Version string `yaml:"version"` // 3.9.2 by default
	// Brokers maps machines to broker ids; all machines, numbered from 0 in
	// their order, unless given.
	Brokers map[string]int32 `yaml:"brokers"`
	Port    int              `yaml:"port"` // 9092 by default
	// Bind is 0.0.0.0 (or ::) for brokers that listen on all of their machine's
	// addresses; each on its own alone by default.
	Bind string `yaml:"bind"`
	// Chroot is the path in ZooKeeper below which the cluster keeps everything,
	// "/kafka"; the whole of it by default.
	Chroot string `yaml:"chroot"`
	// Heap is the JVM's -Xmx, "512m"; "" is sized from the machine's memory.
	Heap string `yaml:"heap"`
	// JVMOptions take the place of the start script's choice of collector and
	// compiler: "-XX:+UseSerialGC -XX:TieredStopAtLevel=1" starts in half the
	// time and is slower at its peak.
	JVMOptions string `yaml:"jvmOptions"`
	// User runs the brokers: one who is there already, or one that is made. A
	// user of their own by default.
	User      string `yaml:"user"`
	ConfigDir string `yaml:"configDir"` // /etc/weir/kafka by default
	DataDir   string `yaml:"dataDir"`   // "" is the component's own
	// Plain keeps out of the properties files what is neither the article's nor
	// under config: all else is as Kafka has it by default.
	Plain  bool     `yaml:"plain"`
	Config Settings `yaml:"config"`
	// Adopt lets each broker take the place of one that was started by hand on
	// the same DataDir: that one is ended and its data handed over. It means
	// nothing where there is none.
	Adopt bool `yaml:"adopt"`
	// DeleteData lets the removal of the cluster take its data along.
	DeleteData bool `yaml:"deleteData"`
	// Release names Apache's distribution instead of the locked one; nil does not.
	Release *Release `yaml:"release"`
}

// Release is a distribution by address and checksum.
type Release struct {
	// Archive is an https URL or the path of a .tgz file.
	Archive string `yaml:"archive"`
	// SHA256 is the archive's checksum, 64 hexadecimal digits.
	SHA256 string `yaml:"sha256"`
}

// Topic is a declared topic.
type Topic struct {
	Name       string `yaml:"name"`
	Partitions int32  `yaml:"partitions"` // 1 by default
	// ReplicationFactor is 3, or as many as there are brokers, by default.
	ReplicationFactor int16    `yaml:"replicationFactor"`
	Config            Settings `yaml:"config"`
	// DeleteData lets the removal of the topic take its messages along.
	DeleteData bool `yaml:"deleteData"`
	// ImpliedBy is the job that needs the topic where nobody declared it.
	ImpliedBy string `yaml:"-"`
}

// The kinds of job.
const (
	Producer   = "producer"
	Popularity = "popularity"
)

// Job is a program that runs on a machine of the cluster.
type Job struct {
	Name string `yaml:"name"`
	// Kind is Producer or Popularity.
	Kind    string `yaml:"kind"`
	Machine string `yaml:"machine"`
	// Topic is a producer's output, a calculator's input.
	Topic string `yaml:"topic"`
	// Interval is a producer's pause (5s by default), or how often a
	// calculator publishes (2s); 100ms to 1h.
	Interval Duration `yaml:"interval"`
	// Args are further flags of the program, without their dashes.
	Args Settings `yaml:"args"`
	// SnapshotTopic and DeadLetterTopic follow from Topic for a calculator.
	SnapshotTopic   string `yaml:"-"`
	DeadLetterTopic string `yaml:"-"`
}

// Settings are passed on as they are written; numbers and booleans need no quotes.
type Settings map[string]string

// Tunable is a value, or `keep`, which leaves the machine's own.
type Tunable string

// Duration is a length of time in Go's form, "5s" or "250ms".
type Duration time.Duration

// Bytes is an amount of memory: a number of bytes, or "512m", "2g".
type Bytes int64
