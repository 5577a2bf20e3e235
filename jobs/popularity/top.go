package popularity

import (
	"bytes"
	"cmp"
	"slices"

	"weir/jobs/behavior"
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
// equally popular pages the one with the smaller id comes first.
func (l *Ledger) Top(k int, weights behavior.Weights) []Ranked {
	top := make([]contender, 0, k+1)
	for id, sums := range l.totals {
		c := contender{l.pages.names.of(uint32(id)), weights.Popularity(sums)}
		if len(top) == k && before(top[k-1], c) < 0 {
			continue
		}
		at, _ := slices.BinarySearchFunc(top, c, before)
		top = slices.Insert(top, at, c)[:min(k, len(top)+1)]
	}
	ranked := make([]Ranked, len(top))
	for i, c := range top {
		ranked[i] = Ranked{string(c.page), c.popularity}
	}
	return ranked
}

// before orders by popularity, falling, then by page id.
func before(a, b contender) int {
	return cmp.Or(b.popularity.Compare(a.popularity), bytes.Compare(a.page, b.page))
}
