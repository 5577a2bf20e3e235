package connect

import (
	"context"
	"errors"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"weir/provision/inventory"
	"weir/provision/remote"
	"weir/provision/remote/remotetest"
)

// fakeMachine runs what remotetest was told and dials as dial says.
type fakeMachine struct {
	*remotetest.Runner
	dial func(ctx context.Context, network, address string) (net.Conn, error)
}

func (m fakeMachine) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	return m.dial(ctx, network, address)
}

type dialFunc func(ctx context.Context, network, address string) (net.Conn, error)

func (f dialFunc) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	return f(ctx, network, address)
}

func twoMachines() inventory.Cluster {
	return inventory.Cluster{
		Name: "test",
		Machines: []inventory.Machine{
			{Name: "node1", Address: "192.0.2.1", Host: remote.Host{Name: "node1", Address: "192.0.2.1"}},
			{Name: "node2", Address: "192.0.2.2", Host: remote.Host{Name: "node2", Address: "192.0.2.2"}},
		},
		Kafka: &inventory.Kafka{Version: "3.9.2", Brokers: map[string]int32{"node1": 1, "node2": 2}, Port: 9092},
	}
}

func open(t *testing.T, c inventory.Cluster, o Options) *Session {
	t.Helper()
	s, err := Open(t.Context(), c, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func TestOpenRefusesAnInventoryThatContradictsItself(t *testing.T) {
	tests := []struct {
		name   string
		change func(c *inventory.Cluster)
		want   string
	}{
		{"no machine", func(c *inventory.Cluster) { c.Machines = nil }, "no machine"},
		{"two machines of one name", func(c *inventory.Cluster) { c.Machines[1].Name = "node1" }, `unique`},
		{"a broker on a machine that is not there", func(c *inventory.Cluster) { c.Kafka.Brokers["node9"] = 9 }, `"node9"`},
		{"Kafka without a broker", func(c *inventory.Cluster) { c.Kafka.Brokers = nil }, "without a broker"},
		{"a member on a machine that is not there", func(c *inventory.Cluster) {
			c.ZooKeeper = &inventory.ZooKeeper{Members: map[string]int{"node9": 1}}
		}, `"node9"`},
		{"a job on a machine that is not there", func(c *inventory.Cluster) {
			c.Jobs = []inventory.Job{{Name: "producer", Machine: "node9"}}
		}, `"node9"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := twoMachines()
			tt.change(&c)
			if _, err := Open(t.Context(), c, Options{}); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got error %v, want one with %q", err, tt.want)
			}
		})
	}
}

func TestADeadMachineIsTriedOnceForAllWhoAsk(t *testing.T) {
	var tries atomic.Int32
	s := open(t, twoMachines(), Options{Connect: func(context.Context, remote.Host) (Connection, error) {
		tries.Add(1)
		return nil, &remote.ConnectError{Machine: "node1", Err: errors.New("no route")}
	}})
	for range 5 {
		_, err := s.Machine(t.Context(), "node1")
		var failed *remote.ConnectError
		if !errors.As(err, &failed) {
			t.Fatalf("got %v, want a ConnectError", err)
		}
	}
	if got := tries.Load(); got != 1 {
		t.Errorf("tried %d times, want once", got)
	}
}

func TestWhoeverAsksForASilentMachineWaitsOnlyAsLongAsTheyWant(t *testing.T) {
	s := open(t, twoMachines(), Options{Connect: func(ctx context.Context, _ remote.Host) (Connection, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}})
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	started := time.Now()
	_, err := s.Run(ctx, "node1", remote.Script{Text: "true"})
	if err == nil || time.Since(started) > 5*time.Second {
		t.Errorf("got %v after %s, want an error at once", err, time.Since(started))
	}
	if !strings.Contains(err.Error(), "node1") {
		t.Errorf("error %q does not name the machine", err)
	}
}

func TestAnUnknownMachineIsAnError(t *testing.T) {
	s := open(t, twoMachines(), Options{})
	if _, err := s.Machine(t.Context(), "node9"); err == nil || !strings.Contains(err.Error(), "node9") {
		t.Errorf("got %v, want an error that names node9", err)
	}
}

// pipeTo is a dialer's answer that tells who made the connection.
func pipeTo(who string, log chan<- string) dialFunc {
	return func(_ context.Context, _, address string) (net.Conn, error) {
		log <- who + " dials " + address
		ours, theirs := net.Pipe()
		go func() { theirs.Close() }()
		return ours, nil
	}
}

func TestConnectionsTakeTheWayThatIsOpen(t *testing.T) {
	refuse := dialFunc(func(context.Context, string, string) (net.Conn, error) {
		return nil, errors.New("connection refused")
	})
	tests := []struct {
		name    string
		direct  func(log chan<- string) remote.Dialer
		address string
		onlySSH bool
		want    string
	}{
		{"directly where that works", func(log chan<- string) remote.Dialer { return pipeTo("here", log) },
			"192.0.2.2:9092", false, "here dials 192.0.2.2:9092"},
		{"through the machine that has the address", func(chan<- string) remote.Dialer { return refuse },
			"192.0.2.2:9092", false, "node2 dials 192.0.2.2:9092"},
		{"through any machine where nobody is known to have it", func(chan<- string) remote.Dialer { return refuse },
			"broker.internal:9092", false, " dials broker.internal:9092"},
		{"through SSH alone where that is asked for", func(log chan<- string) remote.Dialer { return pipeTo("here", log) },
			"192.0.2.1:9092", true, "node1 dials 192.0.2.1:9092"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			log := make(chan string, 10)
			s := open(t, twoMachines(), Options{
				Direct: tt.direct(log), OnlySSH: tt.onlySSH,
				Connect: func(_ context.Context, h remote.Host) (Connection, error) {
					return fakeMachine{remotetest.New(h.Name), pipeTo(h.Name, log)}, nil
				},
			})
			conn, err := s.DialContext(t.Context(), "tcp", tt.address)
			if err != nil {
				t.Fatal(err)
			}
			conn.Close()
			// Machines are asked at once: another may follow.
			if got := <-log; !strings.HasSuffix(got, tt.want) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestAFailedConnectionTellsBothWays(t *testing.T) {
	s := open(t, twoMachines(), Options{
		Direct: dialFunc(func(context.Context, string, string) (net.Conn, error) {
			return nil, errors.New("packets vanish")
		}),
		Connect: func(context.Context, remote.Host) (Connection, error) {
			return nil, &remote.ConnectError{Machine: "node2", Address: "192.0.2.2:22", Err: errors.New("no route")}
		},
	})
	_, err := s.DialContext(t.Context(), "tcp", "192.0.2.2:9092")
	for _, want := range []string{"packets vanish", "no route", "192.0.2.2:9092"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v does not say %q", err, want)
		}
	}
}
