package main

import (
	"testing"
	"time"

	"weir/testenv/golden"
)

func TestTheVerdictIsTheMediansAndTellsWhereRunsDisagree(t *testing.T) {
	for _, c := range []struct {
		name   string
		target time.Duration
		took   []float64
		median float64
		met    string
	}{
		{"all are within", time.Second, []float64{0.3, 0.1, 0.2}, 0.2, "yes"},
		{"exactly the target is within", time.Second, []float64{1}, 1, "yes"},
		{"one is not within", time.Second, []float64{3, 0.5, 0.6}, 0.6, "yes (2 of 3 within)"},
		{"most are not within", time.Second, []float64{3, 0.5, 2}, 2, "**no** (1 of 3 within)"},
		{"none is within", time.Second, []float64{2, 4}, 3, "**no**"},
		{"nothing is promised", 0, []float64{9}, 9, "–"},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := timing("work", c.target)
			m.values = c.took
			if got := m.median(); got != c.median {
				t.Errorf("median of %v: got %v, want %v", c.took, got, c.median)
			}
			if got := m.met(); got != c.met {
				t.Errorf("%v within %s: got %q, want %q", c.took, c.target, got, c.met)
			}
		})
	}
}

func TestARivalIsAsManyTimesSlowerAsItsMedianSays(t *testing.T) {
	for _, c := range []struct {
		name         string
		ours, theirs []float64
		least        float64
		ratio        float64
		target, met  string
	}{
		{"slow enough", []float64{1, 2, 9}, []float64{7, 5, 6}, 3, 3, "≥ 3 ×", "yes"},
		{"not slow enough", []float64{2}, []float64{5}, 3, 2.5, "≥ 3 ×", "**no**"},
		{"nothing is promised", []float64{2}, []float64{1}, 0, 0.5, "–", "–"},
	} {
		t.Run(c.name, func(t *testing.T) {
			ours := timing("ours", 0)
			theirs := slower("theirs", ours, c.least)
			ours.values, theirs.values = c.ours, c.theirs
			if got := theirs.ratio.value(); got != c.ratio {
				t.Errorf("%v to %v: got %v times, want %v", c.theirs, c.ours, got, c.ratio)
			}
			if theirs.target() != c.target || theirs.met() != c.met {
				t.Errorf("got target %q, met %q, want %q, %q", theirs.target(), theirs.met(), c.target, c.met)
			}
		})
	}
}

func measured() findings {
	ops := newOpsRows()
	ops.firstUp.values = []float64{14.2, 13.9, 14.8}
	ops.healthy.values = []float64{20.5, 19, 21}
	ops.secondUp.values = []float64{2.1, 2.2, 4.4}
	ops.provider.values = []float64{0.61, 0.52, 0.49}
	ops.status.values = []float64{0.4, 0.5}
	ops.verify.values = []float64{12, 11}
	install := timing("install", 0)
	ansible := slower("… an Ansible playbook", install, 3)
	install.values, ansible.values = []float64{12, 14}, []float64{51, 57}
	fleet := fleetRows(100)
	fleet[0].values, fleet[2].values = []float64{3.1}, []float64{81.3}
	return findings{
		rows:  append(append(ops.all(), install, ansible), fleet...),
		notes: []string{"Ansible 2.18.19", "**Not measured:** x: no Python."},
	}
}

func TestTheFiguresReadWell(t *testing.T) {
	c := computer{processor: "A Processor", cores: 2, memory: 24 << 30, kernel: "6.1.0", load: 0.31, busy: 0.42}
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	golden.File(t, "testdata/figures.md", figures(c, measured(), asked("all", false), at))
	c.busy = 0
	golden.File(t, "testdata/figures-of-some-rows.md", figures(c, findings{rows: measured().rows[:1]}, asked("ops,noop", true), at))
}
