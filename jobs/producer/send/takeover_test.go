package send

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/IBM/sarama"
)

// finder is a client that only counts how often a coordinator is looked for.
type finder struct {
	sarama.Client
	looked int
}

func (f *finder) RefreshTransactionCoordinator(string) error { f.looked++; return nil }

func TestAStepOfATakeOverIsRepeatedWhileThatMayHelp(t *testing.T) {
	for _, c := range []struct {
		name   string
		errs   []error // of one try after the other; then it succeeds
		tries  int
		looked int
		want   error
	}{
		{"it succeeds", nil, 1, 0, nil},
		{"the coordinator is elsewhere", []error{sarama.ErrNotCoordinatorForConsumer, sarama.ErrConsumerCoordinatorNotAvailable}, 3, 2, nil},
		{"a marker is not written yet", []error{sarama.ErrConcurrentTransactions}, 2, 0, nil},
		{"another has the run", []error{sarama.ErrProducerFenced}, 1, 0, sarama.ErrProducerFenced},
		{"it is not allowed", []error{sarama.ErrTransactionalIDAuthorizationFailed}, 1, 0, sarama.ErrTransactionalIDAuthorizationFailed},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f, tries := &finder{}, 0
				err := owner{client: f, run: "night"}.insist(t.Context(), func() error {
					if tries++; tries <= len(c.errs) {
						return c.errs[tries-1]
					}
					return nil
				})
				if !errors.Is(err, c.want) || tries != c.tries || f.looked != c.looked {
					t.Errorf("%v after %d tries, looked %d times; want %v, %d, %d", err, tries, f.looked, c.want, c.tries, c.looked)
				}
			})
		})
	}
}

func TestATakeOverEndsWithItsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Minute, errors.New("not done within 1m0s"))
		defer cancel()
		err := owner{client: &finder{}}.insist(ctx, func() error { return sarama.ErrNotCoordinatorForConsumer })
		if !errors.Is(err, sarama.ErrNotCoordinatorForConsumer) || !errors.Is(err, context.Cause(ctx)) {
			t.Errorf("ended with %v, want the last problem and the limit", err)
		}
	})
}

func TestTheLastRecordOfARunIsFoundAmongThoseOfOthers(t *testing.T) {
	batch := &sarama.RecordBatch{FirstOffset: 100, LastOffsetDelta: 9}
	for delta, header := range []string{"", "night/3/1", "", "night/3/4", "day/3/7", "", "night/3/7", "", "", ""} {
		r := &sarama.Record{OffsetDelta: int64(delta), Headers: []*sarama.RecordHeader{{Key: []byte("other"), Value: []byte("night/3/9")}}}
		if header != "" {
			r.Headers = append(r.Headers, &sarama.RecordHeader{Key: []byte(RunHeader), Value: []byte(header)})
		}
		batch.Records = append(batch.Records, r)
	}
	mine := func(header []byte) bool { return string(header[:5]) == "night" }
	for _, c := range []struct {
		name    string
		before  int64
		control bool
		want    int64 // 0 for none
	}{{"in the whole batch", 110, false, 106}, {"before an offset", 106, false, 103}, {"none before", 101, false, 0}, {"in a marker", 110, true, 0}} {
		batch.Control = c.control
		r := &lookBack{mine: mine}
		if next := r.look(batch, c.before); next != 110 {
			t.Errorf("%s: goes on at %d, want 110", c.name, next)
		}
		if got := r.found; (got == nil) != (c.want == 0) || got != nil && got.Offset != c.want {
			t.Errorf("%s: found %+v, want offset %d", c.name, got, c.want)
		}
	}
}
