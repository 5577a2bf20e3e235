package machine

import (
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"time"

	"weir/provision/properties"
)

// Diff compares what should be with what is. It is pure: no machine is asked.
func Diff(name string, want State, is Observed) Plan {
	old := is.Manifests[want.Component]
	d := differ{want: want, is: is, old: old.union(old)}
	d.packages() // first, as they may not be had: then nothing was changed at all
	d.claim()
	d.users()
	d.directories()
	d.releases()
	d.sysctls()
	d.displace()
	d.markers()
	d.strangers()
	d.files()
	d.links()
	d.obsolete()
	d.services()
	d.manifest()
	p := Plan{Machine: name, Steps: d.steps, desired: want}
	if old.anothers(want.Machine) {
		p.Was = old.Machine
	}
	return p
}

type differ struct {
	want  State
	is    Observed
	old   Manifest
	steps []Step
	// changed are the paths of files and links that the plan touches.
	changed map[string]bool
}

func (d *differ) add(s Step) { d.steps = append(d.steps, s) }

func (d *differ) packages() {
	for _, p := range d.want.Packages {
		if d.is.Packages[p.Name] == "" {
			d.add(Step{Phase: Stage, Action: Create, Kind: "package", Target: p.Name, pack: &p, manager: d.is.Facts.PackageManager})
		}
	}
}

func (d *differ) users() {
	for _, u := range d.want.Users {
		if !d.is.Users[u.Name] {
			d.add(Step{Phase: Stage, Action: Create, Kind: "user", Target: u.Name, Detail: "home " + u.Home, user: &u})
		}
	}
}

func (d *differ) directories() {
	for _, dir := range d.want.Directories {
		e, ok := d.is.Directories[dir.Path]
		if ok && d.handsOver(dir, e) {
			continue // not before what uses it has ended
		}
		step := Step{Phase: Stage, Kind: "directory", Target: dir.Path, dir: &dir}
		switch {
		case !ok:
			step.Action, step.Detail = Create, ownership(dir.Owner, dir.Group, dir.Mode)
			d.add(step)
		case e.Kind != "directory":
			step.Action, step.Detail = Change, "is a "+e.Kind
			d.add(step)
		default:
			if diff := ownerDiff(e, dir.Owner, dir.Group, dir.Mode); diff != "" {
				step.Action, step.Detail = Change, diff
				d.add(step)
			}
		}
	}
}

func (d *differ) releases() {
	for _, r := range d.want.Releases {
		is, ok := d.is.Releases[r.Dir()]
		step := Step{Phase: Stage, Kind: "release", Target: r.Name + " " + r.Version, Detail: r.Dir(), release: &r}
		switch {
		case !ok:
			step.Action = Create
			d.add(step)
		case is.differs(r):
			step.Action, step.Detail = Change, "altered by hand: "+r.Dir()
			d.add(step)
		}
	}
}

// touch remembers that what a path holds changes, so that services that watch it
// restart.
func (d *differ) touch(path string) {
	if d.changed == nil {
		d.changed = map[string]bool{}
	}
	d.changed[path] = true
}

// markers comes before the first change of what a service watches: a run cut
// off between the change and the restart leaves the mark for the next.
func (d *differ) markers() {
	for _, f := range d.want.AllFiles() {
		if diff, rewrite := d.fileDiff(f); diff != "" && rewrite && !live(f, d.is.Files[f.Path]) {
			d.touch(f.Path)
		}
	}
	for _, r := range d.want.Releases {
		if tree, ok := d.is.Releases[r.Dir()]; !ok || tree.differs(r) || d.is.Links[r.Link()] != r.Dir() {
			d.touch(r.Link())
		}
	}
	for _, v := range d.want.Services {
		if is := d.is.Services[v.Unit]; !v.Stopped && is.Running() && !is.RestartPending && d.watchChanged(v) {
			d.add(Step{Phase: Switch, Action: Create, Kind: "mark", Target: v.Unit, Detail: "restart pending", service: &v})
		}
	}
}

func (d *differ) watchChanged(v Service) bool {
	return slices.ContainsFunc(v.Watches, func(p string) bool { return d.changed[p] })
}

// differs says that the tree is not the release's, or not as it was unpacked.
func (is ObservedRelease) differs(r Release) bool { return is.Altered || is.Digest != r.Digest }

func (d *differ) strangers() {
	for _, p := range d.is.Strangers {
		detail := "moved aside, below " + AsideDir
		if leftover(p) {
			detail = leftBehind
		}
		d.add(Step{Phase: Switch, Action: Remove, Kind: "stranger", Target: p, Detail: detail})
	}
	for _, p := range d.is.Orphans {
		d.add(Step{Phase: Switch, Action: Remove, Kind: "release", Target: p, Detail: "nobody's any more"})
	}
}

func (d *differ) files() {
	for _, f := range d.want.AllFiles() {
		diff, rewrite := d.fileDiff(f)
		if diff == "" {
			continue
		}
		step := Step{Phase: Switch, Action: Change, Kind: "file", Target: f.Path, Detail: diff, file: &f, keeps: !rewrite}
		if _, ok := d.is.Files[f.Path]; !ok {
			step.Action = Create
		} else if rewrite && live(f, d.is.Files[f.Path]) {
			step.Detail, step.time = diff+", taken without a restart", d.started(f)
		}
		d.add(step)
	}
}

// fileDiff says in a few words how the file differs, or nothing, and whether it
// must be written anew: who owns it is put right without that, and without a
// restart of what reads it.
func (d *differ) fileDiff(f File) (diff string, rewrite bool) {
	is, ok := d.is.Files[f.Path]
	switch {
	case !ok:
		return ownership(f.Owner, f.Group, f.Mode), true
	case !is.regular():
		return "is a " + is.Kind, true
	}
	diff = ownerDiff(is.Entry, f.Owner, f.Group, f.Mode)
	if !f.Once && is.SHA256 != Digest(f.Content) {
		return strings.TrimPrefix(diff+", content", ", "), true
	}
	return diff, false
}

// started is when a process that reads the file started. A change that it takes
// while it runs must not look like one that it has missed.
func (d *differ) started(f File) time.Time {
	var first time.Time
	for _, v := range d.want.Services {
		if t := d.is.Services[v.Unit].Started; slices.Contains(v.Watches, f.Path) && (first.IsZero() || t.Before(first)) {
			first = t
		}
	}
	return first
}

// live says that a service takes the file's change while it runs.
func live(f File, is ObservedFile) bool {
	if len(f.Live) == 0 || !is.Known || is.Kind != "regular file" {
		return false
	}
	was, err := properties.Parse(is.Content)
	if err != nil {
		return false
	}
	will, err := properties.Parse(f.Content)
	if err != nil {
		return false
	}
	for _, k := range f.Live {
		if _, stays := will[k]; stays {
			delete(was, k)
			delete(will, k)
		}
	}
	return maps.Equal(was, will)
}

func (d *differ) links() {
	for _, r := range d.want.Releases {
		is := d.is.Links[r.Link()]
		if is == r.Dir() {
			continue
		}
		step := Step{Phase: Switch, Action: Create, Kind: "link", Target: r.Link(), Detail: "to " + r.Dir(), release: &r}
		if is != "" {
			step.Action, step.Detail = Change, "from "+is+" to "+r.Dir()
		}
		d.add(step)
	}
}

func (d *differ) sysctls() {
	if d.is.Facts.Container {
		return // the kernel is shared and not ours to set; the file is kept for the record
	}
	for _, c := range d.want.Sysctls {
		if is, ok := d.is.Sysctls[c.Key]; ok && is != strings.Join(strings.Fields(c.Value), " ") {
			d.add(Step{Phase: Stage, Action: Change, Kind: "sysctl", Target: c.Key, Detail: is + " to " + c.Value, sysctl: &c})
		}
	}
}

// obsolete removes what the component owned before and no longer declares.
// Data is not among it.
func (d *differ) obsolete() {
	now := d.want.manifest(d.old)
	for _, u := range missing(d.old.Services, now.Services) {
		d.add(Step{Phase: Switch, Action: Stop, Kind: "service", Target: u, Detail: "no longer declared", service: &Service{Unit: u, Stopped: true}})
	}
	for _, p := range missing(d.old.Files, now.Files) {
		d.add(Step{Phase: Switch, Action: Remove, Kind: "file", Target: p, Detail: "no longer declared"})
	}
	for _, p := range missing(d.old.Links, now.Links) {
		d.add(Step{Phase: Switch, Action: Remove, Kind: "link", Target: p, Detail: "no longer declared"})
	}
	for _, p := range missing(d.old.Releases, now.Releases) {
		if !d.shared(p) {
			d.add(Step{Phase: Switch, Action: Remove, Kind: "release", Target: p, Detail: "no longer needed"})
		}
	}
	dirs := missing(d.old.Directories, now.Directories)
	slices.Reverse(dirs) // children before their parents
	for _, p := range dirs {
		d.add(Step{Phase: Switch, Action: Remove, Kind: "directory", Target: p, Detail: "no longer declared, if empty"})
	}
}

func missing(old, now []string) []string {
	var gone []string
	for _, p := range old {
		if !slices.Contains(now, p) {
			gone = append(gone, p)
		}
	}
	slices.Sort(gone)
	return gone
}

func (d *differ) services() {
	for _, v := range d.want.Services {
		is := d.is.Services[v.Unit]
		add := func(a Action, detail string) {
			d.add(Step{Phase: Switch, Action: a, Kind: "service", Target: v.Unit, Detail: detail, service: &v})
		}
		for _, p := range is.DropIns {
			d.add(Step{Phase: Switch, Action: Remove, Kind: "stranger", Target: p, Detail: "drop-in, moved aside, below " + AsideDir})
		}
		switch {
		case v.Stopped && (is.Enabled || is.Up()):
			add(Stop, "declared stopped")
			continue
		case v.Stopped:
			continue
		}
		switch {
		case !is.Enabled:
			add(Enable, "")
		case is.NeedReload: // systemd runs an older text of the unit than what is on disk
			add(Enable, "unit changed on disk")
		}
		if v.AtBoot {
			continue
		}
		switch {
		case !is.Running():
			add(Start, "is "+stateWord(is))
		case is.RestartPending:
			add(Restart, "runs with what it had before a change")
		case d.watchChanged(v):
			add(Restart, "watches "+strings.Join(d.touched(v), ", "))
		case len(is.Outdated) > 0:
			add(Restart, "started before "+strings.Join(is.Outdated, ", ")+" was last written")
		case is.DropInRead:
			add(Restart, "had drop-ins")
		}
	}
}

func (d *differ) touched(v Service) []string {
	var paths []string
	for _, p := range v.Watches {
		if d.changed[p] {
			paths = append(paths, p)
		}
	}
	return paths
}

func stateWord(is ObservedService) string {
	switch {
	case is.Load == "" || is.Load == "not-found":
		return "not installed"
	case is.Active == "":
		return "unknown"
	case is.Active == "active" || is.Active == "activating":
		return is.Active + " (" + is.Sub + ")"
	}
	return is.Active
}

// shared says that another component on the machine keeps the same release, or
// runs from it although its manifest is lost.
func (d *differ) shared(dir string) bool {
	for component, m := range d.is.Manifests {
		if component != d.want.Component && slices.Contains(m.Releases, dir) {
			return true
		}
	}
	for link, target := range d.is.InUse {
		if target == dir && !slices.Contains(d.old.Links, link) {
			return true
		}
	}
	return false
}

// claim writes, before anything that is ours, a manifest of what is owned and what will
// be: whatever happens after it, the next run knows what was ours.
func (d *differ) claim() {
	claimed := d.old.union(d.want.manifest(d.old))
	_, known := d.is.Manifests[d.want.Component]
	_, damaged := d.is.Damaged[d.want.Component]
	step := Step{Phase: Stage, Action: Create, Kind: "manifest", Target: ManifestPath(d.want.Component), manifest: claimed.encode()}
	switch {
	case d.want.empty():
		return
	case !known && !damaged:
		d.add(step)
	case damaged || claimed.encode() != d.old.encode():
		step.Action = Change
		if d.old.anothers(d.want.Machine) {
			step.Detail = "the machine was " + clip(d.old.Machine)
		}
		d.add(step)
	}
}

// manifest is written last, once what is no longer declared has been removed.
func (d *differ) manifest() {
	now := d.want.manifest(d.old)
	claimed := d.old.union(now)
	step := Step{Phase: Switch, Action: Change, Kind: "manifest", Target: ManifestPath(d.want.Component), manifest: now.encode()}
	switch {
	case d.want.empty() && d.old.Component != "":
		step.Action = Remove
		d.add(step)
	case !d.want.empty() && now.encode() != claimed.encode():
		d.add(step)
	}
}

func (s State) empty() bool {
	return len(s.Packages)+len(s.Users)+len(s.Directories)+len(s.Files)+len(s.Releases)+len(s.Services)+len(s.Sysctls) == 0
}

// ownership reads "0644 root:root".
func ownership(owner, group string, mode fs.FileMode) string {
	return fmt.Sprintf("%04o %s:%s", uint32(mode), owner, group)
}

// ownerDiff says which of owner, group and mode differ, or nothing.
func ownerDiff(is Entry, owner, group string, mode fs.FileMode) string {
	if was, now := ownership(is.Owner, is.Group, is.Mode), ownership(owner, group, mode); was != now {
		return was + " to " + now
	}
	return ""
}
