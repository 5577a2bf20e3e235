package machine

import (
	"io/fs"
	"time"

	"weir/provision/process"
)

// Observed is what a machine said of itself, checked for form and bounded in
// size. Items that are not there have no entry.
type Observed struct {
	Facts Facts
	// Manifests are the sound ones of all components found on the machine, Damaged
	// those that are not to be believed, by component.
	Manifests map[string]Manifest
	Damaged   map[string]Damage
	// Packages maps names of packages to installed versions; a package that is
	// not needed because its Provides is there has the version "provided".
	Packages    map[string]string
	Users       map[string]bool
	Directories map[string]Entry
	Files       map[string]ObservedFile
	// Releases is by Release.Dir.
	Releases map[string]ObservedRelease
	// Links maps symlinks (Release.Link) to where they point.
	Links map[string]string
	// InUse maps the links of all components on the machine to their releases.
	InUse    map[string]string
	Services map[string]ObservedService
	Sysctls  map[string]string
	// Strangers are paths in exclusive directories that nobody of weir names; they
	// may hold any character. Orphans are trees of releases in ReleaseDir that
	// nobody names any more.
	Strangers, Orphans []string
	// PortHolders maps ports of services that are not running to the process
	// that listens there.
	PortHolders map[int]string
	// Servers are the Java servers that a service may take the place of; they
	// are looked for only where a unit is not up.
	Servers []process.Java
	// Starters are units that start such a server and are enabled, or about to, each
	// as the server that it starts; they are looked for where servers are.
	Starters []process.Java
	// Homes are data directories that a service would take over and that are the
	// home of somebody who logs in.
	Homes []string
	// Free is the bytes free for each path of Requires.Space.
	Free map[string]int64
}

// Facts describe the machine itself.
type Facts struct {
	OS           string // os-release's ID: "debian"
	OSVersion    string // "12"
	Architecture string // Go's name: "amd64"
	MemoryBytes  int64
	Systemd      bool
	// Clock is the machine's time when it answered, Uptime how long its kernel ran.
	Clock  time.Time
	Uptime time.Duration
	// PackageManager is that of the distribution's family, "apt", "dnf", …, by
	// os-release's ID and ID_LIKE; empty where weir knows none that is there.
	PackageManager string
	// Container says that the kernel is shared: sysctls cannot be set.
	Container bool
}

// Entry is what a path is.
type Entry struct {
	Kind         string // "directory", "regular file", "symbolic link", as stat says
	Owner, Group string
	Mode         fs.FileMode
	Size         int64
}

// ObservedFile is a file with its digest and, where it differs from the
// desired one and is neither secret nor larger than ContentLimit, its content.
type ObservedFile struct {
	Entry
	SHA256  string
	Content string
	// Known says that Content is what the file holds.
	Known bool
}

// ContentLimit bounds, in bytes, the content of a changed file that is brought
// back to be shown as a diff.
const ContentLimit = 64 << 10

// ObservedRelease is an unpacked release.
type ObservedRelease struct {
	// Digest is the sha256 of its SHA256SUMS file: the release's identity.
	Digest string
	// Altered says that the tree is not as it was unpacked; Changes says how, as far
	// as that is known: "libs/x.jar is missing".
	Altered bool
	Changes []string
}

// Damage is why a manifest is not believed.
type Damage struct {
	Reason string
	// Cluster is whose machine it says this is, where it could be read.
	Cluster string
}

// ObservedService is the state of a unit.
type ObservedService struct {
	Load, Active, Sub string // "loaded", "active", "running"
	Enabled           bool
	NeedReload        bool
	// RestartPending says that a file or release the service watches was
	// changed and the process has not been restarted since.
	RestartPending bool
	MainPID        int
	Restarts       int
	// Started is when the main process did, to 2 s; zero where that is not known.
	Started time.Time
	// Outdated are watched paths that were written after the process had started:
	// what it runs with is not what is there.
	Outdated []string
	// DropIns are files in the unit's drop-in directories; DropInRead says that
	// systemd runs the unit with one, be it still there or not.
	DropIns    []string
	DropInRead bool
}

// regular says that a path is a file.
func (e Entry) regular() bool { return e.Kind == "regular file" || e.Kind == "regular empty file" }

// Up says that the unit runs, or is about to.
func (s ObservedService) Up() bool {
	return s.Active == "active" || s.Active == "activating" || s.Active == "reloading"
}

// Running says that the unit is up.
func (s ObservedService) Running() bool { return s.Active == "active" && s.Sub == "running" }
