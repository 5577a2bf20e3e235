package preflight

import (
	"maps"
	"net"
	"net/netip"
	"slices"
	"strings"

	"weir/provision/host"
	"weir/provision/machine"
	"weir/provision/remote"
)

// Subject is a machine and what it is to become.
type Subject struct {
	// Host says how to reach it; its Name is what findings call it.
	Host remote.Host
	// Address is how the cluster's other machines reach it.
	Address string
	// Made says that weir makes the machine itself, as a container: one that does
	// not answer is yet to be made, or started.
	Made bool
	// States are those of the components that it is to have; at least one. Only
	// what they require is looked at.
	States []machine.State
}

// asked is what package machine is asked to look at, of all components at once.
func (s Subject) asked() machine.State {
	all := machine.State{Cluster: s.States[0].Cluster, Component: host.Component}
	for _, st := range s.States {
		all.Packages = append(all.Packages, st.Packages...)
		all.Services = append(all.Services, st.Services...)
		all.Sysctls = append(all.Sysctls, st.Sysctls...)
		all.Directories = append(all.Directories, dataDirectories(st)...)
		for _, r := range st.Releases {
			if r.Digest != "" { // else nobody can say whether it is there
				all.Releases = append(all.Releases, r)
			}
		}
		for _, space := range st.Requires.Space { // components share releases, and the room for them
			if !slices.Contains(all.Requires.Space, space) {
				all.Requires.Space = append(all.Requires.Space, space)
			}
		}
		if st.Requires.Architecture != "" {
			all.Requires.Architecture = st.Requires.Architecture
		}
	}
	return all
}

func dataDirectories(s machine.State) []machine.Directory {
	return slices.DeleteFunc(slices.Clone(s.Directories), func(d machine.Directory) bool { return !d.Data })
}

// collect is what the components require of a kind, sorted, each once.
func (s Subject) collect(of func(machine.State) []string) []string {
	var all []string
	for _, st := range s.States {
		all = append(all, of(st)...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

func (s Subject) data() []string {
	return s.collect(func(st machine.State) (paths []string) {
		for _, d := range dataDirectories(st) {
			paths = append(paths, d.Path)
		}
		return paths
	})
}

func (s Subject) programs() []string {
	return s.collect(func(st machine.State) []string { return st.Requires.Programs })
}

func (s Subject) listen() []string {
	return s.collect(func(st machine.State) []string { return st.Requires.Listen })
}

// written are the directories that a change writes to.
func (s Subject) written() []string {
	return s.collect(func(st machine.State) []string {
		paths := []string{machine.UnitDir, machine.ReleaseDir, machine.ManifestDir}
		for _, d := range st.Directories {
			paths = append(paths, d.Path)
		}
		return paths
	})
}

// names are the DNS names by which services find each other, and the machine.
func (s Subject) names() []string {
	return s.collect(func(st machine.State) (names []string) {
		for _, address := range slices.Concat(st.Requires.Listen, hosts(st.Requires.Reach)) {
			if _, err := netip.ParseAddr(address); err != nil {
				names = append(names, address)
			}
		}
		return names
	})
}

// hosts are the addresses without their ports.
func hosts(addresses []string) []string {
	all := make([]string, 0, len(addresses))
	for _, a := range addresses {
		if h, _, err := net.SplitHostPort(a); err == nil {
			all = append(all, h)
		}
	}
	return all
}

// heap is what the machine's virtual machines are given.
func (s Subject) heap() (bytes int64) {
	for _, st := range s.States {
		bytes += st.Requires.Heap
	}
	return bytes
}

// most is the largest of what the components require.
func (s Subject) most(of func(machine.Requirements) int) int {
	n := 0
	for _, st := range s.States {
		n = max(n, of(st.Requires))
	}
	return n
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

func join(words []string) string { return strings.Join(words, ", ") }
