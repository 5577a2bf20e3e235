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

func TestTheLocalStacksConfigIsMovedToAnotherNetwork(t *testing.T) {
	const local = `config:
  weir:cluster:
    machines:
      - {name: weir-1, address: 172.30.77.11, container: true}
      - {name: weir-2, address: 172.30.77.12, container: true}
      - {name: weir-3, address: 172.30.77.13, container: true}
    kafka: {heap: 512m}
`
	const want = `config:
  weir:cluster:
    containers: {subnet: 172.30.81.0/24}
    machines:
      - {name: weir-1, address: 172.30.81.11, container: true}
      - {name: weir-2, address: 172.30.81.12, container: true}
      - {name: weir-3, address: 172.30.81.13, container: true}
    kafka: {heap: 512m}
`
	got, err := move(local)
	if err != nil || got != want {
		t.Errorf("got %q, error %v, want %q", got, err, want)
	}
	if _, err := move(strings.Replace(local, "weir-3", "other", 1)); err == nil || !strings.Contains(err.Error(), "weir-3 at 172.30.77.13") {
		t.Errorf("a config with other machines: got error %v, want one that names weir-3 and its address", err)
	}
}
