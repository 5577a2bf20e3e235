package fetch

import (
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/IBM/sarama"
)

func newTestReader(next int64) *Reader {
	return NewReader(nil, Place{"t", 3, next, 4}, slog.New(slog.DiscardHandler))
}

func TestReadReportsWhatTheBrokerSays(t *testing.T) {
	r := newTestReader(10)
	chunk, err := r.read(response{present: true, highWater: 12, records: log(plainBatch(10, 11, 10, 11))}, new(buffer))
	if err != nil || chunk.From != 10 || chunk.Next != 12 || r.HighWater() != 12 {
		t.Errorf("chunk %+v, %v, high watermark %d", chunk, err, r.HighWater())
	}
	if _, err := r.read(response{present: true, err: sarama.ErrNotLeaderForPartition}, new(buffer)); !errors.Is(err, sarama.ErrNotLeaderForPartition) {
		t.Errorf("got %v, want the broker's error", err)
	}
	if _, err := r.read(response{}, new(buffer)); !errors.Is(err, sarama.ErrIncompleteResponse) {
		t.Errorf("an answer without the partition gave %v", err)
	}
	if chunk, err := r.read(response{throttle: 100}, new(buffer)); err != nil || chunk.Next != chunk.From {
		t.Errorf("a throttled answer without the partition gave %+v, %v", chunk, err)
	}
}

func TestALogThatWasCutIsReportedOnceItCannotPass(t *testing.T) {
	r := newTestReader(10)
	_, err := r.read(response{present: true, diverges: true, divergedAt: 7}, new(buffer))
	var gone *OffsetError
	if !errors.As(err, &gone) || !gone.Diverged || gone.LogEnd != 7 {
		t.Fatalf("got %v, want that the log was cut at 7", err)
	}
	if err := r.doubt(gone); err != nil {
		t.Errorf("gave up at once: %v", err)
	}
	r.beyond = time.Now().Add(-endGrace - time.Second)
	if err := r.doubt(gone); !errors.Is(err, gone) {
		t.Errorf("did not give up after %s: %v", endGrace, err)
	}
	r.recovered()
	deleted := &OffsetError{Offset: 5, LogStart: 9}
	if err := r.doubt(deleted); err == nil {
		t.Error("went on although records were deleted")
	}
}

func TestOffsetErrorSaysWhatIsMissing(t *testing.T) {
	for _, c := range []struct {
		name string
		err  OffsetError
		want []string
	}{
		{"deleted", OffsetError{Topic: "t", Partition: 3, Offset: 5, LogStart: 9, LogEnd: 20}, []string{"4 records were deleted", "below the start"}},
		{"cut", OffsetError{Topic: "t", Partition: 3, Offset: 25, LogStart: 9, LogEnd: 20}, []string{"above the end of its log, 20"}},
		{"cut and written anew", OffsetError{Topic: "t", Partition: 3, Offset: 15, LogEnd: 12, Diverged: true}, []string{"cut at 12", "offset 15"}},
	} {
		for _, want := range c.want {
			if text := c.err.Error(); !strings.Contains(text, want) || !strings.Contains(text, "topic t partition 3") {
				t.Errorf("%s: %s; want %q", c.name, text, want)
			}
		}
	}
}

func TestBuffersGoRound(t *testing.T) {
	r := newTestReader(0)
	b := r.buffer()
	chunk, err := r.read(response{present: true}, b)
	if err != nil {
		t.Fatal(err)
	}
	chunk.Release()
	if r.buffer() != b {
		t.Error("a released buffer is not used again")
	}
}
