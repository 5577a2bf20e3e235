package provider

import (
	"net"
	"strings"
	"testing"
	"time"

	"weir/provision/remote/remotetest"

	p "github.com/pulumi/pulumi-go-provider"
	"github.com/pulumi/pulumi/sdk/v3/go/property"
)

// nobody is a port of this computer at which nobody listens.
func nobody(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close() //nolint:errcheck // it was only to learn a free port
	return l.Addr().(*net.TCPAddr).Port
}

// unreachable is how a program says to reach a machine that is not there.
func unreachable(t *testing.T) property.Value {
	t.Helper()
	_, key, err := remotetest.NewKey("")
	if err != nil {
		t.Fatal(err)
	}
	hostKey, _, err := remotetest.NewKey("")
	if err != nil {
		t.Fatal(err)
	}
	return property.New(object{
		"address": text("127.0.0.1"), "port": property.New(float64(nobody(t))),
		"privateKey": text(key), "hostKey": text(remotetest.AuthorizedKeys(hostKey)),
	})
}

// readPatience is well above the seconds for which a machine that was never
// reached is tried again, and well below what a person would wait.
const readPatience = 15 * time.Second

func TestAMachineThatCannotBeReachedKeepsWhatWasKnownOfIt(t *testing.T) {
	for kind, address := range map[string]func(*testing.T, object){
		"Host": func(t *testing.T, in object) { in["connection"] = unreachable(t) },
		"Job":  func(t *testing.T, in object) { in["connection"] = unreachable(t) },
		"Kafka": func(t *testing.T, in object) {
			in["brokers"] = list(property.New(object{
				"machine": text("m1"), "id": property.New(0.0), "address": text("127.0.0.1"), "connection": unreachable(t),
			}))
		},
	} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			declaration := declared(t, kind)
			address(t, declaration)
			inputs := sound(t, kind, declaration, property.Map{})
			began := time.Now()
			res, err := serve(t).Read(p.ReadRequest{ID: "it", Urn: urn(kind), Properties: stored(kind, inputs), Inputs: inputs})
			if err != nil {
				t.Fatal(err)
			}
			if took := time.Since(began); took > readPatience {
				t.Errorf("took %s, want at most %s", took, readPatience)
			}
			if res.ID != "it" {
				t.Fatalf("ID: got %q, want it kept: without one the engine forgets the machine", res.ID)
			}
			known, now := inputs.Get(machinesKey).AsMap().Get("m1"), res.Inputs.Get(machinesKey).AsMap().Get("m1")
			reason := at(now, "unreachable")
			if !reason.IsString() || !strings.Contains(reason.AsString(), "m1") {
				t.Errorf("unreachable: got %v, want the reason with the machine's name", reason)
			}
			if without := property.New(now.AsMap().Delete("unreachable")); !without.Equals(known) {
				t.Errorf("what else is shown:\n got %v\nwant %v", without, known)
			}
		})
	}
}

// A refresh stores what is read: within a list, too, the text of a secret must not
// be in it, and the next up must not find it changed.
func TestSecretsStaySecretWhereMachinesAreRead(t *testing.T) {
	for kind, at := range map[string]string{"Host": "", "Kafka": "brokers", "ZooKeeper": "members"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			declaration := declared(t, kind)
			declaration["connection"] = unreachable(t)
			if at != "" {
				declaration[at] = list(property.New(object{
					"machine": text("m1"), "id": property.New(1.0), "address": text("127.0.0.1"), "connection": declaration["connection"],
				}))
				delete(declaration, "connection")
			}
			inputs := sound(t, kind, declaration, property.Map{})
			res, err := serve(t).Read(p.ReadRequest{ID: "it", Urn: urn(kind), Properties: stored(kind, inputs), Inputs: inputs})
			if err != nil {
				t.Fatal(err)
			}
			want := property.New(inputs.Delete(machinesKey))
			if got := property.New(res.Inputs.Delete(machinesKey)); !got.Equals(want) {
				t.Errorf("inputs:\n got %v\nwant %v", got, want)
			}
			for key, value := range want.AsMap().All {
				if got := res.Properties.Get(key); !got.Equals(value) {
					t.Errorf("property %s:\n got %v\nwant %v", key, got, value)
				}
			}
		})
	}
}

func TestAMachineThatAnswersAgainIsNoLongerUnreachable(t *testing.T) {
	server := remotetest.Start(t, remotetest.Config{Name: "m1"}) // it looks at this computer and changes nothing
	h := server.Host()
	declaration := declared(t, "Host")
	declaration["connection"] = property.New(object{
		"address": text(h.Address), "port": property.New(float64(h.Port)), "privateKey": text(h.PrivateKey), "hostKey": text(h.HostKey),
	})
	inputs := sound(t, "Host", declaration, property.Map{})
	was := inputs.Get(machinesKey).AsMap()
	last := property.New(was.Get("m1").AsMap().Set("unreachable", text("it was off")))
	inputs = inputs.Set(machinesKey, property.New(was.Set("m1", last)))
	res, err := serve(t).Read(p.ReadRequest{ID: "it", Urn: urn("Host"), Properties: inputs, Inputs: inputs})
	if err != nil {
		t.Fatal(err)
	}
	if got := at(res.Inputs.Get(machinesKey), "m1", "unreachable"); !got.IsNull() || res.ID != "it" {
		t.Errorf("got ID %q, unreachable %v; want it read as it is", res.ID, got)
	}
	if len(server.Commands()) != 1 {
		t.Errorf("asked the machine %d times, want once", len(server.Commands()))
	}
}
