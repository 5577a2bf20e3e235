package process_test

import (
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"weir/provision/process"
)

const class = "kafka.Kafka"

// TestMain is also the server that is looked for: a program of the name java
// that has a jar open and listens.
func TestMain(m *testing.M) {
	if filepath.Base(os.Args[0]) == "java" {
		os.Exit(serve())
	}
	os.Exit(m.Run())
}

func serve() int {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err == nil {
		_, err = os.Open(os.Getenv("OPEN_JAR"))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	fmt.Println(listener.Addr().(*net.TCPAddr).Port)
	_, _ = io.Copy(io.Discard, os.Stdin) // until the test ends
	return 0
}

// started is a server and the directory that it was started in.
type started struct {
	dir  string
	pid  int
	port int
}

// start runs this program as a java with those words on its command line.
func start(t *testing.T, words ...string) started {
	t.Helper()
	dir := t.TempDir()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	java, jar := filepath.Join(dir, "java"), filepath.Join(dir, "kafka_2.13-3.9.2.jar")
	for _, err := range []error{
		exec.Command("cp", self, java).Run(), os.WriteFile(jar, nil, 0o644),
		os.WriteFile(filepath.Join(dir, "server.properties"), []byte("broker.id=1\n"), 0o600),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command(java, words...)
	cmd.Dir, cmd.Stderr, cmd.Env = dir, os.Stderr, append(os.Environ(), "OPEN_JAR="+jar)
	stdin, err1 := cmd.StdinPipe()
	stdout, err2 := cmd.StdoutPipe()
	if err1 != nil || err2 != nil {
		t.Fatal(err1, err2)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = stdin.Close()
		_ = cmd.Wait()
	})
	s := started{dir: dir, pid: cmd.Process.Pid}
	if _, err := fmt.Fscan(stdout, &s.port); err != nil {
		t.Fatalf("the server said no port: %v", err)
	}
	return s
}

// look runs the script with a real shell.
func look(t *testing.T, classes ...string) []process.Java {
	t.Helper()
	return lookAfter(t, "", classes...)
}

// lookAfter runs the script after other words of the shell.
func lookAfter(t *testing.T, before string, classes ...string) []process.Java {
	t.Helper()
	out, err := exec.Command("sh", "-c", "export LC_ALL=C\n"+before+process.Script(classes...)).Output()
	if err != nil {
		t.Fatal(err)
	}
	servers, err := process.Parse(strings.Split(strings.TrimSuffix(string(out), "\n"), "\n"), classes...)
	if err != nil {
		t.Fatalf("%v in\n%s", err, out)
	}
	return servers
}

func TestAServerIsFoundWithAllThatIsKnownOfIt(t *testing.T) {
	// Another class, so that what runs on this computer is not found.
	main := fmt.Sprintf("weir.test.Server%d", os.Getpid())
	s := start(t, "-Xmx256m", "-cp", "/opt/it's a $(class)/zookeeper-3.8.4.jar:/opt/other.jar", "-Da=b c", main, "server.properties", "--override", "a=b\n c")
	servers := look(t, main, "org.example.None")
	if len(servers) != 1 {
		t.Fatalf("got %d servers, want the one", len(servers))
	}
	got := servers[0]
	if got.Started == 0 || got.User == "" {
		t.Errorf("start time %d and user %q must be known", got.Started, got.User)
	}
	want := process.Java{
		PID: s.pid, Started: got.Started, User: got.User, Program: filepath.Join(s.dir, "java"), Dir: s.dir,
		Options: []string{"-Xmx256m", "-Da=b c"}, Main: main, Args: []string{"server.properties", "--override", "a=b\n c"},
		Jars:  []string{filepath.Join(s.dir, "kafka_2.13-3.9.2.jar"), "/opt/it's a $(class)/zookeeper-3.8.4.jar"},
		Ports: []int{s.port}, Unit: got.Unit, UsersUnit: got.UsersUnit, Config: "broker.id=1\n",
	}
	if strings.Compare(want.Jars[0], want.Jars[1]) > 0 {
		want.Jars[0], want.Jars[1] = want.Jars[1], want.Jars[0]
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if file := got.ConfigFile(); file != filepath.Join(s.dir, "server.properties") {
		t.Errorf("its file is %s", file)
	}
	if !got.Listens(s.port) || got.Listens(1) {
		t.Errorf("listens on %v, want %d", got.Ports, s.port)
	}
}

// Else it would be a server without a data directory, of a unit that is taken to
// run: who takes its place would leave both alone.
func TestAServerThatEndsWhileItIsLookedAtIsNone(t *testing.T) {
	main := fmt.Sprintf("weir.test.Ends%d", os.Getpid())
	s := start(t, main, "server.properties")
	ends := fmt.Sprintf("getent() { kill -KILL %[1]d; while [ -n \"$(tr -d '\\0' </proc/%[1]d/cmdline)\" ]; do sleep 0.01; done; }\n", s.pid)
	if servers := lookAfter(t, ends, main); len(servers) != 0 {
		t.Errorf("got %+v, want none", servers)
	}
	if text, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", s.pid)); err != nil || len(text) > 0 {
		t.Errorf("the server still runs: %q, %v", text, err)
	}
}

func TestACommandThatOnlyNamesTheClassIsNoServer(t *testing.T) {
	main := fmt.Sprintf("weir.test.Named%d", os.Getpid())
	start(t, "-jar", "tool.jar", main)
	if servers := look(t, main); len(servers) > 0 {
		t.Errorf("a tool that has the class as an argument was found: %+v", servers)
	}
}

// answer is what a machine says of one process, with facts changed.
func answer(changed map[string]string) []string {
	facts := map[string]string{
		"stat":    "812 (java) S 1 812 812 0 -1 4194304 1 0 0 0 1 1 0 0 20 0 60 0 4711 1 1\n",
		"command": "java\x00-Xmx1g\x00-cp\x00libs/kafka_2.13-3.9.2.jar\x00" + class + "\x00config/server.properties\x00",
		"dir":     "/home/fams/kafka\n", "program": "/usr/bin/java\n", "user": "fams\n", "ports": "2384\n0CEA\n2384\n",
	}
	for key, value := range changed {
		facts[key] = value
	}
	var lines []string
	for key, value := range facts {
		lines = append(lines, "812\t"+key+"\t"+base64.StdEncoding.EncodeToString([]byte(value)))
	}
	return lines
}

func TestTheUnitIsTheOneThatWouldStartItAgain(t *testing.T) {
	for _, c := range []struct {
		name, group, mainPID, ancestors, want string
		users                                 bool
	}{
		{"a login session has none", "1:name=systemd:/user.slice/user-1000.slice/session-3.scope", "", "", "", false},
		{"the main process of a unit", "0::/system.slice/kafka.service", "812", "812", "kafka.service", false},
		{"a unit whose script starts it", "0::/system.slice/kafka.service", "700", "812 700", "kafka.service", false},
		{"a unit that has no process of its own", "1:name=systemd:/docker/0a/system.slice/rc-local.service", "0", "812", "rc-local.service", false},
		{"a unit that only happened to be around", "0::/system.slice/agent.service", "700", "812 1", "", false},
		{"sshd where logins have no group of their own", "0::/system.slice/ssh.service", "700", "812 700", "", false},
		{"sshd by the connection", "0::/system.slice/sshd@3-10.0.0.1.service", "0", "812", "", false},
		{"cron", "0::/system.slice/cron.service", "700", "812 700", "", false},
		{"a user's own manager", "0::/user.slice/user-1000.slice/user@1000.service/app.slice/kafka.service", "0", "812", "kafka.service", true},
		{"a terminal below a user's manager", "0::/user.slice/user-1000.slice/user@1000.service/tmux.scope", "0", "812", "", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			servers, err := process.Parse(answer(map[string]string{"group": c.group + "\n", "mainpid": c.mainPID + "\n", "ancestors": strings.ReplaceAll(c.ancestors, " ", "\n")}), class)
			if err != nil {
				t.Fatal(err)
			}
			if got := servers[0]; got.Unit != c.want || got.UsersUnit != c.users {
				t.Errorf("got unit %q (a user's: %v), want %q (%v)", got.Unit, got.UsersUnit, c.want, c.users)
			}
		})
	}
}

func TestParseDistrustsTheMachine(t *testing.T) {
	for _, c := range []struct {
		name, says string
		lines      []string
	}{
		{"a line that is none", "1 fields", []string{"nonsense"}},
		{"init", "is none", []string{"1\tstat\t"}},
		{"a number that is none", "is none", []string{"812x\tstat\t"}},
		{"what is not base64", "not base64", []string{"812\tstat\t?"}},
		{"a stat that was cut off", "want at least 20", answer(map[string]string{"stat": "812 (java) S 1"})},
		{"a start time that is none", "is no number", answer(map[string]string{"stat": strings.Repeat("-1 ", 30)})},
		{"a directory that is none", "no absolute path", answer(map[string]string{"dir": "kafka"})},
		{"a port that is none", "16 bits", answer(map[string]string{"ports": "12345"})},
		{"a unit whose name is none", "not the name", answer(map[string]string{"group": "0::/a;reboot.service", "mainpid": "812"})},
		{"a main process that is none", "no number", answer(map[string]string{"group": "0::/a.service", "mainpid": "x"})},
	} {
		t.Run(c.name, func(t *testing.T) {
			if servers, err := process.Parse(c.lines, class); err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("got %+v and error %v, want an error that says %q", servers, err, c.says)
			}
		})
	}
	if servers, err := process.Parse(answer(map[string]string{"stat": ""}), class); err != nil || len(servers) != 0 {
		t.Errorf("a process that ended meanwhile: got %+v, %v; want neither", servers, err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add(strings.Join(answer(nil), "\n"), "a")
	f.Add(strings.Join(answer(map[string]string{"group": "0::/system.slice/kafka.service", "mainpid": "0"}), "\n"), "b")
	f.Fuzz(func(t *testing.T, lines, command string) {
		for _, text := range [][]string{strings.Split(lines, "\n"), answer(map[string]string{"command": command})} {
			servers, err := process.Parse(text, class)
			if err != nil {
				continue
			}
			for _, j := range servers {
				if j.Main != class || j.PID < 2 || !filepath.IsAbs(j.Dir) || strings.ContainsAny(j.Unit, " /;\n") {
					t.Errorf("%q gave %+v", text, j)
				}
			}
		}
	})
}
