package machine

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// readServices reads the blocks of `systemctl show`, one a unit, each with its Id.
func readServices(s State, a answer, o *Observed) error {
	block := map[string]string{}
	flush := func() error {
		unit := block["Id"]
		if !slices.ContainsFunc(s.Services, func(v Service) bool { return v.Unit == unit }) {
			return nil
		}
		v, err := serviceFrom(block)
		if err != nil {
			return fmt.Errorf("unit %s: %w", unit, err)
		}
		o.Services[unit] = v
		return nil
	}
	for _, line := range append(a["services"], "") {
		if line == "" {
			if err := flush(); err != nil {
				return err
			}
			block = map[string]string{}
			continue
		}
		if k, v, ok := strings.Cut(line, "="); ok {
			block[k] = v
		}
	}
	for _, f := range a.rows("pending", 2) {
		if v, ok := o.Services[f[0]]; ok {
			v.RestartPending = true
			o.Services[f[0]] = v
		}
	}
	return nil
}

func serviceFrom(block map[string]string) (ObservedService, error) {
	v := ObservedService{
		Load: clip(block["LoadState"]), Active: clip(block["ActiveState"]), Sub: clip(block["SubState"]),
		Enabled:    block["UnitFileState"] == "enabled",
		NeedReload: block["NeedDaemonReload"] == "yes",
	}
	for path := range strings.FieldsSeq(block["DropInPaths"]) {
		v.DropInRead = v.DropInRead || isDropIn(block["Id"], path)
	}
	for key, n := range map[string]*int{"MainPID": &v.MainPID, "NRestarts": &v.Restarts} {
		if block[key] == "" {
			continue
		}
		got, err := strconv.Atoi(block[key])
		if err != nil || got < 0 {
			return v, fmt.Errorf("%s %q is not a number", key, block[key])
		}
		*n = got
	}
	return v, nil
}

// readDropIns tells the files in drop-in directories apart by unit.
func readDropIns(s State, a answer, o *Observed) error {
	found, err := a.listed("dropins")
	if err != nil {
		return err
	}
	for _, v := range s.Services {
		is := o.Services[v.Unit]
		for _, path := range found {
			if isDropIn(v.Unit, path) {
				is.DropIns = append(is.DropIns, path)
				o.Services[v.Unit] = is
			}
		}
		slices.Sort(is.DropIns)
	}
	return nil
}

// clockTick is the unit of times in /proc/PID/stat: 100 a second on every
// architecture, whatever the kernel itself counts in.
const clockTick = 10 * time.Millisecond

// startSlack is how exactly the start of a process is known: clock, uptime and
// the times of files are told in whole seconds.
const startSlack = 2 * time.Second

// readOutdated finds what was written after the process that reads it at its
// start had started. Times of a file in the future prove nothing.
func readOutdated(s State, a answer, o *Observed) error {
	started := map[int]time.Time{}
	for _, f := range a.rows("processes", 2) {
		pid, err := strconv.Atoi(f[0])
		stat := strings.Fields(f[1])
		if err != nil || len(stat) < 20 || o.Facts.Uptime == 0 {
			continue
		}
		// The 22nd field; the second, the last with spaces, and the first are cut off.
		if ticks, err := strconv.ParseInt(stat[19], 10, 53); err == nil && ticks >= 0 {
			started[pid] = o.Facts.Clock.Add(-o.Facts.Uptime).Add(time.Duration(ticks) * clockTick)
		}
	}
	modified := map[string]time.Time{}
	for _, f := range a.rows("stat", 7) {
		if sec, err := strconv.ParseInt(f[6], 10, 64); err == nil {
			modified[f[0]] = time.Unix(sec, 0)
		}
	}
	for _, v := range s.Services {
		is := o.Services[v.Unit]
		if is.MainPID == 0 || !is.Running() {
			continue
		}
		is.Started = started[is.MainPID]
		for _, path := range s.reads(v) {
			t := modified[path]
			if !is.Started.IsZero() && t.After(is.Started.Add(startSlack)) && !t.After(o.Facts.Clock) && !s.takes(path, o) {
				is.Outdated = append(is.Outdated, path)
			}
		}
		o.Services[v.Unit] = is
	}
	return nil
}

// takes says that a file differs only in what a service takes while it runs.
func (s State) takes(path string, o *Observed) bool {
	i := slices.IndexFunc(s.Files, func(f File) bool { return f.Path == path })
	return i >= 0 && o.Files[path].SHA256 != Digest(s.Files[i].Content) && live(s.Files[i], o.Files[path])
}

// reads are the paths whose times tell when what the service watches was last
// written: behind the link to a release, the release's fingerprint too.
func (s State) reads(v Service) []string {
	paths := slices.Clone(v.Watches)
	for _, r := range s.Releases {
		if slices.Contains(v.Watches, r.Link()) {
			paths = append(paths, fingerprint(r.Dir()))
		}
	}
	return paths
}

var (
	listenerPort = regexp.MustCompile(`:(\d{1,5})\s`)
	listenerUser = regexp.MustCompile(`users:\(\("([^"]{1,64})",pid=(\d{1,9})`)
)

// readListeners finds who holds the ports of services that are not running.
// Lines come from ss (with the process) or, where ss is missing, as
// hexadecimal addresses from /proc/net (without).
func readListeners(s State, a answer, o *Observed) error {
	wanted := map[int]Service{}
	for _, v := range s.Services {
		for _, p := range v.Ports {
			wanted[p] = v
		}
	}
	for _, line := range a["listeners"] {
		port, holder, pid := parseListener(line)
		v, ok := wanted[port]
		if !ok || pid != 0 && pid == o.Services[v.Unit].MainPID {
			continue
		}
		if state := o.Services[v.Unit]; !state.Running() {
			o.PortHolders[port] = holder
		}
	}
	return nil
}

func parseListener(line string) (port int, holder string, pid int) {
	holder = "another process"
	if _, hex, ok := strings.Cut(line, ":"); ok && !strings.Contains(line, " ") {
		n, err := strconv.ParseUint(hex, 16, 16)
		if err != nil {
			return 0, "", 0
		}
		return int(n), holder, 0
	}
	m := listenerPort.FindStringSubmatch(line)
	if m == nil {
		return 0, "", 0
	}
	port, _ = strconv.Atoi(m[1])
	if u := listenerUser.FindStringSubmatch(line); u != nil {
		pid, _ = strconv.Atoi(u[2])
		holder = fmt.Sprintf("%s (pid %s)", u[1], u[2])
	}
	return port, holder, pid
}
