package disk

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"weir/jobs/behavior"
	"weir/jobs/popularity/store"
)

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

func open(t *testing.T, dir string, replace bool) *Store {
	t.Helper()
	s, err := Open(dir, replace, quiet())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close(context.Background()) })
	return s
}

// put stores all pages of a partition.
func put(c store.Commit, partition int32, pages ...store.Page) (err error) {
	for _, b := range store.Blocks(pages...) {
		err = errors.Join(err, c.Block(partition, b))
	}
	return err
}

func pages(t *testing.T, s *Store, partition int32) map[string]behavior.Sums {
	t.Helper()
	found := map[string]behavior.Sums{}
	err := s.Pages(t.Context(), partition, func(page []byte, sums behavior.Sums, _ int64) error {
		found[string(page)] = sums
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

var (
	identity = store.Identity{State: "s", ClusterID: "c", Topic: "t", TopicID: "i", SnapshotTopicID: "x"}
	sums     = behavior.Sums{N: 1, Clicks: 2, StayNano: behavior.Uint128{Hi: 3, Lo: 4}, Like: -5}
	begun    = store.Position{Epoch: 1, First: 7, Next: 7, Published: 7}
	counted  = store.Position{Epoch: 1, Next: 9, Latest: 8, MinutesFrom: 5, HoursFrom: 6}
	letter   = store.DeadLetter{Partition: 1, Offset: math.MaxInt64, Time: 6, Reason: "r", Value: []byte("v\x00"), Size: 2}
)

func TestWhatWasCommittedIsThereAfterReopening(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	s := open(t, dir, false)
	if _, found, err := s.Identity(t.Context()); found || err != nil {
		t.Fatalf("a new state has an identity: %v, %v", found, err)
	}
	if err := s.Begin(t.Context(), identity, map[int32]store.Position{0: begun}); err != nil {
		t.Fatal(err)
	}
	c := s.NewCommit()
	err := errors.Join(c.Position(1, counted), put(c, 1, store.Page{ID: "p", Sums: sums, Changed: 9}, store.Page{ID: "q", Sums: sums, Changed: 9}),
		put(c, 256, store.Page{ID: "of another partition", Sums: sums, Changed: 9}), c.Letter(letter), c.Apply(t.Context()))
	if err = errors.Join(err, s.Close(context.Background())); err != nil {
		t.Fatal(err)
	}
	s, err = Open(dir, false, quiet())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close(context.Background())
	if id, found, err := s.Identity(t.Context()); id != identity || !found || err != nil {
		t.Errorf("identity %+v, %v, %v", id, found, err)
	}
	if got, err := s.Positions(t.Context()); err != nil || !maps.Equal(got, map[int32]store.Position{0: begun, 1: counted}) {
		t.Errorf("positions %v, %v", got, err)
	}
	if got := pages(t, s, 1); !maps.Equal(got, map[string]behavior.Sums{"p": sums, "q": sums}) {
		t.Errorf("pages %v", got)
	}
	if got, err := s.Outbox(t.Context(), 10); err != nil || !reflect.DeepEqual(got, []store.DeadLetter{letter}) {
		t.Errorf("outbox %+v, %v", got, err)
	}
}

func TestBucketsAreDroppedUpToOne(t *testing.T) {
	s := open(t, t.TempDir(), false)
	c := s.NewCommit()
	var err error
	for _, b := range []int32{0, 7, 8, math.MaxInt32} {
		err = errors.Join(err, c.Bucket(store.Minute, 1, b, []byte("p"), sums), c.Bucket(store.Hour, 1, b, []byte("p"), sums),
			c.Bucket(store.Minute, 2, b, []byte("p"), sums))
	}
	if err = errors.Join(err, c.Apply(t.Context())); err != nil {
		t.Fatal(err)
	}
	c = s.NewCommit()
	if err := errors.Join(c.DropBuckets(store.Minute, 1, 8), c.Bucket(store.Minute, 1, 9, []byte("q"), sums), c.Apply(t.Context())); err != nil {
		t.Fatal(err)
	}
	for _, want := range []struct {
		width     store.Width
		partition int32
		buckets   string
	}{
		{store.Minute, 1, "8p 9q 2147483647p"},
		{store.Minute, 2, "0p 7p 8p 2147483647p"},
		{store.Hour, 1, "0p 7p 8p 2147483647p"},
	} {
		var got []string
		err := s.Buckets(t.Context(), want.width, want.partition, func(b int32, page []byte, _ behavior.Sums) error {
			got = append(got, fmt.Sprintf("%d%s", b, page))
			return nil
		})
		if err != nil || strings.Join(got, " ") != want.buckets {
			t.Errorf("%ss of partition %d: %v, %v; want %s", want.width, want.partition, got, err, want.buckets)
		}
	}
}

func TestADiscardedCommitLeavesNothing(t *testing.T) {
	s := open(t, t.TempDir(), false)
	c := s.NewCommit()
	if err := errors.Join(put(c, 0, store.Page{ID: "p", Sums: sums, Changed: 1}), c.Position(0, store.Position{Next: 1})); err != nil {
		t.Fatal(err)
	}
	c.Discard()
	if positions, err := s.Positions(t.Context()); len(positions) != 0 || err != nil || len(pages(t, s, 0)) != 0 {
		t.Errorf("discarded, but found %v, %v", positions, err)
	}
}

func TestDeliveredLettersLeaveTheOutboxInOrder(t *testing.T) {
	s := open(t, t.TempDir(), false)
	c := s.NewCommit()
	for _, offset := range []int64{300, 2, 256} {
		if err := c.Letter(store.DeadLetter{Offset: offset}); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.Apply(t.Context()); err != nil {
		t.Fatal(err)
	}
	first, err := s.Outbox(t.Context(), 2)
	if err != nil || len(first) != 2 || first[0].Offset != 2 || first[1].Offset != 256 {
		t.Fatalf("outbox %+v, %v; want offsets 2 and 256", first, err)
	}
	if err := s.Delivered(t.Context(), first); err != nil {
		t.Fatal(err)
	}
	if rest, err := s.Outbox(t.Context(), 9); err != nil || len(rest) != 1 || rest[0].Offset != 300 {
		t.Errorf("outbox %+v, %v; want offset 300", rest, err)
	}
}

func TestOneHolderAtATime(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, false)
	if _, err := Open(dir, true, quiet()); !errors.Is(err, ErrLocked) {
		t.Fatalf("a second holder got %v, want ErrLocked", err)
	}
	if err := s.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
	open(t, dir, false)
}

func TestReplaceKeepsTheOldStateAside(t *testing.T) {
	dir := t.TempDir()
	for range 3 { // a second replacement must get rid of the first one's
		s, err := Open(dir, true, quiet())
		if err != nil {
			t.Fatal(err)
		}
		if _, found, _ := s.Identity(t.Context()); found {
			t.Fatal("a replaced state has an identity")
		}
		if err := errors.Join(s.Begin(t.Context(), identity, nil), s.Close(context.Background())); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "db.replaced")); err != nil {
		t.Error(err)
	}
}

func TestAReplacementThatIsTriedAgainKeepsTheOldState(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, false)
	if err := errors.Join(s.Begin(t.Context(), identity, nil), s.Close(context.Background())); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the first ends before counting begins
		s := open(t, dir, true)
		if _, found, err := s.Identity(t.Context()); found || err != nil {
			t.Fatalf("a replaced state has an identity, or %v", err)
		}
		if err := s.Close(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.RemoveAll(filepath.Join(dir, "db")); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(filepath.Join(dir, "db.replaced"), filepath.Join(dir, "db")); err != nil {
		t.Fatal(err)
	}
	if got, _, err := open(t, dir, false).Identity(t.Context()); err != nil || got != identity {
		t.Errorf("what was put aside is of %+v, %v", got, err)
	}
}

func TestTheOutboxOfAClosedStateIsAnErrorNotACrash(t *testing.T) {
	s, err := Open(t.TempDir(), false, quiet())
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Outbox(t.Context(), 1); !errors.Is(err, store.ErrClosed) {
		t.Errorf("Outbox: %v", err)
	}
	if err := s.Delivered(t.Context(), nil); !errors.Is(err, store.ErrClosed) {
		t.Errorf("Delivered: %v", err)
	}
}

func TestLaterStatesSortLater(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 6e6, time.FixedZone("", 3600))
	a, b := store.NewState(now), store.NewState(now.Add(time.Millisecond))
	if a >= b || a[:19] != "20260102T020405.006" {
		t.Errorf("states %s and %s", a, b)
	}
}
