package kafka_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"weir/provision/kafka"
	"weir/provision/release"
	"weir/testenv/golden"
)

// tree writes a release's programs, and a java that prints what it is given.
type tree struct {
	dir string
	env []string
}

func newTree(t *testing.T) tree {
	t.Helper()
	// A blank in the path: everything must be quoted.
	tr := tree{dir: filepath.Join(t.TempDir(), "a release")}
	l, err := kafka.Release("3.9.2")
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range l.Items {
		if i.Text != "" {
			tr.write(t, i.Place, i.Text, i.Executable)
		}
	}
	tr.write(t, "path/java", "#!/bin/sh\nfor a; do printf '<%s>\\n' \"$a\"; done\n", true)
	tr.write(t, "path/systemctl", "#!/bin/sh\necho systemctl \"$@\"\n", true)
	tr.write(t, "etc/producer.properties", "# written by weir\nbootstrap.servers=10.0.0.1:9092,10.0.0.2:9092\nacks=all\n", false)
	tr.env = []string{"PATH=" + tr.dir + "/path:/usr/bin:/bin", "WEIR_KAFKA_CONFIG_DIR=" + tr.dir + "/etc"}
	return tr
}

func (tr tree) write(t *testing.T, place, text string, executable bool) {
	t.Helper()
	path := filepath.Join(tr.dir, place)
	mode := os.FileMode(0o644)
	if executable {
		mode = 0o755
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
}

// run returns both outputs and the exit code, with the tree's path as ROOT.
func (tr tree) run(t *testing.T, env []string, program string, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	var out, errs strings.Builder
	cmd := exec.Command(filepath.Join(tr.dir, "bin", program), args...)
	cmd.Env = append(slices.Clone(tr.env), env...)
	cmd.Dir = t.TempDir()
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); cmd.ProcessState == nil {
		t.Fatal(err)
	}
	root := func(s string) string { return strings.ReplaceAll(s, tr.dir, "ROOT") }
	return root(out.String()), root(errs.String()), cmd.ProcessState.ExitCode()
}

// passed are the arguments that the class was given.
func passed(stdout string) []string {
	lines := strings.Split(strings.TrimSuffix(stdout, "\n"), "\n")
	for n, l := range lines {
		if l == "<-cp>" {
			return lines[min(n+3, len(lines)):]
		}
	}
	return nil
}

func TestOldFlagsAreAnsweredWithTodays(t *testing.T) {
	tests := []struct {
		name, program string
		args          []string
		want          string // arguments, each in <>
		said          string
	}{
		{"the article's topic command", "kafka-topics.sh",
			[]string{"--create", "--topic", "t", "--replication-factor", "3", "--partition", "3", "--zookeeper", "10.0.0.1:2181"},
			"<--create> <--topic> <t> <--replication-factor> <3> <--partitions> <3> <--bootstrap-server> <10.0.0.1:9092,10.0.0.2:9092>",
			"--partition is today's --partitions: using --partitions 3"},
		{"the article's console producer", "kafka-console-producer.sh", []string{"--broker-list", "10.0.0.1:9092", "--topic", "t"},
			"<--bootstrap-server> <10.0.0.1:9092> <--topic> <t>", "--broker-list is today's --bootstrap-server"},
		{"the article's console consumer", "kafka-console-consumer.sh", []string{"--zookeeper", "10.0.0.1:2181", "--from-beginning", "--topic", "t"},
			"<--bootstrap-server> <10.0.0.1:9092,10.0.0.2:9092> <--from-beginning> <--topic> <t>", "--zookeeper is today's --bootstrap-server"},
		{"the form with an equals sign", "kafka-topics.sh", []string{"--list", "--zookeeper=a:2181/x=y", "--partition=4"},
			"<--list> <--bootstrap-server> <10.0.0.1:9092,10.0.0.2:9092> <--partitions> <4>", "using --partitions 4"},
		{"both the old and the new flag", "kafka-topics.sh", []string{"--zookeeper", "z:2181", "--list", "--bootstrap-server=b:1"},
			"<--list> <--bootstrap-server=b:1>", "--zookeeper z:2181 is left out"},
		{"a consumer's own --partition stays", "kafka-console-consumer.sh", []string{"--bootstrap-server", "b:1", "--topic", "t", "--partition", "0"},
			"<--bootstrap-server> <b:1> <--topic> <t> <--partition> <0>", ""},
		{"the verification's own --broker-list stays", "kafka-replica-verification.sh", []string{"--broker-list", "b:1"}, "<--broker-list> <b:1>", ""},
		{"the settings' own --zookeeper stays", "kafka-configs.sh", []string{"--zookeeper", "z:2181"}, "<--zookeeper> <z:2181>", ""},
	}
	tr := newTree(t)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			stdout, stderr, _ := tr.run(t, nil, tt.program, tt.args...)
			if got := strings.Join(passed(stdout), " "); got != tt.want {
				t.Errorf("%s %q\n got %s\nwant %s", tt.program, tt.args, got, tt.want)
			}
			if tt.said == "" && stderr != "" || !strings.Contains(stderr, tt.said) {
				t.Errorf("%s %q said %q, want %q", tt.program, tt.args, stderr, tt.said)
			}
		})
	}
}

func TestArgumentsArePassedOnExactly(t *testing.T) {
	args := []string{"", "two words", "  ", "*", "$HOME", "`id`", `quote " and ' here`, `back\slash`, "--property", "print.key=true",
		"--zookeeper --broker-list", "-", "--", "a\tb", "--zookeeper.connect", "--partitions=3"}
	tr := newTree(t)
	stdout, stderr, code := tr.run(t, nil, "kafka-topics.sh", args...)
	if got := passed(stdout); !slices.Equal(got, bracketed(args)) || stderr != "" || code != 0 {
		t.Errorf("got %q, said %q, exit %d\nwant %q", got, stderr, code, bracketed(args))
	}
}

func bracketed(args []string) []string {
	var b []string
	for _, a := range args {
		b = append(b, "<"+a+">")
	}
	return b
}

func TestProgramsRefuseWithAWayOut(t *testing.T) {
	tests := []struct {
		name    string
		env     []string
		program string
		args    []string
		want    string
	}{
		{"no java", []string{"PATH=/nowhere"}, "kafka-topics.sh", nil, "no java on PATH: install one (Debian and Ubuntu: apt-get install openjdk-17-jre-headless)"},
		{"a JAVA_HOME without java", []string{"JAVA_HOME=/nowhere"}, "kafka-topics.sh", nil, "there is no /nowhere/bin/java"},
		{"no configuration to take brokers from", []string{"WEIR_KAFKA_CONFIG_DIR=/nowhere"}, "kafka-topics.sh", []string{"--zookeeper", "z:2181"},
			"/nowhere/producer.properties names no bootstrap.servers: give --bootstrap-server HOST:PORT instead"},
		{"an old flag without its value", nil, "kafka-topics.sh", []string{"--zookeeper"}, "--zookeeper needs a value"},
		{"no configuration file", nil, "kafka-server-start.sh", nil, "expected a configuration file: kafka-server-start.sh FILE"},
		{"a configuration file that is not there", nil, "zookeeper-server-start.sh", []string{"none"}, "cannot read none"},
		{"a daemon beside systemd", nil, "kafka-server-start.sh", []string{"-daemon", "f"}, "systemctl start weir-kafka.service"},
		{"no class", nil, "kafka-run-class.sh", nil, "expected a class"},
		{"no ZooKeeper", nil, "zookeeper-shell.sh", nil, "expected ZooKeeper's address"},
	}
	tr := newTree(t)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			env := tt.env
			if slices.Contains(env, "PATH=/nowhere") {
				env = []string{"PATH=" + toolsOnly(t)}
			}
			_, stderr, code := tr.run(t, env, tt.program, tt.args...)
			if code != 2 || !strings.HasPrefix(stderr, tt.program+": ") || !strings.Contains(stderr, tt.want) {
				t.Errorf("%s %q: exit %d, said %q; want exit 2 and %q", tt.program, tt.args, code, stderr, tt.want)
			}
		})
	}
}

// toolsOnly is a PATH with what the programs use, and no java.
func toolsOnly(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"readlink", "dirname", "sed", "tail"} {
		path, err := exec.LookPath(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(path, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestProgramsStartJavaAsReviewed(t *testing.T) {
	tr := newTree(t)
	config := filepath.Join(tr.dir, "etc/producer.properties")
	heap := []string{"KAFKA_HEAP_OPTS=-Xms1g -Xmx1g"}
	service := append(heap, "LOG_DIR="+tr.dir+"/etc", "JMX_PORT=9999", "WEIR_TMPDIR=/var/tmp/x y",
		"KAFKA_LOG4J_OPTS=-Dlog4j.configuration=file:/etc/weir/kafka/log4j.properties",
		"KAFKA_OPTS=-Djava.io.tmpdir=/var/lib/weir/tmp/kafka -XX:+ExitOnOutOfMemoryError")
	for _, tt := range []struct {
		name, program string
		env, args     []string
	}{
		{"tool", "kafka-topics.sh", nil, []string{"--list"}},
		{"perf", "kafka-producer-perf-test.sh", nil, []string{"--topic", "t"}},
		{"run-class", "kafka-run-class.sh", nil, []string{"kafka.tools.JmxTool", "a b"}},
		{"zookeeper-shell", "zookeeper-shell.sh", nil, []string{"localhost:2181", "ls", "/"}},
		{"kafka", "kafka-server-start.sh", heap, []string{config, "--override", "broker.id=1"}},
		{"kafka-service", "kafka-server-start.sh", service, []string{config}},
		{"zookeeper", "zookeeper-server-start.sh", heap, []string{config}},
		{"kafka-stop", "kafka-server-stop.sh", nil, nil},
		{"zookeeper-stop", "zookeeper-server-stop.sh", nil, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			stdout, stderr, code := tr.run(t, tt.env, tt.program, tt.args...)
			if code != 0 {
				t.Errorf("exit %d", code)
			}
			golden.Compare(t, "bin/"+tt.name, stdout+"--- stderr\n"+stderr)
		})
	}
}

func TestTheHeapFollowsTheMemory(t *testing.T) {
	const gb = 1 << 20 // kB, as in /proc/meminfo
	tests := []struct {
		name       string
		total      int               // kB
		groups     string            // /proc/self/cgroup
		limits     map[string]string // below /sys/fs/cgroup
		kafka, zoo string
	}{
		{"a quarter and an eighth", 4 * gb, "0::/\n", nil, "1024", "512"},
		{"caps on a large machine", 64 * gb, "0::/\n", nil, "6144", "1024"},
		{"least on a small machine", gb / 2, "0::/\n", nil, "256", "128"},
		{"no control group at all", 4 * gb, "", nil, "1024", "512"},
		{"a limit of its own group", 16 * gb, "0::/system.slice/weir-kafka.service\n",
			map[string]string{"system.slice/weir-kafka.service/memory.max": "2147483648\n"}, "512", "256"},
		{"a limit of a group above", 16 * gb, "0::/system.slice/weir-kafka.service\n",
			map[string]string{"system.slice/weir-kafka.service/memory.max": "max\n", "system.slice/memory.max": "2147483648\n"}, "512", "256"},
		{"a limit above the machine's memory", 4 * gb, "0::/\n", map[string]string{"memory.max": "99999999999999\n"}, "1024", "512"},
		{"a limit in version 1", 16 * gb, "12:cpu,cpuacct:/a\n3:memory:/docker/x\n1:name=systemd:/a\n",
			map[string]string{"memory/docker/x/memory.limit_in_bytes": "2147483648\n"}, "512", "256"},
		{"no limit in version 1", 4 * gb, "3:memory:/\n", map[string]string{"memory/memory.limit_in_bytes": "9223372036854771712\n"}, "1024", "512"},
	}
	size := regexp.MustCompile(`heap (\d+) MB, from (\d+) MB of memory`)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tr := newTree(t)
			tr.write(t, "proc/meminfo", "MemTotal:       "+strconv.Itoa(tt.total)+" kB\nMemFree: 1 kB\n", false)
			tr.write(t, "proc/self/cgroup", tt.groups, false)
			for path, limit := range tt.limits {
				tr.write(t, "sys/"+path, limit, false)
			}
			lib, err := os.ReadFile(tr.dir + "/bin/lib.sh")
			if err != nil {
				t.Fatal(err)
			}
			text := strings.ReplaceAll(string(lib), "/proc/", `"$root"/proc/`)
			tr.write(t, "bin/lib.sh", strings.ReplaceAll(text, "top=/sys/fs/cgroup", `top="$root"/sys`), false)
			for program, want := range map[string]string{"kafka-server-start.sh": tt.kafka, "zookeeper-server-start.sh": tt.zoo} {
				stdout, stderr, _ := tr.run(t, nil, program, filepath.Join(tr.dir, "etc/producer.properties"))
				said := size.FindStringSubmatch(stderr)
				if said == nil || said[1] != want || !strings.HasPrefix(stdout, "<-Xms"+want+"m>\n<-Xmx"+want+"m>\n") {
					t.Errorf("%s: said %q and passed %.40q, want %s MB", program, stderr, stdout, want)
				}
			}
		})
	}
}

func TestEveryProgramNamesItsClass(t *testing.T) {
	l, err := kafka.Release("3.9.2")
	if err != nil {
		t.Fatal(err)
	}
	class := regexp.MustCompile(`(?m)^(?:tool|server \w+) ((?:org|kafka)\.[\w.]+)`)
	for _, i := range l.Items {
		if !i.Executable || strings.HasSuffix(i.Place, "-stop.sh") || i.Place == "bin/kafka-run-class.sh" {
			continue
		}
		if !class.MatchString(i.Text) {
			t.Errorf("%s starts no class", i.Place)
		}
	}
}

func TestOurProgramsGoOverThoseOfAnArchive(t *testing.T) {
	l, err := kafka.ReleaseFrom("3.9.2", "https://example.org/kafka_2.13-3.9.2.tgz", strings.Repeat("a", 128))
	if err != nil {
		t.Fatal(err)
	}
	if l.Items[0].Unpack == nil || l.Items[0].SHA512 == "" {
		t.Errorf("the first item is %+v, want the archive", l.Items[0])
	}
	if !slices.ContainsFunc(l.Items, func(i release.Item) bool { return i.Place == "bin/kafka-topics.sh" }) {
		t.Error("bin/kafka-topics.sh is missing")
	}
}

func TestAnOldReleaseHasItsOwnTools(t *testing.T) {
	l, err := kafka.Release("0.8.2.1")
	if err != nil {
		t.Fatal(err)
	}
	for place, want := range map[string]string{
		"bin/kafka-topics.sh":       "tool kafka.admin.TopicCommand ''",
		"bin/kafka-server-start.sh": "server kafka kafka.Kafka",
	} {
		n := slices.IndexFunc(l.Items, func(i release.Item) bool { return i.Place == place })
		if n < 0 || !strings.Contains(l.Items[n].Text, want) || !l.Items[n].Executable {
			t.Errorf("%s is missing, or does not hold %q", place, want)
		}
	}
	if slices.ContainsFunc(l.Items, func(i release.Item) bool { return i.Place == "bin/kafka-features.sh" }) {
		t.Error("it holds a tool of Kafka 3")
	}
}
