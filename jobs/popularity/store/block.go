package store

import "weir/jobs/behavior"

// BlockPages is how many pages are stored together.
const BlockPages = 64

// Block is the pages of some slots in a row: a partition numbers its pages 0, 1,
// 2, ... as they come, and never anew.
type Block struct {
	// First is the slot of its first page, a multiple of BlockPages.
	First uint32
	// Sums are all sums of its pages, by slot; it is full but for a partition's last.
	Sums []behavior.Sums
	// Changed are the next offsets of the commits that changed the pages last.
	Changed []int64
	// Name returns the id of the page at a slot. It is valid until the block's
	// commit is applied.
	Name func(slot uint32) []byte
	// New says that it has pages that no commit before had.
	New bool
	// Dirty has a bit for each page that this commit changes, the lowest for the
	// first one.
	Dirty uint64
}

// Page is a page as it is stored.
type Page struct {
	ID   string
	Sums behavior.Sums
	// Changed is the next offset of the commit that changed it last.
	Changed int64
}

// Blocks are all pages of a partition, in the order of their slots, as blocks of
// which everything is new.
func Blocks(pages ...Page) []Block {
	var blocks []Block
	for slot, page := range pages {
		if slot%BlockPages == 0 {
			blocks = append(blocks, Block{
				First: uint32(slot), New: true,
				Name: func(slot uint32) []byte { return []byte(pages[slot].ID) },
			})
		}
		b := &blocks[len(blocks)-1]
		b.Sums, b.Changed = append(b.Sums, page.Sums), append(b.Changed, page.Changed)
		b.Dirty |= 1 << (slot % BlockPages)
	}
	return blocks
}
