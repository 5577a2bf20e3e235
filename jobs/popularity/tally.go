package popularity

import "weir/jobs/behavior"

// cell is what some messages of one page add up to.
type cell struct {
	sums behavior.Sums
	slot uint32
}

// tally adds up messages by page. It takes 4 bytes for each page of its index
// and 48 for each page that has a message.
type tally struct {
	cells []cell
	// at is, by slot, 1 + the place of the page's cell; 0 where it has none.
	at []uint32
}

// cell returns the cell of a slot. It is valid until the next call.
func (t *tally) cell(slot uint32) *cell {
	if n := int(slot) + 1 - len(t.at); n > 0 {
		t.at = append(t.at, make([]uint32, n)...)
	}
	if i := t.at[slot]; i != 0 {
		return &t.cells[i-1]
	}
	t.cells = append(t.cells, cell{slot: slot})
	t.at[slot] = uint32(len(t.cells))
	return &t.cells[len(t.cells)-1]
}

// reset empties the tally and keeps its memory, so that counting the same pages
// again allocates nothing.
func (t *tally) reset() {
	for i := range t.cells {
		t.at[t.cells[i].slot] = 0
	}
	t.cells = t.cells[:0]
}
