package host

import (
	"slices"
	"strconv"
	"strings"

	"weir/provision/layout"
	"weir/provision/machine"
	"weir/provision/problem"
)

// Keep is the value of a setting that stays as the machine has it.
const Keep = "keep"

// OS are settings of the operating system. Each holds a value, Keep, or nothing
// for the default. What was set and is then kept holds until the next boot.
type OS struct {
	// OpenFiles is the limit of open files of whoever logs in as a service's user,
	// 1024 to 1048576 (100000): Kafka's tools open a broker's files too. The
	// services have theirs from their units. Kafka's documentation ("OS" in
	// "Hardware and OS") asks for "at least 100000 allowed file descriptors for
	// the broker processes as a starting point".
	OpenFiles string
	// MaxMapCount is vm.max_map_count, 65530 to 2147483647 (262144). The same
	// section: each segment takes two memory maps, so that 50,000 partitions
	// "likely cause broker crash with OutOfMemoryError (Map failed)" where it is
	// the usual 65,530. The default here is good for 131,000 segments.
	MaxMapCount string
	// Swappiness is vm.swappiness, 0 to 100 (1): swap only to avoid running out of
	// memory. A JVM whose heap was swapped out pauses for longer than its session
	// in ZooKeeper lasts. ZooKeeper's administrator's guide ("Things to Avoid"):
	// "you should not create a situation in which ZooKeeper swaps to disk".
	Swappiness string
	// TransparentHugePages is who gets huge pages unasked: always, madvise or
	// never (madvise). With always, a kernel that compacts memory to make some
	// stalls whoever allocates (the kernel's "Transparent Hugepage Support" says
	// so of defrag); madvise leaves them to programs that ask, as a JVM can with
	// -XX:+UseTransparentHugePages. Kafka's documentation says nothing of them.
	TransparentHugePages string
}

// The keys of the settings, on the machine and for people.
const (
	maxMapCount = "vm.max_map_count"
	swappiness  = "vm.swappiness"
	hugePages   = "/sys/kernel/mm/transparent_hugepage/enabled"
)

// HugePagesUnit sets transparent huge pages at boot, as they are no sysctl.
const HugePagesUnit = "weir-hugepages.service"

// limitsPath is read by PAM when somebody logs in, or becomes, a user.
const limitsPath = "/etc/security/limits.d/60-weir.conf"

// WithDefaults returns the settings with every one set.
func (o OS) WithDefaults() OS {
	for _, f := range []struct {
		field *string
		value string
	}{
		{&o.OpenFiles, "100000"}, {&o.MaxMapCount, "262144"}, {&o.Swappiness, "1"}, {&o.TransparentHugePages, "madvise"},
	} {
		if *f.field == "" {
			*f.field = f.value
		}
	}
	return o
}

// Validate adds what cannot be set to problems; at is the settings' path.
func (o OS) Validate(at string, problems *problem.List) {
	o = o.WithDefaults()
	for _, f := range []struct {
		key, value string
		low, high  int
	}{
		{"openFiles", o.OpenFiles, 1024, 1 << 20},        // beyond that fs.nr_open must be raised too
		{"maxMapCount", o.MaxMapCount, 65530, 1<<31 - 1}, // the kernel's default, and its int
		{"swappiness", o.Swappiness, 0, 100},             // more than 100 prefers swap to dropping the page cache
	} {
		// "+1" and "01" are refused: the kernel answers "1", and would differ for ever.
		if n, err := strconv.Atoi(f.value); f.value != Keep && (err != nil || strconv.Itoa(n) != f.value || n < f.low || n > f.high) {
			problems.Add(at+"."+f.key, "is %q; write a number from %d to %d, or keep to leave the machine's own", f.value, f.low, f.high)
		}
	}
	if pages := []string{"always", "madvise", "never", Keep}; !slices.Contains(pages, o.TransparentHugePages) {
		problems.Add(at+".transparentHugePages", "is %q; write one of %s", o.TransparentHugePages, strings.Join(pages, ", "))
	}
}

// Sysctls are the kernel settings that are not kept, in the order of their keys.
func (o OS) Sysctls() []machine.Sysctl {
	o = o.WithDefaults()
	var all []machine.Sysctl
	for _, c := range []machine.Sysctl{
		{Key: hugePages, Value: o.TransparentHugePages}, {Key: maxMapCount, Value: o.MaxMapCount}, {Key: swappiness, Value: o.Swappiness},
	} {
		if c.Value != Keep {
			all = append(all, c)
		}
	}
	return all
}

// limits is the file that sets the limit of open files of users, nil where it is kept.
func (o OS) limits() []machine.File {
	o = o.WithDefaults()
	if o.OpenFiles == Keep {
		return nil
	}
	text := "# Written by weir: for people who run tools as these users. Services have limits of their own.\n"
	for _, component := range []string{"kafka", "zookeeper"} {
		text += layout.Default(component).User + " - nofile " + o.OpenFiles + "\n"
	}
	return []machine.File{{Path: limitsPath, Owner: "root", Group: "root", Mode: 0o644, Content: text}}
}

// atBoot is the unit that sets transparent huge pages at each boot, and its
// file; nothing where they are kept. A container's /sys is read-only: the
// condition keeps the unit from failing there.
func (o OS) atBoot() ([]machine.File, []machine.Service) {
	o = o.WithDefaults()
	if o.TransparentHugePages == Keep {
		return nil, nil
	}
	text := "[Unit]\nDescription=Transparent huge pages for weir's services\n" +
		"ConditionPathIsReadWrite=" + hugePages + "\n" +
		"Before=weir-zookeeper.service weir-kafka.service\n\n" +
		"[Service]\nType=oneshot\nExecStart=/bin/sh -c 'echo " + o.TransparentHugePages + " >" + hugePages + "'\n\n" +
		"[Install]\nWantedBy=multi-user.target\n"
	file := machine.File{Path: machine.UnitDir + "/" + HugePagesUnit, Owner: "root", Group: "root", Mode: 0o644, Content: text}
	return []machine.File{file}, []machine.Service{{Unit: HugePagesUnit, AtBoot: true}}
}
