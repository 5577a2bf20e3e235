package popularity

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"strings"
	"testing"

	"weir/jobs/behavior"
	"weir/jobs/popularity/store"
)

// TestSumsOfFewMessagesAreExactAtTheLimits counts messages at the limits, more of
// them than 64 bits hold, besides others.
func TestSumsOfFewMessagesAreExactAtTheLimits(t *testing.T) {
	draw := rand.New(rand.NewPCG(1, 2))
	most := behavior.Message{Clicks: behavior.MaxClicks, StayNano: behavior.MaxStayMinutes * behavior.NanoPerMinute, Like: -1}
	var f few
	for round := range 3 { // it is emptied each time
		want := map[uint32]behavior.Sums{}
		count := func(slot uint32, m behavior.Message) {
			f.grow(int(slot) + 1)
			f.count(slot, &m)
			s := want[slot]
			s.Count(m)
			want[slot] = s
		}
		for range 2*mostFew + 1 + round {
			count(7, most)
			m := most
			m.Like = 1
			count(70, m)
			count(uint32(draw.IntN(500)), behavior.Message{Clicks: draw.Int64N(9), StayNano: draw.Int64N(1e12), Like: draw.Int64N(3) - 1})
		}
		got := map[uint32]behavior.Sums{}
		if err := f.drain(func(s *some) error {
			for i, slot := range s.slots[:s.n] {
				if _, again := got[slot]; again {
					t.Errorf("slot %d is visited twice", slot)
				}
				got[slot] = s.sums[i]
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		if got[7].StayNano.Hi == 0 {
			t.Error("the sums do not go beyond 64 bits")
		}
		if !maps.Equal(got, want) {
			t.Fatalf("round %d: got %v, want %v", round, got, want)
		}
	}
}

// TestLookingUpManyTogetherIsLookingUpEach has new pages, known ones and the same
// one twice in one look-up, in tables that must grow meanwhile.
func TestLookingUpManyTogetherIsLookingUpEach(t *testing.T) {
	draw := rand.New(rand.NewPCG(3, 4))
	x, known := newIndex(0), map[string]uint32{}
	for range 2000 {
		pages := make([][]byte, draw.IntN(together+1))
		for i := range pages {
			pages[i] = []byte(strings.Repeat("p", draw.IntN(3)) + fmt.Sprint(draw.IntN(1+draw.IntN(30_000))))
		}
		slots := make([]uint32, len(pages))
		if err := x.slots(pages, slots); err != nil {
			t.Fatal(err)
		}
		for i, page := range pages {
			slot, ok := known[string(page)]
			if !ok {
				slot = uint32(len(known))
				known[string(page)] = slot
			}
			if slots[i] != slot || string(x.names.of(slot)) != string(page) {
				t.Fatalf("%s has slot %d, want %d, which is %s", page, slots[i], slot, x.names.of(slot))
			}
		}
	}
}

// TestOnlyBlocksWithAChangeAreStored looks at what a commit is given.
func TestOnlyBlocksWithAChangeAreStored(t *testing.T) {
	l := newLedger(t, t.TempDir(), 0)
	var values []string
	for i := range 2*store.BlockPages + 1 {
		values = append(values, fmt.Sprintf("page%d|1|1|0", i))
	}
	apply(t, l, 0, chunkOf(t, 0, values...))
	commit(t, l)
	next := l.Shard(0).Next()
	apply(t, l, 0, chunkOf(t, next, "page3|1|1|0", "page70|1|1|0", "page3|1|1|0", "page64|1|1|0"))
	d, names := l.Shard(0).take(true)
	l.Shard(0).names = names
	given := &commitSpy{Commit: l.store.NewCommit()}
	if err := l.merge(given, l.Shard(0), d); err != nil {
		t.Fatal(err)
	}
	if want := "0+64 dirty 8 new false, 64+64 dirty 41 new false"; strings.Join(given.blocks, ", ") != want {
		t.Errorf("blocks %v, want %s", given.blocks, want)
	}
	if err := given.Apply(t.Context()); err != nil {
		t.Fatal(err)
	}
	next = l.Shard(0).Next()
	apply(t, l, 0, chunkOf(t, next, "new|1|1|0"))
	d, names = l.Shard(0).take(true)
	l.Shard(0).names = names
	given = &commitSpy{Commit: l.store.NewCommit()}
	if err := errors.Join(l.merge(given, l.Shard(0), d), given.Apply(t.Context())); err != nil {
		t.Fatal(err)
	}
	if want := "128+2 dirty 2 new true"; strings.Join(given.blocks, ", ") != want {
		t.Errorf("blocks %v, want %s", given.blocks, want)
	}
}

// commitSpy notes the blocks that a commit is given.
type commitSpy struct {
	store.Commit
	blocks []string
}

func (c *commitSpy) Block(partition int32, b store.Block) error {
	c.blocks = append(c.blocks, fmt.Sprintf("%d+%d dirty %x new %t", b.First, len(b.Sums), b.Dirty, b.New))
	return c.Commit.Block(partition, b)
}
