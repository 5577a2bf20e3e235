package fetch

import (
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/IBM/sarama"
)

func response(b *sarama.FetchResponseBlock) *sarama.FetchResponse {
	return &sarama.FetchResponse{Blocks: map[string]map[int32]*sarama.FetchResponseBlock{"t": {3: b}}}
}

func newTestReader(next int64) *Reader {
	return NewReader(nil, "t", 3, next, slog.New(slog.DiscardHandler))
}

func TestAnOffsetWithoutARecordIsPassedOnlyOnEvidence(t *testing.T) {
	empty := func(stable int64) *sarama.FetchResponseBlock {
		return &sarama.FetchResponseBlock{LastStableOffset: stable, HighWaterMarkOffset: stable}
	}
	r := newTestReader(10)
	advance := func(response *sarama.FetchResponse) int64 {
		t.Helper()
		chunk, err := r.read(response)
		if err != nil {
			t.Fatal(err)
		}
		return chunk.Next - chunk.From
	}
	if n := advance(response(empty(10))); n != 0 {
		t.Errorf("passed %d offsets at the end of the log", n)
	}
	if n := advance(response(empty(12))); n != 0 {
		t.Errorf("passed %d offsets at the first empty answer", n)
	}
	throttled := response(empty(12))
	throttled.ThrottleTime = time.Millisecond
	if n := advance(throttled); n != 0 {
		t.Errorf("passed %d offsets on a throttled answer", n)
	}
	if n := advance(response(empty(12))); n != 1 {
		t.Errorf("passed %d offsets at the second empty answer, want 1", n)
	}
	if r.HighWater() != 12 {
		t.Errorf("high watermark %d, want 12", r.HighWater())
	}
}

func TestReadReportsWhatTheBrokerSays(t *testing.T) {
	r := newTestReader(0)
	moved := response(&sarama.FetchResponseBlock{Err: sarama.ErrNotLeaderForPartition})
	if _, err := r.read(moved); !errors.Is(err, sarama.ErrNotLeaderForPartition) {
		t.Errorf("got %v, want the broker's error", err)
	}
	if _, err := r.read(&sarama.FetchResponse{}); !errors.Is(err, sarama.ErrIncompleteResponse) {
		t.Errorf("an answer without the partition gave %v", err)
	}
	pause := &sarama.FetchResponse{ThrottleTime: time.Second}
	if chunk, err := r.read(pause); err != nil || chunk.Next != chunk.From {
		t.Errorf("a throttled answer without the partition gave %+v, %v", chunk, err)
	}
}

func TestOffsetErrorSaysWhatIsMissing(t *testing.T) {
	below := &OffsetError{Topic: "t", Partition: 3, Offset: 5, LogStart: 9, LogEnd: 20}
	if text := below.Error(); !strings.Contains(text, "4 records were deleted") || !strings.Contains(text, "below the start") {
		t.Error(text)
	}
	above := &OffsetError{Topic: "t", Partition: 3, Offset: 25, LogStart: 9, LogEnd: 20}
	if text := above.Error(); !strings.Contains(text, "above the end of its log, 20") {
		t.Error(text)
	}
}
