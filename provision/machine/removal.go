package machine

import (
	"fmt"
	"slices"
)

// Removal plans to take a component off a machine: its services are stopped,
// its files and releases removed. Directories of data stay, unless deleteData.
// A component that another cluster owns is refused with a *Refusal.
func Removal(name, cluster, component string, is Observed, deleteData bool) (Plan, error) {
	owned := is.Manifests[component]
	if owned.Cluster != "" && owned.Cluster != cluster {
		return Plan{}, &Refusal{Machine: name, Reasons: []Reason{{
			Check: CheckCluster, Found: fmt.Sprintf("its %s belongs to cluster %q", component, owned.Cluster),
			Expected: fmt.Sprintf("cluster %q", cluster), Next: "leave it to that cluster",
		}}}
	}
	p := Diff(name, State{Cluster: cluster, Component: component}, is)
	if !deleteData {
		return p, nil
	}
	var steps []Step
	for _, path := range owned.Data {
		steps = append(steps, Step{Phase: Switch, Action: Remove, Kind: "data", Target: path, Detail: "with all it holds"})
	}
	at := slices.IndexFunc(p.Steps, func(s Step) bool { return s.Kind == "manifest" })
	if at >= 0 {
		p.Steps = slices.Insert(p.Steps, at, steps...)
	}
	return p, nil
}
