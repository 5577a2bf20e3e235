package verify

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/IBM/sarama"

	"weir/jobs/behavior"
	"weir/jobs/popularity/snapshot"
)

// message is a snapshot as a record of the snapshot topic.
func message(t *testing.T, offset int64, s snapshot.Snapshot) *sarama.ConsumerMessage {
	t.Helper()
	chunks := s.Split()
	if len(chunks) != 1 {
		t.Fatalf("%d chunks, want 1", len(chunks))
	}
	value, err := chunks[0].Encode()
	if err != nil {
		t.Fatal(err)
	}
	return &sarama.ConsumerMessage{Topic: "popularity-snapshots", Offset: offset, Value: value}
}

func watchOf(fed bool, end int64) *watch {
	input := bounds{map[int32]int64{0: 0}, map[int32]int64{0: end}}
	return &watch{job: article().Jobs[1], input: input, spans: newSpans(input.start, 1000), fed: fed}
}

// foldAll gives the messages to a watch, old ones first, and returns what it said.
func foldAll(t *testing.T, w *watch, old int, messages ...*sarama.ConsumerMessage) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	feed := make(chan *sarama.ConsumerMessage)
	go func() {
		for _, m := range messages {
			select {
			case feed <- m:
			case <-ctx.Done():
			}
		}
	}()
	return w.fold(ctx, map[int32]int64{0: int64(old)}, map[int32]bool{0: old > 0}, feed, nil)
}

func TestTheCalculatorIsWatchedUntilItsSnapshotsProveSomething(t *testing.T) {
	page := map[string]behavior.Sums{"a": sums(1, 1, 1, 1)}
	with := func(s snapshot.Snapshot) snapshot.Snapshot { s.Pages = page; return s }
	foreign := with(at("s1", 999))
	foreign.Topic = "another-topic"
	tests := []struct {
		name string
		fed  bool
		end  int64
		old  []snapshot.Snapshot
		new  []snapshot.Snapshot
		want string // part of the finding; empty where there is none
	}{
		{"caught up at once", true, 150, []snapshot.Snapshot{with(at("s1", 120)), with(at("s1", 150))}, nil, ""},
		{"caught up while it was watched", true, 150, []snapshot.Snapshot{with(at("s1", 120))}, []snapshot.Snapshot{with(at("s1", 150))}, ""},
		{"moving, if not yet at the end", true, 900, []snapshot.Snapshot{with(at("s1", 120))}, []snapshot.Snapshot{with(at("s1", 150))}, ""},
		{"standing still", true, 150, []snapshot.Snapshot{with(at("s1", 120))}, nil, "stand at offset 120 of 150"},
		{"publishing nothing", true, 150, nil, nil, "no complete snapshot of partition 0"},
		{"publishing only for another topic", true, 150, []snapshot.Snapshot{foreign}, nil, "no complete snapshot"},
		{"an empty topic that is fed is no proof", true, 0, nil, nil, "although a producer is declared"},
		{"an empty topic that nobody feeds is no fault", false, 0, nil, nil, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := watchOf(tt.fed, tt.end)
			var messages []*sarama.ConsumerMessage
			for _, s := range append(tt.old, tt.new...) {
				messages = append(messages, message(t, int64(len(messages)), s))
			}
			if err := foldAll(t, w, len(tt.old), messages...); err != nil {
				t.Fatal(err)
			}
			c := &subject{cluster: article()}
			got := c.judgeWatch(*w, time.Second)
			switch {
			case tt.want == "" && len(got) > 0:
				t.Errorf("got %+v, want nothing wrong", got)
			case tt.want != "" && (len(got) != 1 || !strings.Contains(got[0].Found, tt.want) || got[0].Machine != "node2"):
				t.Errorf("got %+v, want one finding on node2 that says %q", got, tt.want)
			}
		})
	}
}

func TestASnapshotThatIsNoSnapshotIsAFinding(t *testing.T) {
	w := watchOf(true, 10)
	err := foldAll(t, w, 1, &sarama.ConsumerMessage{Topic: "popularity-snapshots", Value: []byte(`{"chunks":-1}`)})
	if err == nil || !strings.Contains(err.Error(), "popularity-snapshots-0, offset 0") {
		t.Errorf("got %v, want an error that names the record", err)
	}
}

func TestADeletionInTheSnapshotTopicIsPassedOver(t *testing.T) {
	w := watchOf(false, 0)
	if err := foldAll(t, w, 1, &sarama.ConsumerMessage{Topic: "popularity-snapshots"}); err != nil {
		t.Error(err)
	}
}
