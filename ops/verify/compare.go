package verify

import (
	"fmt"
	"maps"
	"math/big"
	"slices"

	"weir/jobs/behavior"
	"weir/jobs/popularity/snapshot"
)

// difference is what a calculator says it counted between two snapshots, by
// page, with the plain arithmetic of the recount. Pages without news are left
// out; sums that went down come out negative and so differ from any recount.
func difference(earlier, later map[string]behavior.Sums) map[string]*totals {
	pages := map[string]*totals{}
	change := func(page string, s behavior.Sums, sign int64) {
		t := pages[page]
		if t == nil {
			t = newTotals()
			pages[page] = t
		}
		t.n += sign * s.N
		t.clicks += sign * s.Clicks
		t.like += sign * s.Like
		t.stayNano.Add(t.stayNano, new(big.Int).Mul(big.NewInt(sign), s.StayNano.Big()))
	}
	for page, sums := range later {
		change(page, sums, 1)
	}
	for page, sums := range earlier {
		change(page, sums, -1)
	}
	maps.DeleteFunc(pages, func(_ string, t *totals) bool { return t.zero() })
	return pages
}

// disagreement says how claimed sums differ from recounted ones, naming the
// first pages in the order of their ids, or "" where they are equal.
func disagreement(claimed, counted map[string]*totals) string {
	all := maps.Clone(claimed)
	maps.Copy(all, counted)
	var wrong []string
	for _, page := range slices.Sorted(maps.Keys(all)) {
		a, b := orZero(claimed[page]), orZero(counted[page])
		if !a.equal(b) {
			wrong = append(wrong, fmt.Sprintf("page %q: published %s, recounted %s", clip(page), a, b))
		}
	}
	const shown = 2
	switch {
	case len(wrong) == 0:
		return ""
	case len(wrong) > shown:
		return fmt.Sprintf("%d of %d pages differ: %s; %s; ...", len(wrong), len(all), wrong[0], wrong[1])
	}
	out := wrong[0]
	for _, w := range wrong[1:] {
		out += "; " + w
	}
	return out
}

func orZero(t *totals) *totals {
	if t == nil {
		return newTotals()
	}
	return t
}

func (t *totals) String() string {
	return fmt.Sprintf("n=%d clicks=%d stay=%se-9 like=%d", t.n, t.clicks, t.stayNano, t.like)
}

// clip keeps a page id of up to a kilobyte out of a table's way.
func clip(page string) string {
	const long = 40
	if len(page) > long {
		return page[:long] + "..."
	}
	return page
}

// span is the stretch of one input partition between two snapshots: what is
// recounted.
type span struct {
	earlier, later snapshot.Snapshot
}

// records is how many offsets lie between the two.
func (s span) records() int64 { return s.later.NextOffset - s.earlier.NextOffset }

// spans follow the snapshots of each input partition and keep, of each, the
// longest stretch that may be recounted.
type spans struct {
	// start are the first offsets that retention has left.
	start map[int32]int64
	// limit is the most records of one stretch.
	limit int64
	of    map[int32]*span
	// published counts snapshots seen, by partition.
	published map[int32]int
}

func newSpans(start map[int32]int64, limit int64) *spans {
	return &spans{start: start, limit: limit, of: map[int32]*span{}, published: map[int32]int{}}
}

// add takes the next newer snapshot of a partition. A calculator's first
// offset, with no sums, is as good as a snapshot: counting began there.
func (s *spans) add(next snapshot.Snapshot) {
	s.published[next.Partition]++
	start := s.start[next.Partition]
	current := s.of[next.Partition]
	if current == nil || current.later.State != next.State || current.later.FirstOffset != next.FirstOffset {
		begin := next
		if next.FirstOffset >= start && next.NextOffset-next.FirstOffset <= s.limit {
			begin.NextOffset, begin.Pages = next.FirstOffset, nil
		}
		s.of[next.Partition] = &span{begin, next}
		return
	}
	if current.earlier.NextOffset < start || next.NextOffset-current.earlier.NextOffset > s.limit {
		current.earlier = current.later
	}
	current.later = next
}

// records is how many offsets lie in all stretches together.
func (s *spans) records() (n int64) {
	for _, one := range s.of {
		n += one.records()
	}
	return n
}
