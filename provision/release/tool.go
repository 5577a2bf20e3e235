package release

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"time"
)

const (
	// toolGrace is what a cancelled client gets to end by itself.
	toolGrace = 5 * time.Second
	// outputTail is how much of a client's output an error repeats, in bytes.
	outputTail = 4096
)

// tool is an ecosystem's own client: its settings, mirrors, proxies and
// credentials apply because it is the one that a person configured.
type tool struct {
	command string
	install string
}

// run starts the client in dir for the items. The error is a
// *MissingToolError, a *FetchError or the context's.
func (t tool) run(ctx context.Context, dir string, items []Item, args ...string) error {
	path, err := exec.LookPath(t.command)
	if err != nil {
		return &MissingToolError{Tool: t.command, Install: t.install, Items: names(items)}
	}
	var output tail
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "TERM=dumb")
	cmd.Stdout, cmd.Stderr = &output, &output
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = toolGrace
	if err := cmd.Run(); err != nil {
		return &FetchError{Tool: t.command, Items: names(items), Output: output.String(), Err: errors.Join(err, ctx.Err())}
	}
	return nil
}

// collect admits what the client left at path(i) for each item. What it
// brought is kept although the client failed in the end, so that the next run
// has less to do; the error names the rest.
func (s *Store) collect(items []Item, client string, path func(Item) string, failed error) error {
	var errs []error
	var absent []Item
	for _, i := range items {
		switch _, err := os.Stat(path(i)); {
		case errors.Is(err, os.ErrNotExist):
			absent = append(absent, i)
		case err != nil:
			errs = append(errs, fmt.Errorf("%s: %w", i, err))
		default:
			errs = append(errs, s.admit(i, path(i), client))
		}
	}
	if fetch, ok := errors.AsType[*FetchError](failed); ok {
		fetch.Items = names(absent)
		if len(absent) == 0 {
			failed = nil
		}
	}
	if failed == nil && len(absent) > 0 {
		failed = &FetchError{Tool: client, Items: names(absent), Err: errors.New("it reported success all the same")}
	}
	return errors.Join(append(errs, failed)...)
}

// tail keeps the last lines written to it.
type tail struct{ b []byte }

func (t *tail) Write(p []byte) (int, error) {
	t.b = append(t.b, p...)
	if over := len(t.b) - outputTail; over > 0 {
		t.b = append(t.b[:0], t.b[over:]...)
	}
	return len(p), nil
}

// String leaves out the colours that Maven sets at its end whatever it is told.
func (t *tail) String() string {
	return strings.TrimSpace(colour.ReplaceAllString(string(t.b), ""))
}

var colour = regexp.MustCompile("\x1b\\[[0-9;]*m")
