package machine

import "io/fs"

// State is what one component wants to be true of one machine: a plain value,
// made by pure functions, compared and shown without touching anything.
// Fields are slices in the order in which they are applied.
type State struct {
	// Cluster owns the machine; a machine that belongs to another is refused.
	Cluster string
	// Component owns what is listed here, and only that: "host", "zookeeper",
	// "kafka", "job-producer". The manifest on the machine is kept per component.
	Component string
	// Machine is the name that the machine is declared by. The manifest says it, so
	// that a removal under a name that the machine had before takes nothing away.
	Machine string

	Packages    []Package
	Users       []User
	Directories []Directory
	Files       []File
	Releases    []Release
	Services    []Service
	Sysctls     []Sysctl

	// Requires are conditions that are checked before anything is changed.
	Requires Requirements
}

// Package is a package of the machine's own package manager. It is installed
// where none of Provides is there, and never removed.
type Package struct {
	// Name is the Debian name; Names of other families are looked up in packages.go.
	Name string
	// Provides is a command that makes the package unnecessary ("java").
	Provides string
}

// User is a system user with a group of the same name and no login shell.
type User struct {
	Name string
	Home string
}

// Directory is a directory with its owner and mode.
type Directory struct {
	Path         string
	Owner, Group string
	Mode         fs.FileMode
	// Data marks a directory whose content is the user's: it is never removed
	// with its component, only by a delete with data.
	Data bool
	// Exclusive marks a directory that is weir's alone: what is in it and neither
	// this state, nor a manifest on the machine, nor a unit or link of weir's names
	// is a stranger. It is drift and is moved aside. In ReleaseDir only trees of
	// releases are judged, and they are removed: they can be sent again.
	Exclusive bool
}

// File is a regular file with all of its content.
type File struct {
	Path         string
	Owner, Group string
	Mode         fs.FileMode
	Content      string
	// Secret keeps the content out of every plan, log and plain state.
	Secret bool
	// Live are keys of a properties file whose values a service takes while it
	// runs: it is restarted only where another key changes, or one of these goes.
	Live []string
	// Once marks a file that is written where it is missing and then left alone.
	Once bool
}

// UnitDir is where an administrator's unit files belong.
const UnitDir = "/etc/systemd/system"

// ReleaseDir holds all releases side by side. Components share it, so that what
// two of them run on is sent and kept once; each has a link of its own, so that
// they switch one after the other.
const ReleaseDir = "/opt/weir/releases"

// Release is versioned software, unpacked at Dir and reached through Link.
type Release struct {
	Name    string
	Version string
	// Digest is the sha256, in hex, of the tree's SHA256SUMS file.
	Digest string
	// Root is the component's directory ("/opt/weir/kafka"): Link is in it.
	Root string
}

// Dir is where the release's tree is.
func (r Release) Dir() string {
	dir := ReleaseDir + "/" + r.Name + "-" + r.Digest[:12]
	if r.Version == r.Digest[:12] { // software of our own is known by its content
		return dir
	}
	return ReleaseDir + "/" + r.Name + "-" + r.Version + "-" + r.Digest[:12]
}

// Link is the symlink that says which release the component runs on.
func (r Release) Link() string { return r.Root + "/current" }

// Service is a systemd unit that is enabled and running. Its unit file is one
// of the state's Files.
type Service struct {
	// Unit is the full name, "weir-kafka.service".
	Unit string
	// Watches are the paths of Files and the Links of Releases whose change
	// needs a restart.
	Watches []string
	// Ports are TCP ports that the service listens on; another process that
	// holds one is reported before anything is changed.
	Ports []int
	// Stopped declares the unit present but not enabled and not running.
	Stopped bool
	// AtBoot declares a unit that does its work at each boot and ends: it is
	// enabled, and whether it runs is not asked.
	AtBoot bool
	// Takeover lets the service take the place of a server that somebody
	// started by hand; nil leaves such a server alone.
	Takeover *Takeover
}

// Sysctl is a kernel setting. It is set at once, unless the kernel has no such
// setting or is a container's, which is shared.
type Sysctl struct {
	// Key is sysctl's, and a file of ours makes the value last. Or it is the path
	// of a file below /sys, which nothing of systemd's sets at boot: the component
	// adds a unit that does.
	Key   string
	Value string
}

// Requirements are what a machine must offer before it is changed.
type Requirements struct {
	// Space is free bytes needed on the file system that holds, or will hold, a path.
	Space []Space
	// Reach are host:port pairs that must answer, or refuse, from this machine:
	// a refusal shows that the way is open.
	Reach []string
	// Architecture is Go's name ("amd64", "arm64"); empty accepts any.
	Architecture string
	// Programs are directories that programs, or libraries, are run from: their
	// file systems must not be mounted noexec.
	Programs []string
	// Listen are the addresses that services listen on, each an IP address or a
	// name: they must be the machine's own.
	Listen []string
	// Heap is, in bytes, what a virtual machine is given; 0 where it is sized from
	// the machine's memory.
	Heap int64
	// Java is the oldest release of Java that does; 0 where none is needed.
	Java int
	// OpenFiles is the limit of open files that services are to have.
	OpenFiles int
}

// Space is free bytes needed where Path is or will be.
type Space struct {
	Path  string
	Bytes int64
}
