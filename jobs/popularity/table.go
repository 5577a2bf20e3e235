package popularity

import (
	"weir/jobs/behavior"
	"weir/jobs/popularity/store"
)

// table maps pages to sums. Pages are never removed, so looking up a known page
// allocates nothing and a *Sums is valid until the next new page.
type table struct {
	index map[string]uint32
	pages []string
	sums  []behavior.Sums
}

func newTable() table { return table{index: map[string]uint32{}} }

// slot returns the page's place, making one where it is new.
func (t *table) slot(page []byte) uint32 {
	if i, ok := t.index[string(page)]; ok { // the conversion does not allocate
		return i
	}
	return t.grow(string(page))
}

func (t *table) grow(page string) uint32 {
	i := uint32(len(t.pages))
	t.index[page] = i
	t.pages = append(t.pages, page)
	t.sums = append(t.sums, behavior.Sums{})
	return i
}

// add adds sums to a page and returns the page's sums after it.
func (t *table) add(page string, sums behavior.Sums) (behavior.Sums, error) {
	i, ok := t.index[page]
	if !ok {
		i = t.grow(page)
	}
	err := t.sums[i].Add(sums)
	return t.sums[i], err
}

// delta is what a partition's records since the last commit add up to.
type delta struct {
	table
	touched []uint32 // slots with messages, in the order of their first
	letters []store.DeadLetter
	// next is the first offset not in the delta.
	next    int64
	records int64 // good and bad ones
	// taken is closed when a commit takes the delta.
	taken chan struct{}
}

func newDelta(next int64) *delta {
	return &delta{table: newTable(), next: next, taken: make(chan struct{})}
}

// count adds one message.
func (d *delta) count(m behavior.Message) error {
	i := d.slot(m.Page)
	if d.sums[i].N == 0 {
		d.touched = append(d.touched, i)
	}
	return d.sums[i].Add(behavior.SumsOf(m))
}

// reset empties the delta and keeps its pages, so that counting them again
// allocates nothing.
func (d *delta) reset(next int64) {
	for _, i := range d.touched {
		d.sums[i] = behavior.Sums{}
	}
	clear(d.letters) // lets go of the values
	d.touched, d.letters = d.touched[:0], d.letters[:0]
	d.next, d.records = next, 0
	d.taken = make(chan struct{})
}
