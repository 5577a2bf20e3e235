package producer

import (
	"math"
	"strings"
	"testing"
	"time"
)

func TestMessagesAreDueAsTheThroughputSays(t *testing.T) {
	const ms = time.Millisecond
	for _, c := range []struct {
		name, throughput string
		// after so many messages the next is due at that time
		after int
		want  time.Duration
	}{
		{"a constant rate begins at once", "100", 0, 0},
		{"a constant rate", "100", 250, 2500 * ms},
		{"a rate below one a second", "0.5", 3, 6 * time.Second},
		{"a ramp from nothing", "0..100/10s", 125, 5 * time.Second},
		{"a ramp ends", "0..100/10s", 500, 10 * time.Second},
		{"and its last rate stays", "0..100/10s", 600, 11 * time.Second},
		{"a ramp downwards", "100..50/10s", 750, 10 * time.Second},
		{"a burst comes first", "10+1000/1s/10s", 500, 500 * ms},
		{"then little", "10+1000/1s/10s", 1010, 2 * time.Second},
		{"then the next burst", "10+1000/1s/10s", 1090, 10 * time.Second},
		{"nothing between bursts", "0+1000/1s/10s", 3500, 30*time.Second + 500*ms},
	} {
		t.Run(c.name, func(t *testing.T) {
			parsed, err := ParseThroughput(c.throughput)
			if err != nil {
				t.Fatal(err)
			}
			s := parsed.schedule()
			before := time.Duration(-1)
			for range c.after {
				due := s.next()
				if due < before {
					t.Fatalf("due at %s after one at %s", due, before)
				}
				before = due
			}
			if got := s.next(); math.Abs(float64(got-c.want)) > float64(time.Microsecond) {
				t.Errorf("message %d of %s is due at %s, want %s", c.after, c.throughput, got, c.want)
			}
		})
	}
}

func TestLongSchedulesDoNotDrift(t *testing.T) {
	parsed, err := ParseThroughput("0+3/1s/7s") // a third of a second is no number
	if err != nil {
		t.Fatal(err)
	}
	s := parsed.schedule()
	for range 3 * 100_000 {
		s.next()
	}
	if got, want := s.next(), 700_000*time.Second; (got - want).Abs() > time.Microsecond {
		t.Errorf("burst 100001 begins at %s, want %s", got, want)
	}
}

func TestThroughputsThatCannotBe(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"fast", `"fast" is not a rate`},
		{"-2", `"-2" is not a rate`},
		{"0", "nothing would ever be sent"},
		{"2000000000", "not a rate from 0 to 1000000000"},
		{"1..2", "not a length of time"},
		{"5..0/10s", "never ends"},
		{"1+2/3s", "not a length of time"},
		{"1+2/3s/3s", "leaves nothing between"},
		{"1+0/1s/3s", "burst of 0"},
		{"NaN", "not a rate"},
	} {
		if _, err := ParseThroughput(c.text); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: got %v, want an error that says %q", c.text, err, c.want)
		}
	}
}
