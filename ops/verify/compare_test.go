package verify

import (
	"strings"
	"testing"

	"weir/jobs/behavior"
	"weir/jobs/popularity/snapshot"
)

func sums(n, clicks, stay, like int64) behavior.Sums {
	return behavior.Sums{N: n, Clicks: clicks, StayNano: behavior.Uint128{Lo: uint64(stay)}, Like: like}
}

func TestADifferenceEqualToTheRecountIsNoDisagreement(t *testing.T) {
	earlier := map[string]behavior.Sums{"a": sums(1, 1, 10, 1), "still": sums(5, 5, 5, 5)}
	later := map[string]behavior.Sums{"a": sums(3, 6, 30, 0), "new": sums(1, 2, 3, -1), "still": sums(5, 5, 5, 5)}
	counted := newRecount()
	for _, record := range []string{"a|2|0.000000015|0", "a|3|0.000000005|-1", "new|2|0.000000003|-1"} {
		counted.add(record)
	}
	if got := disagreement(difference(earlier, later), counted.pages); got != "" {
		t.Errorf("got %s, want no disagreement", got)
	}
}

func TestEveryKindOfWrongSumIsADisagreement(t *testing.T) {
	counted := newRecount()
	counted.add("a|2|0.000000015|1")
	tests := []struct {
		name           string
		earlier, later map[string]behavior.Sums
		want           string
	}{
		{"a lost message", nil, nil, `page "a": published n=0 clicks=0 stay=0e-9 like=0, recounted n=1 clicks=2 stay=15e-9 like=1`},
		{"a message counted twice", nil, map[string]behavior.Sums{"a": sums(2, 4, 30, 2)}, "published n=2"},
		{"one billionth of a minute", nil, map[string]behavior.Sums{"a": sums(1, 2, 16, 1)}, "stay=16e-9"},
		{"a page that nobody visited", nil, map[string]behavior.Sums{"a": sums(1, 2, 15, 1), "ghost": sums(1, 0, 0, 0)}, `"ghost"`},
		{"a page that vanished", map[string]behavior.Sums{"old": sums(1, 1, 1, 1)}, map[string]behavior.Sums{"a": sums(1, 2, 15, 1)}, `"old": published n=-1`},
		{"the like alone", nil, map[string]behavior.Sums{"a": sums(1, 2, 15, -1)}, "like=-1"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := disagreement(difference(tt.earlier, tt.later), counted.pages); !strings.Contains(got, tt.want) {
				t.Errorf("got %q, want it to say %q", got, tt.want)
			}
		})
	}
}

func TestManyDisagreementsAreCountedAndNotAllShown(t *testing.T) {
	claimed := map[string]*totals{}
	for _, page := range []string{"a", "b", "c", strings.Repeat("d", 1000)} {
		claimed[page] = newTotals()
		claimed[page].n = 1
	}
	got := disagreement(claimed, nil)
	if !strings.HasPrefix(got, "4 of 4 pages differ") || len(got) > 300 {
		t.Errorf("got %q, want a short text that counts 4 of 4", got)
	}
}

// at is a snapshot of partition 0 that was counted from offset 100.
func at(state string, next int64) snapshot.Snapshot {
	return snapshot.Snapshot{
		Position: snapshot.Position{Topic: "user-behavior-topic", State: state, FirstOffset: 100, NextOffset: next},
		Pages:    map[string]behavior.Sums{},
	}
}

func TestTheLongestStretchThatMayBeRecountedIsKept(t *testing.T) {
	tests := []struct {
		name        string
		start       int64 // what retention has left
		snapshots   []snapshot.Snapshot
		from, until int64
	}{
		{"from where counting began", 0, []snapshot.Snapshot{at("s1", 150), at("s1", 180)}, 100, 180},
		{"from one snapshot on where it began too long ago", 0, []snapshot.Snapshot{at("s1", 5000), at("s1", 5500)}, 5000, 5500},
		{"not longer than the limit", 0, []snapshot.Snapshot{at("s1", 150), at("s1", 1050), at("s1", 1200)}, 1050, 1200},
		{"not before what retention has left", 160, []snapshot.Snapshot{at("s1", 150), at("s1", 180), at("s1", 190)}, 180, 190},
		{"not across a new beginning", 0, []snapshot.Snapshot{at("s1", 150), at("s2", 120)}, 100, 120},
		{"one snapshot beyond reach proves nothing", 200, []snapshot.Snapshot{at("s1", 300)}, 300, 300},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newSpans(map[int32]int64{0: tt.start}, 1000)
			for _, one := range tt.snapshots {
				s.add(one)
			}
			got := s.of[0]
			if got.earlier.NextOffset != tt.from || got.later.NextOffset != tt.until {
				t.Errorf("got %d to %d, want %d to %d", got.earlier.NextOffset, got.later.NextOffset, tt.from, tt.until)
			}
			if tt.from == 100 && got.earlier.Pages != nil {
				t.Error("the beginning has sums")
			}
		})
	}
}
