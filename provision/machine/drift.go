package machine

import (
	"fmt"
	"slices"
	"strings"
)

// Difference is one thing on a machine that is not as it was last applied.
type Difference struct {
	// Kind is that of the step that would heal it: "file", "service", "stranger".
	Kind   string
	Target string
	// Found and Expected say in a few words what is there and what should be;
	// neither holds a secret, or a character that a terminal would obey.
	Found, Expected string
	// Diff is how a text differs, lines in the form of diff -u from what should be
	// to what is, at most diffLimit bytes; empty where there is no text to show.
	Diff string
}

// diffLimit bounds the lines of one file's difference: a person reads the first
// hundred, and what a machine sends is kept in the state.
const diffLimit = 16 << 10

// Drift lists how a machine differs from a state that was applied to it, in the
// order of the plan that would heal it. It is empty where that plan is.
func Drift(want State, is Observed) []Difference {
	d := drift{want: want, is: is}
	for _, p := range want.Packages {
		if is.Packages[p.Name] == "" {
			d.add("package", p.Name, "not installed", "installed")
		}
	}
	if fault := ManifestFault(want, is); fault != "" {
		d.add("manifest", ManifestPath(want.Component), fault, "the list of what weir owns there")
	}
	for _, u := range want.Users {
		if !is.Users[u.Name] {
			d.add("user", u.Name, "missing", "home "+u.Home)
		}
	}
	for _, dir := range want.Directories {
		e, ok := is.Directories[dir.Path]
		d.entry("directory", dir.Path, e, ok, ok && e.Kind == "directory", ownership(dir.Owner, dir.Group, dir.Mode))
	}
	d.releases()
	d.sysctls()
	d.strangers()
	for _, f := range want.AllFiles() {
		d.file(f)
	}
	for _, v := range want.Services {
		d.service(v)
	}
	return d.all
}

type drift struct {
	want State
	is   Observed
	all  []Difference
}

func (d *drift) add(kind, target, found, expected string) {
	d.all = append(d.all, Difference{Kind: kind, Target: Printable(target), Found: Printable(found), Expected: expected})
}

// entry compares what a path is and who owns it.
func (d *drift) entry(kind, path string, e Entry, there, right bool, expected string) {
	switch found := ownership(e.Owner, e.Group, e.Mode); {
	case !there:
		d.add(kind, path, "missing", expected)
	case !right:
		d.add(kind, path, e.Kind+" "+found, kind+" "+expected)
	case found != expected:
		d.add(kind, path, found, expected)
	}
}

func (d *drift) file(f File) {
	is, ok := d.is.Files[f.Path]
	d.entry("file", f.Path, is.Entry, ok, is.regular(), ownership(f.Owner, f.Group, f.Mode))
	if !ok || !is.regular() || f.Once || is.SHA256 == Digest(f.Content) {
		return
	}
	switch {
	case f.Secret:
		d.add("file", f.Path, "another secret", "the secret")
	case !is.Known || !printable(is.Content):
		d.add("file", f.Path, fmt.Sprintf("%d bytes that are not shown", is.Size), fmt.Sprintf("%d bytes", len(f.Content)))
	default:
		d.add("file", f.Path, "other content", "as applied")
		d.all[len(d.all)-1].Diff = textDiff(f.Content, is.Content)
	}
}

func (d *drift) releases() {
	for _, r := range d.want.Releases {
		tree, ok := d.is.Releases[r.Dir()]
		switch {
		case !ok:
			d.add("release", r.Dir(), "missing", r.Name+" "+r.Version)
		case tree.differs(r):
			d.add("release", r.Dir(), strings.TrimSpace("altered by hand "+Several(tree.Changes)), r.Name+" "+r.Version)
		}
		switch link := d.is.Links[r.Link()]; link {
		case r.Dir():
		case "":
			d.add("link", r.Link(), "missing", "to "+r.Dir())
		default:
			d.add("link", r.Link(), "to "+link, "to "+r.Dir())
		}
	}
}

func (d *drift) sysctls() {
	if d.is.Facts.Container {
		return
	}
	for _, c := range d.want.Sysctls {
		if is, ok := d.is.Sysctls[c.Key]; ok && is != strings.Join(strings.Fields(c.Value), " ") {
			d.add("sysctl", c.Key, is, c.Value)
		}
	}
}

func (d *drift) strangers() {
	for _, p := range d.is.Strangers {
		if leftover(p) {
			d.add("stranger", p, leftBehind, "nothing; up removes it")
			continue
		}
		d.add("stranger", p, "put there by somebody", "nothing; up moves it aside, below "+AsideDir)
	}
	for _, p := range d.is.Orphans {
		d.add("release", p, "nobody's any more", "nothing; up removes it")
	}
}

func (d *drift) service(v Service) {
	is := d.is.Services[v.Unit]
	for _, p := range is.DropIns {
		d.add("stranger", p, "a drop-in of "+v.Unit, "nothing; up moves it aside, below "+AsideDir)
	}
	is.DropIns = nil
	for _, j := range d.is.Displaced(v) {
		d.add("process", fmt.Sprint(j.PID), describe(j), "nothing; up ends it, and "+v.Unit+" takes its place")
	}
	for _, j := range d.is.starters(v) {
		d.add("service", j.Unit, again(j), "stopped and disabled; "+v.Unit+" takes its place")
	}
	if found := is.Words(v); found != v.Words() {
		d.add("service", v.Unit, found, v.Words())
	}
}

// Words says what the unit should be.
func (v Service) Words() string {
	switch {
	case v.Stopped:
		return "stopped"
	case v.AtBoot:
		return "enabled"
	}
	return "enabled, running"
}

// Words says what the unit is, as Service.Words does where it is what it should be.
func (s ObservedService) Words(want Service) string {
	if want.Stopped && !s.Enabled && !s.Up() && len(s.DropIns) == 0 {
		return want.Words() // or failed, or not there: it is not to run
	}
	words := []string{"not enabled"}
	switch {
	case s.Load == "masked":
		words[0] = "masked"
	case s.Enabled:
		words[0] = "enabled"
	}
	switch {
	case want.AtBoot && s.Active != "": // it does its work at boot, and ends
	case s.Running():
		words = append(words, "running")
	case s.Active == "" || s.Load == "not-found":
		words = append(words, "not installed")
	case s.Active == "inactive" && s.Load == "loaded" && !s.Enabled:
		words = []string{"stopped"}
	default:
		words = append(words, s.Active+" ("+s.Sub+")")
	}
	if s.RestartPending || len(s.Outdated) > 0 {
		words = append(words, "restart pending")
	}
	if s.NeedReload {
		words = append(words, "unit changed on disk")
	}
	for _, p := range s.DropIns {
		words = append(words, "drop-in "+Printable(p))
	}
	if s.DropInRead && len(s.DropIns) == 0 {
		words = append(words, "runs with a drop-in that is gone")
	}
	return strings.Join(words, ", ")
}

// listed bounds how many of several things are named.
const listed = 20

// Several lists the first of several things: "(a, b, 7 more)".
func Several(things []string) string {
	if len(things) == 0 {
		return ""
	}
	words := slices.Clone(things[:min(len(things), listed)])
	for i := range words {
		words[i] = Printable(words[i])
	}
	if more := len(things) - listed; more > 0 {
		words = append(words, fmt.Sprintf("%d more", more))
	}
	return "(" + strings.Join(words, ", ") + ")"
}

// textDiff is the lines in which two texts differ, with those around them.
func textDiff(expected, found string) string {
	text := unified("", expected, found)
	for range 2 { // the names of files that nobody compared
		_, text, _ = strings.Cut(text, "\n")
	}
	if len(text) > diffLimit {
		text = strings.ToValidUTF8(text[:diffLimit], "") + "\n(and more)\n"
	}
	return text
}
