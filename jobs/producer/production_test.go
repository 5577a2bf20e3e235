package producer

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"weir/jobs/producer/send"
)

// ditch is a lane that keeps what is sent, and when.
type ditch struct {
	values []string
	at     []time.Time
	sizes  []int
	busy   bool
	closed bool
}

func (d *ditch) Busy() bool { return d.busy }
func (d *ditch) Close()     { d.closed = true }
func (d *ditch) Free() <-chan *send.Batch {
	free := make(chan *send.Batch, 1)
	free <- send.NewBatch(1 << 10)
	return free
}
func (d *ditch) Send(b *send.Batch) {
	d.sizes = append(d.sizes, b.Len())
	for i := range b.Len() {
		d.values = append(d.values, string(b.Value(i)))
		d.at = append(d.at, time.Now())
	}
}

// made is what a production with these settings hands over to three partitions,
// and prints.
func made(t *testing.T, s Settings, run *resumption) (ditches []*ditch, printed string, err error) {
	t.Helper()
	ditches = []*ditch{{}, {}, {}}
	var out bytes.Buffer
	f := newFeeder(ditches, s.Linger, func(int) {})
	p := newProduction(s, f, run, func(time.Time) {}, bufio.NewWriter(&out))
	err = p.produce(t.Context())
	f.close()
	return ditches, out.String(), err
}

// merged are the messages of all partitions in the order of their numbers.
func merged(ditches []*ditch) (values []string) {
	for i := 0; ; i++ {
		d := ditches[i%len(ditches)]
		if i/len(ditches) == len(d.values) {
			return values
		}
		values = append(values, d.values[i/len(ditches)])
	}
}

func settings(change func(*Settings)) Settings {
	s := Settings{Topic: "t", Shape: Article(), Seed: 7, Linger: time.Millisecond}
	if change != nil {
		change(&s)
	}
	return s
}

func throughput(t *testing.T, text string) Throughput {
	t.Helper()
	parsed, err := ParseThroughput(text)
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

func TestRoundsArePrintedAsTheArticlePrintsThem(t *testing.T) {
	ditches, printed, err := made(t, settings(func(s *Settings) { s.Rounds = 2 }), nil)
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for line := range strings.Lines(printed) {
		lines = append(lines, strings.TrimSpace(line))
	}
	if len(lines) != 8 || lines[4] != "4 user behavior messages produced." || lines[7] != "2 user behavior messages produced." {
		t.Fatalf("printed:\n%s", printed)
	}
	if got, want := merged(ditches), append(lines[:4:4], lines[5:7]...); !slices.Equal(got, want) {
		t.Errorf("sent\n%q\nprinted\n%q", got, want)
	}
	if !ditches[0].closed {
		t.Error("the partitions were not told that nothing follows")
	}
}

func TestANumberOfMessagesEndsInTheMiddleOfARound(t *testing.T) {
	ditches, printed, err := made(t, settings(func(s *Settings) { s.Records = 5 }), nil)
	if err != nil || len(merged(ditches)) != 5 {
		t.Fatalf("sent %q, %v; want 5 messages", merged(ditches), err)
	}
	if !strings.HasSuffix(printed, "\n1 user behavior messages produced.\n") {
		t.Errorf("printed\n%s", printed)
	}
}

func TestMessagesAreTheSameHoweverFastTheyAreSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rounds, _, err := made(t, settings(func(s *Settings) { s.Records, s.Interval = 100, time.Second }), nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, text := range []string{"-1", "500", "0..100/5s", "10+100/1s/3s"} {
			other, _, err := made(t, settings(func(s *Settings) { s.Records, s.Throughput = 100, throughput(t, text) }), nil)
			if err != nil || !slices.Equal(merged(other), merged(rounds)) {
				t.Errorf("throughput %s: %v; other messages than in rounds", text, err)
			}
		}
	})
}

func TestScheduledMessagesLeaveWithinTheLingerOfTheirTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const linger = 30 * time.Millisecond
		start := time.Now()
		ditches, _, err := made(t, settings(func(s *Settings) {
			s.Records, s.Throughput, s.Linger = 60, throughput(t, "100"), linger
		}), nil)
		if err != nil {
			t.Fatal(err)
		}
		for i, d := range ditches {
			for j, at := range d.at {
				due := time.Duration(3*j+i) * 10 * time.Millisecond
				if late := at.Sub(start) - due; late < 0 || late > linger {
					t.Errorf("message %d left %s after it was due, want 0 to %s", 3*j+i, late, linger)
				}
			}
		}
	})
}

func TestABatchFillsUpWhileItsPartitionIsBusy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		busy, idle := &ditch{busy: true}, &ditch{}
		f := newFeeder([]*ditch{busy, idle}, 0, func(int) {})
		p := newProduction(settings(func(s *Settings) { s.Records, s.Throughput = 40, throughput(t, "1000") }), f, nil, func(time.Time) {}, nil)
		time.AfterFunc(30*time.Millisecond, func() { busy.busy = false })
		if err := p.produce(t.Context()); err != nil {
			t.Fatal(err)
		}
		f.close()
		if len(idle.sizes) < 19 || busy.sizes[0] < 15 || len(busy.values) != 20 {
			t.Errorf("batches of %v while busy and then not, %v while idle; want one of 15 first, and one a message", busy.sizes, idle.sizes)
		}
	})
}

func TestADurationEndsAProductionThatWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		_, _, err := made(t, settings(func(s *Settings) { s.Duration, s.Interval = 7*time.Second, 5*time.Second }), nil)
		if took := time.Since(start); err != nil || took != 7*time.Second {
			t.Errorf("%v after %s, want no error after 7s", err, took)
		}
	})
}

func TestAProductionEndsWithItsContext(t *testing.T) {
	for _, text := range []string{"", "-1", "100"} {
		ctx, cancel := context.WithCancelCause(t.Context())
		enough := errors.New("the partition is gone")
		cancel(enough)
		f := newFeeder([]*ditch{{}}, 0, func(int) {})
		p := newProduction(settings(func(s *Settings) { s.Throughput = throughput(t, text) }), f, nil, func(time.Time) {}, nil)
		if err := p.produce(ctx); !errors.Is(err, enough) {
			t.Errorf("throughput %q: ended with %v, want the context's cause", text, err)
		}
	}
}
