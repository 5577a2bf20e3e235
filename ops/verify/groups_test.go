package verify

import (
	"testing"
	"time"
)

func TestAGroupIsALeftoverOnceNoRunCanBeUsingIt(t *testing.T) {
	now := time.Unix(1_795_864_137, 0)
	for group, want := range map[string]bool{
		ProbeTopic + "-" + newRunID(now.Add(-leftoverAge-time.Second)) + "-0": true,
		ProbeTopic + "-" + newRunID(now.Add(-leftoverAge)) + "-0":             false,
		ProbeTopic + "-" + newRunID(now) + "-2":                               false,
		ProbeTopic + "-" + newRunID(now.Add(time.Hour)) + "-0":                false, // another computer's clock
		ProbeTopic + "-of-mine":                                               false,
		ProbeTopic:                                                            false,
		"clicks-1-2":                                                          false,
	} {
		if got := leftover(group, now); got != want {
			t.Errorf("leftover(%q) = %v, want %v", group, got, want)
		}
	}
}
