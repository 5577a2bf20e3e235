package main

import (
	"strings"
	"testing"

	"weir/provision/fleet"
	"weir/provision/machine"
	"weir/provision/remote/remotetest"
)

// The machines are this computer, by a real SSH server and a real shell.
func TestALookIsCostedWhereNothingDiffers(t *testing.T) {
	h := remotetest.Start(t, remotetest.Config{Name: "here"}).Host()
	g, err := look(t.Context(), question{Components: []component{{"here": fleet.Target{
		Host: h, State: machine.State{Cluster: "bench", Component: "nothing"},
	}}}})
	if err != nil {
		t.Fatal(err)
	}
	if g.took <= 0 || g.processor <= 0 || g.memory < 1<<20 {
		t.Errorf("got %+v, want time, processors' time and memory", g)
	}
}

func TestALookThatFindsADifferenceIsNotMeasured(t *testing.T) {
	h := remotetest.Start(t, remotetest.Config{Name: "here"}).Host()
	missing := machine.File{Path: t.TempDir() + "/missing", Owner: "root", Group: "root", Mode: 0o644, Content: "x"}
	_, err := look(t.Context(), question{Components: []component{{"here": fleet.Target{
		Host: h, State: machine.State{Cluster: "bench", Component: "something", Files: []machine.File{missing}},
	}}}})
	if err == nil || !strings.Contains(err.Error(), missing.Path) || !strings.Contains(err.Error(), "here") {
		t.Errorf("got error %v, want one that names the machine and %s", err, missing.Path)
	}
}
