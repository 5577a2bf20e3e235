package main

import (
	"os"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"weir/jobs/behavior"
)

// reportsOf are reports a second apart, half a second of processors' time each.
func reportsOf(counted ...int64) []report {
	var all []report
	start := time.Now()
	for i, n := range counted {
		all = append(all, report{n, start.Add(time.Duration(i) * time.Second), time.Duration(i) * time.Second / 2})
	}
	return all
}

func TestAWindowLeavesOutTheWarmUpAndTheEnd(t *testing.T) {
	for _, c := range []struct {
		name    string
		counted []int64
		warm    int64
		want    int64
		took    time.Duration
	}{
		{"between the first report that counts and the last before the end", []int64{0, 0, 10, 40, 90, 100}, 0, 80, 2 * time.Second},
		{"behind a warm-up", []int64{0, 10, 30, 70, 90, 100}, 25, 60, 2 * time.Second},
		{"a run too short for that counts whole", []int64{0, 90, 100}, 25, 100, 2 * time.Second},
		{"a run with one report counts whole", []int64{0, 100}, 0, 100, time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			counted, wall, processor := window(reportsOf(c.counted...), c.warm, 100)
			if counted != c.want || wall != c.took || processor != c.took/2 {
				t.Errorf("of %v: %d in %s, %s of processors; want %d in %s, half of it", c.counted, counted, wall, processor, c.want, c.took)
			}
		})
	}
}

func TestSumsThatDifferAreAnError(t *testing.T) {
	want := map[string]string{"page1": written(behavior.Sums{N: 2, Clicks: 3, StayNano: behavior.Uint128{Lo: 4}, Like: -1}), "page2": "1 1 1 1"}
	if err := same(map[string]string{"page1": "2 3 4 -1", "page2": "1 1 1 1"}, want); err != nil {
		t.Error(err)
	}
	for name, got := range map[string]map[string]string{
		"a page is missing": {"page1": "2 3 4 -1"},
		"one unit":          {"page1": "2 3 5 -1", "page2": "1 1 1 1"},
		"another page":      {"page1": "2 3 4 -1", "page3": "1 1 1 1"},
	} {
		if err := same(got, want); err == nil {
			t.Errorf("%s: want an error", name)
		}
	}
}

func TestAProcessHasUsedTime(t *testing.T) {
	for start := time.Now(); time.Since(start) < 50*time.Millisecond; { // uses some
	}
	if used, err := processorTime(os.Getpid()); err != nil || used <= 0 {
		t.Errorf("got %s, %v; want that this process has used some", used, err)
	}
}

func TestOnlyItsOwnLineTellsWhatIsCounted(t *testing.T) {
	if n, ok := saysCounted("counted 12"); !ok || n != 12 {
		t.Errorf("got %d, %v", n, ok)
	}
	for _, line := range []string{"", "counted", "counted x", "has counted 12"} {
		if n, ok := saysCounted(line); ok {
			t.Errorf("%q was read as %d", line, n)
		}
	}
}

// What is fetched and compiled follows from the files: another version of one is
// another digest.
func TestAChangedProgramIsBuiltAnew(t *testing.T) {
	files := fstest.MapFS{"pom.xml": {Data: []byte("1")}, "A.java": {Data: []byte("2")}}
	before, sources, err := digestOf(files)
	if err != nil || strings.Join(sources, " ") != "A.java" {
		t.Fatalf("to be compiled are %v, %v", sources, err)
	}
	files["pom.xml"].Data = []byte("3")
	if after, _, err := digestOf(files); err != nil || string(after) == string(before) {
		t.Errorf("another pom.xml has the same digest, %s (%v)", after, err)
	}
}
