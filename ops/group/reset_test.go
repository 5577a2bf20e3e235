package group

import (
	"testing"
	"time"
)

func at[T any](v T) *T { return &v }

func TestWhereAResetLeads(t *testing.T) {
	b := bounds{earliest: 10, latest: 100, at: 40}
	for _, c := range []struct {
		name   string
		target Target
		old    int64
		bounds bounds
		want   int64
		note   string
	}{
		{"the first that is kept", Target{Earliest: true}, 50, b, 10, ""},
		{"the end", Target{Latest: true}, 50, b, 100, ""},
		{"an offset", Target{Offset: at(int64(60))}, -1, b, 60, ""},
		{"an offset that is gone", Target{Offset: at(int64(3))}, 50, b, 10, "3 is not there: 10 to 100 are"},
		{"back", Target{Shift: at(int64(-20))}, 50, b, 30, ""},
		{"on, past the end", Target{Shift: at(int64(70))}, 50, b, 100, "120 is not there: 10 to 100 are"},
		{"a time", Target{Time: at(time.UnixMilli(1))}, 50, b, 40, ""},
		{"a time that nothing is as late as", Target{Time: at(time.UnixMilli(1))}, 50, bounds{10, 100, -1}, 100, "no record so late: the end"},
	} {
		got, note, err := c.target.to(c.old, c.bounds)
		if got != c.want || note != c.note || err != nil {
			t.Errorf("%s: %+v from %d in %+v: got %d, %q, %v; want %d, %q", c.name, c.target, c.old, c.bounds, got, note, err, c.want, c.note)
		}
	}
	if _, _, err := (Target{Shift: at(int64(1))}).to(-1, b); err == nil {
		t.Error("what was never committed was shifted")
	}
}

func TestATargetIsOneOfSeveral(t *testing.T) {
	for name, c := range map[string]struct {
		target Target
		valid  bool
	}{
		"none":            {Target{}, false},
		"one":             {Target{Latest: true}, true},
		"two":             {Target{Latest: true, Earliest: true}, false},
		"offset 0 is one": {Target{Offset: at(int64(0))}, true},
		"below 0":         {Target{Offset: at(int64(-1))}, false},
	} {
		if err := c.target.Validate(); (err == nil) != c.valid {
			t.Errorf("%s: %+v: got %v, want valid %t", name, c.target, err, c.valid)
		}
	}
}

func TestAGroupIsLiveWhileSomebodyMayCommit(t *testing.T) {
	for _, c := range []struct {
		d    Description
		live bool
	}{
		{Description{State: "Empty"}, false},
		{Description{State: "Dead"}, false},
		{Description{State: "Stable", Members: []Member{{}}}, true},
		{Description{State: "PreparingRebalance"}, true},
		{Description{State: ""}, true},
	} {
		if c.d.Live() != c.live {
			t.Errorf("%+v: live %t, want %t", c.d, c.d.Live(), c.live)
		}
	}
}
