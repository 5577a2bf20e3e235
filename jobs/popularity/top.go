package popularity

import (
	"bytes"
	"cmp"
	"context"
	"slices"
	"time"

	"weir/jobs/behavior"
	"weir/jobs/popularity/store"
)

// Ranked is a page and its popularity.
type Ranked struct {
	Page       string
	Popularity behavior.Popularity
}

// contender is a page that may be among the top: its id in the ledger's memory.
type contender struct {
	page       []byte
	popularity behavior.Popularity
}

// Top returns the k most popular pages by the last commit, highest first; of
// equally popular pages the one with the smaller id comes first. A window that is
// not 0 has only pages with a message in it; see window.
func (l *Ledger) Top(k int, weights behavior.Weights, window time.Duration) ([]Ranked, error) {
	totals := l.totals
	if window > 0 {
		var err error
		if totals, err = l.window(window); err != nil {
			return nil, err
		}
	}
	top := make([]contender, 0, k+1)
	for id, sums := range totals {
		c := contender{l.pages.names.of(uint32(id)), weights.Popularity(sums)}
		if len(top) == k && before(top[k-1], c) < 0 || sums.N == 0 {
			continue
		}
		at, _ := slices.BinarySearchFunc(top, c, before)
		top = slices.Insert(top, at, c)[:min(k, len(top)+1)]
	}
	ranked := make([]Ranked, len(top))
	for i, c := range top {
		ranked[i] = Ranked{string(c.page), c.popularity}
	}
	return ranked, nil
}

// window adds up the pages' sums of so much event time: the buckets up to the one
// that holds the latest of all partitions, which is still being filled. They are
// minutes where those are kept for long enough, and otherwise hours.
func (l *Ledger) window(window time.Duration) ([]behavior.Sums, error) {
	width := l.keep.width(window)
	var latest int64
	for _, shard := range l.shards {
		latest = max(latest, shard.position.Latest)
	}
	until := bucket(latest, width.Duration().Milliseconds())
	from := until - int32(window/width.Duration()) + 1
	totals := make([]behavior.Sums, len(l.totals))
	for _, shard := range l.shards {
		series := shard.minutes
		if width == store.Hour {
			series = shard.hours
		}
		for b, pages := range series.of {
			if b < from || b > until {
				continue
			}
			for slot, sums := range pages {
				if err := totals[shard.ids[slot]].Add(sums); err != nil {
					return nil, err
				}
			}
		}
	}
	return totals, nil
}

// topOf is Top over the sums of a store that several instances share.
func topOf(ctx context.Context, shared store.Ranker, k int, weights behavior.Weights, keep Keep, window time.Duration) ([]Ranked, map[int32]int64, error) {
	var width store.Width
	buckets := int32(0)
	if window > 0 {
		width = keep.width(window)
		buckets = int32(window / width.Duration())
	}
	pages, offsets, err := shared.Top(ctx, k, weights, width, buckets)
	ranked := make([]Ranked, len(pages))
	for i, p := range pages {
		ranked[i] = Ranked{p.Page, weights.Popularity(p.Sums)}
	}
	return ranked, offsets, err
}

// before orders by popularity, falling, then by page id.
func before(a, b contender) int {
	return cmp.Or(b.popularity.Compare(a.popularity), bytes.Compare(a.page, b.page))
}
