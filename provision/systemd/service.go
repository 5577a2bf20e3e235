// Package systemd writes the unit files of the services that weir runs.
//
// The hardening is what works on Debian 12 (systemd 252) and later and inside
// a container with CAP_SYS_ADMIN; directives that an older systemd does not
// know are ignored by it with a warning. ProtectClock and ProtectProc are left
// out: the first needs the devices controller, the second a fresh mount of
// /proc, and containers have neither.
package systemd

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"weir/provision/machine"
	"weir/provision/problem"
)

// Service is one long-running program as systemd is to run it.
type Service struct {
	Description string
	// After are units that start first where they start at all; Wants are units
	// that are started along.
	After, Wants []string
	// User runs the program; its group has the same name.
	User string
	// Command is the program's absolute path and its arguments, in plain text.
	Command []string
	// Environment is added to the program's environment.
	Environment []Variable
	// Directory is the working directory.
	Directory string
	// Reads and Writes are the paths the program needs; what it writes must be
	// listed, the rest of the file system is read-only to it.
	Reads, Writes []string
	// OpenFiles is the limit of open files; systemd lowers it silently to what
	// a container's engine allows.
	OpenFiles int
	// StopTimeout is how long a graceful stop may take before SIGKILL.
	StopTimeout time.Duration
	// RestartDelay is the pause before a failed program is started again. It is
	// started again for ever: what it waits for may be away for hours.
	RestartDelay time.Duration
	// JVM says that the program is a Java virtual machine: SIGTERM ends it with
	// code 143, and it writes the code that it executes.
	JVM bool
}

// Variable is one environment variable.
type Variable struct{ Name, Value string }

// File is the unit file as part of a machine's state.
func (s Service) File(unit string) machine.File {
	return machine.File{Path: machine.UnitDir + "/" + unit, Owner: "root", Group: "root", Mode: 0o644, Content: s.String()}
}

// String is the text of the unit file.
func (s Service) String() string {
	var b text
	b.section("Unit")
	b.set("Description", line(s.Description))
	b.words("Wants", append([]string{"network-online.target"}, s.Wants...))
	b.words("After", append([]string{"network-online.target"}, s.After...))
	b.words("RequiresMountsFor", append(slices.Clone(s.Reads), s.Writes...))
	b.set("StartLimitIntervalSec", "0")

	b.section("Service")
	b.set("User", s.User)
	b.set("Group", s.User)
	b.set("WorkingDirectory", word(s.Directory))
	for _, v := range s.Environment {
		b.set("Environment", quote(v.Name+"="+v.Value))
	}
	b.set("ExecStart", CommandLine(s.Command))
	b.set("Restart", "on-failure")
	b.set("RestartSec", seconds(s.RestartDelay))
	b.set("KillMode", "mixed")
	b.set("TimeoutStopSec", seconds(s.StopTimeout))
	if s.JVM {
		b.set("SuccessExitStatus", "143")
	}
	b.set("LimitNOFILE", fmt.Sprint(s.OpenFiles))
	b.set("UMask", "0027")
	s.hardening(&b)

	b.section("Install")
	b.set("WantedBy", "multi-user.target")
	return b.String()
}

func (s Service) hardening(b *text) {
	b.comment("The program gets what it needs and nothing else.")
	b.set("NoNewPrivileges", "yes")
	b.set("CapabilityBoundingSet", "")
	b.set("AmbientCapabilities", "")
	b.set("ProtectSystem", "strict")
	s.protectHome(b)
	b.words("ReadWritePaths", s.Writes)
	b.set("PrivateTmp", "yes")
	b.set("PrivateDevices", "yes")
	b.set("ProtectControlGroups", "yes")
	b.set("ProtectKernelModules", "yes")
	b.set("ProtectKernelTunables", "yes")
	b.set("RestrictNamespaces", "yes")
	b.set("RestrictRealtime", "yes")
	b.set("RestrictSUIDSGID", "yes")
	b.set("RestrictAddressFamilies", "AF_UNIX AF_INET AF_INET6 AF_NETLINK")
	b.set("LockPersonality", "yes")
	b.set("SystemCallArchitectures", "native")
	if !s.JVM {
		b.set("MemoryDenyWriteExecute", "yes")
	}
}

// protectHome hides home directories. What the service uses of one, as where the
// article keeps its data, is shown in an empty one: others' homes stay hidden,
// and a home that only its owner may enter is no obstacle.
func (s Service) protectHome(b *text) {
	reads := homes(append(slices.Clone(s.Reads), path.Dir(s.Command[0])))
	writes := homes(append(slices.Clone(s.Writes), s.Directory))
	reads = slices.DeleteFunc(reads, func(p string) bool { return slices.Contains(writes, p) })
	if len(reads)+len(writes) == 0 {
		b.set("ProtectHome", "yes")
		return
	}
	b.set("ProtectHome", "tmpfs")
	b.words("BindReadOnlyPaths", reads)
	b.words("BindPaths", writes)
}

// homes are those of the paths that lie in a home directory, each once.
func homes(paths []string) []string {
	below := slices.DeleteFunc(paths, func(p string) bool { return !underHome(p) })
	slices.Sort(below)
	return slices.Compact(below)
}

func underHome(p string) bool {
	for _, home := range []string{"/home", "/root", "/run/user"} {
		if p == home || strings.HasPrefix(p, home+"/") {
			return true
		}
	}
	return false
}

// JVMVariables are the environment of Kafka's own start scripts: heap size
// ("" leaves it to the script), directories and log settings. A virtual
// machine out of memory is ended, so that systemd starts a sound one.
func JVMVariables(heap, options, tempDir, logDir, log4j string) []Variable {
	v := []Variable{
		{"KAFKA_OPTS", "-Djava.io.tmpdir=" + tempDir + " -XX:+ExitOnOutOfMemoryError"},
		{"KAFKA_LOG4J_OPTS", "-Dlog4j.configuration=file:" + path.Clean(log4j)},
		{"LOG_DIR", logDir},
	}
	if options != "" {
		v = append([]Variable{{"KAFKA_JVM_PERFORMANCE_OPTS", options}}, v...)
	}
	if heap != "" {
		v = append([]Variable{{"KAFKA_HEAP_OPTS", "-Xms" + heap + " -Xmx" + heap}}, v...)
	}
	return v
}

// OldestJava is the oldest release that the start scripts and options of our
// services suit: they log garbage collection by -Xlog, which came with Java 9
// (JEP 158), and 11 is the first with long-term support after it.
const OldestJava = 11

// HeapBytes is a heap as the JVM takes it, "512m" or "2g", in bytes; 0 where it
// is neither, as an empty one, which is sized on the machine.
func HeapBytes(heap string) int64 {
	shift := map[byte]int{'m': 20, 'M': 20, 'g': 30, 'G': 30}
	if heap == "" || shift[heap[len(heap)-1]] == 0 {
		return 0
	}
	n, err := strconv.ParseInt(heap[:len(heap)-1], 10, 32)
	if err != nil || n < 0 {
		return 0
	}
	return n << shift[heap[len(heap)-1]]
}

// jvmOption is one word as the JVM takes it, with nothing that a shell or
// systemd would read otherwise.
var jvmOption = regexp.MustCompile(`^-XX:[A-Za-z0-9+=._:/-]+$`)

// CheckJVMOptions adds a problem where options are not words of that form; at
// is their path.
func CheckJVMOptions(at, options string, problems *problem.List) {
	for word := range strings.FieldsSeq(options) {
		if !jvmOption.MatchString(word) {
			problems.Add(at, "%q is not an option; write words such as -XX:+UseSerialGC, apart by spaces", word)
		}
	}
}

// jvmHeap is a size as -Xmx takes it.
var jvmHeap = regexp.MustCompile(`^[1-9][0-9]*[mMgG]$`)

// CheckHeap adds a problem where a heap that is set is not a size; at is its path.
func CheckHeap(at, heap string, problems *problem.List) {
	if heap != "" && !jvmHeap.MatchString(heap) {
		problems.Add(at, `is %q; write a size as the JVM takes it, "512m" or "2g"`, heap)
	}
}
