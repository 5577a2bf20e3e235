package fetch

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/snappy"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
)

// maxUnpacked bounds what a response's records may be once decompressed, so that
// a hostile batch cannot fill the memory.
const maxUnpacked = 1 << 30

var errUnpacked = fmt.Errorf("records that are larger than %d bytes when decompressed", maxUnpacked)

// Codecs, as a batch's attributes tell them.
const (
	plain = iota
	gzipped
	snapped
	lz4ed
	zstded
)

// unpacker decompresses; it keeps its tables between batches.
type unpacker struct {
	input bytes.Reader
	gzip  *gzip.Reader
	lz4   *lz4.Reader
	zstd  *zstd.Decoder
}

// unpack appends what records are when decompressed.
func (u *unpacker) unpack(dst []byte, codec int16, records []byte) (unpacked []byte, err error) {
	u.input.Reset(records)
	switch codec {
	case gzipped:
		if u.gzip == nil {
			u.gzip = new(gzip.Reader)
		}
		if err := u.gzip.Reset(&u.input); err != nil {
			return dst, err
		}
		return readAll(dst, u.gzip)
	case snapped:
		return unsnap(dst, records)
	case lz4ed:
		if u.lz4 == nil {
			u.lz4 = lz4.NewReader(nil)
		}
		u.lz4.Reset(&u.input)
		return readAll(dst, u.lz4)
	case zstded:
		if u.zstd == nil {
			if u.zstd, err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxUnpacked)); err != nil {
				return dst, err
			}
		}
		return u.zstd.DecodeAll(records, dst)
	default:
		return dst, fmt.Errorf("records compressed in the unknown way %d", codec)
	}
}

// readAll appends what r has.
func readAll(dst []byte, r io.Reader) ([]byte, error) {
	const least = 4096
	for {
		if cap(dst)-len(dst) < least {
			dst = append(dst, make([]byte, max(least, len(dst)))...)[:len(dst)]
		}
		n, err := r.Read(dst[len(dst):cap(dst)])
		dst = dst[:len(dst)+n]
		switch {
		case errors.Is(err, io.EOF):
			return dst, nil
		case err != nil:
			return dst, err
		case len(dst) > maxUnpacked:
			return dst, errUnpacked
		}
	}
}

// xerial begins snappy in the framing of the Java library that most producers
// use: eight bytes, two versions of four bytes, then blocks with their length.
const xerial = "\x82SNAPPY\x00"

func unsnap(dst, records []byte) ([]byte, error) {
	if !bytes.HasPrefix(records, []byte(xerial)) {
		return unsnapBlock(dst, records)
	}
	const header = len(xerial) + 8
	if len(records) < header {
		return dst, io.ErrUnexpectedEOF
	}
	for records = records[header:]; len(records) > 0; {
		if len(records) < 4 || uint64(len(records)-4) < uint64(binary.BigEndian.Uint32(records)) {
			return dst, io.ErrUnexpectedEOF
		}
		end := 4 + binary.BigEndian.Uint32(records)
		var err error
		if dst, err = unsnapBlock(dst, records[4:end]); err != nil {
			return dst, err
		}
		records = records[end:]
	}
	return dst, nil
}

func unsnapBlock(dst, block []byte) ([]byte, error) {
	size, err := snappy.DecodedLen(block)
	if err != nil {
		return dst, err
	}
	if len(dst)+size > maxUnpacked {
		return dst, errUnpacked
	}
	start := len(dst)
	if cap(dst)-start < size {
		dst = append(dst, make([]byte, size)...)
	}
	dst = dst[:start+size]
	_, err = snappy.Decode(dst[start:], block)
	return dst, err
}
