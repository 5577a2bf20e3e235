// Package provider is the Pulumi provider "weir": the lifecycle of the
// resources Machine, Host, ZooKeeper, Kafka, Topic and Job. It decodes what
// the engine sends, calls provision, and encodes what came of it; how a
// machine is changed is not known here.
package provider

import (
	"context"
	"os"
	"time"

	"weir/provision/fleet"
	"weir/provision/release"
	"weir/provision/remote"
	"weir/provision/runlog"

	p "github.com/pulumi/pulumi-go-provider"
	"github.com/pulumi/pulumi-go-provider/infer"
)

// Name is the provider's, and the package of its resources.
const Name = "weir"

// Version is the provider's; resources of any version can be read by any other.
const Version = "0.1.0"

// timeUnit is how exactly durations are told to people.
const timeUnit = 10 * time.Millisecond

// Env is what the resources share.
type Env struct {
	Fleet *fleet.Fleet
	Store *release.Store
	// Runs is told what is done; nil where nobody wants to know.
	Runs *Runs
	// KeepData has data stay although deleteData was applied.
	KeepData bool
	// PassOver has what is removed from machines that cannot be reached be told
	// of and given up; else that is an error.
	PassOver bool

	admins admins
}

// New builds the provider around its connections to machines.
func New(env *Env) (p.Provider, error) {
	provider, err := infer.NewProviderBuilder().
		WithNamespace(Name).
		WithDisplayName("weir").
		WithDescription("Kafka stream clusters on machines you own, over SSH.").
		WithLicense("Apache-2.0").
		WithGoImportPath("weir/infra/weir").
		WithLanguageMap(map[string]any{"go": map[string]any{
			"importBasePath": "weir/infra/weir", "respectSchemaVersion": true,
		}}).
		WithResources(
			infer.Resource(&Machine{env}), infer.Resource(newHost(env)), infer.Resource(newZooKeeper(env)),
			infer.Resource(newKafka(env)), infer.Resource(&Topic{env}), infer.Resource(newJob(env)),
		).
		Build()
	return accounted(provider, env.Runs), err
}

// Run serves the provider to the engine until it is told to stop.
func Run(ctx context.Context) error {
	dir, err := release.DefaultDir()
	if err != nil {
		return err
	}
	env := &Env{Fleet: &fleet.Fleet{Pool: remote.NewPool(), Holder: runlog.Begin{}.Me().Holder()}, Store: &release.Store{Dir: dir, Sources: release.DefaultSources()}, Runs: runsHere()}
	env.KeepData, env.PassOver = os.Getenv(runlog.KeepDataVariable) != "", os.Getenv(runlog.PassOverVariable) != ""
	defer env.Close()
	provider, err := New(env)
	if err != nil {
		return err
	}
	return provider.Run(ctx, Name, Version)
}
