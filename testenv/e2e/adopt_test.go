package e2e

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/IBM/sarama"

	"weir/provision/kafka"
	provision "weir/provision/machine"
	"weir/provision/release"
	"weir/provision/remote"
	"weir/testenv"
)

// adoptStack is the stack that the cluster made by hand becomes.
const adoptStack = "e2e-adopted"

// handMade is a cluster that was set up the article's way: a user fams, a
// directory below his home, files by hand, and nohup. His home is closed to
// others, and one broker is started by a unit that he wrote.
type handMade struct {
	machines []testenv.Machine
	brokers  []string
}

// famsHome is where everything of the article's is.
const famsHome = "/home/fams"

// newHandMade makes the cluster on machines that are removed when the test ends.
func newHandMade(t *testing.T, numbers ...int) handMade {
	t.Helper()
	t.Cleanup(func() {
		for _, n := range numbers {
			if err := testenv.Remove(withoutEnd(t), bareStack, fmt.Sprintf("bare-%d", n)); err != nil {
				t.Error(err)
			}
		}
	})
	h := handMade{machines: bares(t, numbers...)}
	for _, m := range h.machines {
		h.brokers = append(h.brokers, m.Address+":9092")
	}
	tree := kafkaTree(t)
	h.each(func(i int, m testenv.Machine) { h.install(t, i, m, tree) })
	h.each(func(i int, m testenv.Machine) { h.start(t, i, m) })
	return h
}

// each does something on all machines at once.
func (h handMade) each(do func(i int, m testenv.Machine)) {
	var wg sync.WaitGroup
	for i, m := range h.machines {
		wg.Go(func() { do(i, m) })
	}
	wg.Wait()
}

// kafkaTree is Kafka's release as one tar file.
func kafkaTree(t *testing.T) release.Pack {
	t.Helper()
	cache, err := release.DefaultDir()
	if err != nil {
		t.Fatal(err)
	}
	lock, err := kafka.Release(kafka.DefaultVersion)
	if err != nil {
		t.Fatal(err)
	}
	pack, err := (&release.Store{Dir: cache}).Pack(t.Context(), lock)
	if err != nil {
		t.Fatal(err)
	}
	return pack
}

// addFams makes the article's user on a machine: he logs in with the key that root
// has there, may use sudo, and nobody else may enter his home.
func addFams(t *testing.T, m testenv.Machine) {
	t.Helper()
	on(t, m, `useradd --create-home --shell /bin/bash fams
chmod 0700 `+famsHome+`
echo 'fams ALL=(ALL) NOPASSWD: ALL' >/etc/sudoers.d/fams
install -d -m 0700 -o fams -g fams `+famsHome+`/.ssh
install -m 0600 -o fams -g fams /root/.ssh/authorized_keys `+famsHome+`/.ssh/authorized_keys`)
}

// install is the article's steps 2 to 6 on one machine.
func (h handMade) install(t *testing.T, i int, m testenv.Machine, tree release.Pack) {
	addFams(t, m)
	fams := h.login(t, m)
	software, err := tree.Open()
	if err != nil {
		t.Error(err)
		return
	}
	defer software.Close()
	var members, connect []string
	for n, other := range h.machines {
		members = append(members, fmt.Sprintf("server.%d=%s:2888:3888", n+1, other.Address))
		connect = append(connect, other.Address+":2181")
	}
	_, err = fams.Run(t.Context(), remote.Script{Step: "unpack Kafka", Stdin: software, Text: `set -e
cd ~
mkdir kafka zk_data kafka-logs
tar -xf - -C kafka
mkdir -p kafka/config
echo ` + fmt.Sprint(i+1) + ` >zk_data/myid
cat >kafka/config/zookeeper.properties <<'END'
tickTime=2000
dataDir=` + famsHome + `/zk_data/
clientPort=2181
initLimit=5
syncLimit=2
` + strings.Join(members, "\n") + `
END
cat >kafka/config/server.properties <<'END'
broker.id=` + fmt.Sprint(i) + `
port=9092
host.name=` + m.Address + `
listeners=PLAINTEXT://` + m.Address + `:9092
zookeeper.connect=` + strings.Join(connect, ",") + `
log.dirs=` + famsHome + `/kafka-logs
log.retention.hours=48
` + h.alone() + `END
`})
	if err != nil {
		t.Error(err)
	}
}

// alone is what a broker without others needs for its own topics, as the file that
// comes with Kafka has it: without, there are no consumer groups.
func (h handMade) alone() string {
	if len(h.machines) > 1 {
		return ""
	}
	return "offsets.topic.replication.factor=1\ntransaction.state.log.replication.factor=1\ntransaction.state.log.min.isr=1\n"
}

// login is a connection to a machine as fams.
func (h handMade) login(t *testing.T, m testenv.Machine) *remote.Client {
	host := reached(m)
	host.User = "fams"
	c, err := remote.Dial(t.Context(), host)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// quickJVM starts in half the time, and is found again on the command line.
const quickJVM = "-XX:+UseSerialGC -XX:TieredStopAtLevel=1"

// start is the article's step 7: nohup, but for the last machine's broker.
func (h handMade) start(t *testing.T, i int, m testenv.Machine) {
	fams := h.login(t, m)
	script := `cd ~/kafka
export KAFKA_HEAP_OPTS='-Xmx256m -Xms256m' KAFKA_JVM_PERFORMANCE_OPTS='` + quickJVM + `'
nohup bin/zookeeper-server-start.sh config/zookeeper.properties >zookeeper.log 2>&1 </dev/null &
`
	if i < len(h.machines)-1 {
		script += "nohup bin/kafka-server-start.sh config/server.properties >kafka.log 2>&1 </dev/null &\n"
	} else {
		on(t, m, `cat >/etc/systemd/system/kafka.service <<'END'
[Service]
User=fams
WorkingDirectory=`+famsHome+`/kafka
Environment="KAFKA_HEAP_OPTS=-Xmx256m -Xms256m" "KAFKA_JVM_PERFORMANCE_OPTS=`+quickJVM+`"
ExecStart=`+famsHome+`/kafka/bin/kafka-server-start.sh config/server.properties
Restart=always
RestartSec=5
[Install]
WantedBy=multi-user.target
END
systemctl daemon-reload
systemctl enable --quiet --now kafka.service`)
	}
	if _, err := fams.Run(t.Context(), remote.Script{Step: "start", Text: script}); err != nil {
		t.Error(err)
	}
}

// keep writes numbered messages to a topic and returns their number by partition.
func (h handMade) keep(t *testing.T, topic string, count int) {
	t.Helper()
	config := loadConfig()
	eventually(t, "the cluster by hand takes a topic", func() bool {
		admin, err := sarama.NewClusterAdmin(h.brokers, config)
		if err != nil {
			return false
		}
		defer admin.Close()
		brokers, _, err := admin.DescribeCluster()
		return err == nil && len(brokers) == len(h.brokers) &&
			admin.CreateTopic(topic, &sarama.TopicDetail{NumPartitions: 3, ReplicationFactor: int16(min(3, len(h.brokers)))}, false) == nil
	})
	producer, err := sarama.NewSyncProducer(h.brokers, config)
	if err != nil {
		t.Fatal(err)
	}
	defer producer.Close()
	const batch = 1000
	for first := 0; first < count; first += batch {
		messages := make([]*sarama.ProducerMessage, batch)
		for i := range messages {
			messages[i] = &sarama.ProducerMessage{Topic: topic, Value: sarama.StringEncoder(fmt.Sprint(first + i))}
		}
		if err := producer.SendMessages(messages); err != nil {
			var failed sarama.ProducerErrors
			errors.As(err, &failed)
			t.Fatalf("%v: %v", err, failed)
		}
	}
}

// wantKept checks that each message is there once and in order.
func (h handMade) wantKept(t *testing.T, topic string, count int) {
	t.Helper()
	l := &load{topic: topic, brokers: h.brokers, config: loadConfig()}
	found, disordered, err := l.read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for n := range count {
		if found[n] != 1 {
			t.Fatalf("message %d is there %d times, want once", n, found[n])
		}
	}
	if len(found) != count || disordered > 0 {
		t.Errorf("of %d messages %d are there, %d out of order", count, len(found), disordered)
	}
}

// asksForPassword has sudo ask fams for his password, as it does unless told not to.
func (h handMade) asksForPassword(t *testing.T) {
	t.Helper()
	for _, m := range h.machines {
		on(t, m, "echo fams:"+usersPassword+" | chpasswd; echo 'fams ALL=(ALL) ALL' >/etc/sudoers.d/fams")
	}
}

// identity is what a take-over must not change: myid, broker.id and cluster.id.
func (h handMade) identity(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	for _, m := range h.machines {
		b.WriteString(on(t, m, "echo "+m.Name+"; cat "+famsHome+"/zk_data/myid; grep -E '^(cluster|broker).id' "+famsHome+"/kafka-logs/meta.properties | sort"))
	}
	return b.String()
}

// flags are the machines as a person names them to ops adopt.
func (h handMade) flags(t *testing.T) []string {
	t.Helper()
	known := filepath.Join(t.TempDir(), "known_hosts")
	var lines, flags []string
	for _, m := range h.machines {
		lines = append(lines, m.Address+" "+m.HostKey)
		flags = append(flags, "--machine", m.Name+"=fams@"+m.Address)
	}
	if err := os.WriteFile(known, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return append(flags, "--key", h.machines[0].PrivateKeyFile, "--known-hosts", known)
}

const keptMessages = 10_000

func TestAClusterMadeByHandIsTakenOverWithItsDataAndIds(t *testing.T) {
	h := newHandMade(t, 21, 22, 23)
	h.keep(t, "kept", keptMessages)
	before := h.identity(t)
	l := startLoad(t, "meanwhile", h.brokers)

	p := newTestProject(t)
	adopt := slices.Concat([]string{"adopt", adoptStack}, h.flags(t))
	refused := p.mustOps(t, 2, adopt...)
	wantAll(t, refused.stderr, "there is no terminal to ask on", "--yes")
	adopt = append(adopt, "--yes")
	h.asksForPassword(t)
	refused = p.mustOps(t, 1, adopt...)
	wantAll(t, refused.stderr, "user fams cannot become root", "pulumi stack init "+adoptStack, "pulumi config set --secret --stack "+adoptStack+" weir:sudoPassword")
	p.pulumi(t, "", "stack", "init", "--no-select", adoptStack)
	p.secrets(t, adoptStack, map[string]string{"sudoPassword": usersPassword})
	r := p.mustOps(t, 0, adopt...)
	wantPresentable(t, r, nil)
	t.Logf("ops adopt said:\n%s", r.stdout)
	wantAll(t, r.stdout, "found Kafka 3.9.2", "kafka.Kafka "+famsHome+"/kafka/config/server.properties", "stop and disable kafka.service",
		famsHome+"/zk_data", "The files of the old installation stay where they are", "is healthy")

	l.finish(t)
	h.wantKept(t, "kept", keptMessages)
	if after := h.identity(t); after != before {
		t.Errorf("ids were changed:\n%s", difference(before, after))
	}
	r = p.mustOps(t, 0, "up", "--stack", adoptStack, "--no-verify")
	wantAll(t, r.stdout, "nothing to change")
	wantNoFileWith(t, p.dir, []string{usersPassword})
	h.wantTakenOver(t)
}

// wantTakenOver checks that units run the servers, as users of their own, with
// the settings of before, and that nothing by hand does.
func (h handMade) wantTakenOver(t *testing.T) {
	t.Helper()
	for _, m := range h.machines {
		running := on(t, m, "ps -C java -o user:32=,args= | sed -E 's/^([^ ]+) .* -Xmx([^ ]+) .* (-XX:TieredStopAtLevel=1) .* ([^ ]+) ([^ ]+)$/\\1 \\2 \\3 \\4 \\5/' | sort")
		want := "weir-kafka 256m -XX:TieredStopAtLevel=1 kafka.Kafka /etc/weir/kafka/server.properties\n" +
			"weir-zookeeper 256m -XX:TieredStopAtLevel=1 org.apache.zookeeper.server.quorum.QuorumPeerMain /etc/weir/zookeeper/zookeeper.properties\n"
		if running != want {
			t.Errorf("on %s there run\n%swant\n%s", m.Name, running, want)
		}
		settings := on(t, m, "cat /etc/weir/kafka/server.properties")
		for _, line := range []string{"log.retention.hours=48", "auto.create.topics.enable=true", "min.insync.replicas=1", "num.partitions=1"} {
			if !regexp.MustCompile("(?m)^" + regexp.QuoteMeta(line) + "$").MatchString(settings) {
				t.Errorf("server.properties of %s lacks %s, as it was:\n%s", m.Name, line, settings)
			}
		}
		wantAll(t, on(t, m, "systemctl is-enabled kafka.service 2>&1 || true; ls "+famsHome+"/kafka/config"), "server.properties")
	}
	wantAll(t, on(t, h.machines[len(h.machines)-1], "systemctl is-enabled kafka.service || true"), "disabled")
}

// impostor starts a program of the name java by hand: it has the class on its
// command line, listens, and keeps a file open in its data.
const impostor = takenFiles + "su fams -c 'sh /home/fams/taken/start'"

// takenFiles are the impostor's.
const takenFiles = `id fams >/dev/null 2>&1 || useradd --create-home --shell /bin/bash fams
chmod 0700 /home/fams
mkdir -p /home/fams/taken/data/topic-0
cp /usr/bin/perl /home/fams/taken/java
echo 'log.dirs = /home/fams/taken/data/' >/home/fams/taken/server.properties
chown -R fams: /home/fams/taken
cat >/home/fams/taken/start <<'END'
cd /home/fams/taken
nohup ./java "-euse IO::Socket::INET;\$s=IO::Socket::INET->new(Listen=>1,LocalPort=>9755,ReuseAddr=>1)or die;open(F,q(>data/topic-0/log));open(R,q(>ready));close(R);sleep(1000)" weir.test.Server server.properties >/dev/null 2>&1 </dev/null &
END
`

// takenData is where the impostor keeps its data.
const takenData = "/home/fams/taken/data"

// taking is a component that takes the impostor's place.
func taking(t *testing.T, p plain) provision.State {
	t.Helper()
	undo(t, p.at, "pkill -u fams || true; userdel --remove fams 2>/dev/null || true; rm -rf /home/fams")
	want := sleeper("taken")
	want.Directories[1].Path = takenData
	want.Services[0].Ports = []int{9755}
	want.Services[0].Takeover = &provision.Takeover{Main: "weir.test.Server", Starts: "start-the-taken", Keys: []string{"log.dirs"}, Data: takenData, Patience: settling}
	return want
}

// loops has a unit start a server that ends at once, again and again, as one does
// behind a reboot from which what it needs did not come up.
const loops = `cat >/etc/systemd/system/by-hand.service <<'END'
[Unit]
StartLimitIntervalSec=0
[Service]
WorkingDirectory=/home/fams/taken
ExecStart=/bin/false start-the-taken server.properties
Restart=always
RestartSec=5
RestartSec=200ms
[Install]
WantedBy=multi-user.target
END
systemctl daemon-reload
systemctl enable --quiet --now by-hand.service || true`

// There is no process to be seen of a server that fails as soon as it is started.
func TestAUnitThatStartsAServerAgainAndAgainIsStoppedAndDisabled(t *testing.T) {
	p := connect(t)
	want := taking(t, p)
	undo(t, p.at, "systemctl disable --quiet --now by-hand.service || true; rm -f /etc/systemd/system/by-hand.service; systemctl daemon-reload")
	on(t, p.at, takenFiles+loops)
	plan := p.owned(t, want)
	if !does(plan, provision.Change, "service", "by-hand.service") || !does(plan, provision.Change, "data", takenData) || plan.Interrupts() {
		t.Errorf("the plan does not stop and disable by-hand.service, hand its data over, and interrupt nothing:\n%s", steps(plan))
	}
	if left := on(t, p.at, "systemctl is-enabled by-hand || true; systemctl is-active by-hand || true; systemctl is-active weir-taken"); left != "disabled\nfailed\nactive\n" && left != "disabled\ninactive\nactive\n" {
		t.Errorf("after the take-over the units are\n%s", left)
	}
}

// No virtual machine and no cluster is needed to see that a server is ended, its
// data handed over, and the unit started in its place.
func TestAUnitTakesThePlaceOfAServerThatSomebodyStarted(t *testing.T) {
	p := connect(t)
	want := taking(t, p)
	const dir = takenData
	on(t, p.at, impostor)
	eventually(t, "the server by hand is ready", func() bool {
		return strings.TrimSpace(on(t, p.at, "ls /home/fams/taken/ready 2>/dev/null || true")) != ""
	})
	pid := strings.TrimSpace(on(t, p.at, "pgrep -u fams java"))

	undeclared := want
	undeclared.Services = slices.Clone(want.Services)
	undeclared.Services[0].Takeover = nil
	if err := provision.Refuse(p.at.Name, undeclared, p.observe(t, undeclared)); err == nil || !strings.Contains(err.Error(), "port 9755") {
		t.Errorf("where it is not declared: got %v, want a refusal for the port", err)
	}
	is := p.observe(t, want)
	if err := provision.Refuse(p.at.Name, want, is); err != nil {
		t.Fatal(err)
	}
	plan := p.owned(t, want)
	if !does(plan, provision.Stop, "process", pid) || !does(plan, provision.Change, "data", dir) || !plan.Interrupts() {
		t.Errorf("the plan does not end process %s, hand over its data, and interrupt:\n%s", pid, steps(plan))
	}
	if left := on(t, p.at, "pgrep -u fams java || true; stat -c '%U:%G %a %n' "+dir+"; stat -c '%U:%G %n' "+dir+"/topic-0/log; systemctl is-active weir-taken"); left !=
		"weir-taken:weir-taken 750 "+dir+"\nweir-taken:weir-taken "+dir+"/topic-0/log\nactive\n" {
		t.Errorf("after the take-over there is\n%s", left)
	}
}
