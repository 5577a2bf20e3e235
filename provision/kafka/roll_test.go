package kafka

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/IBM/sarama"

	"weir/provision/remote"
	"weir/provision/rollout"
)

var roll = Roll{Brokers: map[string]int32{"m1": 1, "m2": 2, "m3": 3}}

func TestTheControllerGoesLastAndTheMissingFirst(t *testing.T) {
	without := func(id int32) View {
		v := viewWith()
		delete(v.Brokers, id)
		return v
	}
	controller := rollout.Turn{Machine: "m2", Why: "its broker is the controller"}
	for _, test := range []struct {
		name    string
		view    View
		pending []string
		want    []rollout.Turn
	}{
		{"by name among equals", viewWith(), []string{"m3", "m1"}, []rollout.Turn{{Machine: "m1"}, {Machine: "m3"}}},
		{"the controller waits", viewWith(), []string{"m2", "m3"}, []rollout.Turn{{Machine: "m3"}, controller}},
		{"the controller goes when it alone is left", viewWith(), []string{"m2"}, []rollout.Turn{controller}},
		{"a missing broker goes first", without(3), []string{"m1", "m2", "m3"}, []rollout.Turn{{Machine: "m3", Why: "its broker is not registered"}, {Machine: "m1"}, controller}},
		{"a missing broker that is not pending stays", without(3), []string{"m1", "m2"}, []rollout.Turn{{Machine: "m1"}, controller}},
	} {
		got, err := roll.order(test.view, test.pending)
		if err != nil || !slices.Equal(got, test.want) {
			t.Errorf("%s: got %v, %v; want %v", test.name, got, err, test.want)
		}
	}
	if _, err := roll.order(viewWith(), []string{"z"}); err == nil {
		t.Error("a machine without a broker was ordered")
	}
}

func TestTheGateBeforeAChange(t *testing.T) {
	lagging := viewWith(part(func(p *Partition) { p.ISR = []int32{1, 2} }))
	unrelated := viewWith(part(nil), part(func(p *Partition) { p.Topic, p.Replicas, p.ISR, p.MinISR = "u", []int32{2, 3}, []int32{2}, 1 }))
	missing := viewWith(part(func(p *Partition) { p.ISR = []int32{1, 2} }))
	delete(missing.Brokers, 3)
	allow := roll
	allow.AllowUnderReplicated = true
	for _, test := range []struct {
		name    string
		roll    Roll
		view    View
		machine string
		open    bool
	}{
		{"a sound cluster lets each broker go", roll, viewWith(part(nil)), "m1", true},
		{"a lagging replica keeps the others", roll, lagging, "m1", false},
		{"a lagging replica of others keeps all", roll, unrelated, "m1", false},
		{"unless that is allowed", allow, unrelated, "m1", true},
		{"which never allows refusing writes", allow, lagging, "m1", false},
		{"a missing broker may always be changed", roll, missing, "m3", true},
	} {
		_, err := test.roll.judge(test.view, test.machine)
		if (err == nil) != test.open {
			t.Errorf("%s: got %v", test.name, err)
		}
	}
}

func TestBrokenConnectionsAreToldFromAnswers(t *testing.T) {
	for _, test := range []struct {
		err  error
		want bool
	}{
		{nil, false},
		{io.EOF, true},
		{fmt.Errorf("asking: %w", io.ErrUnexpectedEOF), true},
		{&net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}, true},
		{sarama.ErrNotConnected, true},
		{sarama.Wrap(sarama.ErrOutOfBrokers, errors.New("a"), errors.New("b")), true},
		{sarama.ErrTopicAlreadyExists, false},
		{&sarama.TopicError{Err: sarama.ErrInvalidReplicationFactor}, false},
		{ErrNoTopic, false},
	} {
		if got := broken(test.err); got != test.want {
			t.Errorf("broken(%v) = %v, want %v", test.err, got, test.want)
		}
	}
}

func TestAClusterThatNobodyServesIsAnErrorAndEndsWithTheContext(t *testing.T) {
	hang := make(chan struct{})
	defer close(hang)
	admin := newAdmin(t, dialFunc(func(ctx context.Context) (net.Conn, error) { <-hang; return nil, io.EOF }))
	ctx, cancel := context.WithCancelCause(t.Context())
	stop := errors.New("the operator pressed ^C")
	cancel(stop)
	if _, err := admin.View(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want it cancelled", err)
	}

	admin = newAdmin(t, dialFunc(func(context.Context) (net.Conn, error) { return nil, syscall.ECONNREFUSED }))
	if _, err := admin.View(t.Context()); !errors.Is(err, syscall.ECONNREFUSED) || !strings.Contains(err.Error(), "cluster's state") {
		t.Errorf("got %v, want what was asked and the refusal", err)
	}
}

func TestTheDialerOfAnAdminTriesEachMachine(t *testing.T) {
	near, far := net.Pipe()
	defer far.Close()
	refused := dialFunc(func(context.Context) (net.Conn, error) { return nil, syscall.ECONNREFUSED })
	open := dialFunc(func(context.Context) (net.Conn, error) { return near, nil })
	if conn, err := remote.Via(refused, open).Dial("tcp", "b:9092"); err != nil || conn != near {
		t.Errorf("got %v, %v; want the second machine's connection", conn, err)
	}
	if _, err := remote.Via(refused, refused).Dial("tcp", "b:9092"); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("got %v, want the refusals", err)
	}
}

type dialFunc func(ctx context.Context) (net.Conn, error)

func (f dialFunc) DialContext(ctx context.Context, _, _ string) (net.Conn, error) { return f(ctx) }

func newAdmin(t *testing.T, d remote.Dialer) *Admin {
	t.Helper()
	v, _ := LookUp(DefaultVersion)
	a, err := NewAdmin([]string{"broker.invalid:9092"}, v, remote.Via(d), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close() })
	return a
}

func TestVersionsWithoutTheAdminProtocolNeedARegistry(t *testing.T) {
	v, _ := LookUp("0.8.2.1")
	if _, err := NewAdmin(nil, v, nil, nil); err == nil || !strings.Contains(err.Error(), "0.8.2.1") {
		t.Errorf("got %v, want a refusal that names the version", err)
	}
}
