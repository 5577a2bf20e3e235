package main

import (
	"math"
	"strings"
	"testing"
)

func TestBusyIsWhatOthersUsedBetweenTwoReadings(t *testing.T) {
	const before = "cpu  100 0 100 700 100 0 0 0 50 0\ncpu0 1 2 3 4\n"
	for _, c := range []struct {
		name, after string
		want        float64
	}{
		{"nothing happened", "cpu  100 0 100 1300 200 0 0 0 50 0\n", 0},
		{"half of it", "cpu  150 0 150 780 120 0 0 0 90 0\n", 0.5},
		{"all of it, some by interrupts and other computers", "cpu  150 0 110 700 100 10 10 20 50 0\n", 1},
		{"no time has passed", before, 0},
		{"a file of another form", "", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := busy(before, c.after); math.Abs(got-c.want) > 1e-9 {
				t.Errorf("busy(%q, %q): got %v, want %v", before, c.after, got, c.want)
			}
		})
	}
}

func TestOnlyABusyComputerIsWarnedOf(t *testing.T) {
	if got := (computer{busy: 0.03, load: 4}).warning(); got != "" {
		t.Errorf("an idle computer with an old load average: got %q, want nothing", got)
	}
	if got := (computer{busy: 0.5}).warning(); !strings.Contains(got, "50%") {
		t.Errorf("a busy computer: got %q, want it to say 50%%", got)
	}
}

func TestAFieldIsFoundByItsWholeName(t *testing.T) {
	const text = "MemTotalOther: 1 kB\nMemTotal:       24689756 kB\nmodel name\t: A: B\n"
	for name, want := range map[string]string{"MemTotal": "24689756 kB", "model name": "A: B", "Mem": ""} {
		if got := field(text, name); got != want {
			t.Errorf("field %q: got %q, want %q", name, got, want)
		}
	}
	if got := number(field(text, "MemTotal")); got != 24689756 {
		t.Errorf("number: got %v, want 24689756", got)
	}
}

func TestThisComputerCanBeDescribed(t *testing.T) {
	c, err := lookAround(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if c.cores < 1 || c.memory < 1<<20 || c.kernel == "" || c.busy < 0 || c.busy > 1 {
		t.Errorf("got %+v, want cores, memory and kernel, and busy from 0 to 1", c)
	}
}
