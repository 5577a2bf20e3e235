package popularity

import "weir/jobs/behavior"

// cell is what some messages of one page and one bucket of event time add up to.
type cell struct {
	sums   behavior.Sums
	slot   uint32
	bucket int32
	// before is 1 + the place of the page's cell before this one; 0 for none.
	before uint32
}

// tally adds up messages by page and bucket. It takes 4 bytes for each page of
// its index, and 56 for each page and bucket that has a message.
type tally struct {
	cells []cell
	// at is, by slot, 1 + the place of the page's newest cell; 0 where it has none.
	at []uint32
}

// hops is how many cells of a page are looked at. Where its messages jump about
// between more buckets, some get a second cell, which is added up as well.
const hops = 4

// cell returns the cell of a slot and a bucket. It is valid until the next call.
func (t *tally) cell(slot uint32, bucket int32) *cell {
	if n := int(slot) + 1 - len(t.at); n > 0 {
		t.at = append(t.at, make([]uint32, n)...)
	}
	newest := t.at[slot]
	for i, hop := newest, 0; i != 0 && hop < hops; hop++ {
		c := &t.cells[i-1]
		if c.bucket == bucket {
			return c
		}
		i = c.before
	}
	t.cells = append(t.cells, cell{slot: slot, bucket: bucket, before: newest})
	t.at[slot] = uint32(len(t.cells))
	return &t.cells[len(t.cells)-1]
}

// visit visits the sums of all cells, some together.
func (t *tally) visit(visit func(*some) error) error {
	var s some
	for i := range t.cells {
		s.put(t.cells[i].slot, t.cells[i].sums)
		if s.n < together && i < len(t.cells)-1 {
			continue
		}
		if err := visit(&s); err != nil {
			return err
		}
		s.n = 0
	}
	return nil
}

// reset empties the tally and keeps its memory, so that counting the same pages
// again allocates nothing.
func (t *tally) reset() {
	for i := range t.cells {
		t.at[t.cells[i].slot] = 0
	}
	t.cells = t.cells[:0]
}
