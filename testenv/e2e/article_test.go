package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"weir/testenv"
)

// articleStack is the stack of the article's cluster, to the letter.
const articleStack = "e2e-article"

// forum is the article's three machines: each with a user fams, who may use sudo.
type forum struct {
	project
	handMade
}

// newForum makes machines that are removed when the test ends, and the stack that
// ops init writes for them.
func newForum(t *testing.T) forum {
	t.Helper()
	numbers := []int{31, 32, 33}
	t.Cleanup(func() {
		for _, n := range numbers {
			if err := testenv.Remove(withoutEnd(t), bareStack, fmt.Sprintf("bare-%d", n)); err != nil {
				t.Error(err)
			}
		}
	})
	f := forum{project: newTestProject(t), handMade: handMade{machines: bares(t, numbers...)}}
	for _, m := range f.machines {
		f.brokers = append(f.brokers, m.Address+":9092")
		addFams(t, m)
	}
	f.mustOps(t, 0, append([]string{"init", articleStack, "--article"}, f.flags(t)...)...)
	file := filepath.Join(f.dir, "Pulumi."+articleStack+".yaml")
	config, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	// Nothing else is small about it.
	small := func(heap string) string {
		return "plain: true\n      heap: " + heap + "\n      jvmOptions: \"" + quickJVM + "\"\n"
	}
	text := strings.Replace(string(config), "plain: true\n    kafka:", small("256m")+"    kafka:", 1)
	text = strings.Replace(text, "plain: true\n    topics:", small("512m")+"    topics:", 1)
	if err := f.write(articleStack, text); err != nil {
		t.Fatal(err)
	}
	return f
}

// addresses puts a machine's addresses in the place of the article's.
func (f forum) addresses(text string) string {
	for i, m := range f.machines {
		text = strings.ReplaceAll(text, fmt.Sprintf("192.168.1.%d", i+1), m.Address)
	}
	return text
}

func TestTheArticlesClusterToTheLetter(t *testing.T) {
	f := newForum(t)
	r := f.mustOps(t, 0, "up", "--stack", articleStack)
	wantAll(t, r.stdout, "cluster "+articleStack+" is healthy")
	wantAll(t, f.mustOps(t, 0, "up", "--stack", articleStack, "--no-verify").stdout, "nothing to change")
	f.wantItsFiles(t)
	f.wantItsUser(t)
	t.Run("the errata", f.errata)

	// A change by hand is found and healed, and rolls one broker.
	before := f.processes(t)
	on(t, f.machines[2], "echo num.io.threads=3 >>"+articleConfig+"/server.properties")
	wantAll(t, f.mustOps(t, 10, "drift", "--stack", articleStack).stdout, f.machines[2].Name, "num.io.threads=3")
	f.mustOps(t, 0, "up", "--stack", articleStack)
	for i, now := range f.processes(t) {
		if (now != before[i]) != (i == 2) {
			t.Errorf("the broker of %s is process %s, was %s; want that of %s alone to be another", f.machines[i].Name, now, before[i], f.machines[2].Name)
		}
	}
	status := f.mustOps(t, 0, "status", "--stack", articleStack)
	wantAll(t, status.stdout, "0.8.2.1", "3.4.6", "leader", "controller", "user-behavior-topic")

	before = f.processes(t)
	f.mustOps(t, 0, "roll", "--stack", articleStack, "--yes")
	for i, now := range f.processes(t) {
		if now == before[i] {
			t.Errorf("the broker of %s is the process %s that it was: it was not rolled", f.machines[i].Name, now)
		}
	}
	f.wantConsole(t)
	wantAll(t, f.mustOps(t, 1, "topic", "list", "--stack", articleStack).stderr, "kafka 0.8.2.1 is too old to be asked for that", "/opt/weir/kafka/current/bin")
}

// wantConsole writes a record with the client of ops and one with Kafka's tool on a
// machine, and reads both with either. A compacted topic takes records with keys only.
func (f forum) wantConsole(t *testing.T) {
	t.Helper()
	topic := []string{"user-behavior-topic.dead-letter", "--stack", articleStack}
	tool := append(slices.Clone(topic), "--jvm")
	for line, way := range map[string][]string{"by ops": topic, "by the tool": tool} {
		cmd := f.command(t.Context(), append([]string{"console", "producer", "--key"}, way...)...)
		cmd.Stdin = strings.NewReader("key\t" + line + "\n")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("write %q: %v\n%s", line, err, out)
		}
	}
	for _, way := range [][]string{topic, tool} {
		read := f.mustOps(t, 0, append([]string{"console", "consumer", "--from-beginning", "--count", "2"}, way...)...).stdout
		wantAll(t, read, "by ops\n", "by the tool\n")
	}
}

// articleConfig is where the article edits its files.
const articleConfig = famsHome + "/kafka_2.10-0.8.2.1/config"

// wantItsFiles compares the property files and myid, byte by byte.
func (f forum) wantItsFiles(t *testing.T) {
	t.Helper()
	for _, name := range []string{"zookeeper", "server", "producer", "consumer"} {
		golden, err := os.ReadFile(filepath.Join("testdata", "article", name+".properties"))
		if err != nil {
			t.Fatal(err)
		}
		for i, m := range f.machines {
			want := f.addresses(string(golden))
			if name == "server" { // the article's step 6 edits these two
				want = strings.Replace(want, "broker.id=0", fmt.Sprintf("broker.id=%d", i), 1)
				want = strings.Replace(want, "host.name="+f.machines[0].Address, "host.name="+m.Address, 1)
			}
			if got := on(t, m, "cat "+articleConfig+"/"+name+".properties"); got != want {
				t.Errorf("%s.properties of %s is\n%s\nwant\n%s", name, m.Name, got, want)
			}
		}
	}
	for i, m := range f.machines {
		if got, want := on(t, m, "cat "+famsHome+"/zk_data/myid"), fmt.Sprintln(i+1); got != want {
			t.Errorf("myid of %s is %q, want %q", m.Name, got, want)
		}
	}
}

// wantItsUser checks who runs the servers, and where their data is.
func (f forum) wantItsUser(t *testing.T) {
	t.Helper()
	const want = "fams kafka.Kafka\nfams org.apache.zookeeper.server.quorum.QuorumPeerMain\n"
	for _, m := range f.machines {
		got := on(t, m, `ps -C java -o user:32=,args= | sed -E 's/^([^ ]+) .* ([^ ]+) [^ ]+$/\1 \2/' | sort`)
		if got != want {
			t.Errorf("on %s there run\n%swant\n%s", m.Name, got, want)
		}
		wantAll(t, on(t, m, "ls "+famsHome+"/kafka-logs"), "user-behavior-topic-0", "user-behavior-topic-1", "user-behavior-topic-2")
	}
}

// processes are the brokers' process ids.
func (f forum) processes(t *testing.T) (all []string) {
	t.Helper()
	for _, m := range f.machines {
		all = append(all, strings.TrimSpace(on(t, m, "systemctl show --property=MainPID --value weir-kafka.service")))
	}
	return all
}
