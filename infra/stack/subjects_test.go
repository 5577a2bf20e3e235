package stack_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/blang/semver"
	p "github.com/pulumi/pulumi-go-provider"
	"github.com/pulumi/pulumi-go-provider/integration"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/property"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"weir/infra/provider"
	"weir/infra/stack"
	"weir/provision/fleet"
	"weir/provision/machine"
	"weir/provision/release"
	"weir/provision/remote"
)

// declaredCluster has a value for whatever a preflight may ask about.
const declaredCluster = `{
  "name": "test",
  "machines": [
    {"name": "a", "address": "10.0.0.1", "architecture": "amd64"},
    {"name": "b", "address": "10.0.0.2", "architecture": "arm64"},
    {"name": "c", "address": "10.0.0.3", "architecture": "amd64"}
  ],
  "ssh": {"agent": true, "insecureIgnoreHostKey": true},
  "java": {"install": false},
  "os": {"openFiles": "keep", "swappiness": 10, "transparentHugePages": "never"},
  "zookeeper": {"members": {"a": 1, "b": 2}, "clientPort": 2281, "peerPort": 2988, "electionPort": 3988, "tickTime": 3000, "initLimit": 7, "syncLimit": 4, "adopt": true, "heap": "300m", "jvmOptions": "-XX:+UseSerialGC", "dataDir": "/srv/zk", "config": {"maxClientCnxns": 9}},
  "kafka": {"brokers": {"b": 5, "c": 6}, "port": 9192, "bind": "0.0.0.0", "chroot": "/forum", "adopt": true, "heap": "700m", "dataDir": "/srv/kafka", "config": {"num.partitions": 3}},
  "topics": [{"name": "t"}],
  "jobs": [{"name": "producer", "kind": "producer", "machine": "a", "topic": "t"}]
}`

// A preflight and the provider make states from one config in two ways. They
// must come to the same, or a preflight asks about a cluster that is never built.
func TestAPreflightIsAboutWhatTheProviderBuilds(t *testing.T) {
	root := t.TempDir()
	file := filepath.Join(root, "bin", "jobs", "linux-amd64", "weir-producer")
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte("a program"), 0o755); err != nil {
		t.Fatal(err)
	}
	config, err := stack.Parse(stack.Source{Stack: "test", Root: root, Cluster: []byte(declaredCluster)})
	if err != nil {
		t.Fatal(err)
	}
	subjects, err := config.Subjects(root)
	if err != nil {
		t.Fatal(err)
	}
	var asked []string
	for _, s := range subjects {
		for _, state := range s.States {
			for _, f := range state.AllFiles() {
				asked = append(asked, s.Host.Name+" "+f.Path+"\n"+comparable(f.Path, f.Content))
			}
			for _, d := range state.Directories {
				asked = append(asked, s.Host.Name+" "+d.Path)
			}
		}
	}
	if taken := slices.ContainsFunc(subjects[1].States[1].Services, func(v machine.Service) bool { return v.Takeover != nil }); !taken {
		t.Error("a server that is to be taken over would be refused for the ports that it holds")
	}
	slices.Sort(asked)
	if built := built(t, root); !slices.Equal(asked, built) {
		t.Errorf("a preflight asks about\n%s\n\nand the provider builds\n%s", strings.Join(asked, "\n"), strings.Join(built, "\n"))
	}
}

// built is what the provider says each machine should have, of a program's resources.
func built(t *testing.T, root string) []string {
	t.Helper()
	d := declaring{inputs: map[string]property.Map{}}
	err := pulumi.RunErr(stack.ProgramIn(root), pulumi.WithMocks("weir", "test", &d), func(info *pulumi.RunInfo) {
		info.Config = map[string]string{"weir:cluster": declaredCluster}
	})
	if err != nil {
		t.Fatal(err)
	}
	server := serve(t)
	var all []string
	for token, inputs := range d.inputs {
		res, err := server.Check(p.CheckRequest{Urn: resource.URN("urn:pulumi:test::weir::" + strings.Replace(token, " ", "::", 1)), Inputs: inputs})
		if err != nil || len(res.Failures) > 0 {
			t.Fatalf("%s: %v %v", token, res.Failures, err)
		}
		for name, made := range res.Inputs.Get("machines").AsMap().All {
			for path, f := range made.AsMap().Get("files").AsMap().All {
				all = append(all, name+" "+path+"\n"+comparable(path, f.AsMap().Get("content").AsString()))
			}
			for path := range made.AsMap().Get("directories").AsMap().All {
				all = append(all, name+" "+path)
			}
		}
	}
	slices.Sort(all)
	return all
}

// comparable leaves out the arguments of jobs, which a preflight does not ask about.
func comparable(path, content string) string {
	lines := slices.DeleteFunc(strings.Split(content, "\n"), func(line string) bool {
		return strings.HasPrefix(line, "ExecStart=") && strings.Contains(path, "weir-job")
	})
	return strings.Join(lines, "\n")
}

// declaring keeps the inputs of the resources on machines that a program
// declares, by type and name.
type declaring struct {
	mu     sync.Mutex
	inputs map[string]property.Map
}

func (d *declaring) NewResource(args pulumi.MockResourceArgs) (string, resource.PropertyMap, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if kind, ours := strings.CutPrefix(args.TypeToken, "weir:index:"); ours && kind != "Topic" {
		d.inputs[args.TypeToken+" "+args.Name] = resource.FromResourcePropertyMap(args.Inputs)
	}
	return args.Name, args.Inputs, nil
}

func (*declaring) Call(pulumi.MockCallArgs) (resource.PropertyMap, error) { return nil, nil }

func serve(t *testing.T) integration.Server {
	t.Helper()
	pool := remote.NewPool()
	t.Cleanup(func() { _ = pool.Close() })
	made, err := provider.New(&provider.Env{Fleet: &fleet.Fleet{Pool: pool, Holder: "a test"}, Store: &release.Store{Dir: t.TempDir()}})
	if err != nil {
		t.Fatal(err)
	}
	server, err := integration.NewServer(t.Context(), provider.Name, semver.MustParse(provider.Version), integration.WithProvider(made))
	if err != nil {
		t.Fatal(err)
	}
	return server
}
