package machine

import (
	"fmt"
	"slices"
)

// Removal plans to take the component of was off a machine: its services are
// stopped, its files and releases removed. Directories of data stay, unless
// deleteData. What belongs to the component its manifest says; where that is
// missing or damaged, was, which is what was last applied.
//
// A component that another cluster owns is refused with a *Refusal. One that is
// on the machine by another name now is that name's: its plan is empty.
func Removal(name string, was State, is Observed, deleteData bool) (Plan, error) {
	owned, sound := is.Manifests[was.Component]
	if cluster := owner(was.Component, is); cluster != "" && cluster != was.Cluster {
		return Plan{}, &Refusal{Machine: name, Reasons: []Reason{{
			Check: CheckCluster, Found: fmt.Sprintf("its %s belongs to cluster %q", was.Component, cluster),
			Expected: fmt.Sprintf("cluster %q", was.Cluster), Next: "leave it to that cluster",
		}}}
	}
	if owned.anothers(was.Machine) {
		return Plan{Machine: name, desired: State{Cluster: was.Cluster, Component: was.Component}}, nil
	}
	if !sound {
		owned = was.Manifest().found(is)
	}
	d := differ{want: State{Cluster: was.Cluster, Component: was.Component}, is: is, old: owned}
	d.obsolete()
	if deleteData {
		for _, path := range owned.Data {
			d.add(Step{Phase: Switch, Action: Remove, Kind: "data", Target: path, Detail: "with all it holds"})
		}
	}
	if _, damaged := is.Damaged[was.Component]; sound || damaged {
		d.add(Step{Phase: Switch, Action: Remove, Kind: "manifest", Target: ManifestPath(was.Component)})
	}
	return Plan{Machine: name, Steps: slices.Clip(d.steps), desired: d.want}, nil
}

// found is what of a manifest is on the machine.
func (m Manifest) found(is Observed) Manifest {
	keep := func(paths []string, there func(string) bool) []string {
		return slices.DeleteFunc(slices.Clone(paths), func(p string) bool { return !there(p) })
	}
	directory := func(p string) bool { return is.Directories[p].Kind != "" }
	m.Files = keep(m.Files, func(p string) bool { return is.Files[p].Kind != "" })
	m.Services = keep(m.Services, func(u string) bool { return is.Services[u].Load == "loaded" || is.Services[u].Up() })
	m.Directories, m.Data = keep(m.Directories, directory), keep(m.Data, directory)
	m.Links = keep(m.Links, func(p string) bool { return is.Links[p] != "" })
	m.Releases = keep(m.Releases, func(p string) bool { return is.Releases[p].Digest != "" })
	return m
}

// owner is the cluster that a component on the machine says it belongs to.
func owner(component string, is Observed) string {
	if m, ok := is.Manifests[component]; ok {
		return m.Cluster
	}
	return is.Damaged[component].Cluster
}
