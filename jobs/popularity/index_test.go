package popularity

import (
	"fmt"
	"strings"
	"testing"
)

func TestAnIndexNumbersPagesAsTheyCome(t *testing.T) {
	x := newIndex(0)
	for round := range 2 { // the second finds what the first made
		for i := range 10_000 {
			page := []byte(fmt.Sprintf("page%d", i))
			slot, err := x.slot(page)
			if err != nil || slot != uint32(i) {
				t.Fatalf("round %d: %s has slot %d, %v; want %d", round, page, slot, err, i)
			}
		}
	}
	if got := string(x.names.of(0)) + " " + string(x.names.of(9_999)); x.names.len() != 10_000 || got != "page0 page9999" {
		t.Errorf("%d names, %s", x.names.len(), got)
	}
}

func TestPagesThatAreAlikeHaveSlotsOfTheirOwn(t *testing.T) {
	x := newIndex(0)
	seen := map[uint32]string{}
	for _, page := range []string{"a", "aa", "ab", "a\xc2\xa0", strings.Repeat("a", 1024), strings.Repeat("a", 1023)} {
		slot, err := x.slot([]byte(page))
		if err != nil {
			t.Fatal(err)
		}
		if other, ok := seen[slot]; ok {
			t.Errorf("%q and %q share slot %d", page, other, slot)
		}
		seen[slot] = page
	}
	for slot, page := range seen {
		if got := string(x.names.of(slot)); got != page {
			t.Errorf("slot %d is %q, want %q", slot, got, page)
		}
	}
}

func TestNamesThatWereCopiedStayWhileMoreCome(t *testing.T) {
	x := newIndex(0)
	if _, err := x.slot([]byte("first")); err != nil {
		t.Fatal(err)
	}
	earlier := x.names
	for i := range 1000 {
		if _, err := x.slot([]byte(fmt.Sprint(i))); err != nil {
			t.Fatal(err)
		}
	}
	if earlier.len() != 1 || string(earlier.of(0)) != "first" {
		t.Errorf("the copy has %d names, the first %q", earlier.len(), earlier.of(0))
	}
}

func TestLookingUpAKnownPageAllocatesNothing(t *testing.T) {
	x, page := newIndex(0), []byte("page1")
	if n := testing.AllocsPerRun(1000, func() {
		if _, err := x.slot(page); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("a look-up allocates %v times, want 0", n)
	}
}

func BenchmarkIndex(b *testing.B) {
	for _, pages := range []int{100, 1_000_000} {
		b.Run(fmt.Sprintf("pages=%d", pages), func(b *testing.B) {
			x := newIndex(0)
			all := make([][]byte, pages)
			for i := range all {
				all[i] = []byte(fmt.Sprintf("page%d", i))
				if _, err := x.slot(all[i]); err != nil {
					b.Fatal(err)
				}
			}
			i := 0
			b.ReportAllocs()
			for b.Loop() {
				if i += 7919; i >= pages {
					i %= pages
				}
				if _, err := x.slot(all[i]); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
