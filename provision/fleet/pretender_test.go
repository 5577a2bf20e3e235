package fleet

import (
	"io"
	"regexp"
	"strings"
	"sync"
	"testing"

	"weir/provision/machine"
	"weir/provision/remote"
	"weir/provision/remote/remotetest"

	"golang.org/x/crypto/ssh"
)

// pretender is a machine behind a real sshd that runs no script: it tells them
// apart, keeps what it was asked for, and answers as a machine would.
type pretender struct {
	server *remotetest.Server

	mu sync.Mutex
	// holder has the machine's lock; nobody has where it is empty.
	holder string
	arch   string
	// broken fails the first script that changes something.
	broken bool
	asked  []string
	log    func(what string)
}

// pretend starts a machine of that name and of our architecture.
func pretend(t *testing.T, name string) *pretender {
	t.Helper()
	m := &pretender{server: remotetest.Start(t, remotetest.Config{Name: name}), arch: "x86_64"}
	m.server.Play(m.answer)
	return m
}

// questions are what the machine was asked so far: "lock", "observe", "change".
func (m *pretender) questions() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return strings.Join(m.asked, " ")
}

func (m *pretender) set(change func(*pretender)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	change(m)
}

// held is how the script that takes the lock ends: its input stays open after it.
const held = "  p=$2\ndone\n"

func (m *pretender) answer(channel ssh.Channel, _ <-chan struct{}) {
	var script strings.Builder
	chunk := make([]byte, 32<<10)
	for !strings.HasSuffix(script.String(), held) {
		n, err := channel.Read(chunk)
		script.Write(chunk[:n])
		if err != nil {
			break
		}
	}
	switch text := script.String(); {
	case strings.Contains(text, "weir/holder"):
		m.lock(channel)
	case strings.Contains(text, "echo @facts"):
		m.say(channel, "observe", "@facts\nID\tdebian\narch\t"+m.arch+"\nsystemd\tyes\n@end\n", 0)
	default:
		m.change(channel, text)
	}
}

func (m *pretender) lock(channel ssh.Channel) {
	m.mu.Lock()
	holder := m.holder
	m.mu.Unlock()
	if holder != "" {
		m.say(channel, "lock", "held 60 2 "+holder+"\n", 0)
		return
	}
	m.record("lock")
	_, _ = channel.Write([]byte("locked\n"))
	_, _ = io.Copy(io.Discard, channel) // until the lock is given back
	exit(channel, 0)
}

var progress = regexp.MustCompile(`(?m)^echo ((?:begin|done) [0-9]+)$`)

// change reports the progress of steps without carrying any out.
func (m *pretender) change(channel ssh.Channel, script string) {
	m.mu.Lock()
	broken := m.broken
	m.mu.Unlock()
	var lines strings.Builder
	for _, line := range progress.FindAllStringSubmatch(script, -1) {
		lines.WriteString(line[1] + "\n")
	}
	what := "stage"
	if strings.Contains(script, "\nput /etc/weir/test.conf ") {
		what = "switch"
	}
	if broken {
		m.say(channel, what, "begin 0\n", 1)
		return
	}
	m.say(channel, what, lines.String(), 0)
}

func (m *pretender) say(channel ssh.Channel, question, answer string, code uint32) {
	m.record(question)
	_, _ = channel.Write([]byte(answer))
	exit(channel, code)
}

func (m *pretender) record(question string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.asked = append(m.asked, question)
	if m.log != nil {
		m.log(question)
	}
}

func exit(channel ssh.Channel, code uint32) {
	_, _ = channel.SendRequest("exit-status", false, ssh.Marshal(struct{ Code uint32 }{code}))
}

// wanted is a component with something to stage and something to switch.
func wanted() machine.State {
	return machine.State{
		Cluster: "test", Component: "test",
		Directories: []machine.Directory{{Path: "/etc/weir", Owner: "root", Group: "root", Mode: 0o755}},
		Files:       []machine.File{{Path: "/etc/weir/test.conf", Owner: "root", Group: "root", Mode: 0o644, Content: "a\n"}},
		Requires:    machine.Requirements{Architecture: "amd64"},
	}
}

// fleetOf is a fleet, and targets that want the same of each machine.
func fleetOf(t *testing.T, machines ...*pretender) (*Fleet, map[string]Target) {
	t.Helper()
	pool := remote.NewPool()
	t.Cleanup(func() { _ = pool.Close() })
	targets := map[string]Target{}
	for _, m := range machines {
		h := m.server.Host()
		targets[h.Name] = Target{Host: h, State: wanted()}
	}
	return &Fleet{Pool: pool, Holder: "a test"}, targets
}
