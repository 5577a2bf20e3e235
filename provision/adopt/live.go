package adopt

import (
	"cmp"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"weir/provision/kafka"
	"weir/provision/problem"
	"weir/provision/zookeeper"
)

// Confirm compares what the files say with what the running cluster says of
// itself: files may have been changed since. A cluster that is not sound is a
// problem too, as it would stop at the first gate.
func (f Found) Confirm(members []zookeeper.Answer, view kafka.View) problem.List {
	var p problem.List
	for _, finding := range zookeeper.Check(members) {
		p.Add("zookeeper", "%s: mend it first", finding)
	}
	if view.ClusterID != f.ClusterID {
		p.Add("kafka", "the brokers' data is cluster %q's, and they say that they are %q: mend it first", f.ClusterID, view.ClusterID)
	}
	byID := map[int32]string{}
	for i, address := range f.Kafka.Bootstrap() {
		b := f.Kafka.Brokers[i]
		byID[b.ID] = b.Machine
		if is := view.Brokers[b.ID]; is != "" && !strings.EqualFold(is, address) {
			p.Add(b.Machine, "broker %d tells clients %s, and by its file it would be %s: write advertised.listeners, restart it, and run again", b.ID, is, address)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(view.Brokers)) {
		if byID[id] == "" {
			p.Add("kafka", "broker %d at %s belongs to the cluster, and runs on none of the machines: name its machine too", id, view.Brokers[id])
		}
	}
	for _, id := range slices.Sorted(maps.Keys(byID)) {
		if view.Brokers[id] == "" {
			p.Add(byID[id], "broker %d is not registered in the cluster: mend it first", id)
		}
	}
	for _, finding := range view.CheckPartitions() {
		p.Add("kafka", "%s: mend it first", finding)
	}
	return p
}

// Take takes over what running brokers have been told beside their files:
// settings in effect, by broker and key. weir would tell them otherwise what it
// declares.
func (f *Found) Take(live map[int32]map[string]string) problem.List {
	var p problem.List
	values := map[string]map[string]string{} // by key and machine
	for _, b := range f.Kafka.Brokers {
		for key, declared := range kafka.Dynamic(f.Kafka)[b.ID] {
			if is, told := live[b.ID][key]; told && is != declared {
				if values[key] == nil {
					values[key] = map[string]string{}
				}
				values[key][b.Machine] = is
			}
		}
	}
	for _, key := range slices.Sorted(maps.Keys(values)) {
		all := slices.Compact(slices.Sorted(maps.Values(values[key])))
		if len(all) > 1 || len(values[key]) < len(f.Kafka.Brokers) {
			p.Add("kafka "+key, "was set to %s on running brokers, and not alike on all: weir has one value for all of them; set one with kafka-configs.sh --entity-default, and run again",
				strings.Join(all, ", "))
			continue
		}
		if f.Kafka.Config == nil {
			f.Kafka.Config = map[string]string{}
		}
		f.Kafka.Config[key] = all[0]
	}
	return p
}

// Homes are the directories that the servers' software was unpacked in, as far
// as their jars tell.
func (f Found) Homes() []string {
	var homes []string
	for _, s := range f.Servers {
		for _, jar := range s.Jars {
			if path.IsAbs(jar) {
				homes = append(homes, path.Dir(path.Dir(jar)))
			}
		}
	}
	slices.Sort(homes)
	return slices.Compact(homes)
}

// Steps say what the take-over does on a machine, a line each.
func (f Found) Steps(machine string) []string {
	var steps []string
	for _, s := range f.Servers {
		if s.Machine != machine {
			continue
		}
		unit, user := zookeeper.Unit, "weir-"+zookeeper.Component
		if s.Main == kafka.Main {
			unit, user = kafka.Unit, "weir-"+kafka.Component
		}
		process := s.Java
		process.Unit = ""
		end := fmt.Sprintf("end %s, which %s started", process, s.User)
		if s.Unit != "" {
			end = fmt.Sprintf("stop and disable %s, and with it %s", s.Unit, process)
		}
		steps = append(steps, fmt.Sprintf("%s; hand %s from %s to %s; start %s", end, s.Data, cmp.Or(s.User, "its user"), user, unit))
	}
	return steps
}
