package postgres

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"weir/jobs/behavior"
	"weir/jobs/popularity/store"
	"weir/jobs/popularity/store/postgres/postgrestest"
)

var server postgrestest.Server

func TestMain(m *testing.M) {
	code := m.Run()
	server.Stop()
	os.Exit(code)
}

// join opens the state at a URL as an instance.
func join(t *testing.T, url, instance string) *Store {
	t.Helper()
	s, err := Open(t.Context(), url, instance, false)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { kill(s) })
	return s
}

// kill ends an instance as the end of its process does.
func kill(s *Store) {
	s.heart.stop()
	s.pool.Close()
}

// begun is a state with an identity.
func begun(t *testing.T, instance string) (*Store, string) {
	t.Helper()
	url := server.URL(t)
	s := join(t, url, instance)
	if err := s.Begin(t.Context(), identity, nil); err != nil {
		t.Fatal(err)
	}
	return s, url
}

// share shares partitions and returns what the instance owns then.
func share(t *testing.T, s *Store, partitions ...int32) string {
	t.Helper()
	_, surplus, err := s.Share(t.Context(), partitions)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range surplus {
		if err := s.Release(t.Context(), p); err != nil {
			t.Fatal(err)
		}
	}
	return fmt.Sprint(s.partitions())
}

// put stores all pages of a partition.
func put(c store.Commit, partition int32, pages ...store.Page) (err error) {
	for _, b := range store.Blocks(pages...) {
		err = errors.Join(err, c.Block(partition, b))
	}
	return err
}

var (
	identity = store.Identity{Format: store.Format, State: "s", ClusterID: "c", Topic: "t", TopicID: "i"}
	all      = behavior.Sums{N: 1, Clicks: math.MaxInt64, StayNano: behavior.Uint128{Hi: 3, Lo: 4}, Like: -5}
	letter   = store.DeadLetter{Partition: 1, Offset: math.MaxInt64, Time: 6, Kept: 7, Reason: "r", Value: []byte("v\x00"), Size: 2}
)

func TestWhatWasCommittedIsThereForTheNextOwner(t *testing.T) {
	s, url := begun(t, "a")
	if got := share(t, s, 0, 1); got != "[0 1]" {
		t.Fatalf("alone it owns %s", got)
	}
	at := store.Position{Epoch: 1, First: 2, Next: 9, LeaderEpoch: 3, Published: 4, Pages: 2, Latest: 5, MinutesFrom: 6, HoursFrom: 7}
	for range 2 { // the second commit updates what the first wrote
		c := s.NewCommit()
		err := errors.Join(c.Position(1, at), put(c, 1, store.Page{ID: "p", Sums: all, Changed: 9}, store.Page{ID: "größe", Sums: all, Changed: 8}), c.DropBuckets(store.Minute, 1, 3),
			c.Bucket(store.Minute, 1, 2, []byte("p"), behavior.Sums{N: 1}), c.Bucket(store.Minute, 1, 3, []byte("p"), behavior.Sums{N: 1}),
			c.Bucket(store.Minute, 1, 3, []byte("p"), behavior.Sums{N: 2}), c.Bucket(store.Hour, 1, 3, []byte("p"), all))
		if err = errors.Join(err, c.Apply(t.Context())); err != nil {
			t.Fatal(err)
		}
	}
	c := s.NewCommit()
	if err := errors.Join(c.Position(1, at), c.Letter(letter), c.DropBuckets(store.Minute, 1, 3), c.Apply(t.Context())); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(context.Background()); err != nil {
		t.Fatal(err)
	}

	s = join(t, url, "b")
	if id, found, err := s.Identity(t.Context()); id != identity || !found || err != nil {
		t.Errorf("identity %+v, %v, %v", id, found, err)
	}
	taken, _, err := s.Share(t.Context(), []int32{0, 1})
	at.Epoch = 2
	if err != nil || taken[1] != at || taken[0].Epoch != 2 {
		t.Errorf("taken %+v, %v; want %+v", taken, err, at)
	}
	pages := map[string]int64{}
	if err := s.Pages(t.Context(), 1, func(page []byte, sums behavior.Sums, changed int64) error {
		if sums != all {
			t.Errorf("%s has %+v", page, sums)
		}
		pages[string(page)] = changed
		return nil
	}); err != nil || !maps.Equal(pages, map[string]int64{"p": 9, "größe": 8}) {
		t.Errorf("pages %v, %v", pages, err)
	}
	for width, want := range map[store.Width]string{store.Minute: "[3 p 2]", store.Hour: "[3 p 1]"} {
		var got []string
		if err := s.Buckets(t.Context(), width, 1, func(b int32, page []byte, sums behavior.Sums) error {
			got = append(got, fmt.Sprintf("%d %s %d", b, page, sums.N))
			return nil
		}); err != nil || fmt.Sprint(got) != want {
			t.Errorf("%ss %v, %v; want %s", width, got, err, want)
		}
	}
	if got, err := s.Outbox(t.Context(), 9); err != nil || !reflect.DeepEqual(got, []store.DeadLetter{letter}) {
		t.Errorf("outbox %+v, %v", got, err)
	}
	if err := s.Delivered(t.Context(), []store.DeadLetter{letter}); err != nil {
		t.Fatal(err)
	}
	if got, err := s.Outbox(t.Context(), 9); err != nil || len(got) != 0 {
		t.Errorf("outbox %+v, %v after it was emptied", got, err)
	}
}

func TestMembersShareEvenly(t *testing.T) {
	a, url := begun(t, "a")
	b, c := join(t, url, "b"), join(t, url, "c")
	seven := []int32{0, 1, 2, 3, 4, 5, 6}
	if got := share(t, a, seven...); got != "[0 1 2 3 4 5 6]" {
		t.Errorf("alone: %s", got)
	}
	share(t, b, seven...)
	share(t, c, seven...)
	for range 3 { // a releases, b and c take
		share(t, a, seven...)
		share(t, b, seven...)
		share(t, c, seven...)
	}
	if got := fmt.Sprint(a.partitions(), b.partitions(), c.partitions()); got != "[0 1 2] [3 4] [5 6]" {
		t.Errorf("three members own %s", got)
	}
	if err := c.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	share(t, a, seven...)
	share(t, b, seven...)
	if got := fmt.Sprint(a.partitions(), b.partitions()); got != "[0 1 2 5] [3 4 6]" {
		t.Errorf("after one left: %s", got)
	}
}

// expire makes an instance look as if nothing had been heard of it for the lease.
func expire(t *testing.T, s *Store, instance string) {
	t.Helper()
	if _, err := s.pool.Exec(t.Context(), `UPDATE weir_member SET seen = seen - 2 * $2::interval WHERE name = $1`, instance, lease); err != nil {
		t.Fatal(err)
	}
}

func TestAZombieIsFenced(t *testing.T) {
	zombie, url := begun(t, "a")
	share(t, zombie, 0, 1)
	late := zombie.NewCommit()
	if err := errors.Join(late.Position(0, store.Position{Next: 99}), put(late, 0, store.Page{ID: "p", Sums: all, Changed: 99})); err != nil {
		t.Fatal(err)
	}
	heir := join(t, url, "b")
	expire(t, heir, "a")
	if got := share(t, heir, 0, 1); got != "[0 1]" {
		t.Fatalf("the heir owns %s", got)
	}
	c := heir.NewCommit()
	if err := errors.Join(c.Position(0, store.Position{Next: 5}), c.Apply(t.Context())); err != nil {
		t.Fatal(err)
	}
	var fence *store.LostError
	if err := late.Apply(t.Context()); !errors.As(err, &fence) || !strings.Contains(err.Error(), "another instance has taken partition 0") {
		t.Errorf("the zombie's commit: %v", err)
	}
	if _, _, err := zombie.Share(t.Context(), []int32{0, 1}); !errors.As(err, &fence) {
		t.Errorf("the zombie's next share: %v", err)
	}
	positions, err := heir.Positions(t.Context())
	if err != nil || positions[0].Next != 5 {
		t.Errorf("positions %+v, %v", positions, err)
	}
	if err := heir.Pages(t.Context(), 0, func(page []byte, _ behavior.Sums, _ int64) error {
		t.Errorf("the zombie wrote page %s", page)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}

// Loading and committing may take longer than the lease.
func TestAnInstanceIsHeardOfWhileItLoads(t *testing.T) {
	loading, url := begun(t, "a")
	share(t, loading, 0, 1)
	other := join(t, url, "b")
	age := func() (seen time.Duration) {
		t.Helper()
		if err := other.pool.QueryRow(t.Context(), `SELECT clock_timestamp() - seen FROM weir_member WHERE name = 'a'`).Scan(&seen); err != nil {
			t.Fatal(err)
		}
		return seen
	}
	if _, err := other.pool.Exec(t.Context(), `UPDATE weir_member SET seen = seen - $1::interval`, lease*6/10); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(lease); age() > lease/2; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("nothing was heard of it for %s", age())
		}
	}
	if got := share(t, other, 0, 1); got != "[]" {
		t.Errorf("another took %s of one that is at work", got)
	}
	expire(t, other, "a") // as when its process was suspended
	if got := share(t, other, 0, 1); got != "[0 1]" {
		t.Errorf("the heir owns %s", got)
	}
}

func TestAProcessThatIsStartedAgainUnderItsNameNeedNotWait(t *testing.T) {
	killed, url := begun(t, "a")
	share(t, killed, 0)
	again := join(t, url, "a")
	if got := share(t, again, 0); got != "[0]" {
		t.Errorf("it owns %s", got)
	}
	c := killed.NewCommit()
	if err := errors.Join(c.Position(0, store.Position{Next: 1}), c.Apply(t.Context())); err == nil {
		t.Error("the one that was killed could commit")
	}
}

func TestWhatAKilledProcessHadBeyondItsPartIsForOthers(t *testing.T) {
	killed, url := begun(t, "a")
	share(t, killed, 0, 1, 2)
	other := join(t, url, "b")
	if got := share(t, other, 0, 1, 2); got != "[]" {
		t.Fatalf("the other owns %s of one that is at work", got)
	}
	kill(killed)
	again := join(t, url, "a")
	share(t, again, 0, 1, 2)
	share(t, other, 0, 1, 2)
	if got := fmt.Sprint(again.partitions(), other.partitions()); got != "[0 1] [2]" {
		t.Errorf("they own %s, want [0 1] [2]", got)
	}
}

func TestOneInstanceBeginsAState(t *testing.T) {
	first, url := begun(t, "a")
	other := identity
	other.State = "another"
	var lost *store.LostError
	if err := join(t, url, "b").Begin(t.Context(), other, nil); !errors.As(err, &lost) {
		t.Errorf("a second state was begun: %v", err)
	}
	id := identity
	id.SnapshotTopicID = "x"
	if err := first.Begin(t.Context(), id, map[int32]store.Position{4: {First: 1}}); err != nil {
		t.Error(err)
	}
	if got, _, err := first.Identity(t.Context()); err != nil || got != id {
		t.Errorf("identity %+v, %v", got, err)
	}
}

// Where the snapshot topic was replaced, an instance that starts has all published
// again: also by those that count, and without touching what they counted.
func TestWhoBeginsAnewTakesBackWhatIsPublishedAndNothingElse(t *testing.T) {
	counting, url := begun(t, "a")
	share(t, counting, 0)
	commit := func(next int64) error {
		c := counting.NewCommit()
		return errors.Join(c.Position(0, store.Position{First: 2, Next: next, Published: 5}), c.Apply(t.Context()))
	}
	if err := commit(9); err != nil {
		t.Fatal(err)
	}
	other := join(t, url, "b")
	read, err := other.Positions(t.Context())
	if err == nil {
		err = commit(12) // between reading and writing
	}
	if err == nil {
		err = other.Begin(t.Context(), identity, read)
	}
	if err != nil {
		t.Fatal(err)
	}
	var lost *store.LostError
	if err := commit(15); !errors.As(err, &lost) {
		t.Errorf("one that still believes what it has published could commit: %v", err)
	}
	expire(t, other, "a")
	taken, _, err := other.Share(t.Context(), []int32{0})
	if want := (store.Position{Epoch: 3, First: 2, Next: 12, Published: 2}); err != nil || taken[0] != want {
		t.Errorf("taken %+v, %v; want %+v", taken[0], err, want)
	}
}

func TestADamagedPageIsNoLostState(t *testing.T) {
	s, _ := begun(t, "a")
	share(t, s, 0)
	c := s.NewCommit()
	if err := errors.Join(c.Position(0, store.Position{Next: 1}), put(c, 0, store.Page{ID: "p", Sums: all, Changed: 1}), c.Apply(t.Context())); err != nil {
		t.Fatal(err)
	}
	damaged := errors.New("damaged")
	var lost *store.LostError
	if err := s.Pages(t.Context(), 0, func([]byte, behavior.Sums, int64) error { return damaged }); !errors.Is(err, damaged) || errors.As(err, &lost) {
		t.Errorf("got %v: who starts over would find the same", err)
	}
}

func TestAReplacedStateFencesThoseThatCountTheOld(t *testing.T) {
	old, url := begun(t, "a")
	share(t, old, 0)
	replaced, err := Open(t.Context(), url, "b", true)
	if err != nil {
		t.Fatal(err)
	}
	defer kill(replaced)
	if _, found, err := replaced.Identity(t.Context()); found || err != nil {
		t.Errorf("a replaced state has an identity: %v", err)
	}
	id := identity
	id.State = "new"
	if err := replaced.Begin(t.Context(), id, nil); err != nil {
		t.Fatal(err)
	}
	if _, _, err := replaced.Share(t.Context(), []int32{0}); err != nil {
		t.Fatal(err)
	}
	c := old.NewCommit()
	if err := errors.Join(c.Position(0, store.Position{Next: 1}), c.Apply(t.Context())); err == nil {
		t.Error("who counted the old state could commit to the new one")
	}
}

func TestTheTopIsOverAllPartitionsAndExact(t *testing.T) {
	s, _ := begun(t, "a")
	share(t, s, 0, 1)
	c := s.NewCommit()
	one := behavior.Sums{N: 1, Clicks: 1}
	huge := behavior.Sums{N: 1, Clicks: 1, StayNano: behavior.Uint128{Hi: 1 << 60}}
	err := errors.Join(
		c.Position(0, store.Position{Next: 7, Latest: 10 * 60_000}), c.Position(1, store.Position{Next: 8, Latest: 9 * 60_000}),
		put(c, 0, store.Page{ID: "b", Sums: one, Changed: 7}, store.Page{ID: "a", Sums: behavior.Sums{N: 1, Clicks: 2}, Changed: 7}),
		put(c, 1, store.Page{ID: "b", Sums: one, Changed: 8}, store.Page{ID: "disliked", Sums: behavior.Sums{N: 1, Like: -1}, Changed: 8},
			store.Page{ID: "huge", Sums: huge, Changed: 8}),
		c.Bucket(store.Minute, 0, 10, []byte("now"), one), c.Bucket(store.Minute, 1, 9, []byte("before"), one), c.Bucket(store.Minute, 1, 8, []byte("long ago"), one),
		c.Apply(t.Context()))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []struct {
		k, buckets int32
		pages      string
	}{
		{9, 0, "[huge a b disliked]"},
		{2, 0, "[huge a]"},
		{9, 1, "[now]"},
		{9, 2, "[before now]"},
	} {
		pages, offsets, err := s.Top(t.Context(), int(want.k), behavior.Article(), store.Minute, want.buckets)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, p := range pages {
			got = append(got, p.Page)
			if p.Page == "huge" && p.Sums != huge || p.Page == "b" && p.Sums != (behavior.Sums{N: 2, Clicks: 2}) {
				t.Errorf("%s has %+v", p.Page, p.Sums)
			}
		}
		if fmt.Sprint(got) != want.pages || !maps.Equal(offsets, map[int32]int64{0: 7, 1: 8}) {
			t.Errorf("top %d of %d minutes: %v at %v, want %s", want.k, want.buckets, got, offsets, want.pages)
		}
	}
}

func TestNewPartitionsAreSharedToo(t *testing.T) {
	s, _ := begun(t, "a")
	share(t, s, 0)
	taken, _, err := s.Share(t.Context(), []int32{0, 1})
	if got := slices.Collect(maps.Keys(taken)); err != nil || fmt.Sprint(got) != "[1]" || taken[1].Epoch != 1 {
		t.Errorf("taken %+v, %v", taken, err)
	}
}

func TestADatabaseThatIsOutOfReachIsALostState(t *testing.T) {
	var lost *store.LostError
	if _, err := Open(t.Context(), "postgres://weir@127.0.0.1:1/none", "a", false); !errors.As(err, &lost) {
		t.Errorf("got %v, want a LostError", err)
	}
	if _, err := Open(t.Context(), "postgres://%", "a", false); err == nil || errors.As(err, &lost) {
		t.Errorf("got %v, want an error that does not pass", err)
	}
}
