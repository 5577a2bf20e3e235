package main

import (
	"context"
	"fmt"
	"maps"
	"net"
	"slices"
	"strings"

	"weir/provision/kafka"
	"weir/provision/machine"
	"weir/provision/remote"
)

// remains is what an installation has left: a text for each machine, and one
// of the cluster. Two installations of the same have the same remains, whoever
// made them; what only one side keeps for itself, as manifests, is not in them.
func (s *site) remains(ctx context.Context) ([]string, error) {
	all, err := s.components()
	if err != nil {
		return nil, err
	}
	var states []machine.State
	for _, targets := range all {
		states = append(states, targets[s.machines[0].Name].State)
	}
	left, err := everywhere(ctx, s.machines, remainsScript(states))
	if err != nil {
		return nil, err
	}
	topic, err := s.describeTopic(ctx)
	return append(left, fmt.Sprintf("%+v\n", topic)), err
}

// remainsScript prints all that states name as it is: what paths are, whose,
// and what they hold, the release file by file, users, links, and units.
func remainsScript(states []machine.State) string {
	var b strings.Builder
	b.WriteString("export LC_ALL=C\n")
	releases := map[string]bool{}
	for _, s := range states {
		var paths, files, units []string
		for _, d := range s.Directories {
			paths = append(paths, d.Path)
		}
		for _, f := range s.AllFiles() {
			paths, files = append(paths, f.Path), append(files, f.Path)
		}
		fmt.Fprintf(&b, "stat --printf='%%n %%F %%a %%U:%%G\\n' -- %s\nsha256sum -- %s\n", remote.QuoteAll(paths...), remote.QuoteAll(files...))
		for _, u := range s.Users {
			fmt.Fprintf(&b, "getent passwd %s | cut -d: -f1,6-; id -Gn %s\n", remote.Quote(u.Name), remote.Quote(u.Name))
		}
		for _, r := range s.Releases {
			fmt.Fprintf(&b, "readlink %s\n", remote.Quote(r.Link()))
			releases[r.Dir()] = true
		}
		for _, v := range s.Services {
			units = append(units, v.Unit)
		}
		if len(units) > 0 {
			fmt.Fprintf(&b, "systemctl show --property=Id,ActiveState,SubState,UnitFileState,NeedDaemonReload -- %s\n", remote.QuoteAll(units...))
		}
	}
	for _, dir := range sorted(releases) {
		fmt.Fprintf(&b, "find %[1]s -printf '%%p %%y %%m %%u:%%g %%s %%l\\n' | sort\n(cd %[1]s && sha256sum --check --strict --quiet SHA256SUMS && sha256sum SHA256SUMS)\n", remote.Quote(dir))
	}
	return b.String()
}

// describeTopic asks the brokers.
func (s *site) describeTopic(ctx context.Context) (kafka.Topic, error) {
	admin, err := askBrokers(s.brokers().Bootstrap())
	if err != nil {
		return kafka.Topic{}, err
	}
	defer admin.Close()
	return admin.Describe(ctx, s.topic().Name)
}

func askBrokers(bootstrap []string) (*kafka.Admin, error) {
	version, _ := kafka.LookUp(kafka.DefaultVersion) // it is in the table
	return kafka.NewAdmin(bootstrap, version, &net.Dialer{}, nil)
}

// difference shows the lines that only one of two texts has.
func difference(before, after string) string {
	var b strings.Builder
	only := func(sign, text, other string) {
		has := slices.Collect(strings.Lines(other))
		for line := range strings.Lines(text) {
			if !slices.Contains(has, line) {
				b.WriteString(sign + line)
			}
		}
	}
	only("- ", before, after)
	only("+ ", after, before)
	return b.String()
}

func sorted(set map[string]bool) []string { return slices.Sorted(maps.Keys(set)) }
