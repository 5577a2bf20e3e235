package adopt

import (
	"cmp"
	"fmt"
	"maps"
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
		end := fmt.Sprintf("end %s, which %s started", s.Java, s.User)
		if s.Unit != "" {
			end = fmt.Sprintf("stop and disable %s, and with it %s", s.Unit, s.Java)
		}
		steps = append(steps, fmt.Sprintf("%s; hand %s from %s to %s; start %s", end, s.Data, cmp.Or(s.User, "its user"), user, unit))
	}
	return steps
}
