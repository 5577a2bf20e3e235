package popularity

import (
	"bytes"
	"fmt"
	"hash/maphash"
	"math"
)

// index numbers page ids 0, 1, 2, ... in the order in which they came. The
// number is the page's slot in whatever is kept by page.
//
// It holds no pointers, so that the garbage collector has nothing to follow in
// it, and it takes about 30 bytes a page with ids of ten. A map of strings takes
// three times that, and the ids once more to get from a slot to its page.
type index struct {
	seed maphash.Seed
	// places is a hash table with linear probing, at most half full: the hash
	// above, 1 + the slot below; 0 where nothing is.
	places []uint64
	names  names
	limit  int // bytes of page ids
}

// names are page ids by slot. A copy made while more are added stays valid: what
// it shows is never written again.
type names struct {
	text []byte   // all ids, one behind the other
	ends []uint32 // where each ends
}

// of returns the page id of a slot. It must not be changed.
func (n names) of(slot uint32) []byte {
	start := uint32(0)
	if slot > 0 {
		start = n.ends[slot-1]
	}
	return n.text[start:n.ends[slot]:n.ends[slot]]
}

func (n names) len() int { return len(n.ends) }

const fewestPlaces = 64

func newIndex() *index {
	return &index{seed: maphash.MakeSeed(), places: make([]uint64, fewestPlaces), limit: math.MaxUint32}
}

// slot returns the page's slot, making one where it is new.
func (x *index) slot(page []byte) (uint32, error) {
	hash := uint32(maphash.Bytes(x.seed, page))
	mask := uint32(len(x.places) - 1)
	at := hash & mask
	for ; x.places[at] != 0; at = (at + 1) & mask {
		place := x.places[at]
		if slot := uint32(place) - 1; uint32(place>>32) == hash && bytes.Equal(x.names.of(slot), page) {
			return slot, nil
		}
	}
	return x.grow(page, hash, at)
}

// grow gives the page the next slot; its place in the table is free.
func (x *index) grow(page []byte, hash, at uint32) (uint32, error) {
	slot := uint32(x.names.len())
	if len(x.names.text)+len(page) > x.limit { // and so there are not more slots either
		return 0, fmt.Errorf("page ids of more than %d bytes in one partition (%d pages) are more than one process can count", x.limit, slot)
	}
	x.names.text = append(x.names.text, page...)
	x.names.ends = append(x.names.ends, uint32(len(x.names.text)))
	x.places[at] = uint64(hash)<<32 | uint64(slot+1)
	if 2*x.names.len() > len(x.places) {
		x.spread()
	}
	return slot, nil
}

// spread doubles the table.
func (x *index) spread() {
	old := x.places
	x.places = make([]uint64, 2*len(old))
	mask := uint32(len(x.places) - 1)
	for _, place := range old {
		if place == 0 {
			continue
		}
		at := uint32(place>>32) & mask
		for x.places[at] != 0 {
			at = (at + 1) & mask
		}
		x.places[at] = place
	}
}
