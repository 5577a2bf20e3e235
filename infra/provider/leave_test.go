package provider

import (
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/property"
)

// heir is a server that takes the place of another machine.
func heir(machine string, id float64, address, replaces string) property.Value {
	return property.New(server(machine, id, address).AsMap().Set("replaces", text(replaces)))
}

func TestAnIdIsRememberedWhenItsMachineLeaves(t *testing.T) {
	for kind, key := range map[string]string{"Kafka": "brokers", "ZooKeeper": "members"} {
		t.Run(kind, func(t *testing.T) {
			with := func(servers ...property.Value) object {
				in := declared(t, kind)
				in[key] = list(servers...)
				return in
			}
			m1, m2, m3 := server("m1", 1, "10.0.0.1"), server("m2", 2, "10.0.0.2"), server("m3", 3, "10.0.0.3")
			first := sound(t, kind, with(m1, m2, m3), property.Map{})
			if got := first.Get(retiredKey); !got.IsNull() {
				t.Errorf("at first: got retired ids %v, want none", got)
			}
			second := sound(t, kind, with(m1, m2), first)
			retired := second.Get(retiredKey)
			if !retired.IsArray() || retired.AsArray().Len() != 1 || at(retired.AsArray().Get(0), "machine").AsString() != "m3" {
				t.Fatalf("once m3 has left: got retired ids %v, want that of m3", retired)
			}
			// Long after, it is still known.
			third := sound(t, kind, with(m1, m2), second)
			if again := third.Get(retiredKey); !again.Equals(retired) {
				t.Errorf("a change later: got %v, want %v", again, retired)
			}
			res := checked(t, kind, with(m1, m2, server("m4", 3, "10.0.0.4")), third)
			if len(res.Failures) != 1 || !strings.Contains(res.Failures[0].Reason, "was that of m3") {
				t.Errorf("another machine with that id: got %+v, want it refused", res.Failures)
			}
			sound(t, kind, with(m1, m2, heir("m4", 3, "10.0.0.4", "m3")), third)
			back := sound(t, kind, with(m1, m2, m3), third)
			if got := back.Get(retiredKey); !got.IsNull() {
				t.Errorf("once m3 is back: got %v, want none retired", got)
			}
		})
	}
}

func TestMachinesThatLeaveAreThoseOfBefore(t *testing.T) {
	conn := func(address string) Connection { return Connection{Address: address} }
	was := &KafkaArgs{Cluster: "test", ZooKeeper: []string{"10.0.0.1:2181"}, Brokers: []KafkaBroker{
		{Server{Machine: "m1", ID: 0, Address: "10.0.0.1", Connection: conn("10.0.0.1")}},
		{Server{Machine: "m2", ID: 1, Address: "10.0.0.2", Connection: conn("10.0.0.2")}},
		{Server{Machine: "m3", ID: 2, Address: "10.0.0.3", Connection: conn("10.0.0.3")}},
	}}
	yes, m2, port := true, "m2", 22
	was.DeleteData = &yes
	now := &KafkaArgs{Cluster: "test", ZooKeeper: was.ZooKeeper, Brokers: []KafkaBroker{
		was.Brokers[0], {Server{Machine: "m4", ID: 1, Address: "10.0.0.4", Connection: conn("10.0.0.4"), Replaces: &m2}},
	}}
	for _, keep := range []bool{true, false} {
		got, err := leaving(&Env{KeepData: keep}, now, was)
		if err != nil || len(got) != 2 || !got["m2"].Replaced || got["m3"].Replaced {
			t.Fatalf("got %+v, %v; want m2, which is replaced, and m3, which is not", got, err)
		}
		if got["m3"].DeleteData == keep {
			t.Errorf("deleteData was applied, data is kept %t: got it deleted %t", keep, got["m3"].DeleteData)
		}
	}
	now.Brokers[1].Connection, now.Brokers[1].Connection.Port = conn("10.0.0.2"), &port
	if got, err := leaving(&Env{}, now, was); err != nil || len(got) != 1 {
		t.Errorf("a machine with another name: got %+v, %v; want m3 alone to leave", got, err)
	}
}
