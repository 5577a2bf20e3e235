package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"weir/ops/status/table"
	"weir/provision/adopt"
	"weir/provision/kafka"
)

// showFound says what was found, what will be different, and what will be done.
func (a *app) showFound(f adopt.Found) {
	say := func(format string, args ...any) {
		fmt.Fprintln(a.console.Out, table.Clean(fmt.Sprintf(format, args...)))
	}
	item := func(sign, text string) { fmt.Fprintln(a.console.Out, "  "+sign+table.Clean(text)) }
	say("found Kafka %s, cluster %s: %d brokers, %d ZooKeeper members", f.Kafka.Version, f.ClusterID, len(f.Kafka.Brokers), len(f.ZooKeeper.Members))
	t := table.Table{Style: a.console.OutStyle}
	t.Head("machine", "address", "what", "id", "process", "user", "data")
	for _, s := range f.Servers {
		what, id := "ZooKeeper", memberID(f, s.Machine)
		if s.Main == kafka.Main {
			what, id = "Kafka", brokerID(f, s.Machine)
		}
		t.Row(s.Machine, f.Addresses[s.Machine], what, id, fmt.Sprint(s.PID), s.User, s.Data)
	}
	_, _ = t.WriteTo(a.console.Out)
	say("")
	say("ids, addresses, ports, data, cluster id and version stay, and so do %d settings that are not weir's (under config in the stack file).", len(f.Kafka.Config)+len(f.ZooKeeper.Config))
	say("What will be different:")
	for _, d := range slices.Concat(different, f.Different) {
		item("- ", d)
	}
	say("")
	say("The plan: ZooKeeper first, the leader last; then Kafka, the controller last. One machine at a time,")
	say("and the next once the whole is sound again. On each:")
	for _, m := range slices.Sorted(maps.Keys(f.Addresses)) {
		for _, step := range f.Steps(m) {
			item("", m+": "+step)
		}
	}
	if homes := f.Homes(); len(homes) > 0 {
		say("The files of the old installation stay where they are, and are not used any more: %s.", strings.Join(homes, ", "))
	}
	say("")
}

// different is what a take-over changes always.
var different = []string{
	"the servers are systemd units that start with their machine, as users weir-zookeeper and weir-kafka",
	"the servers' logs go to the journal",
}

func memberID(f adopt.Found, machine string) string {
	for _, m := range f.ZooKeeper.Members {
		if m.Machine == machine {
			return fmt.Sprint(m.ID)
		}
	}
	return ""
}

func brokerID(f adopt.Found, machine string) string {
	for _, b := range f.Kafka.Brokers {
		if b.Machine == machine {
			return fmt.Sprint(b.ID)
		}
	}
	return ""
}
