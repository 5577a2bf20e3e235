package main

import (
	"errors"
	"strings"
	"testing"
	"time"
)

func TestACommandThatFailsSaysWhichItWasAndAllThatItSaid(t *testing.T) {
	p := project{t.TempDir()}
	_, _, err := p.run(t.Context(), "sh", "-c", "echo out; echo err >&2; exit 10")
	exit := (*exitError)(nil)
	if !errors.As(err, &exit) || exit.code != 10 {
		t.Fatalf("got error %v, want an exitError with code 10", err)
	}
	for _, part := range []string{"sh -c", "10", "out\n", "err\n"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("got %q, want it to say %q", err, part)
		}
	}
}

func TestACommandIsTimedFromItsStartToItsEnd(t *testing.T) {
	p := project{t.TempDir()}
	said, took, err := p.run(t.Context(), "sh", "-c", "sleep 0.2; echo $WEIR_ROOT")
	if err != nil {
		t.Fatal(err)
	}
	if strings.TrimSpace(said) != p.dir {
		t.Errorf("WEIR_ROOT: got %q, want %q", said, p.dir)
	}
	if took < 200*time.Millisecond || took > commandPatience {
		t.Errorf("got %s, want at least 200ms", took)
	}
}

func TestTheMachinesAreThoseOfTheConfig(t *testing.T) {
	for name, address := range machines {
		if want := "{name: " + name + ", address: " + address + ", container: true}"; !strings.Contains(config, want) {
			t.Errorf("the config has no machine %s", want)
		}
	}
	if want := "{subnet: " + subnet + "}"; !strings.Contains(config, want) {
		t.Errorf("the config has no %s", want)
	}
	if n := strings.Count(config, "container: true"); n != len(machines) {
		t.Errorf("the config has %d machines, want %d", n, len(machines))
	}
}
