package main

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"weir/provision/adopt"
	"weir/provision/zookeeper"
)

// adopted is a cluster that was found, as a stack declares it.
type adopted struct {
	adopt.Found
	Archive, SHA256 string
}

// lines are settings of a section, those that are not as by default.
type lines struct{ strings.Builder }

func (l *lines) add(key, value string) error {
	text, err := scalar(value)
	fmt.Fprintf(l, "      %s: %s\n", key, text)
	return err
}

func (l *lines) text(key, value string) (err error) {
	if value != "" {
		err = l.add(key, value)
	}
	return err
}

func (l *lines) number(key string, value, byDefault int) {
	if value != byDefault && value != 0 {
		fmt.Fprintf(l, "      %s: %d\n", key, value)
	}
}

// ids are written on a line, in the order of the machines' names.
func (l *lines) ids(key string, of map[string]int) error {
	var parts []string
	for _, machine := range slices.Sorted(maps.Keys(of)) {
		name, err := scalar(machine)
		if err != nil {
			return err
		}
		parts = append(parts, name+": "+strconv.Itoa(of[machine]))
	}
	fmt.Fprintf(l, "      %s: {%s}\n", key, strings.Join(parts, ", "))
	return nil
}

// settings are those of the cluster that are not weir's.
func (l *lines) settings(of map[string]string) error {
	if len(of) == 0 {
		return nil
	}
	l.WriteString("      # As it runs now. A line that is taken out becomes what weir writes by itself.\n      config:\n")
	for _, key := range slices.Sorted(maps.Keys(of)) {
		name, err1 := scalar(key)
		value, err2 := scalar(of[key])
		if err := cmp.Or(err1, err2); err != nil {
			return err
		}
		fmt.Fprintf(l, "        %s: %s\n", name, value)
	}
	return nil
}

// Sections are the cluster's part of the stack's config.
func (a adopted) Sections() (string, error) {
	var l lines
	l.WriteString("    # adopt takes the place of what was started by hand on the same data; it may stay.\n    zookeeper:\n      adopt: true\n")
	if err := a.ensemble(&l); err != nil {
		return "", err
	}
	l.WriteString("    kafka:\n      adopt: true\n")
	if err := a.brokers(&l); err != nil {
		return "", err
	}
	l.WriteString("    # Topics that are there stay as they are; list those that weir should look after.\n    topics: []\n")
	return l.String(), nil
}

func (a adopted) ensemble(l *lines) error {
	z, byDefault := a.ZooKeeper, zookeeper.Spec{}.WithDefaults()
	members := map[string]int{}
	for _, m := range z.Members {
		members[m.Machine] = m.ID
	}
	if err := cmp.Or(l.ids("members", members), l.text("dataDir", z.Layout.DataDir)); err != nil {
		return err
	}
	l.number("clientPort", z.ClientPort, byDefault.ClientPort)
	l.number("peerPort", z.PeerPort, byDefault.PeerPort)
	l.number("electionPort", z.ElectionPort, byDefault.ElectionPort)
	l.number("tickTime", z.TickTime, byDefault.TickTime)
	l.number("initLimit", z.InitLimit, byDefault.InitLimit)
	l.number("syncLimit", z.SyncLimit, byDefault.SyncLimit)
	return cmp.Or(l.text("heap", z.Heap), l.text("jvmOptions", z.JVMOptions), l.settings(z.Config))
}

func (a adopted) brokers(l *lines) error {
	k := a.Kafka
	brokers := map[string]int{}
	for _, b := range k.Brokers {
		brokers[b.Machine] = int(b.ID)
	}
	err := cmp.Or(l.ids("brokers", brokers), l.add("version", k.Version), l.text("dataDir", k.Layout.DataDir))
	if err != nil {
		return err
	}
	l.number("port", k.Listeners[0].Port, 9092)
	err = cmp.Or(l.text("bind", k.Brokers[0].Bind), l.text("chroot", k.Chroot), l.text("heap", k.Heap), l.text("jvmOptions", k.JVMOptions))
	if a.Archive != "" && err == nil {
		var archive string
		archive, err = scalar(a.Archive)
		fmt.Fprintf(l, "      release: {archive: %s, sha256: %q}\n", archive, a.SHA256)
	}
	return cmp.Or(err, l.settings(k.Config))
}
