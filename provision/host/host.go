// Package host says what every machine of a cluster should be, whatever runs on
// it: a Java runtime, weir's own directories, and settings of the operating
// system that Kafka and ZooKeeper ask for.
package host

import "weir/provision/machine"

// Spec is what a machine should be before anything is installed on it.
type Spec struct {
	Cluster string
	// Machine is the name that the machine is declared by.
	Machine string
	// Architecture is Go's name; the machine is refused where it differs.
	Architecture string
	// Java installs a Java runtime where no `java` is on the machine's PATH.
	Java bool
	// OS are the settings of its operating system.
	OS OS
}

// Component is the name under which a machine's manifest lists these things.
const Component = "host"

// JavaPackage is the Debian package of the Java runtime: the oldest LTS release
// that is in every supported distribution and runs Kafka 0.8 to 4.
const JavaPackage = "openjdk-17-jre-headless"

// State returns what should be true of the machine.
func State(s Spec) machine.State {
	st := machine.State{
		Cluster: s.Cluster, Component: Component, Machine: s.Machine,
		Directories: []machine.Directory{
			{Path: "/etc/weir", Owner: "root", Group: "root", Mode: 0o755, Exclusive: true},
			{Path: "/opt/weir", Owner: "root", Group: "root", Mode: 0o755},
			{Path: machine.ReleaseDir, Owner: "root", Group: "root", Mode: 0o755, Exclusive: true},
			{Path: "/var/lib/weir", Owner: "root", Group: "root", Mode: 0o755},
		},
		Requires: machine.Requirements{Architecture: s.Architecture},
		Sysctls:  s.OS.Sysctls(),
	}
	if s.Java {
		st.Packages = []machine.Package{{Name: JavaPackage, Provides: "java"}}
	}
	unit, services := s.OS.atBoot()
	st.Files = append(s.OS.limits(), unit...)
	st.Services = services
	return st
}
