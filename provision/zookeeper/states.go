package zookeeper

import (
	"fmt"
	"time"

	"weir/provision/address"
	"weir/provision/machine"
	"weir/provision/systemd"
)

// What the ensemble asks of a machine.
const (
	// freeBytes is room for snapshots and transaction logs, which ZooKeeper
	// allocates in pieces of 64 MiB.
	freeBytes = 512 << 20
	// releaseBytes is room for Kafka's release, of which ZooKeeper is a part.
	releaseBytes = 256 << 20
	// OpenFiles covers the default of 60 connections a client address many
	// times over.
	OpenFiles = 16384
	// stopTimeout: a member stops within a second; a snapshot being written may
	// take longer.
	stopTimeout = 60 * time.Second
	// restartDelay lets a port or an address come back.
	restartDelay = 5 * time.Second
)

// States returns what each member's machine should be, by machine name.
// A spec that Validate finds fault with is a *problem.Error.
func States(s Spec) (map[string]machine.State, error) {
	if err := Validate(s).Err(); err != nil {
		return nil, err
	}
	s = s.WithDefaults()
	states := make(map[string]machine.State, len(s.Members))
	for _, m := range s.Members {
		states[m.Machine] = s.state(m)
	}
	return states, nil
}

func (s Spec) state(m Member) machine.State {
	config := s.Layout.ConfigFile("zookeeper.properties", s.properties().String())
	logging := s.Layout.LoggingFile(Component, log4j)
	unit := s.unit(m, config.Path, logging.Path).File(Unit)
	myid := machine.File{
		Path: s.Layout.DataDir + "/myid", Owner: s.Layout.User, Group: s.Layout.User, Mode: 0o644,
		Content: fmt.Sprintf("%d\n", m.ID),
	}
	return machine.State{
		Cluster:     s.Cluster,
		Component:   Component,
		Machine:     m.Machine,
		Users:       s.Layout.Users(),
		Directories: s.Layout.Directories(),
		Files:       []machine.File{myid, config, logging, unit},
		Releases:    []machine.Release{s.Release},
		Services: []machine.Service{{
			Unit:     Unit,
			Watches:  []string{myid.Path, config.Path, logging.Path, unit.Path, s.Release.Link()},
			Ports:    s.ports(),
			Takeover: s.takeover(),
		}},
		Requires: machine.Requirements{
			Space:     []machine.Space{{Path: s.Layout.DataDir, Bytes: freeBytes}, {Path: machine.ReleaseDir, Bytes: releaseBytes}},
			Reach:     s.reach(m),
			Programs:  []string{s.Release.Root, s.Layout.TempDir},
			Listen:    []string{m.Address},
			Heap:      systemd.HeapBytes(s.Heap),
			Java:      systemd.OldestJava,
			OpenFiles: OpenFiles,
		},
	}
}

func (s Spec) takeover() *machine.Takeover {
	if !s.Adopt {
		return nil
	}
	return &machine.Takeover{Main: Main, Starts: `zookeeper-server-start|zkServer|QuorumPeerMain`, Keys: []string{"dataDir"}, Data: s.Layout.DataDir, Patience: stopTimeout}
}

// ports are what a member listens on: its peer port opens only while it leads.
func (s Spec) ports() []int {
	if len(s.Members) == 1 {
		return []int{s.ClientPort}
	}
	return []int{s.ClientPort, s.PeerPort, s.ElectionPort}
}

// reach is what m connects to: every other member's three ports.
func (s Spec) reach(m Member) []string {
	var addrs []string
	for _, other := range s.Members {
		if other.ID == m.ID {
			continue
		}
		for _, port := range []int{s.ClientPort, s.PeerPort, s.ElectionPort} {
			addrs = append(addrs, address.WithPort(other.Address, port))
		}
	}
	return addrs
}

func (s Spec) unit(m Member, config, logging string) systemd.Service {
	return systemd.Service{
		Description:  fmt.Sprintf("ZooKeeper member %d of cluster %s", m.ID, s.Cluster),
		User:         s.Layout.User,
		Command:      []string{s.Release.Link() + "/bin/zookeeper-server-start.sh", config},
		Environment:  systemd.JVMVariables(s.Heap, s.JVMOptions, s.Layout.TempDir, s.Layout.LogDir, logging),
		Directory:    s.Layout.DataDir,
		Reads:        []string{s.Release.Root, s.Layout.ConfigDir},
		Writes:       []string{s.Layout.DataDir, s.Layout.LogDir, s.Layout.TempDir},
		OpenFiles:    OpenFiles,
		StopTimeout:  stopTimeout,
		RestartDelay: restartDelay,
		JVM:          true,
	}
}
