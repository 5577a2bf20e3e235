package verify

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/IBM/sarama"

	"weir/jobs/popularity/snapshot"
)

// messages are a publication as records of the snapshot topic, from an offset on.
func messages(t *testing.T, offset int64, p snapshot.Publication) (all []*sarama.ConsumerMessage) {
	t.Helper()
	add := func(key string, value []byte, err error) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, &sarama.ConsumerMessage{
			Topic: "popularity-snapshots", Offset: offset + int64(len(all)), Key: []byte(key), Value: value,
		})
	}
	for id, page := range p.News {
		page.State, page.Epoch, page.From, page.Next = p.State, p.Epoch, p.From, p.NextOffset
		value, err := page.Encode()
		add(snapshot.PageKey(p.Partition, id), value, err)
	}
	value, err := p.Marker.Encode()
	add(snapshot.MarkerKey(p.Partition), value, err)
	return all
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
	foreign := at("s1", 100, 999)
	foreign.Topic = "another-topic"
	type publications = []snapshot.Publication
	tests := []struct {
		name string
		fed  bool
		end  int64
		old  publications
		new  publications
		want string // part of the finding; empty where there is none
	}{
		{"caught up at once", true, 150, publications{at("s1", 100, 120), at("s1", 120, 150)}, nil, ""},
		{"caught up while it was watched", true, 150, publications{at("s1", 100, 120)}, publications{at("s1", 120, 150)}, ""},
		{"moving, if not yet at the end", true, 900, publications{at("s1", 100, 120)}, publications{at("s1", 120, 150)}, ""},
		{"standing still", true, 150, publications{at("s1", 100, 120)}, nil, "stand at offset 120 of 150"},
		{"publishing nothing", true, 150, nil, nil, "no complete snapshot of partition 0"},
		{"publishing only for another topic", true, 150, publications{foreign}, nil, "no complete snapshot"},
		{"an empty topic that is fed is no proof", true, 0, nil, nil, "although a producer is declared"},
		{"an empty topic that nobody feeds is no fault", false, 0, nil, nil, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := watchOf(tt.fed, tt.end)
			var records []*sarama.ConsumerMessage
			old := 0
			for i, p := range slices.Concat(tt.old, tt.new) {
				records = append(records, messages(t, int64(len(records)), p)...)
				if i < len(tt.old) {
					old = len(records)
				}
			}
			if err := foldAll(t, w, old, records...); err != nil {
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
	err := foldAll(t, w, 1, &sarama.ConsumerMessage{Topic: "popularity-snapshots", Key: []byte("0"), Value: []byte(`{"changes":-1}`)})
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
