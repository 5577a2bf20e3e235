//go:build soak

package e2e

import (
	"fmt"
	"os"
	"slices"
	"testing"
	"time"

	"weir/provision/runlog"
	"weir/testenv"
)

// scenario is a run that is interrupted behind each of its steps.
type scenario struct {
	name string
	// ends is in how many ways it may end, as begin's nth run does in way n%ends.
	ends int
	// begin brings machines to where the nth run begins, which args are the words of.
	begin func(t *testing.T, n int) (g target, args []string)
	// check looks at what must have been kept; it may be nil.
	check func(t *testing.T)
}

// Behind every step of a first install, of a change and of a take-over a fault
// strikes, one kind after the other: the next up ends where a run that nothing
// interrupted had ended, and leaves nothing else.
//
// WEIR_SOAK_STEPS ("10-19") are the steps behind which faults strike, for whoever
// wants to soak in parts; -run takes the scenario.
func TestSoakInterruptedBehindEveryStep(t *testing.T) {
	first, last := stepsToSoak(t)
	for _, s := range []scenario{installing(), changing(t), takingOver()} {
		t.Run(s.name, func(t *testing.T) { s.soak(t, first, last) })
	}
}

func (s scenario) soak(t *testing.T, first, last int) {
	began := time.Now()
	var ends [][]string
	var whole []runlog.Entry
	for n := range s.ends { // which nothing interrupts
		g, args := s.begin(t, n)
		g.mustOps(t, 0, args...)
		var run []string
		for _, m := range g.machines {
			run = append(run, endState(t, m))
		}
		ends = append(ends, run)
		_, entries, err := runlog.In(g.dir, g.stack).Find(runlog.Last)
		if err != nil {
			t.Fatal(err)
		}
		whole = points(entries)
	}
	struck, n := 0, s.ends
	for k := first; k <= min(last, len(whole)-1); k++ {
		f := faults[k%len(faults)]
		t.Run(fmt.Sprintf("%d of %d, %s", k, len(whole), f.name), func(t *testing.T) {
			g, args := s.begin(t, n)
			said, behind, hit := g.interrupted(t, f, func(entries []runlog.Entry) bool { return len(points(entries)) > k }, args...)
			wantPresentable(t, said, nil)
			if hit {
				struck++
				t.Logf("%s behind %q, exit code %d", f.name, behind, said.code)
			}
			g.finished(t)
			g.mustOps(t, 0, "verify", "--stack", g.stack, "--only", "machines,topics")
			for i, m := range g.machines {
				wantEndState(t, m, ends[n%s.ends][i])
			}
			if s.check != nil {
				s.check(t)
			}
			if t.Failed() {
				t.Logf("what was interrupted said:\n%s", said.all())
			}
		})
		n++
	}
	t.Logf("%s: %d steps, %d interruptions in %v", s.name, len(whole), struck, time.Since(began).Round(time.Second))
}

func installing() scenario {
	return scenario{name: "install", ends: 1, begin: func(t *testing.T, _ int) (target, []string) {
		return newSmall(t, 31), []string{"up", "--stack", smallName, "--no-verify"}
	}}
}

// changing has the brokers restarted for a setting that goes to and fro.
func changing(parent *testing.T) scenario {
	var g target
	return scenario{name: "change", ends: 2, begin: func(t *testing.T, n int) (target, []string) {
		args := []string{"up", "--stack", smallName, "--no-verify"}
		if n == 0 {
			g = newSmall(parent, 33)
			g.declare(t, 501)
			g.mustOps(t, 0, args...)
		}
		g.declare(t, 500+n%2)
		return g, args
	}}
}

func takingOver() scenario {
	var h handMade
	var ids string
	return scenario{name: "adopt", ends: 1,
		begin: func(t *testing.T, _ int) (target, []string) {
			if err := testenv.Remove(t.Context(), bareStack, "bare-32"); err != nil { // which the run before has left
				t.Fatal(err)
			}
			h = newHandMade(t, 32)
			h.keep(t, "kept", fewMessages)
			ids = h.identity(t)
			return target{newTestProject(t), adoptStack, h.machines}, slices.Concat([]string{"adopt", adoptStack}, h.flags(t), []string{"--yes"})
		},
		check: func(t *testing.T) {
			h.wantKept(t, "kept", fewMessages)
			if now := h.identity(t); now != ids {
				t.Errorf("ids were changed:\n%s", difference(ids, now))
			}
			h.wantTakenOver(t)
		},
	}
}

// stepsToSoak are the first and the last step that WEIR_SOAK_STEPS names.
func stepsToSoak(t *testing.T) (first, last int) {
	t.Helper()
	text, set := os.LookupEnv("WEIR_SOAK_STEPS")
	if !set {
		return 0, 1 << 20
	}
	if n, err := fmt.Sscanf(text, "%d-%d", &first, &last); n != 2 || first < 0 || last < first {
		t.Fatalf("WEIR_SOAK_STEPS is %q, want FIRST-LAST, as in 10-19: %v", text, err)
	}
	return first, last
}
