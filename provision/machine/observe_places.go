package machine

import (
	"fmt"
	"slices"
	"strings"

	"weir/provision/remote"
)

// observeStrangers lists what is in the directories that are weir's alone, and
// what of it is in use: a release that a link points to and a path that a unit of
// ours names are no strangers, whatever became of the manifest that owned them.
func observeStrangers(b *strings.Builder, s State) {
	b.WriteString("echo @strangers\n")
	var own []string
	for _, d := range s.Directories {
		if d.Exclusive {
			own = append(own, d.Path)
		}
	}
	for _, dir := range own {
		fmt.Fprintf(b, "entries %s\n", remote.Quote(dir))
	}
	keeper := slices.Contains(own, ReleaseDir)
	if keeper || len(s.Releases) > 0 {
		roots := []string{"/opt/weir"}
		for _, r := range s.Releases { // a link that is there already is told twice
			roots = append(roots, r.Link())
		}
		fmt.Fprintf(b, "echo @links\nfind %s -maxdepth 3 -name current -type l -printf '%%p\\t%%l\\n' 2>/dev/null\n", remote.QuoteAll(unique(roots)...))
	}
	if keeper {
		b.WriteString(`echo @named
grep -hoE '/etc/weir/[A-Za-z0-9._+-]+' ` + UnitDir + `/weir-*.service 2>/dev/null
`)
	}
}

// unitDirs are where a unit's drop-in directory may be made by hand; packages
// have theirs in /usr/lib, which is not ours to judge.
var unitDirs = []string{
	"/etc/systemd/system.control", "/run/systemd/system.control", "/run/systemd/transient",
	UnitDir, "/run/systemd/system",
}

// dropInDirs are the directories whose files change the unit, and it alone or
// other units of weir's: of "weir-job-x.service" also "weir-job-.service.d" and
// "weir-.service.d". The drop-ins of all services, "service.d", are not ours.
func dropInDirs(unit string) []string {
	stem, kind, _ := cutLast(unit, ".")
	names := []string{unit + ".d"}
	for i := len(stem) - 1; i > 0; i-- {
		if stem[i] == '-' && i < len(stem)-1 {
			names = append(names, stem[:i+1]+"."+kind+".d")
		}
	}
	var dirs []string
	for _, dir := range unitDirs {
		for _, name := range names {
			dirs = append(dirs, dir+"/"+name)
		}
	}
	return dirs
}

// isDropIn says that a path is directly in one of the unit's drop-in directories.
func isDropIn(unit, path string) bool {
	return slices.ContainsFunc(dropInDirs(unit), func(dir string) bool { return directlyIn(dir, path) })
}

// observeDropIns lists the files in the units' drop-in directories, which
// systemd may not have read yet. No process is started where there are none.
func observeDropIns(b *strings.Builder, s State) {
	if len(s.Services) == 0 {
		return
	}
	var dirs []string
	for _, v := range s.Services {
		dirs = append(dirs, dropInDirs(v.Unit)...)
	}
	fmt.Fprintf(b, "echo @dropins\nfor d in %s; do entries \"$d\"; done\n", remote.QuoteAll(unique(dirs)...))
}
