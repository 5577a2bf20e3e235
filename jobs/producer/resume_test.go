package producer

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"weir/jobs/producer/send"
)

// begun is a run of three partitions that hold so many messages each.
func begun(t *testing.T, all []*ditch, held ...int) (r *resumption, counted *[]string) {
	t.Helper()
	counted = new([]string)
	r = &resumption{run: "r", last: make([]int64, 3), values: make([][]byte, 3), most: -1}
	r.found = func(_ int, value []byte) { *counted = append(*counted, string(value)) }
	for i, n := range held {
		var found *send.Found
		if n > 0 {
			number := int64(3*(n-1) + i)
			found = &send.Found{Offset: 1, Header: r.appendHeader(nil, number), Value: []byte(all[i].values[n-1])}
		}
		if err := r.note(i, found); err != nil {
			t.Fatal(err)
		}
		r.most = max(r.most, r.last[i])
	}
	return r, counted
}

func TestARunGoesOnBehindWhatEachPartitionHolds(t *testing.T) {
	s := settings(func(s *Settings) { s.Records, s.Throughput = 300, throughput(t, "-1") })
	all, _, err := made(t, s, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, held := range [][]int{{0, 0, 0}, {40, 40, 40}, {50, 0, 3}, {0, 7, 100}, {100, 100, 100}} {
		r, counted := begun(t, all, held...)
		rest, _, err := made(t, s, r)
		if err != nil {
			t.Fatal(err)
		}
		for i, n := range held {
			if want := all[i].values[n:]; !slices.Equal(rest[i].values, want) {
				t.Errorf("partition %d held %d: %d messages followed, want the other %d", i, n, len(rest[i].values), len(want))
			}
		}
		if want := held[0] + held[1] + held[2]; len(*counted) != want {
			t.Errorf("%v held: counted %d, want %d", held, len(*counted), want)
		}
	}
}

func TestARunWithOtherSettingsIsRefused(t *testing.T) {
	s := settings(func(s *Settings) { s.Records, s.Throughput = 300, throughput(t, "-1") })
	all, _, err := made(t, s, nil)
	if err != nil {
		t.Fatal(err)
	}
	r, _ := begun(t, all, 9, 9, 9)
	s.Seed++
	var mismatch *MismatchError
	if _, _, err := made(t, s, r); !errors.As(err, &mismatch) || !strings.Contains(err.Error(), "message 24 is") {
		t.Errorf("got %v, want that message 24 is another by another seed", err)
	}
	for _, c := range []struct{ name, header, want string }{
		{"another number of partitions", "r/6/12", "had 6 partitions when it began, and has 3 now"},
		{"a message of another partition", "r/3/13", "message 13 is in partition number 0"},
		{"a header of somebody else", "r/3/x", `the header at offset 5 is "r/3/x"`},
	} {
		if err := r.note(0, &send.Found{Offset: 5, Header: []byte(c.header)}); !errors.As(err, &mismatch) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want that %s", c.name, err, c.want)
		}
	}
}

func TestAHeaderBelongsToOneRun(t *testing.T) {
	r := &resumption{run: "night"}
	for header, want := range map[string]bool{"night/3/1": true, "nightly/3/1": false, "nigh/3/1": false, "night": false, "": false} {
		if got := r.mine([]byte(header)); got != want {
			t.Errorf("%q belongs to run night: %v, want %v", header, got, want)
		}
	}
}
