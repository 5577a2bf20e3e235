package popularity

import (
	"math/bits"

	"weir/jobs/behavior"
	"weir/jobs/popularity/store"
)

// fewSums are the sums of a few messages of one page, in 24 bytes: as many as fit
// in whatever they are.
type fewSums struct {
	n            uint32
	like         int32
	clicks, stay uint64
}

// mostFew messages at the limits are 1.8e19 units of stay; 2^64 is a little more.
const mostFew = 18_000

func (f *fewSums) all() behavior.Sums {
	return behavior.Sums{N: int64(f.n), Clicks: int64(f.clicks), StayNano: behavior.Uint128{Lo: f.stay}, Like: int64(f.like)}
}

// few adds up messages by page alone, where no bucket is kept. It takes 24 bytes
// for each page of its index, also for those without a message: with many pages
// most have one, and a list of cells would have to be found by way of another list.
type few struct {
	pages []fewSums // by slot
	// touched has a bit for each page that has a message, in words of a block each.
	touched []uint64
	// more is what pages have besides, of which there was too much.
	more map[uint32]behavior.Sums
}

// grow makes room for so many pages.
func (f *few) grow(pages int) {
	if n := pages - len(f.pages); n > 0 {
		f.pages = append(f.pages, make([]fewSums, n)...)
	}
	if n := blocks(pages) - len(f.touched); n > 0 {
		f.touched = append(f.touched, make([]uint64, n)...)
	}
}

// blocks is how many blocks so many pages have.
func blocks(pages int) int { return (pages + store.BlockPages - 1) / store.BlockPages }

// count adds a message to a page.
func (f *few) count(slot uint32, m *behavior.Message) {
	s := &f.pages[slot]
	if s.n == mostFew {
		f.spill(slot)
	}
	s.n++
	s.like += int32(m.Like)
	s.clicks += uint64(m.Clicks)
	s.stay += uint64(m.StayNano)
	f.touched[slot/store.BlockPages] |= 1 << (slot % store.BlockPages)
}

// spill empties a page's sums. What is added up here between two commits is below
// the limits of behavior.Sums.Count, and so there is no overflow.
func (f *few) spill(slot uint32) {
	if f.more == nil {
		f.more = map[uint32]behavior.Sums{}
	}
	sums := f.more[slot]
	_ = sums.Add(f.pages[slot].all())
	f.more[slot], f.pages[slot] = sums, fewSums{}
}

// some are the sums of up to `together` pages.
type some struct {
	n     int
	slots [together]uint32
	sums  [together]behavior.Sums
}

func (s *some) put(slot uint32, sums behavior.Sums) {
	s.slots[s.n], s.sums[s.n] = slot, sums
	s.n++
}

// drain visits the sums of all pages that have a message, some together, by slot,
// and forgets them.
func (f *few) drain(visit func(*some) error) error {
	var s some
	for block, pages := range f.touched {
		if pages == 0 {
			continue
		}
		f.touched[block], s.n = 0, 0
		for ; pages != 0; pages &= pages - 1 {
			slot := uint32(block*store.BlockPages + bits.TrailingZeros64(pages))
			sums := f.pages[slot].all()
			if more, ok := f.more[slot]; ok {
				if err := sums.Add(more); err != nil {
					return err
				}
			}
			f.pages[slot] = fewSums{}
			s.put(slot, sums)
		}
		if err := visit(&s); err != nil {
			return err
		}
	}
	clear(f.more)
	return nil
}
