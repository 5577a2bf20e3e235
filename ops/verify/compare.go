package verify

import (
	"fmt"
	"maps"
	"slices"

	"weir/jobs/behavior"
	"weir/jobs/popularity/snapshot"
)

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

// span is a stretch of one input partition that publications cover without a gap:
// what is recounted.
type span struct {
	state       string
	first       int64 // where counting began
	from, until int64
	// claimed is what a calculator says it counted there, by page.
	claimed map[string]*totals
	// sums are the pages' last sums, as far as they were seen.
	sums map[string]behavior.Sums
	// jump is the first contradiction between a page's sums and what was added.
	jump string
	// marker is the last publication's.
	marker snapshot.Marker
}

// whole says that all that was ever counted can be counted again: retention left
// it, and it is no more than limit.
func (s *span) whole(start, limit int64) bool {
	return s.first >= start && s.until-s.first <= limit
}

// contradiction says how the last sums differ from a recount of all, or "": those of
// pages that were seen, the sum of all pages, and how many there are.
func (s *span) contradiction(all *recount) string {
	known := map[string]*totals{}
	counted := map[string]*totals{}
	for page, sums := range s.sums {
		known[page], counted[page] = totalsOf(sums), orZero(all.pages[page])
	}
	total := newTotals()
	for _, t := range all.pages {
		total.add(t)
	}
	wrong := disagreement(known, counted)
	switch {
	case wrong != "":
		return wrong
	case !total.equal(totalsOf(s.marker.Total)):
		return fmt.Sprintf("all pages together: published %s, recounted %s", totalsOf(s.marker.Total), total)
	case s.marker.Pages != len(all.pages):
		return fmt.Sprintf("%d pages published, %d recounted", s.marker.Pages, len(all.pages))
	}
	return ""
}

// records is how many offsets there are in the stretch.
func (s *span) records() int64 { return s.until - s.from }

// spans follow the publications of each input partition and keep, of each, the
// latest stretch that may be recounted.
type spans struct {
	// start are the first offsets that retention has left.
	start map[int32]int64
	// limit is the most records of one stretch.
	limit int64
	of    map[int32]*span
}

func newSpans(start map[int32]int64, limit int64) *spans {
	return &spans{start: start, limit: limit, of: map[int32]*span{}}
}

// add takes the next publication of a partition.
func (s *spans) add(p snapshot.Publication) {
	one := s.of[p.Partition]
	if one == nil || one.state != p.State || one.first != p.FirstOffset {
		one = &span{state: p.State, first: p.FirstOffset, sums: map[string]behavior.Sums{}, until: -1}
		s.of[p.Partition] = one
	}
	follows := p.From >= 0 && p.From == one.until
	if !follows {
		clear(one.sums) // others may have changed in between
	}
	if !follows || one.from < s.start[p.Partition] || p.NextOffset-one.from > s.limit {
		one.from, one.claimed = max(p.From, 0), map[string]*totals{}
	}
	for page, news := range p.News {
		one.take(page, news)
	}
	one.until, one.marker = p.NextOffset, p.Marker
	if p.From < s.start[p.Partition] || one.records() > s.limit { // cannot be recounted
		one.from = p.NextOffset
		clear(one.claimed)
	}
}

// take adds a page's news. What it had before, as far as that is known, and what
// is said to be added must make its sums.
func (s *span) take(page string, news snapshot.Page) {
	if news.Added != nil {
		before, seen := s.sums[page]
		if err := before.Add(*news.Added); seen && s.jump == "" && (err != nil || before != news.Sums) {
			s.jump = fmt.Sprintf("page %q: published %s, but it had %s with what was added", clip(page), totalsOf(news.Sums), totalsOf(before))
		}
		if s.claimed[page] == nil {
			s.claimed[page] = newTotals()
		}
		s.claimed[page].add(totalsOf(*news.Added))
	}
	s.sums[page] = news.Sums
}

// totalsOf are sums in the plain arithmetic of the recount.
func totalsOf(s behavior.Sums) *totals {
	return &totals{n: s.N, clicks: s.Clicks, like: s.Like, stayNano: s.StayNano.Big()}
}

// records is how many offsets lie in all stretches together.
func (s *spans) records() (n int64) {
	for _, one := range s.of {
		n += one.records()
	}
	return n
}
