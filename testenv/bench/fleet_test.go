package main

import (
	"strings"
	"testing"

	"weir/provision/remote"
)

func TestGrowthFasterThanTheFleetIsSaidAloud(t *testing.T) {
	for _, c := range []struct {
		name string
		took []float64
		want string
	}{
		{"less than its size", []float64{0.5, 1.2, 3.5}, "100 machines take 7.0 times as long as 10: it grows no faster than they do."},
		{"as its size", []float64{0.5, 1.5, 5}, "100 machines take 10.0 times as long as 10: it grows no faster than they do."},
		{"more than its size", []float64{0.5, 2, 6}, "100 machines take 12.0 times as long as 10: it grows **faster than they** do."},
	} {
		t.Run(c.name, func(t *testing.T) {
			var took []*measurement
			for i, size := range fleetSizes {
				m := fleetRows(size)[0]
				m.values = []float64{c.took[i]}
				took = append(took, m)
			}
			if got := growth(took); got != c.want {
				t.Errorf("%v: got %q, want %q", c.took, got, c.want)
			}
		})
	}
}

func TestOnlyTheLargestFleetIsPromisedAnything(t *testing.T) {
	for _, size := range fleetSizes {
		rows := fleetRows(size)
		if promised := rows[0].most > 0 && rows[2].most > 0; promised != (size == 100) {
			t.Errorf("%d machines: promised %t", size, promised)
		}
	}
}

func TestACrowdIsAskedAllThatOneMachineIs(t *testing.T) {
	all, err := paper().components()
	if err != nil {
		t.Fatal(err)
	}
	hosts := []remote.Host{{Name: "crowd-001"}, {Name: "crowd-002"}}
	q := crowd(all, "weir-2", hosts)
	if len(q.Components) != len(all) || len(q.Bootstrap) != 0 {
		t.Fatalf("got %d components and brokers %v, want %d and none", len(q.Components), q.Bootstrap, len(all))
	}
	for i, targets := range q.Components {
		want := all[i]["weir-2"].State.Component
		for _, h := range hosts {
			if got := targets[h.Name]; got.Host.Name != h.Name || got.State.Component != want {
				t.Errorf("%s: got host %q and component %q, want its own and %q", h.Name, got.Host.Name, got.State.Component, want)
			}
		}
	}
}

func TestACrowdThatSpeaksNonsenseOrLeavesIsAnError(t *testing.T) {
	said, ended := make(chan string, 1), make(chan error, 1)
	said <- "command not found"
	if _, err := hear(said, ended, 1); err == nil || !strings.Contains(err.Error(), "command not found") {
		t.Errorf("nonsense: got error %v, want one that repeats it", err)
	}
	ended <- nil
	if _, err := hear(said, ended, 1); err == nil || !strings.Contains(err.Error(), "left") {
		t.Errorf("a crowd that left: got error %v", err)
	}
}
