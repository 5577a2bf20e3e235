package zookeeper

import (
	"context"
	"errors"
	"io"
	"net"
	"reflect"
	"strings"
	"testing"
	"time"
)

// Answers as ZooKeeper 3.8.4 gives them.
const (
	serverAnswer = `Zookeeper version: 3.8.4-9316c2a7a97e1666d8f4593f34dd6fc36ecc436c, built on 2024-02-12 22:16 UTC
Latency min/avg/max: 0/0.5/12
Received: 120
Sent: 119
Connections: 4
Outstanding: 1
Zxid: 0x100000007
Mode: leader
Node count: 29
Proposal sizes last/min/max: 48/48/92
`
	confAnswer = `clientPort=2181
secureClientPort=-1
dataDir=/var/lib/weir/zookeeper/version-2
tickTime=2000
serverId=3
initLimit=5
syncLimit=2
membership: 
server.2=192.168.1.2:2888:3888:participant
server.1=192.168.1.1:2888:3888:participant
server.3=192.168.1.3:2888:3888:participant;0.0.0.0:2181
version=0
`
	silentAnswer  = "This ZooKeeper instance is not currently serving requests\n"
	refusedAnswer = "srvr is not executed because it is not in the whitelist.\n"
)

func TestStatusIsReadFromTheAnswers(t *testing.T) {
	got, err := parseServer([]byte(serverAnswer))
	if err != nil {
		t.Fatal(err)
	}
	got.ID, got.Membership = parseConf([]byte(confAnswer))
	want := Status{
		Mode: Leader, Version: "3.8.4", ID: 3, ZxID: 0x100000007, Connections: 4, Outstanding: 1,
		Membership: []string{
			"server.1=192.168.1.1:2888:3888:participant",
			"server.2=192.168.1.2:2888:3888:participant",
			"server.3=192.168.1.3:2888:3888:participant",
		},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestAMemberThatDoesNotServeSaysWhy(t *testing.T) {
	for answer, want := range map[string]string{
		silentAnswer:            "does not serve: This ZooKeeper instance is not currently serving requests",
		refusedAnswer:           "does not serve: srvr is not executed because it is not in the whitelist.",
		"":                      "does not serve: empty answer",
		"SSH-2.0-OpenSSH_9.2\n": "does not serve: SSH-2.0-OpenSSH_9.2",
		"Mode: \x1b[31mking\n":  `does not serve: Mode: \x1b[31mking`,
	} {
		_, err := parseServer([]byte(answer))
		if _, ok := errors.AsType[*NotServingError](err); !ok || err.Error() != want {
			t.Errorf("for %q got %v, want %s", answer, err, want)
		}
	}
}

func FuzzAnswers(f *testing.F) {
	for _, seed := range []string{serverAnswer, confAnswer, silentAnswer, refusedAnswer, "Mode: leader\nZxid: 0x\n", "Mode:leader\nZxid:-1"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, answer []byte) {
		s, err := parseServer(answer)
		if err == nil && !strings.Contains("leader follower observer standalone", s.Mode) {
			t.Errorf("accepted the mode %q", s.Mode)
		}
		if silent, ok := errors.AsType[*NotServingError](err); ok && len(silent.Answer) > 4*quotedLimit+len("empty answer") {
			t.Errorf("an answer of %d bytes makes a message of %d", len(answer), len(silent.Answer))
		}
		if _, membership := parseConf(answer); !reflect.DeepEqual(membership, sortedCopy(membership)) {
			t.Errorf("membership is not sorted: %q", membership)
		}
	})
}

// member listens like a ZooKeeper member: one answer a connection, by word.
func member(t *testing.T, serve func(conn net.Conn, word string)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				word := make([]byte, 4)
				if _, err := io.ReadFull(conn, word); err == nil {
					serve(conn, string(word))
				}
			}()
		}
	}()
	return l.Addr().String()
}

func TestProbeAsksOverTheNetwork(t *testing.T) {
	address := member(t, func(conn net.Conn, word string) {
		io.WriteString(conn, map[string]string{"srvr": serverAnswer, "conf": confAnswer}[word])
	})
	s, err := Probe(t.Context(), &net.Dialer{}, address)
	if err != nil || s.Mode != Leader || s.ID != 3 {
		t.Errorf("got %+v, %v; want leader 3", s, err)
	}
}

func TestAnAnswerWithoutEndIsCutOffAndReported(t *testing.T) {
	address := member(t, func(conn net.Conn, _ string) {
		line := []byte(strings.Repeat("x", 1<<10) + "\n")
		for {
			if _, err := conn.Write(line); err != nil {
				return
			}
		}
	})
	if _, err := Probe(t.Context(), &net.Dialer{}, address); err == nil || !strings.Contains(err.Error(), "longer than 65536 bytes") {
		t.Errorf("got %v, want an error about the length", err)
	}
}

func TestAMemberThatHangsIsGivenUpWithTheContext(t *testing.T) {
	release := make(chan struct{})
	t.Cleanup(func() { close(release) })
	address := member(t, func(net.Conn, string) { <-release })
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := Probe(ctx, &net.Dialer{}, address); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want the deadline", err)
	}
}

func TestAMachineThatRefusesIsAnError(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	l.Close()
	if _, err := Probe(t.Context(), &net.Dialer{}, address); err == nil || !strings.Contains(err.Error(), address) {
		t.Errorf("got %v, want an error that names %s", err, address)
	}
}
