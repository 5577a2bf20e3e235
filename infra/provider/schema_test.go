package provider

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"testing"

	"weir/provision/fleet"
	"weir/provision/release"
	"weir/provision/remote"

	"github.com/blang/semver"
	p "github.com/pulumi/pulumi-go-provider"
	"github.com/pulumi/pulumi-go-provider/integration"
)

var update = flag.Bool("update", false, "rewrite the schema")

// The schema is what programs are written against; next to it are the typed
// resources that are generated from it.
const (
	schemaFile = "../weir/schema.json"
	sumFile    = "../weir/schema.sha256"
)

// serve is the provider as the engine talks to it, without connections.
func serve(t *testing.T) integration.Server {
	t.Helper()
	return serveTo(t, nil)
}

// serveTo is serve for a provider that tells runs what it does.
func serveTo(t *testing.T, runs *Runs) integration.Server {
	t.Helper()
	pool := remote.NewPool()
	t.Cleanup(func() { _ = pool.Close() })
	provider, err := New(&Env{Fleet: &fleet.Fleet{Pool: pool, Holder: "a test"}, Store: &release.Store{Dir: t.TempDir()}, Runs: runs})
	if err != nil {
		t.Fatal(err)
	}
	server, err := integration.NewServer(t.Context(), Name, semver.MustParse(Version), integration.WithProvider(provider))
	if err != nil {
		t.Fatal(err)
	}
	return server
}

func TestTheSchemaIsUpToDate(t *testing.T) {
	res, err := serve(t).GetSchema(p.GetSchemaRequest{})
	if err != nil {
		t.Fatal(err)
	}
	var got bytes.Buffer
	if err := json.Indent(&got, []byte(res.Schema), "", "  "); err != nil {
		t.Fatal(err)
	}
	got.WriteByte('\n')
	if *update {
		if err := os.WriteFile(schemaFile, got.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(schemaFile)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got.Bytes(), want) {
		t.Errorf("%s is stale: run make generate, and look at the change\ngot:\n%s", schemaFile, got.Bytes())
	}
}

func TestTheTypedResourcesAreGeneratedFromTheSchema(t *testing.T) {
	if *update {
		t.Skip("the generator runs next")
	}
	schema, err := os.ReadFile(schemaFile)
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(sumFile)
	if err != nil {
		t.Fatal(err)
	}
	if want := fmt.Sprintf("%x  schema.json\n", sha256.Sum256(schema)); string(got) != want {
		t.Errorf("%s: got %q, want %q: run make generate", sumFile, got, want)
	}
}
