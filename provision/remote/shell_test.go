package remote_test

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"weir/provision/remote"
	"weir/provision/remote/remotetest"
)

func TestACommandHasTheCallersStreamsAndItsOwnExitCode(t *testing.T) {
	client := remotetest.Dial(t, remotetest.Start(t, remotetest.Config{}))
	var out, errs bytes.Buffer
	code, err := client.Shell(t.Context(), "cat; echo wrong >&2; exit 3", remote.Terminal{Stdin: strings.NewReader("in"), Stdout: &out, Stderr: &errs})
	if code != 3 || err != nil || out.String() != "in" || errs.String() != "wrong\n" {
		t.Errorf("got %d, %v, %q, %q", code, err, out.String(), errs.String())
	}
}

func TestASessionEndsWithItsCaller(t *testing.T) {
	client := remotetest.Dial(t, remotetest.Start(t, remotetest.Config{}))
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	began := time.Now()
	code, err := client.Shell(ctx, "sleep 60", remote.Terminal{Stdin: strings.NewReader(""), Stdout: new(bytes.Buffer), Stderr: new(bytes.Buffer)})
	if code != -1 || !errors.Is(err, context.DeadlineExceeded) || time.Since(began) > 10*time.Second {
		t.Errorf("got %d, %v after %s", code, err, time.Since(began))
	}
}

func TestASessionEndsWithItsConnection(t *testing.T) {
	server := remotetest.Start(t, remotetest.Config{})
	client := remotetest.Dial(t, server)
	cut := time.AfterFunc(200*time.Millisecond, server.Cut)
	defer cut.Stop()
	code, err := client.Shell(t.Context(), "sleep 60", remote.Terminal{Stdin: strings.NewReader(""), Stdout: new(bytes.Buffer), Stderr: new(bytes.Buffer)})
	if code != -1 || err == nil {
		t.Errorf("got %d, %v, want an error", code, err)
	}
}
