package send

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/IBM/sarama"
)

func options() Options {
	return Options{
		Topic: "t", Acks: sarama.WaitForAll, Idempotent: true, BatchSize: 120, Batches: 8, Bound: time.Hour,
		Acknowledged: func(*Batch, time.Time) {}, Log: slog.New(slog.DiscardHandler),
	}
}

// run sends so many records, value "0" and up, in batches of at most 120
// bytes, and returns how Run ended and what was acknowledged.
func run(t *testing.T, r *replica, o Options, records int) (acked []string, err error) {
	t.Helper()
	o.Acknowledged = func(b *Batch, _ time.Time) {
		for i := range b.Len() {
			acked = append(acked, string(b.Value(i)))
		}
	}
	w := newWriter(r, 0, o)
	ctx, cancel := context.WithCancelCause(t.Context())
	go func() {
		defer w.Close()
		var b *Batch
		for i := range records {
			record := Record{Value: fmt.Append(nil, i), Millis: 1000}
			if b != nil && b.Add(record, time.Now()) {
				continue
			}
			if b != nil {
				w.Send(b)
			}
			select {
			case b = <-w.Free():
				b.Add(record, time.Now())
			case <-ctx.Done():
				return
			}
		}
		w.Send(b)
	}()
	err = w.Run(ctx)
	cancel(err)
	if handed := w.Handed(); err == nil && (handed != int64(records) || w.Acknowledged() != handed) {
		t.Errorf("%d records handed over, %d acknowledged, want %d", handed, w.Acknowledged(), records)
	}
	return acked, err
}

// counted is "0" to n-1.
func counted(n int) []string {
	var all []string
	for i := range n {
		all = append(all, fmt.Sprint(i))
	}
	return all
}

func TestEveryRecordIsThereOnceAndInOrderWhateverHappens(t *testing.T) {
	const records = 3000
	for seed := range uint64(40) {
		synctest.Test(t, func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 0))
			often := 2 + random.IntN(20)
			// A quarter of the brokers are as old as those that know one batch again.
			r := &replica{memory: []int{0, 0, 0, 1}[seed%4], fate: func() fate {
				if random.IntN(often) > 0 {
					return well
				}
				return fate(random.IntN(int(fates)))
			}}
			acked, err := run(t, r, options(), records)
			time.Sleep(time.Second) // what was delayed has arrived
			if err != nil {
				t.Fatalf("seed %d: %v", seed, err)
			}
			if r.memory > 0 && r.most > r.memory {
				t.Fatalf("seed %d: %d batches were in flight to a broker that knows %d again", seed, r.most, r.memory)
			}
			if want := counted(records); !slices.Equal(r.log, want) || !slices.Equal(acked, want) {
				t.Fatalf("seed %d: the log has %d records, %d acknowledged, want %d, each once and in order", seed, len(r.log), len(acked), records)
			}
		})
	}
}

// The test above must be able to fail: without idempotence it does.
func TestWithoutIdempotenceTheSameFaultsShow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := 0
		r := &replica{fate: func() fate { n++; return []fate{well, silent}[n%2] }}
		o := options()
		o.Idempotent = false
		if _, err := run(t, r, o, 100); err != nil {
			t.Fatal(err)
		}
		if len(r.log) <= 100 {
			t.Errorf("%d records, want duplicates of those whose answer was lost", len(r.log))
		}
	})
}

func TestFiveBatchesAreInFlightOnceTheFirstIsAcknowledged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		firsts, first := 0, true
		r := &replica{}
		r.refuse = func(b numbered) error {
			if first && r.flying > 1 {
				firsts = r.flying
			}
			first = false
			return nil
		}
		if _, err := run(t, r, options(), 1000); err != nil {
			t.Fatal(err)
		}
		if firsts > 0 || r.most != window {
			t.Errorf("%d in flight with the first, then at most %d; want it alone, then %d", firsts, r.most, window)
		}
	})
}

func TestSequenceNumbersBeginAgainAfterTheLargest(t *testing.T) {
	for _, c := range []struct {
		from int32
		n    int
		want int32
	}{{0, 5, 5}, {math.MaxInt32, 1, 0}, {math.MaxInt32 - 2, 3, 0}, {math.MaxInt32 - 2, 5, 2}} {
		if got := advance(c.from, c.n); got != c.want {
			t.Errorf("%d records after %d: %d, want %d", c.n, c.from, got, c.want)
		}
	}
}

func TestWhatEndsAWriter(t *testing.T) {
	for _, c := range []struct {
		name   string
		refuse func(numbered) error
		run    string
		want   any
		says   string
	}{
		{"a batch that is too large", func(numbered) error { return sarama.ErrMessageSizeTooLarge }, "",
			new(*UndeliveredError), `message "0" was not acknowledged`},
		{"no answer within the bound", func(numbered) error { return sarama.ErrNotEnoughReplicas }, "",
			new(*UndeliveredError), "no answer within 1h0m0s; the last problem was:"},
		{"a gap where nothing is missing", func(b numbered) error {
			if b.sequence > 0 {
				return sarama.ErrOutOfOrderSequenceNumber
			}
			return nil
		}, "", new(*LostError), "lost records that it had acknowledged"},
		{"another producer with the same run", func(b numbered) error {
			if b.sequence > 0 {
				return sarama.ErrInvalidProducerEpoch
			}
			return nil
		}, "nightly", new(*FencedError), `taken over the run "nightly"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o := options()
				o.Run = c.run
				_, err := run(t, &replica{refuse: c.refuse}, o, 100)
				if !errors.As(err, c.want) || !strings.Contains(err.Error(), c.says) {
					t.Errorf("ended with %v, want a %T that says %q", err, c.want, c.says)
				}
			})
		})
	}
}

func TestABrokerThatForgotTheProducerGetsANewEpoch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &replica{}
		forgot := false
		r.refuse = func(b numbered) error {
			if !forgot && b.sequence > 300 {
				forgot = true
				clear(r.producers)
			}
			if forgot && b.Epoch == 0 {
				return sarama.ErrUnknownProducerID
			}
			return nil
		}
		acked, err := run(t, r, options(), 1000)
		if want := counted(1000); err != nil || !slices.Equal(r.log, want) || !slices.Equal(acked, want) {
			t.Errorf("%v; the log has %d records, %d are acknowledged, want each of 1000 once and in order", err, len(r.log), len(acked))
		}
		if m := r.producers[0]; m == nil || m.epoch != 1 {
			t.Errorf("the producer is %+v, want epoch 1", m)
		}
	})
}

func TestAWriterThatIsStoppedSaysWhatIsOpen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &replica{fate: func() fate { return moved }}
		w := newWriter(r, 0, options())
		b := <-w.Free()
		b.Add(Record{Value: []byte("a")}, time.Now())
		b.Add(Record{Value: []byte("b")}, time.Now())
		w.Send(b)
		ctx, stop := context.WithCancelCause(t.Context())
		time.AfterFunc(time.Minute, func() { stop(errors.New("enough")) })
		var undelivered *UndeliveredError
		if err := w.Run(ctx); !errors.As(err, &undelivered) || undelivered.Value != "a" || undelivered.Open != 2 || !strings.Contains(err.Error(), "enough") {
			t.Errorf("ended with %v, want that a and one more are open, and why", err)
		}
		if since, any := w.Waiting(); !any || time.Since(since) != time.Minute {
			t.Errorf("waiting since %v, %v; want a minute", since, any)
		}
		if w.Resent() < 60 {
			t.Errorf("sent again %d times in a minute, want about once a second", w.Resent())
		}
	})
}

func TestAcknowledgedBatchesBehindAnOpenOneCountWhenAWriterEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := options()
		o.BatchSize = 1 // a record a batch
		n := 0
		r := &replica{fate: func() fate { n++; return []fate{well, well, timedOut}[min(n, 3)-1] }}
		r.refuse = func(b numbered) error {
			if n > 7 { // nothing more is taken once the rest of the window has been
				return sarama.ErrNotEnoughReplicas
			}
			return nil
		}
		r.fate = func() fate {
			if n++; n == 3 {
				return timedOut
			}
			return well
		}
		acked, err := run(t, r, o, 20)
		var undelivered *UndeliveredError
		if !errors.As(err, &undelivered) || undelivered.Value != "2" {
			t.Fatalf("ended with %v, want message 2 undelivered", err)
		}
		if len(acked) != 6 || slices.Contains(acked, "2") {
			t.Errorf("acknowledged %v, want 0 to 6 but not 2", acked)
		}
	})
}

func TestAWriterIsBusyBehindTheBatchesThatKeepABrokerAtWork(t *testing.T) {
	o := options()
	o.Batches = window
	w := newWriter(&replica{}, 0, o)
	for n := range enough + 1 { // the last is the one that is filled
		if w.Busy() {
			t.Errorf("it is busy with %d batches on their way, want that from %d on", max(0, n-1), enough)
		}
		<-w.Free()
	}
	if !w.Busy() {
		t.Errorf("it is not busy with %d batches on their way", enough)
	}
}
