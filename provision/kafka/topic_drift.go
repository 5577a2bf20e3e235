package kafka

import (
	"fmt"
	"maps"
	"slices"

	"weir/provision/machine"
)

// Drift lists how a topic differs from what it was last made. Throttles are left
// out: they belong to a move of replicas that is under way.
func Drift(applied, is Topic) []machine.Difference {
	var all []machine.Difference
	add := func(target, found, expected string) {
		all = append(all, machine.Difference{Kind: "topic", Target: target, Found: machine.Printable(found), Expected: expected})
	}
	if is.Partitions != applied.Partitions {
		add(applied.Name, fmt.Sprintf("%d partitions", is.Partitions), fmt.Sprint(applied.Partitions))
	}
	if is.ReplicationFactor != applied.ReplicationFactor {
		add(applied.Name, fmt.Sprintf("%d replicas", is.ReplicationFactor), fmt.Sprint(applied.ReplicationFactor))
	}
	keys := slices.Collect(maps.Keys(applied.Config))
	for k := range is.Config {
		if _, declared := applied.Config[k]; !declared && !slices.Contains(throttles, k) {
			keys = append(keys, k)
		}
	}
	slices.Sort(keys)
	for _, k := range keys {
		found, set := is.Config[k]
		expected, declared := applied.Config[k]
		switch {
		case set == declared && found == expected:
		case !set:
			add(applied.Name, k+" is not set", k+"="+expected)
		case !declared:
			add(applied.Name, k+"="+found, k+" at its default")
		default:
			add(applied.Name, k+"="+found, k+"="+expected)
		}
	}
	return all
}
