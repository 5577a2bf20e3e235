package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"weir/testenv"
)

// What the article prints and cannot be as it says, shown with its own software
// on its own machines: docs/article.md tells of each.
func (f forum) errata(t *testing.T) {
	m := f.machines[0]
	bin := tools
	java := "export KAFKA_HEAP_OPTS=-Xmx128m KAFKA_JVM_PERFORMANCE_OPTS='" + quickJVM + "'\n"

	t.Run("zookeeper.contact alone: the broker dies", func(t *testing.T) {
		printed := strings.ReplaceAll(on(t, m, "cat "+articleConfig+"/server.properties"), "zookeeper.connect", "zookeeper.contact")
		out := on(t, m, java+"cat >/tmp/printed.properties <<'END'\n"+printed+"END\n"+
			"timeout 60 "+bin+"kafka-server-start.sh /tmp/printed.properties 2>&1 || true; rm -f /tmp/printed.properties")
		wantAll(t, out, "Missing required property 'zookeeper.connect'")
		wantNone(t, out, "started (kafka.server.KafkaServer)")
	})

	t.Run("zookeeper.contact in the shipped file: it warns, and knows its own machine's ZooKeeper alone", func(t *testing.T) {
		// What ships names localhost; port, id and directory keep it apart from the broker that is there.
		out := on(t, m, java+`cat >/tmp/shipped.properties <<'END'
broker.id=77
port=9977
host.name=`+m.Address+`
zookeeper.connect=localhost:2181
zookeeper.contact=`+f.addresses("192.168.1.1:2181,192.168.1.2:2181,192.168.1.3:2181")+`
log.dirs=/tmp/shipped-logs
END
timeout 60 `+bin+`kafka-server-start.sh /tmp/shipped.properties >/tmp/shipped.log 2>&1 &
for i in $(seq 600); do grep -q 'started (kafka.server.KafkaServer)' /tmp/shipped.log && break; sleep 0.1; done
pid=$(pgrep -f 'kafka[.]Kafka /tmp/shipped.properties')
ss -Hntp state established '( dport = :2181 )' | grep "pid=$pid," | awk '{print $4}' | sort -u
grep -h 'zookeeper.contact' /tmp/shipped.log
kill "$pid"; wait; rm -rf /tmp/shipped*`)
		wantAll(t, out, "zookeeper.contact is not valid")
		for _, other := range f.machines[1:] {
			wantNone(t, out, other.Address+":2181\n")
		}
		if !strings.Contains(out, "127.0.0.1]:2181") && !strings.Contains(out, "127.0.0.1:2181") && !strings.Contains(out, "[::1]:2181") {
			t.Errorf("the broker is not connected to its own machine's ZooKeeper:\n%s", out)
		}
	})

	if thorough { // it takes several elections
		t.Run("server.2 with the address of server.3: member 2 never leads", f.twoEqualAddresses)
	}

	t.Run("--partition is taken by 0.8.2.1", func(t *testing.T) {
		out := on(t, m, java+bin+"kafka-topics.sh --create --zookeeper "+m.Address+":2181 --replication-factor 3 --partition 3 --topic abbreviated 2>&1")
		wantAll(t, out, `Created topic "abbreviated"`)
	})

	t.Run("commands as printed fail", func(t *testing.T) {
		for _, printed := range []struct{ command, says string }{
			{"tar –xvf kafka_2.10-0.8.2.1", "invalid option"}, {"tar -xvf kafka_2.10-0.8.2.1", "No such file"},
			{"ps –ef", "error"}, {"cat 1 > /tmp/printed-myid", "No such file"},
			{"sh -c 'set -- --jars one.jar, two.jar; test $# = 2'", ""},
		} {
			out := on(t, m, "{ "+printed.command+"; } 2>&1 && echo it worked || true; rm -f /tmp/printed-myid")
			wantAll(t, out, printed.says)
			wantNone(t, out, "it worked")
		}
	})

	t.Run("myid beside dataDir: the member ends", func(t *testing.T) {
		out := on(t, m, java+"mkdir -p /tmp/beside/zk_data; echo 1 >/tmp/beside/myid\ncat >/tmp/beside.properties <<'END'\n"+
			f.addresses("dataDir=/tmp/beside/zk_data\nclientPort=2193\ninitLimit=5\nsyncLimit=2\nserver.1=192.168.1.1:2899:3899\nserver.2=192.168.1.2:2899:3899\n")+
			"END\ntimeout 30 "+bin+"zookeeper-server-start.sh /tmp/beside.properties 2>&1 && exit 1 || true; rm -rf /tmp/beside*")
		wantAll(t, out, "myid file is missing")
	})
}

// twoEqualAddresses runs an ensemble of its own beside the article's, with the
// address that is printed for member 2: that of member 3. Member 2 cannot listen
// there, so that nobody can follow it: of three members only two can lead. Whether it
// joins as a follower, and whether members 1 and 2 go on without member 3, depends on
// whose vote wins; that it never leads does not.
func (f forum) twoEqualAddresses(t *testing.T) {
	file := f.addresses("tickTime=2000\ndataDir=/tmp/two\nclientPort=2191\ninitLimit=5\nsyncLimit=2\n" +
		"server.1=192.168.1.1:2898:3898\nserver.2=192.168.1.3:2898:3898\nserver.3=192.168.1.3:2898:3898\n")
	f.each(func(i int, m testenv.Machine) {
		on(t, m, fmt.Sprintf("mkdir -p /tmp/two; echo %d >/tmp/two/myid\ncat >/tmp/two.properties <<'END'\n%sEND\n", i+1, file)+
			"export KAFKA_HEAP_OPTS=-Xmx128m KAFKA_JVM_PERFORMANCE_OPTS='"+quickJVM+"'\n"+
			"setsid nohup timeout 180 "+tools+"zookeeper-server-start.sh /tmp/two.properties >/tmp/two.log 2>&1 </dev/null &")
	})
	t.Cleanup(func() {
		for _, m := range f.machines {
			if out, err := m.Exec(withoutEnd(t), "sh", "-c", "pkill -9 -f '[t]wo.properties'; rm -rf /tmp/two*"); err != nil {
				t.Errorf("on %s: %v\n%s", m.Name, err, out)
			}
		}
	})
	mode := func(i int) string {
		said := on(t, f.machines[i], `timeout 5 bash -c 'exec 3<>/dev/tcp/127.0.0.1/2191 && echo srvr >&3 && cat <&3' 2>&1 || true`)
		_, after, _ := strings.Cut(said, "Mode: ")
		word, _, _ := strings.Cut(after, "\n")
		return word
	}
	eventually(t, "members 1 and 3 serve", func() bool { return mode(0) != "" && mode(2) != "" })
	wantAll(t, on(t, f.machines[1], "grep -h 'Cannot assign requested address' /tmp/two.log | head -n 1"), "Cannot assign requested address")
	on(t, f.machines[2], "pkill -9 -f '[t]wo.properties'")
	for range 5 { // elections of a sound ensemble take less than one of these
		time.Sleep(2 * time.Second)
		first, second := mode(0), mode(1)
		t.Logf("without member 3, members 1 and 2 are: %q, %q", first, second)
		if second == "leader" {
			t.Error("member 2 leads: then the misprint does no harm")
		}
	}
}
