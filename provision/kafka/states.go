package kafka

import (
	"cmp"
	"fmt"
	"time"

	"weir/provision/address"
	"weir/provision/machine"
	"weir/provision/systemd"
)

// What the brokers ask of a machine.
const (
	// freeBytes is one full log segment of the default size: less would stop a
	// broker at its first roll of a busy partition.
	freeBytes = 1 << 30
	// releaseBytes is room for a release that is not there yet: Apache's archive
	// takes 130 MB once it is unpacked.
	releaseBytes = 256 << 20
	// OpenFiles is what Kafka's documentation asks for at least.
	OpenFiles = 100_000
	// stopTimeout is well above controlled shutdown: 3 tries of at most 30 s
	// (controller.socket.timeout.ms) with 5 s between them, then closing logs.
	stopTimeout = 180 * time.Second
	// restartDelay lets a registration in ZooKeeper or a port come free.
	restartDelay = 5 * time.Second
)

// States returns what each broker's machine should be, by machine name.
// A spec that Validate finds fault with is a *problem.Error.
func States(s Spec) (map[string]machine.State, error) {
	if err := Validate(s).Err(); err != nil {
		return nil, err
	}
	s = s.WithDefaults()
	states := make(map[string]machine.State, len(s.Brokers))
	for _, b := range s.Brokers {
		states[b.Machine] = s.state(b)
	}
	return states, nil
}

func (s Spec) state(b Broker) machine.State {
	server := s.Layout.ConfigFile("server.properties", s.server(b).String())
	server.Live = versions[s.Version].Dynamic
	logging := s.Layout.LoggingFile(Component, log4j)
	unit := s.unit(b, server.Path, logging.Path).File(Unit)
	return machine.State{
		Cluster:     s.Cluster,
		Component:   Component,
		Machine:     b.Machine,
		Users:       s.Layout.Users(),
		Directories: s.Layout.Directories(),
		Files: []machine.File{
			server,
			s.Layout.ConfigFile("producer.properties", s.producer().String()),
			s.Layout.ConfigFile("consumer.properties", s.consumer().String()),
			logging,
			unit,
		},
		Releases: []machine.Release{s.Release},
		Services: []machine.Service{{
			Unit: Unit,
			// The clients' files are for people: a change of them disturbs no broker.
			Watches:  []string{server.Path, logging.Path, unit.Path, s.Release.Link()},
			Ports:    s.ports(),
			Takeover: s.takeover(),
		}},
		Requires: machine.Requirements{
			Space:     []machine.Space{{Path: s.Layout.DataDir, Bytes: freeBytes}, {Path: machine.ReleaseDir, Bytes: releaseBytes}},
			Reach:     s.reach(b),
			Programs:  []string{s.Release.Root, s.Layout.TempDir},
			Listen:    []string{cmp.Or(b.Bind, b.Address)},
			Heap:      systemd.HeapBytes(s.Heap),
			Java:      systemd.OldestJava,
			OpenFiles: OpenFiles,
		},
	}
}

// takeover: a broker that was started by hand ends as ours do, by controlled
// shutdown, and may take as long.
func (s Spec) takeover() *machine.Takeover {
	if !s.Adopt {
		return nil
	}
	return &machine.Takeover{Main: Main, Starts: `kafka-server-start|kafka\.Kafka`, Keys: []string{"log.dirs", "log.dir"}, Data: s.Layout.DataDir, Patience: stopTimeout}
}

func (s Spec) ports() []int {
	var ports []int
	for _, l := range s.Listeners {
		ports = append(ports, l.Port)
	}
	return ports
}

// reach is what b connects to: ZooKeeper, and every other broker's listeners.
func (s Spec) reach(b Broker) []string {
	addrs := append([]string(nil), s.ZooKeeper...)
	for _, other := range s.Brokers {
		if other.ID == b.ID {
			continue
		}
		for _, port := range s.ports() {
			addrs = append(addrs, address.WithPort(other.Address, port))
		}
	}
	return addrs
}

func (s Spec) unit(b Broker, server, logging string) systemd.Service {
	return systemd.Service{
		Description: fmt.Sprintf("Kafka broker %d of cluster %s", b.ID, s.Cluster),
		After:       b.After,
		// Wanted and not required: a broker outlives a restart of its neighbour.
		Wants:        b.After,
		User:         s.Layout.User,
		Command:      []string{s.Release.Link() + "/bin/kafka-server-start.sh", server},
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
