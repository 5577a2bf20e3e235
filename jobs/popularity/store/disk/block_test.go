package disk

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2"

	"weir/jobs/behavior"
	"weir/jobs/popularity/store"
)

// anyBits is a number of any size, the small ones as often as the large ones.
func anyBits(draw *rand.Rand) uint64 { return draw.Uint64() >> draw.IntN(65) }

// somePages draws pages: each column is of one size, or of any.
func somePages(draw *rand.Rand, n int) []store.Page {
	pages := make([]store.Page, n)
	shift, from := draw.IntN(65), int64(anyBits(draw)>>1)
	number := func() uint64 {
		if shift == 64 {
			return anyBits(draw)
		}
		return draw.Uint64() >> shift
	}
	for i := range pages {
		pages[i] = store.Page{
			ID: fmt.Sprintf("%s%d", strings.Repeat("ü", draw.IntN(200)), i),
			Sums: behavior.Sums{
				N: int64(number()), Clicks: int64(number()), Like: int64(number()),
				StayNano: behavior.Uint128{Hi: number() & -uint64(shift%2), Lo: number()},
			},
			Changed: from + int64(min(number()>>1, math.MaxInt64-uint64(from))),
		}
	}
	return pages
}

// encoded are the keys and values of a block.
func encoded(partition int32, b store.Block) (keys, values [2][]byte) {
	for i, tag := range []byte{sumsTag, namesTag} {
		e := encoder{key: appendBlockKey(nil, tag, partition, b.First)}
		if keys[i] = e.key; tag == sumsTag {
			values[i] = e.sums(&b)
		} else {
			values[i] = e.names(&b)
		}
	}
	return keys, values
}

// decoded are the pages of a block.
func decoded(keys, values [2][]byte) ([]store.Page, error) {
	var d decoder
	count, err := d.readSums(keys[0], values[0])
	if err != nil {
		return nil, err
	}
	named, err := d.readNames(keys[1], values[1])
	if err != nil || named != count {
		return nil, errors.Join(err, fmt.Errorf("%d names of %d pages", named, count))
	}
	pages := make([]store.Page, count)
	for i := range pages {
		pages[i] = store.Page{ID: string(d.names[i]), Sums: d.sums[i], Changed: d.changed[i]}
	}
	return pages, nil
}

func TestABlockIsReadAsItWasWritten(t *testing.T) {
	draw := rand.New(rand.NewPCG(1, 2))
	extremes := []store.Page{
		{ID: "least", Sums: behavior.Sums{N: math.MinInt64, Clicks: math.MinInt64, Like: math.MinInt64}},
		{ID: "most", Sums: behavior.Sums{N: math.MaxInt64, Clicks: math.MaxInt64, Like: math.MaxInt64,
			StayNano: behavior.Uint128{Hi: math.MaxUint64, Lo: math.MaxUint64}}, Changed: math.MaxInt64},
		{ID: strings.Repeat("x", behavior.MaxPageBytes)},
	}
	for round := range 500 {
		want := extremes
		if round > 0 {
			want = somePages(draw, 1+draw.IntN(store.BlockPages))
		}
		got, err := decoded(encoded(3, store.Blocks(want...)[0]))
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("round %d: got %+v, %v; want %+v", round, got, err, want)
		}
	}
}

func TestABucketsSumsAreReadAsTheyWereWritten(t *testing.T) {
	draw := rand.New(rand.NewPCG(11, 12))
	for range 1000 {
		for _, page := range somePages(draw, 9) {
			value := appendSums(nil, page.Sums)
			if got, err := readSums(value); err != nil || got != page.Sums {
				t.Fatalf("got %+v, %v; want %+v", got, err, page.Sums)
			}
			if got, err := readSums(value[:draw.IntN(len(value))]); err == nil {
				t.Fatalf("cut sums are read as %+v", got)
			}
			if got, err := readSums(append(value, 0)); err == nil {
				t.Fatalf("sums with a byte more are read as %+v", got)
			}
		}
	}
}

func TestABlockOfVisitsIsSmall(t *testing.T) {
	pages := make([]store.Page, store.BlockPages)
	for i := range pages {
		n := int64(i%40 + 1)
		pages[i] = store.Page{ID: fmt.Sprint(i), Changed: 1e9 + 1e6*n,
			Sums: behavior.Sums{N: n, Clicks: 5 * n, Like: n - 20, StayNano: behavior.Uint128{Lo: uint64(n) * 2_500_000_000}}}
	}
	_, values := encoded(0, store.Blocks(pages...)[0])
	if perPage := len(values[0]) / len(pages); perPage > 15 {
		t.Errorf("the sums of a page take %d bytes, want 15 at most", perPage)
	}
}

// TestADamagedBlockIsAnErrorAndNoWrongSum changes bits, cuts, lengthens and swaps
// what was written.
func TestADamagedBlockIsAnErrorAndNoWrongSum(t *testing.T) {
	draw := rand.New(rand.NewPCG(3, 4))
	refused := func(what string, keys, values [2][]byte) {
		t.Helper()
		if got, err := decoded(keys, values); !errors.Is(err, errBlock) {
			t.Fatalf("%s: got %+v, %v; want errBlock", what, got, err)
		}
	}
	for range 100 {
		b := store.Blocks(somePages(draw, 1+draw.IntN(store.BlockPages))...)[0]
		for part := range 2 {
			keys, values := encoded(3, b)
			whole := values[part]
			cut := draw.IntN(len(whole))
			values[part] = whole[:cut]
			refused(fmt.Sprintf("cut at %d", cut), keys, values)
			values[part] = append(whole[:len(whole):len(whole)], 0)
			refused("a byte more", keys, values)
			values[part] = append([]byte(nil), whole...)
			bit := draw.IntN(8 * len(whole))
			values[part][bit/8] ^= 1 << (bit % 8)
			refused(fmt.Sprintf("bit %d changed", bit), keys, values)
		}
		keys, values := encoded(3, b)
		others, _ := encoded(4, b)
		refused("under another partition's key", others, values)
		b.First += store.BlockPages
		others, _ = encoded(3, store.Block{First: b.First, Sums: b.Sums, Changed: b.Changed, Name: func(slot uint32) []byte { return nil }})
		refused("under another block's key", others, values)
		values[0], values[1] = values[1], values[0]
		refused("the other value", keys, values)
	}
}

// FuzzDecode decodes whatever comes, under a checksum that is right.
func FuzzDecode(f *testing.F) {
	draw := rand.New(rand.NewPCG(5, 6))
	for range 8 {
		_, values := encoded(0, store.Blocks(somePages(draw, 1+draw.IntN(store.BlockPages))...)[0])
		for _, value := range values {
			f.Add(value[:len(value)-checksumSize])
		}
	}
	f.Fuzz(func(t *testing.T, value []byte) {
		e := encoder{key: appendBlockKey(nil, sumsTag, 0, 0), value: value[:len(value):len(value)]}
		sealed := e.sealed()
		var d decoder
		if n, err := d.readSums(e.key, sealed); err != nil && !errors.Is(err, errBlock) || err == nil && (n < 1 || n > store.BlockPages) {
			t.Errorf("sums: %d, %v", n, err)
		}
		if n, err := d.readNames(e.key, sealed); err != nil && !errors.Is(err, errBlock) || err == nil && (n < 1 || n > store.BlockPages) {
			t.Errorf("names: %d, %v", n, err)
		}
	})
}

// TestPagesKeepTheirOrderOverCommitsAndReopening has a partition grow, a few blocks
// changing each time, and compares with what was committed last.
func TestPagesKeepTheirOrderOverCommitsAndReopening(t *testing.T) {
	draw := rand.New(rand.NewPCG(7, 8))
	dir := t.TempDir()
	s := open(t, dir, false)
	var want []store.Page
	for round := range 30 {
		before, last := len(want), stored(t, s)
		for _, page := range somePages(draw, draw.IntN(3*store.BlockPages)) {
			page.ID = fmt.Sprintf("%d.%s", round, page.ID)
			want = append(want, page)
		}
		c := s.NewCommit()
		for i := range want[:before] {
			if draw.IntN(100) == 0 {
				want[i].Sums.Clicks++
			}
		}
		for _, b := range store.Blocks(want...) {
			if b.New = int(b.First)+len(b.Sums) > before; b.New || draw.IntN(2) == 0 {
				if err := c.Block(0, b); err != nil {
					t.Fatal(err)
				}
				continue
			}
			for i := range b.Sums { // this one is not stored: it stays as it was
				want[int(b.First)+i] = last[int(b.First)+i]
			}
		}
		if err := c.Apply(t.Context()); err != nil {
			t.Fatal(err)
		}
		if round%3 == 0 {
			if err := s.Close(t.Context()); err != nil {
				t.Fatal(err)
			}
			s = open(t, dir, false)
		}
		if got := stored(t, s); len(got)+len(want) > 0 && !reflect.DeepEqual(got, want) {
			t.Fatalf("round %d: %d pages are stored, not the %d that were committed", round, len(got), len(want))
		}
	}
}

// stored are all pages of partition 0, in the order of the visits.
func stored(t *testing.T, s *Store) (all []store.Page) {
	t.Helper()
	if err := s.Pages(t.Context(), 0, func(page []byte, sums behavior.Sums, changed int64) error {
		all = append(all, store.Page{ID: string(page), Sums: sums, Changed: changed})
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return all
}

func TestAStateThatLacksABlockIsRefused(t *testing.T) {
	pages := somePages(rand.New(rand.NewPCG(9, 10)), 5*store.BlockPages/2) // three blocks
	for i := range pages {
		pages[i].ID = fmt.Sprint(i)
	}
	for _, c := range []struct {
		name, want string
		tag        byte
		block      uint32
	}{
		{"the first one's sums", "pages from 0 on", sumsTag, 0},
		{"one's sums", "pages from 64 on", sumsTag, 1},
		{"the last one's sums", "it has no sums", sumsTag, 2},
		{"the first one's page ids", "its page ids are missing", namesTag, 0},
		{"one's page ids", "its page ids are missing", namesTag, 1},
		{"the last one's page ids", "its page ids are missing", namesTag, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := open(t, t.TempDir(), false)
			commit := s.NewCommit()
			if err := errors.Join(put(commit, 0, pages...), commit.Apply(t.Context())); err != nil {
				t.Fatal(err)
			}
			if err := s.db.Delete(appendBlockKey(nil, c.tag, 0, c.block*store.BlockPages), pebble.Sync); err != nil {
				t.Fatal(err)
			}
			err := s.Pages(t.Context(), 0, func([]byte, behavior.Sums, int64) error { return nil })
			if !errors.Is(err, errBlock) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want errBlock with %q", err, c.want)
			}
		})
	}
	t.Run("a part of one in the middle", func(t *testing.T) {
		s := open(t, t.TempDir(), false)
		commit := s.NewCommit()
		first := store.Blocks(pages[:10]...)[0]
		if err := errors.Join(put(commit, 0, pages...), commit.Block(0, first), commit.Apply(t.Context())); err != nil {
			t.Fatal(err)
		}
		err := s.Pages(t.Context(), 0, func([]byte, behavior.Sums, int64) error { return nil })
		if !errors.Is(err, errBlock) || !strings.Contains(err.Error(), "some are missing") {
			t.Errorf("got %v, want that some are missing", err)
		}
	})
}

func BenchmarkEncode(b *testing.B) {
	pages := make([]store.Page, store.BlockPages)
	for i := range pages {
		pages[i] = store.Page{ID: fmt.Sprint(i), Changed: int64(i), Sums: behavior.Sums{N: int64(i), Clicks: 9, StayNano: behavior.Uint128{Lo: 1e10}}}
	}
	block := store.Blocks(pages...)[0]
	e := encoder{key: appendBlockKey(nil, sumsTag, 0, 0)}
	e.sums(&block)
	b.ReportAllocs()
	for b.Loop() {
		e.sums(&block)
	}
}
