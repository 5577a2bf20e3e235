package testenv

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/moby/moby/client"
	"github.com/testcontainers/testcontainers-go"
	tclog "github.com/testcontainers/testcontainers-go/log"
)

// ErrNoEngine says that no Docker engine answers.
var ErrNoEngine = errors.New("no Docker engine answers: run testenv/setup.sh, or start Docker, and see that `docker info` works for this user")

// engineTimeout is how long the engine may take to say that it is there: it is
// local and answers in milliseconds, a loaded computer is given some more.
const engineTimeout = 10 * time.Second

// engine is a connection to the Docker engine.
type engine struct {
	tc       *testcontainers.DockerProvider
	api      client.APIClient
	cgroupV2 bool
}

// prepareLibrary sets what testcontainers reads once a process. Its reaper
// removes everything the process made when it ends, while machines are to be
// kept, and needs an image from a registry; only the exact word "true" turns it
// off. Its log goes to stderr, where nobody asked for it.
var prepareLibrary = sync.OnceFunc(func() {
	_ = os.Setenv("TESTCONTAINERS_RYUK_DISABLED", "true")
	tclog.SetDefault(tclog.NewNoopLogger())
})

// open connects to the engine; the error is ErrNoEngine when there is none.
func open(ctx context.Context) (*engine, error) {
	prepareLibrary()
	tc, err := testcontainers.NewDockerProvider(
		testcontainers.WithLogger(tclog.NewNoopLogger()), testcontainers.WithDefaultBridgeNetwork(testcontainers.Bridge))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoEngine, err)
	}
	ctx, cancel := context.WithTimeout(ctx, engineTimeout)
	defer cancel()
	info, err := tc.Client().Info(ctx, client.InfoOptions{})
	if err != nil {
		_ = tc.Close()
		return nil, fmt.Errorf("%w: %w", ErrNoEngine, err)
	}
	return &engine{tc: tc, api: tc.Client(), cgroupV2: info.Info.CgroupVersion == "2"}, nil
}

func (e *engine) close() { _ = e.tc.Close() }

// ForeignError says that a name is taken by something this package did not
// make, or made otherwise than it is wanted now. Nothing was changed.
type ForeignError struct {
	// Kind is "container" or "network".
	Kind string
	Name string
	// Reason says what differs, and Fix what to do about it.
	Reason, Fix string
}

// Error names the thing, what is wrong with it and what to do.
func (e *ForeignError) Error() string {
	return fmt.Sprintf("%s %s exists already and %s: %s", e.Kind, e.Name, e.Reason, e.Fix)
}
