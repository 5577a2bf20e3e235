package verify

import (
	"slices"
	"testing"
)

func TestChecksThatRanAgainReplaceTheirOlderResults(t *testing.T) {
	first := Report{Seconds: 3, Checks: []Result{{Name: "machines", Outcome: OK}, {Name: "topics", Outcome: Failed}, {Name: "jobs", Outcome: Failed}}}
	again := Report{Seconds: 2, Checks: []Result{{Name: "machines", Outcome: Skipped}, {Name: "topics", Outcome: OK}, {Name: "jobs", Outcome: Failed}}}
	got := first.With(again)
	if want := []string{"jobs"}; !slices.Equal(got.Unhealthy(), want) || got.Healthy || got.Seconds != 5 {
		t.Errorf("got %+v, want only %v to be unhealthy, after 5 s", got, want)
	}
	if got.Checks[0].Outcome != OK || first.Checks[1].Outcome != Failed {
		t.Errorf("a check that did not run again lost its result, or the first report changed: %+v, %+v", got, first)
	}
	again.Checks[2].Outcome = OK
	if got := got.With(again); !got.Healthy || got.ExitCode() != ExitHealthy {
		t.Errorf("got %+v, want a healthy report", got)
	}
}

// A look that reached nobody does not take back that there was one that did.
func TestASecondLookThatReachesNobodyLeavesAVerdict(t *testing.T) {
	first := Report{Checks: []Result{{Name: "probe", Outcome: OK}, {Name: "jobs", Outcome: Failed}}}
	again := Report{Error: nobodyAnswered, Checks: []Result{{Name: "probe", Outcome: Skipped}, {Name: "jobs", Outcome: Failed}}}
	if got := first.With(again); got.ExitCode() != ExitUnhealthy {
		t.Errorf("got %+v, want it unhealthy and no error", got)
	}
	if got := again.With(again); got.ExitCode() != ExitError {
		t.Errorf("nobody answered either time: got %+v, want an error", got)
	}
}
