package disk

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math/bits"

	"github.com/cockroachdb/pebble/v2"

	"weir/jobs/behavior"
	"weir/jobs/popularity/store"
)

// A block of pages has two values: its sums, which are written with each commit
// that changes one, and its page ids, which are written when there is a new one.
// Both begin with the number of pages and end with a checksum over key and value.
//
// Sums are columns: n, clicks, likes, the low and the high half of the stay, and
// the offset behind the last change, from the lowest one of the block. A column is
// the number of bytes of its largest number, and the numbers in as many bytes each.
// A page of some visits takes 13 bytes of the 48 that its integers have.

// columns of sums.
const (
	columnN = iota
	columnClicks
	columnLikes
	columnStayLow
	columnStayHigh
	columnChanged
	columns
)

const (
	countSize    = 1
	changedSize  = 8 // the lowest offset behind a last change
	checksumSize = 4
	wordSize     = 8
)

// castagnoli is the polynomial that processors have an instruction for.
var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// errBlock says that a value is none that was written.
var errBlock = errors.New("the stored block is damaged")

// encoder has room for one block, so that encoding allocates nothing.
type encoder struct {
	key, value []byte
	numbers    [columns][store.BlockPages]uint64
}

// sums encodes a block's sums under e.key.
func (e *encoder) sums(b *store.Block) []byte {
	lowest := b.Changed[0]
	for _, changed := range b.Changed {
		lowest = min(lowest, changed)
	}
	var all [columns]uint64 // the bits that are set anywhere
	for i := range b.Sums {
		s := &b.Sums[i]
		for column, number := range [columns]uint64{
			columnN: uint64(s.N), columnClicks: uint64(s.Clicks), columnLikes: zigzag(s.Like),
			columnStayLow: s.StayNano.Lo, columnStayHigh: s.StayNano.Hi, columnChanged: uint64(b.Changed[i] - lowest),
		} {
			e.numbers[column][i] = number
			all[column] |= number
		}
	}
	e.value = append(e.value[:0], byte(len(b.Sums)))
	e.value = binary.BigEndian.AppendUint64(e.value, uint64(lowest))
	for column := range columns {
		e.value = appendColumn(e.value, e.numbers[column][:len(b.Sums)], all[column])
	}
	return e.sealed()
}

// names encodes a block's page ids under e.key.
func (e *encoder) names(b *store.Block) []byte {
	e.value = append(e.value[:0], byte(len(b.Sums)))
	for i := range b.Sums {
		name := b.Name(b.First + uint32(i))
		e.value = append(binary.AppendUvarint(e.value, uint64(len(name))), name...)
	}
	return e.sealed()
}

// sealed is the value with its checksum.
func (e *encoder) sealed() []byte {
	e.value = binary.BigEndian.AppendUint32(e.value, checksum(e.key, e.value))
	return e.value
}

func checksum(key, value []byte) uint32 {
	return crc32.Update(crc32.Checksum(key, castagnoli), castagnoli, value)
}

// appendColumn appends numbers of which the largest has as many bits as `all`.
func appendColumn(dst []byte, numbers []uint64, all uint64) []byte {
	width := (bits.Len64(all) + 7) / 8
	dst = append(dst, byte(width))
	at := len(dst)
	dst = append(dst, make([]byte, width*len(numbers)+wordSize)...)
	for _, number := range numbers { // each whole word, of which the next one takes back the rest
		binary.LittleEndian.PutUint64(dst[at:], number)
		at += width
	}
	return dst[:at]
}

// decoder has what was read last.
type decoder struct {
	sums    [store.BlockPages]behavior.Sums
	changed [store.BlockPages]int64
	names   [store.BlockPages][]byte
	numbers [columns][store.BlockPages]uint64
}

// unsealed checks a value and returns the number of pages and what follows.
func unsealed(key, value []byte) (count int, rest []byte, err error) {
	end := len(value) - checksumSize
	if end < countSize || checksum(key, value[:end]) != binary.BigEndian.Uint32(value[end:]) {
		return 0, nil, fmt.Errorf("%w: a checksum differs", errBlock)
	}
	count = int(value[0])
	if count < 1 || count > store.BlockPages {
		return 0, nil, fmt.Errorf("%w: it has %d pages, want 1 to %d", errBlock, count, store.BlockPages)
	}
	return count, value[countSize:end], nil
}

// read reads the block that begins at a slot: its sums, and its page ids, at which
// another iterator is. It returns the number of its pages.
func (d *decoder) read(partition int32, first uint32, key, value []byte, names *pebble.Iterator) (int, error) {
	if !bytes.Equal(key, appendBlockKey(nil, sumsTag, partition, first)) {
		return 0, fmt.Errorf("%w: the next one is %x", errBlock, key)
	}
	if !names.Valid() || !bytes.Equal(names.Key(), appendBlockKey(nil, namesTag, partition, first)) {
		return 0, fmt.Errorf("%w: its page ids are missing", errBlock)
	}
	count, err := d.readSums(key, value)
	if err != nil {
		return 0, err
	}
	if named, err := d.readNames(names.Key(), names.Value()); err != nil || named != count {
		return 0, cmp.Or(err, fmt.Errorf("%w: it has %d sums and %d page ids", errBlock, count, named))
	}
	return count, nil
}

// readSums reads a block's sums and returns the number of its pages.
func (d *decoder) readSums(key, value []byte) (int, error) {
	count, rest, err := unsealed(key, value)
	if err != nil {
		return 0, err
	}
	if len(rest) < changedSize {
		return 0, fmt.Errorf("%w: it ends early", errBlock)
	}
	lowest := int64(binary.BigEndian.Uint64(rest))
	rest = rest[changedSize:]
	for column := range columns {
		if rest, err = readColumn(d.numbers[column][:count], rest); err != nil {
			return 0, err
		}
	}
	if len(rest) > 0 {
		return 0, fmt.Errorf("%w: %d bytes follow it", errBlock, len(rest))
	}
	for i := range count {
		d.sums[i] = behavior.Sums{
			N: int64(d.numbers[columnN][i]), Clicks: int64(d.numbers[columnClicks][i]), Like: unzigzag(d.numbers[columnLikes][i]),
			StayNano: behavior.Uint128{Hi: d.numbers[columnStayHigh][i], Lo: d.numbers[columnStayLow][i]},
		}
		d.changed[i] = lowest + int64(d.numbers[columnChanged][i])
	}
	return count, nil
}

func readColumn(numbers []uint64, data []byte) (rest []byte, err error) {
	if len(data) == 0 || int(data[0]) > wordSize || len(data)-1 < int(data[0])*len(numbers) {
		return nil, fmt.Errorf("%w: a column ends early", errBlock)
	}
	width, data := int(data[0]), data[1:]
	for i := range numbers {
		var word [wordSize]byte
		copy(word[:], data[i*width:(i+1)*width])
		numbers[i] = binary.LittleEndian.Uint64(word[:])
	}
	return data[width*len(numbers):], nil
}

// readNames reads a block's page ids, which are parts of the value, and returns
// how many there are.
func (d *decoder) readNames(key, value []byte) (int, error) {
	count, rest, err := unsealed(key, value)
	if err != nil {
		return 0, err
	}
	for i := range count {
		length, size := binary.Uvarint(rest)
		if size <= 0 || length > uint64(len(rest)-size) {
			return 0, fmt.Errorf("%w: a page id ends early", errBlock)
		}
		d.names[i], rest = rest[size:size+int(length)], rest[size+int(length):]
	}
	if len(rest) > 0 {
		return 0, fmt.Errorf("%w: %d bytes follow its page ids", errBlock, len(rest))
	}
	return count, nil
}

// zigzag makes small numbers of either sign small.
func zigzag(n int64) uint64 { return uint64(n)<<1 ^ uint64(n>>63) }

func unzigzag(u uint64) int64 { return int64(u>>1) ^ -int64(u&1) }
