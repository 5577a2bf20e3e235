package main

import (
	"context"
	"os"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/structpb"
)

// providerPatience bounds what one look of the provider may take in tests.
const providerPatience = time.Minute

// checkout is a project with the programs of this checkout.
func checkout(t *testing.T) project {
	t.Helper()
	t.Chdir("../..")
	p, err := newProject(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func values(t *testing.T, all map[string]any) *structpb.Struct {
	t.Helper()
	s, err := structpb.NewStruct(all)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// What is not as the state says would take the engine other work than to find
// that nothing changed: it must not be measured.
func TestTheProviderIsNotMeasuredOnResourcesThatDiffer(t *testing.T) {
	p := checkout(t)
	machine := values(t, map[string]any{
		"stack": "bench-none", "machine": "none", "subnet": subnet, "address": prefix + "99", "keysDir": t.TempDir(), "power": "running",
	})
	topic := values(t, map[string]any{
		"brokers": []any{map[string]any{ // nobody answers there
			"machine": "none", "address": "127.0.0.1:1", "connection": map[string]any{"address": "127.0.0.1", "port": 1},
		}},
		"name": "none", "partitions": 1, "replicationFactor": 1,
	})
	for _, c := range []struct {
		name, says string
		resource   resource
	}{
		{"a machine that is gone", "it is gone",
			resource{"urn:pulumi:bench::weir::weir:index:Machine::none", "none", machine, machine}},
		{"a topic whose brokers do not answer", "it differs",
			resource{"urn:pulumi:bench::weir::weir:index:Topic::none", "none", topic, topic}},
	} {
		t.Run(c.name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), providerPatience)
			defer cancel()
			took, err := p.share(ctx, []resource{c.resource})
			if err == nil || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), c.resource.urn) {
				t.Errorf("got error %v, want one that says %q and names %s", err, c.says, c.resource.urn)
			}
			if took.start <= 0 || took.whole < took.start+took.read || took.processor <= 0 {
				t.Errorf("got %+v, want each part to take some time, and the whole at least their sum", took)
			}
		})
	}
}

func TestAProviderThatDoesNotStartSaysWhy(t *testing.T) {
	p := project{t.TempDir()}
	if err := os.Mkdir(p.dir+"/bin", 0o755); err != nil {
		t.Fatal(err)
	}
	script := "#!/bin/sh\necho no disk left >&2\nexit 1\n"
	if err := os.WriteFile(p.dir+"/bin/pulumi-resource-weir", []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := p.share(t.Context(), nil); err == nil || !strings.Contains(err.Error(), "no disk left") {
		t.Errorf("got error %v, want one that says what the program said", err)
	}
}
