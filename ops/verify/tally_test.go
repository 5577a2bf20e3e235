package verify

import (
	"testing"
	"time"
)

func TestATallyFindsWhatIsLostDoubledAndOutOfOrder(t *testing.T) {
	tests := []struct {
		name    string
		arrived []int
		want    string
	}{
		{"all, once, in order", []int{0, 1, 2, 3}, ""},
		{"one lost", []int{0, 1, 3}, "of 4 messages 1 lost, 0 duplicated, 0 out of order, 0 never sent"},
		{"none came", nil, "of 4 messages 4 lost, 0 duplicated, 0 out of order, 0 never sent"},
		{"one came twice", []int{0, 1, 1, 2, 3}, "of 4 messages 0 lost, 1 duplicated, 0 out of order, 0 never sent"},
		{"a duplicate does not make up for a loss", []int{0, 1, 1, 3}, "of 4 messages 1 lost, 1 duplicated, 0 out of order, 0 never sent"},
		{"two exchanged", []int{0, 2, 1, 3}, "of 4 messages 0 lost, 0 duplicated, 1 out of order, 0 never sent"},
		{"one that was never sent", []int{0, 1, 2, 3, 99}, "of 4 messages 0 lost, 0 duplicated, 0 out of order, 1 never sent"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tally := newTally(4)
			for _, seq := range tt.arrived {
				tally.add(seq)
			}
			if got := tally.wrong(); got != tt.want {
				t.Errorf("%v: got %q, want %q", tt.arrived, got, tt.want)
			}
		})
	}
}

func TestPercentilesAreNearestRank(t *testing.T) {
	var hundred latencies
	for i := range 100 {
		hundred = append(hundred, time.Duration(100-i)*time.Millisecond)
	}
	tests := []struct {
		name string
		all  latencies
		p    int
		want time.Duration
	}{
		{"of nothing", nil, 50, 0},
		{"of one", latencies{7}, 99, 7},
		{"the median of a hundred", hundred, 50, 50 * time.Millisecond},
		{"the 99th of a hundred", hundred, 99, 99 * time.Millisecond},
		{"the largest", hundred, 100, 100 * time.Millisecond},
		{"the smallest", hundred, 0, time.Millisecond},
		{"the 95th of three", latencies{1, 2, 3}, 95, 3},
	}
	for _, tt := range tests {
		if got := tt.all.percentile(tt.p); got != tt.want {
			t.Errorf("%s: percentile %d is %s, want %s", tt.name, tt.p, got, tt.want)
		}
	}
	if got, want := hundred.String(), "p50 50.0 ms, p95 95.0 ms, p99 99.0 ms, max 100.0 ms"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestAPartitionIsNeverNegative(t *testing.T) {
	for _, key := range []string{"21", "foobar", "abc", ""} {
		if p := javaPartition([]byte(key), 3); p < 0 || p > 2 {
			t.Errorf("javaPartition(%q, 3) = %d", key, p)
		}
	}
}

func FuzzTally(f *testing.F) {
	f.Add([]byte{0, 1, 2}, 3)
	f.Fuzz(func(t *testing.T, arrived []byte, sent int) {
		sent = sent & 0xff
		tally := newTally(sent)
		for _, seq := range arrived {
			tally.add(int(seq))
		}
		perfect := len(arrived) == sent
		for i := 0; perfect && i < sent; i++ {
			perfect = int(arrived[i]) == i
		}
		if got := tally.wrong(); (got == "") != perfect {
			t.Errorf("%v of %d: got %q", arrived, sent, got)
		}
	})
}
