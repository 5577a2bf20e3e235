package provider

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	p "github.com/pulumi/pulumi-go-provider"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/property"
)

// object is what a program declares, shorter than property.NewMap.
type object = map[string]property.Value

func list(items ...property.Value) property.Value { return property.New(items) }

func text(s string) property.Value { return property.New(s) }

// way is how a program says that a machine is reached.
func way(address string) property.Value {
	return property.New(object{"address": text(address), "privateKey": text("a key"), "hostKey": text("ssh-ed25519 AAAA")})
}

// server is one member or broker as a program declares it.
func server(machine string, id float64, address string) property.Value {
	return property.New(object{"machine": text(machine), "id": property.New(id), "address": text(address), "connection": way(address)})
}

// declared are inputs of each kind that are as they should be.
func declared(t *testing.T, kind string) object {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "weir-producer")
	if err := os.WriteFile(binary, []byte("a program"), 0o755); err != nil {
		t.Fatal(err)
	}
	inputs := map[string]object{
		"Host":      {"machine": text("m1"), "connection": way("10.0.0.1")},
		"ZooKeeper": {"members": list(server("m1", 1, "10.0.0.1"), server("m2", 2, "10.0.0.2"))},
		"Kafka":     {"brokers": list(server("m1", 0, "10.0.0.1"), server("m2", 1, "10.0.0.2")), "zookeeper": list(text("10.0.0.1:2181"))},
		"Job":       {"name": text("producer"), "machine": text("m1"), "connection": way("10.0.0.1"), "binary": text(binary)},
	}[kind]
	inputs["cluster"] = text("test")
	return inputs
}

func urn(kind string) resource.URN {
	return resource.URN("urn:pulumi:test::weir::weir:index:" + kind + "::it")
}

// checked asks the provider to check inputs, given those of before.
func checked(t *testing.T, kind string, inputs object, before property.Map) p.CheckResponse {
	t.Helper()
	res, err := serve(t).Check(p.CheckRequest{Urn: urn(kind), Inputs: property.NewMap(inputs), State: before})
	if err != nil {
		t.Fatal(err)
	}
	return res
}

// sound is checked for inputs that must be accepted.
func sound(t *testing.T, kind string, inputs object, before property.Map) property.Map {
	t.Helper()
	res := checked(t, kind, inputs, before)
	if len(res.Failures) > 0 {
		t.Fatalf("a sound %s was refused: %+v", kind, res.Failures)
	}
	return res.Inputs
}

// stored is what the engine keeps of a resource: its inputs and its outputs.
func stored(kind string, inputs property.Map) property.Map {
	switch kind {
	case "ZooKeeper":
		return inputs.Set("connect", list(text("10.0.0.1:2181")))
	case "Kafka":
		return inputs.Set("bootstrap", list(text("10.0.0.1:9092")))
	case "Job":
		return inputs.Set("unit", text("weir-job-producer.service"))
	}
	return inputs
}

// at follows the path into a value; what is not there is null.
func at(v property.Value, path ...string) property.Value {
	for _, key := range path {
		if !v.IsMap() {
			return property.Value{}
		}
		v = v.AsMap().Get(key)
	}
	return v
}

func TestCheckRendersWhatEachMachineShouldBe(t *testing.T) {
	for _, c := range []struct {
		kind     string
		machines []string
		files    []string
		digest   bool
	}{
		{"Host", []string{"m1"}, []string{"/etc/sysctl.d/60-weir-host.conf"}, false},
		{"ZooKeeper", []string{"m1", "m2"}, []string{"/etc/systemd/system/weir-zookeeper.service", "/etc/weir/zookeeper/zookeeper.properties"}, true},
		{"Kafka", []string{"m1", "m2"}, []string{"/etc/systemd/system/weir-kafka.service", "/etc/weir/kafka/server.properties"}, true},
		{"Job", []string{"m1"}, []string{"/etc/systemd/system/weir-job-producer.service"}, true},
	} {
		t.Run(c.kind, func(t *testing.T) {
			inputs := sound(t, c.kind, declared(t, c.kind), property.Map{})
			machines := inputs.Get(machinesKey).AsMap()
			if machines.Len() != len(c.machines) {
				t.Errorf("machines: got %v, want %q", machines, c.machines)
			}
			for _, name := range c.machines {
				for _, file := range c.files {
					content := at(machines.Get(name), "files", file, "content")
					if !content.IsString() || content.AsString() == "" {
						t.Errorf("%s on %s: got %v, want its content", file, name, content)
					}
				}
			}
			digest := inputs.Get("digest")
			if has := digest.IsString() && len(digest.AsString()) == 64; has != c.digest {
				t.Errorf("digest: got %v, want one: %v", digest, c.digest)
			}
		})
	}
}

func TestADigestFollowsWhatIsRun(t *testing.T) {
	inputs := declared(t, "Job")
	before := sound(t, "Job", inputs, property.Map{})
	if err := os.WriteFile(inputs["binary"].AsString(), []byte("another program"), 0o755); err != nil {
		t.Fatal(err)
	}
	after := sound(t, "Job", inputs, before)
	if before.Get("digest").Equals(after.Get("digest")) || before.Get(machinesKey).Equals(after.Get(machinesKey)) {
		t.Errorf("a changed binary must change the digest and what the machine should be, got %v twice", after.Get("digest"))
	}
}

func TestCheckNamesThePropertyThatIsWrong(t *testing.T) {
	for _, c := range []struct {
		name, kind, key string
		value           property.Value
		property, says  string
	}{
		{"a host whose machine is no text", "Host", "machine", property.New(7.0), "machine", "string"},
		{"a kernel setting that cannot be", "Host", "os", property.New(object{"swappiness": text("much")}), "os.swappiness", "0 to 100"},
		{"an id that is taken", "ZooKeeper", "members", list(server("m1", 1, "10.0.0.1"), server("m2", 1, "10.0.0.2")), "members[1].id", "members[0]"},
		{"no members", "ZooKeeper", "members", list(), "members", "required"},
		{"an ensemble's heap that is no size", "ZooKeeper", "heap", text("much"), "heap", "512m"},
		{"an ensemble's port out of range", "ZooKeeper", "clientPort", property.New(70000.0), "clientPort", "65535"},
		{"an address that is none", "Kafka", "brokers", list(server("m1", 0, "a b")), "brokers[0].address", "not an address"},
		{"a broker's port out of range", "Kafka", "port", property.New(70000.0), "port", "65535"},
		{"a data directory that is no path", "Kafka", "dataDir", text("data"), "dataDir", "absolute"},
		{"a key that weir sets", "Kafka", "config", property.New(object{"broker.id": text("7")}), "config", "broker.id"},
		{"an unknown version", "Kafka", "release", property.New(object{"version": text("0.0.1")}), "release.version", "0.0.1"},
		{"a job's name that is none", "Job", "name", text("Not A Name"), "name", "lower-case"},
		{"a job's binary that is not there", "Job", "binary", text("/nowhere/program"), "binary", "/nowhere/program"},
	} {
		t.Run(c.name, func(t *testing.T) {
			inputs := declared(t, c.kind)
			inputs[c.key] = c.value
			failures := checked(t, c.kind, inputs, property.Map{}).Failures
			if !slices.ContainsFunc(failures, func(f p.CheckFailure) bool {
				return strings.HasPrefix(f.Property, c.property) && strings.Contains(f.Property+": "+f.Reason, c.says)
			}) {
				t.Errorf("got %+v, want one of %s that says %q", failures, c.property, c.says)
			}
		})
	}
}

func TestWhileAnInputIsUnknownTheMachinesOfBeforeAreKept(t *testing.T) {
	for _, kind := range []string{"Host", "ZooKeeper", "Kafka", "Job"} {
		t.Run(kind, func(t *testing.T) {
			inputs := declared(t, kind)
			before := sound(t, kind, inputs, property.Map{})
			inputs["cluster"] = property.New(property.Computed)
			after := sound(t, kind, inputs, before)
			if !after.Get("cluster").IsComputed() {
				t.Errorf("cluster: got %v, want it to stay unknown", after.Get("cluster"))
			}
			if got, want := after.Get(machinesKey), before.Get(machinesKey); !got.Equals(want) {
				t.Errorf("machines:\n got %v\nwant %v", got, want)
			}
			first := sound(t, kind, inputs, property.Map{})
			if machines := first.Get(machinesKey); !machines.IsNull() {
				t.Errorf("of a resource that is not there yet: got %v, want no machines", machines)
			}
		})
	}
}

func TestWhileAnInputIsUnknownAPreviewAsksNoMachine(t *testing.T) {
	for _, kind := range []string{"Host", "ZooKeeper", "Kafka", "Job"} {
		t.Run(kind, func(t *testing.T) {
			inputs := declared(t, kind)
			before := sound(t, kind, inputs, property.Map{})
			inputs["cluster"] = property.New(property.Computed)
			s := serve(t)
			if _, err := s.Create(p.CreateRequest{Urn: urn(kind), Properties: sound(t, kind, inputs, property.Map{}), DryRun: true}); err != nil {
				t.Errorf("create: %v", err)
			}
			if _, err := s.Update(p.UpdateRequest{
				ID: "it", Urn: urn(kind), State: stored(kind, before), OldInputs: before, Inputs: sound(t, kind, inputs, before), DryRun: true,
			}); err != nil {
				t.Errorf("update: %v", err)
			}
		})
	}
}

func TestSecretsOfAConnectionStaySecret(t *testing.T) {
	connection := object{"address": text("10.0.0.1"), "jump": property.New(object{
		"address": text("10.0.0.9"), "privateKey": text("k"), "passphrase": text("p"), "password": text("w"),
	})}
	secrets := []string{"privateKey", "passphrase", "password", "sudoPassword"}
	for _, key := range secrets {
		connection[key] = text("not for the eye")
	}
	inputs := declared(t, "Host")
	inputs["connection"] = property.New(connection)
	got := sound(t, "Host", inputs, property.Map{}).Get("connection")
	for _, key := range secrets {
		if !at(got, key).Secret() {
			t.Errorf("connection.%s is not secret", key)
		}
	}
	for _, key := range []string{"privateKey", "passphrase", "password"} {
		if !at(got, "jump", key).Secret() {
			t.Errorf("connection.jump.%s is not secret", key)
		}
	}
	if at(got, "address").Secret() {
		t.Error("connection.address is secret; a person must see it")
	}
}
