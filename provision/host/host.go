// Package host says what every machine of a cluster should be, whatever runs on
// it: a Java runtime, weir's own directories, and settings of the operating
// system that Kafka asks for.
package host

import "weir/provision/machine"

// Spec is what a machine should be before anything is installed on it.
type Spec struct {
	Cluster string
	// Architecture is Go's name; the machine is refused where it differs.
	Architecture string
	// Java installs a Java runtime where no `java` is on the machine's PATH.
	Java bool
	// Tune sets the kernel settings of Sysctls.
	Tune bool
}

// Component is the name under which a machine's manifest lists these things.
const Component = "host"

// JavaPackage is the Debian package of the Java runtime: the oldest LTS release
// that is in every supported distribution and runs Kafka 0.8 to 4.
const JavaPackage = "openjdk-17-jre-headless"

// Sysctls are the kernel settings that Kafka's documentation asks for ("OS" in
// the operations section): two memory maps per log segment exceed the usual
// 65,530 at about 50,000 partitions, and a broker that swaps misses its session.
func Sysctls() []machine.Sysctl {
	return []machine.Sysctl{
		{Key: "vm.max_map_count", Value: "262144"},
		{Key: "vm.swappiness", Value: "1"},
	}
}

// State returns what should be true of the machine.
func State(s Spec) machine.State {
	st := machine.State{
		Cluster: s.Cluster, Component: Component,
		Directories: []machine.Directory{
			{Path: "/etc/weir", Owner: "root", Group: "root", Mode: 0o755, Exclusive: true},
			{Path: "/opt/weir", Owner: "root", Group: "root", Mode: 0o755},
			{Path: machine.ReleaseDir, Owner: "root", Group: "root", Mode: 0o755, Exclusive: true},
			{Path: "/var/lib/weir", Owner: "root", Group: "root", Mode: 0o755},
		},
		Requires: machine.Requirements{Architecture: s.Architecture},
	}
	if s.Java {
		st.Packages = []machine.Package{{Name: JavaPackage, Provides: "java"}}
	}
	if s.Tune {
		st.Sysctls = Sysctls()
	}
	return st
}
