package machine

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
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
		Load: block["LoadState"], Active: block["ActiveState"], Sub: block["SubState"],
		Enabled:    block["UnitFileState"] == "enabled",
		NeedReload: block["NeedDaemonReload"] == "yes",
		DropIns:    strings.Fields(block["DropInPaths"]),
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
