package fetch

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/IBM/sarama"
)

// The fetch request and its versions (Kafka protocol guide, "Fetch API"). Version
// 4 brought transactions, 12 the check of the last epoch (KIP-595) and compact
// encoding; 13 needs topic ids.
const (
	fetchKey    = 1
	oldestFetch = 4
	newestFetch = 12
)

// noEpoch says that a leader epoch is not known.
const noEpoch = -1

// request asks for the records of one partition from an offset on.
type request struct {
	topic     string
	partition int32
	offset    int64
	// leaderEpoch is the leader's as far as we know, lastEpoch that under which the
	// record before offset was written; noEpoch where not known.
	leaderEpoch, lastEpoch int32
	maxBytes               int32
}

// append appends the request as a frame.
func (r request) append(dst []byte, version int16, correlation int32, clientID string) []byte {
	start := len(dst)
	dst = append(dst, 0, 0, 0, 0) // the length, when it is known
	dst = binary.BigEndian.AppendUint16(dst, fetchKey)
	dst = binary.BigEndian.AppendUint16(dst, uint16(version))
	dst = appendInt32(dst, correlation)
	dst = binary.BigEndian.AppendUint16(dst, uint16(len(clientID)))
	dst = append(dst, clientID...)
	w := writer{dst, version >= 12}
	w.tags()
	w.int32s(-1, int32(maxWait.Milliseconds()), 1, r.maxBytes) // not a follower; at least one byte
	w.dst = append(w.dst, byte(sarama.ReadCommitted))
	if version >= 7 {
		w.int32s(0, -1) // no fetch session
	}
	w.count(1)
	w.text(r.topic)
	w.count(1)
	w.int32s(r.partition)
	if version >= 9 {
		w.int32s(r.leaderEpoch)
	}
	w.int64s(r.offset)
	if version >= 12 {
		w.int32s(r.lastEpoch)
	}
	if version >= 5 {
		w.int64s(-1) // the log's start is a follower's to know
	}
	w.int32s(r.maxBytes)
	w.tags() // the partition's
	w.tags() // the topic's
	if version >= 7 {
		w.count(0) // nothing to forget
	}
	if version >= 11 {
		w.text("") // no rack
	}
	w.tags()
	binary.BigEndian.PutUint32(w.dst[start:], uint32(len(w.dst)-start-4))
	return w.dst
}

func appendInt32(dst []byte, n int32) []byte { return binary.BigEndian.AppendUint32(dst, uint32(n)) }

// writer appends in the old encoding or the compact one.
type writer struct {
	dst     []byte
	compact bool
}

func (w *writer) int32s(all ...int32) {
	for _, n := range all {
		w.dst = appendInt32(w.dst, n)
	}
}

func (w *writer) int64s(n int64) { w.dst = binary.BigEndian.AppendUint64(w.dst, uint64(n)) }

func (w *writer) count(n int) {
	if w.compact {
		w.dst = binary.AppendUvarint(w.dst, uint64(n+1))
		return
	}
	w.int32s(int32(n))
}

func (w *writer) text(s string) {
	if w.compact {
		w.dst = append(binary.AppendUvarint(w.dst, uint64(len(s)+1)), s...)
		return
	}
	w.dst = append(binary.BigEndian.AppendUint16(w.dst, uint16(len(s))), s...)
}

// tags ends a structure of the compact encoding: it has no optional fields.
func (w *writer) tags() {
	if w.compact {
		w.dst = append(w.dst, 0)
	}
}

// response is what a broker says of one partition.
type response struct {
	throttle int32 // milliseconds
	present  bool  // whether the partition is in it at all
	err      sarama.KError
	// highWater, lastStable and logStart are offsets of the log.
	highWater, lastStable, logStart int64
	aborted                         []transaction // as the broker sent them
	// diverges says that the log was cut: the records of the epoch that we read
	// last end at an offset before ours.
	diverges   bool
	divergedAt int64
	records    []byte
	// old are the messages of a broker before 0.10; there are no records then.
	old []*sarama.MessageBlock
}

// transaction is an aborted one.
type transaction struct{ producer, first int64 }

// errShort says that a response ended too early.
var errShort = errors.New("a response that is shorter than it says")

// parse reads a response. Its records are part of frame.
func parse(frame []byte, version int16, correlation, partition int32) (response, error) {
	r := reader{rest: frame, compact: version >= 12}
	if got := r.int32(); got != correlation && !r.short {
		return response{}, fmt.Errorf("the answer to request %d, want that to %d", got, correlation)
	}
	r.tags(nil)
	var found response
	found.throttle = r.int32()
	if version >= 7 {
		found.err = sarama.KError(r.int16())
		r.int32() // the session's id
	}
	for range r.count() {
		r.text()
		for range r.count() {
			p, id := r.partition(version)
			if id == partition {
				p.throttle, p.present = found.throttle, true
				found = p
			}
		}
		r.tags(nil)
	}
	r.tags(nil)
	if r.short {
		return response{}, errShort
	}
	return found, nil
}

func (r *reader) partition(version int16) (p response, id int32) {
	id, p.err = r.int32(), sarama.KError(r.int16())
	p.highWater, p.lastStable = r.int64(), r.int64()
	if version >= 5 {
		p.logStart = r.int64()
	}
	for range r.count() {
		p.aborted = append(p.aborted, transaction{r.int64(), r.int64()})
		r.tags(nil)
	}
	if version >= 11 {
		r.int32() // the preferred replica, for those that name their rack
	}
	p.records = r.take(r.count())
	r.tags(func(tag uint64, value reader) {
		const divergingEpoch = 0
		if epoch, end := value.int32(), value.int64(); tag == divergingEpoch && epoch >= 0 && !value.short {
			p.diverges, p.divergedAt = true, end
		}
	})
	return p, id
}

// reader reads the old encoding or the compact one. Once something is missing it
// is short, and all that it reads is zero.
type reader struct {
	rest    []byte
	compact bool
	short   bool
}

func (r *reader) take(n int) []byte {
	if n < 0 || n > len(r.rest) {
		r.short, r.rest = true, nil
		return nil
	}
	taken := r.rest[:n:n]
	r.rest = r.rest[n:]
	return taken
}

func (r *reader) int16() int16 {
	if b := r.take(2); b != nil {
		return int16(binary.BigEndian.Uint16(b))
	}
	return 0
}

func (r *reader) int32() int32 {
	if b := r.take(4); b != nil {
		return int32(binary.BigEndian.Uint32(b))
	}
	return 0
}

func (r *reader) int64() int64 {
	if b := r.take(8); b != nil {
		return int64(binary.BigEndian.Uint64(b))
	}
	return 0
}

func (r *reader) uvarint() uint64 {
	n, size := binary.Uvarint(r.rest)
	if size <= 0 {
		r.short, r.rest = true, nil
		return 0
	}
	r.rest = r.rest[size:]
	return n
}

// count is the length of an array or of bytes; those that are null have none.
func (r *reader) count() int {
	n := int64(0)
	if r.compact {
		n = int64(r.uvarint()) - 1
	} else {
		n = int64(r.int32())
	}
	if n > int64(len(r.rest)) { // each element takes a byte at least
		r.short, r.rest = true, nil
		return 0
	}
	return int(max(n, 0))
}

func (r *reader) text() {
	if r.compact {
		r.take(r.count())
		return
	}
	r.take(int(max(r.int16(), 0)))
}

// tags reads a structure's optional fields.
func (r *reader) tags(visit func(tag uint64, value reader)) {
	if !r.compact {
		return
	}
	for range min(r.uvarint(), uint64(len(r.rest))) {
		tag, value := r.uvarint(), r.take(int(min(r.uvarint(), maxResponse)))
		if visit != nil {
			visit(tag, reader{rest: value, compact: true})
		}
	}
}
