package main

import (
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "rewrite golden files")

func tookSeconds(all ...float64) (took []time.Duration) {
	for _, s := range all {
		took = append(took, time.Duration(s*float64(time.Second)))
	}
	return took
}

func TestTheVerdictIsTheMediansAndTellsWhereRunsDisagree(t *testing.T) {
	for _, c := range []struct {
		name   string
		target time.Duration
		took   []time.Duration
		median time.Duration
		met    string
	}{
		{"all are within", time.Second, tookSeconds(0.3, 0.1, 0.2), 200 * time.Millisecond, "yes"},
		{"exactly the target is within", time.Second, tookSeconds(1), time.Second, "yes"},
		{"one is not within", time.Second, tookSeconds(3, 0.5, 0.6), 600 * time.Millisecond, "yes (2 of 3 within)"},
		{"most are not within", time.Second, tookSeconds(3, 0.5, 2), 2 * time.Second, "**no** (1 of 3 within)"},
		{"none is within", time.Second, tookSeconds(2, 4), 3 * time.Second, "**no**"},
		{"nothing is promised", 0, tookSeconds(9), 9 * time.Second, "–"},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := measurement{target: c.target, took: c.took}
			if got := m.median(); got != c.median {
				t.Errorf("median of %v: got %s, want %s", c.took, got, c.median)
			}
			if got := m.met(); got != c.met {
				t.Errorf("%v within %s: got %q, want %q", c.took, c.target, got, c.met)
			}
		})
	}
}

func measured() *measurements {
	m := newMeasurements()
	m.firstUp.took = tookSeconds(14.2, 13.9, 14.8)
	m.healthy.took = tookSeconds(20.5, 19, 21)
	m.secondUp.took = tookSeconds(2.1, 2.2, 4.4)
	m.provider.took = tookSeconds(0.61, 0.52, 0.49)
	m.start.took = tookSeconds(0.1, 0.11, 0.1)
	m.read.took = tookSeconds(0.4, 0.3, 0.31)
	m.compare.took = tookSeconds(0.11, 0.11, 0.08)
	m.processor.took = tookSeconds(0.2, 0.21, 0.2)
	m.status.took = tookSeconds(0.4, 0.5)
	m.verify.took = tookSeconds(12, 11)
	return m
}

func TestTheFiguresReadWell(t *testing.T) {
	c := computer{processor: "A Processor", cores: 2, memory: 24 << 30, kernel: "6.1.0", load: 0.31, busy: 0.42}
	got := figures(c, measured(), 3, time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
	golden := filepath.Join("testdata", "figures.md")
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
