package popularity

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/maphash"
	"math"
)

// index numbers page ids 0, 1, 2, ... in the order in which they came. The
// number is the page's slot in whatever is kept by page.
//
// It holds no pointers, so that the garbage collector has nothing to follow in
// it, and it takes about 45 bytes a page with ids of ten. A map of strings takes
// three times that, and the ids once more to get from a slot to its page.
//
// With a million pages a look-up waits for memory twice, and hardly does anything
// else. So there is one for many pages, which waits for all of them at once.
type index struct {
	seed maphash.Seed
	// places is a hash table with linear probing, at most half full: the hash
	// above, 1 + the place of the page's entry in the names below; 0 where nothing is.
	places []uint64
	names  names
	limit  int // bytes of names
}

// names are page ids by slot. A copy made while more are added stays valid: what
// it shows is never written again.
type names struct {
	// text has an entry for each page: its slot and its id's length, four bytes
	// each, and the id. So who has found an entry has the slot too.
	text []byte
	// starts are where the entries begin, by slot.
	starts []uint32
}

// entryHeader is the part of an entry before the id.
const entryHeader = 8

// of returns the page id of a slot. It must not be changed.
func (n names) of(slot uint32) []byte {
	_, page := n.entry(n.starts[slot])
	return page
}

// entry returns what is at a place in the text.
func (n names) entry(at uint32) (slot uint32, page []byte) {
	header := n.header(at)
	start, length := uint64(at)+entryHeader, header>>32
	return uint32(header), n.text[start : start+length : start+length]
}

func (n names) header(at uint32) uint64 { return binary.LittleEndian.Uint64(n.text[at:]) }

func (n names) len() int { return len(n.starts) }

const fewestPlaces = 64

// newIndex returns an index that is to have so many pages, or more.
func newIndex(pages int64) *index {
	places := int64(fewestPlaces)
	for places < 2*pages {
		places *= 2
	}
	x := &index{seed: maphash.MakeSeed(), places: make([]uint64, places), limit: math.MaxUint32}
	x.names.starts = make([]uint32, 0, pages)
	return x
}

// slot returns the page's slot, making one where it is new.
func (x *index) slot(page []byte) (uint32, error) { return x.find(page, x.hash(page)) }

func (x *index) hash(page []byte) uint32 { return uint32(maphash.Bytes(x.seed, page)) }

func (x *index) find(page []byte, hash uint32) (uint32, error) {
	mask := uint32(len(x.places) - 1)
	at := hash & mask
	for ; x.places[at] != 0; at = (at + 1) & mask {
		if place := x.places[at]; uint32(place>>32) == hash {
			if slot, same := x.names.entry(uint32(place) - 1); bytes.Equal(same, page) {
				return slot, nil
			}
		}
	}
	return x.grow(page, hash, at)
}

// together is how many pages are looked up at once: more than a processor can wait
// for at a time, and little enough to be in its nearest cache.
const together = 64

// slots writes the slots of up to `together` pages. Each step is done for all of
// them before the next one, as the processor then need not wait for one page's
// memory before it asks for that of the others.
func (x *index) slots(pages [][]byte, slots []uint32) error {
	var hashes [together]uint32
	var places, headers [together]uint64
	mask := uint32(len(x.places) - 1)
	for i, page := range pages {
		hashes[i] = x.hash(page)
	}
	for i := range pages {
		places[i] = x.places[hashes[i]&mask]
	}
	for i := range pages {
		if places[i] != 0 {
			headers[i] = x.names.header(uint32(places[i]) - 1)
		}
	}
	for i, page := range pages {
		if uint32(places[i]>>32) == hashes[i] && int(headers[i]>>32) == len(page) && places[i] != 0 {
			start := int(uint32(places[i])-1) + entryHeader
			if bytes.Equal(x.names.text[start:start+len(page)], page) {
				slots[i] = uint32(headers[i])
				continue
			}
		}
		var err error
		if slots[i], err = x.find(page, hashes[i]); err != nil { // it is new, or another page's place is where it belongs
			return err
		}
	}
	return nil
}

// grow gives the page the next slot; its place in the table is free.
func (x *index) grow(page []byte, hash, at uint32) (uint32, error) {
	slot, start := uint32(x.names.len()), len(x.names.text)
	if start+entryHeader+len(page) > x.limit { // and so there are not more slots either
		return 0, fmt.Errorf("page ids of more than %d bytes in one partition (%d pages) are more than one process can count", x.limit, slot)
	}
	x.names.text = binary.LittleEndian.AppendUint64(x.names.text, uint64(len(page))<<32|uint64(slot))
	x.names.text = append(x.names.text, page...)
	x.names.starts = append(x.names.starts, uint32(start))
	x.places[at] = uint64(hash)<<32 | uint64(start+1)
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
