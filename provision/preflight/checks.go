package preflight

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"weir/provision/machine"
	"weir/provision/remote"
)

// check is one of the questions that a report answers.
type check struct {
	name, title string
	// optional says that a config may give it up: what it finds fails no step of a
	// change, and may be as its owner wants it.
	optional bool
	judge    func([]sight, *Result)
}

// checks in the order of a report: causes before what follows from them.
var checks = []check{
	{"ssh", "reached over SSH, and root", false, each(judgeLogin)},
	{machine.CheckSystemd, "booted with systemd", false, reasons(machine.CheckSystemd, describeSystem)},
	{machine.CheckCluster, "no other cluster's", false, reasons(machine.CheckCluster, nil)},
	{machine.CheckArchitecture, "of the architecture declared", false, reasons(machine.CheckArchitecture, describeArchitecture)},
	{"tools", "the programs that the scripts use", false, looked(judgeTools)},
	{machine.CheckJava, "a Java runtime, or a way to one", false, looked(judgeJava)},
	{machine.CheckPorts, "ports free, or held by their services", false, reasons(machine.CheckPorts, nil)},
	{machine.CheckSpace, "room to begin with", false, reasons(machine.CheckSpace, describeSpace)},
	{"storage", "file systems that data can live on", true, looked(judgeStorage)},
	{"memory", "heaps that fit, and no swapping", true, judgeMemory},
	{"kernel", "settings of the kernel", true, looked(judgeKernel)},
	{"limits", "open files for the services", true, looked(judgeLimits)},
	{"clock", "clocks that agree and are kept", true, judgeClocks},
	{"names", "addresses that are the machines' own", true, judgeNames},
	{machine.CheckReach, "ports of the others answer", false, judgeReach},
}

// Optional are the names of the checks that a config may give up, in the order
// of a report.
func Optional() []string {
	var names []string
	for _, c := range checks {
		if c.optional {
			names = append(names, c.name)
		}
	}
	return names
}

// refuse and advise add a finding.
func (r *Result) refuse(s sight, found, expected, next string) {
	r.add(Finding{Machine: s.name(), Severity: Refuse, Found: found, Expected: expected, Next: next})
}

func (r *Result) advise(s sight, found, expected, next string) {
	r.add(Finding{Machine: s.name(), Severity: Advise, Found: found, Expected: expected, Next: next})
}

func (r *Result) add(f Finding) { r.Findings = append(r.Findings, f) }

// note adds evidence.
func (r *Result) note(s sight, format string, args ...any) {
	r.Evidence = append(r.Evidence, Note{Machine: s.name(), Text: fmt.Sprintf(format, args...)})
}

// each judges machine by machine, looked only those that could be looked at.
func each(judge func(sight, *Result)) func([]sight, *Result) {
	return func(seen []sight, r *Result) {
		for _, s := range seen {
			judge(s, r)
		}
	}
}

func looked(judge func(sight, *Result)) func([]sight, *Result) {
	return func(seen []sight, r *Result) { each(judge)(answered(seen), r) }
}

// answered are those that could be looked at.
func answered(seen []sight) []sight {
	return slices.DeleteFunc(slices.Clone(seen), func(s sight) bool { return s.err != nil })
}

// reasons takes over what package machine finds, and has describe say something
// of the machines where it finds nothing.
func reasons(name string, describe func(sight, *Result)) func([]sight, *Result) {
	return looked(func(s sight, r *Result) {
		found := false
		for _, reason := range s.reasons {
			if reason.Check == name {
				r.refuse(s, reason.Found, reason.Expected, reason.Next)
				found = true
			}
		}
		if !found && describe != nil {
			describe(s, r)
		}
	})
}

// judgeLogin takes apart why a machine could not be looked at.
func judgeLogin(s sight, r *Result) {
	var connect *remote.ConnectError
	var command *remote.CommandError
	switch {
	case s.err == nil:
		r.note(s, "%s@%s", orRoot(s.Host.User), s.Host.Address)
		return
	case s.absent:
		r.note(s, "a container that is not there, or stopped: up makes and starts it")
		return
	case errors.As(s.err, &connect):
		r.add(Finding{
			Machine: s.name(), Severity: Refuse, Found: connect.Err.Error(), Expected: "a login over SSH",
			Evidence: connect.Address, Next: or(connect.Hint, "ssh "+orRoot(s.Host.User)+"@"+s.Host.Address), err: s.err,
		})
	case errors.As(s.err, &command):
		found, next := causeOf(command)
		r.add(Finding{
			Machine: s.name(), Severity: Refuse, Found: found, Expected: "a user who may do everything as root",
			Evidence: clip(strings.TrimSpace(command.Stderr)), Next: next, err: s.err,
		})
	default:
		r.add(Finding{
			Machine: s.name(), Severity: Refuse, Found: s.err.Error(), Expected: "an answer in a form that is understood",
			Next: "look at what the shell of " + orRoot(s.Host.User) + " prints when it starts", err: s.err,
		})
	}
}

func causeOf(e *remote.CommandError) (found, next string) {
	var sudo *remote.SudoError
	if errors.As(e, &sudo) {
		return sudo.Cause(), sudo.Advice()
	}
	return strings.TrimPrefix(e.Error(), "machine "+e.Machine+": "), "log in, and run a command as root"
}

func orRoot(user string) string { return or(user, "root") }

func or(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}

func describeSystem(s sight, r *Result) {
	f := s.observed.Facts
	r.note(s, "%s %s, packages by %s", or(clip(f.OS), "unknown"), clip(f.OSVersion), or(f.PackageManager, "hand"))
}

func describeArchitecture(s sight, r *Result) { r.note(s, "%s", s.observed.Facts.Architecture) }

func describeSpace(s sight, r *Result) {
	for _, path := range sortedKeys(s.observed.Free) {
		r.note(s, "%s has %s free", path, machine.Size(s.observed.Free[path]))
	}
}

func judgeTools(s sight, r *Result) {
	if len(s.answer.lacks) > 0 {
		r.refuse(s, "it has no "+join(s.answer.lacks), "GNU coreutils, findutils and tar, bash, util-linux, procps and systemd's programs",
			"install the packages that hold them")
	}
}

// judgeLimits: systemd gives a service as much as the kernel allows, without an
// error where that is less than its unit says.
func judgeLimits(s sight, r *Result) {
	want := s.most(func(q machine.Requirements) int { return q.OpenFiles })
	switch is := s.answer.files; {
	case is > 0 && is < want && s.observed.Facts.Container:
		r.note(s, "a container whose services get %d open files, and should have %d", is, want)
	case is > 0 && is < want:
		r.advise(s, fmt.Sprintf("services get at most %d open files", is), fmt.Sprintf("%d", want), "raise fs.nr_open: sysctl -w fs.nr_open=1048576")
	case want > 0:
		r.note(s, "%d of at most %d", want, is)
	}
}

// judgeKernel finds no fault: what can be set is set by up, and what cannot is a
// container's, whose kernel is the computer's.
func judgeKernel(s sight, r *Result) {
	var differ []string
	for _, c := range s.asked().Sysctls {
		if is, ok := s.observed.Sysctls[c.Key]; ok && is != c.Value {
			differ = append(differ, fmt.Sprintf("%s is %s, to be %s", c.Key, clip(is), c.Value))
		}
	}
	switch {
	case len(differ) == 0:
	case s.observed.Facts.Container:
		r.note(s, "a container: the computer's kernel is left as it is (%s)", join(differ))
	default:
		r.note(s, "up sets it: %s", join(differ))
	}
}

// judgeReach: once a component is installed its neighbours may be down, which is
// no reason to leave this one alone.
func judgeReach(seen []sight, r *Result) {
	away := map[string]bool{} // they have a finding of their own
	for _, s := range seen {
		if s.err != nil {
			away[s.Address] = true
		}
	}
	for _, s := range answered(seen) {
		var fresh, installed []string
		for _, a := range s.silent {
			switch {
			case away[hosts([]string{a})[0]]:
			case s.needs(a):
				fresh = append(fresh, a)
			default:
				installed = append(installed, a)
			}
		}
		if len(fresh) > 0 {
			reason := machine.Silent(fresh)
			r.refuse(s, reason.Found, reason.Expected, reason.Next)
		}
		if len(installed) > 0 {
			reason := machine.Silent(installed)
			r.advise(s, reason.Found, reason.Expected, reason.Next)
		}
	}
}

// needs says that a component that is not installed yet will connect there.
func (s sight) needs(address string) bool {
	return slices.ContainsFunc(s.States, func(st machine.State) bool {
		return !s.installed(st.Component) && slices.Contains(st.Requires.Reach, address)
	})
}
