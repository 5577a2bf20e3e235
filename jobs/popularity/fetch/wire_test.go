package fetch

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/IBM/sarama"
)

func TestRequestsAreThoseOfTheProtocolGuide(t *testing.T) {
	r := request{topic: "to", partition: 3, offset: 0x0102, leaderEpoch: 5, lastEpoch: 4, maxBytes: 0x1000}
	for _, c := range []struct {
		version int16
		want    string
	}{
		{4, "0001 0004 00000007 0002 6964 | ffffffff 000000fa 00000001 00001000 01 | 00000001 0002 746f 00000001 00000003 0000000000000102 00001000"},
		{5, "0001 0005 00000007 0002 6964 | ffffffff 000000fa 00000001 00001000 01 | 00000001 0002 746f 00000001 00000003 0000000000000102 ffffffffffffffff 00001000"},
		{11, "0001 000b 00000007 0002 6964 | ffffffff 000000fa 00000001 00001000 01 00000000 ffffffff | 00000001 0002 746f 00000001 00000003 00000005 0000000000000102 ffffffffffffffff 00001000 | 00000000 | 0000"},
		{12, "0001 000c 00000007 0002 6964 00 | ffffffff 000000fa 00000001 00001000 01 00000000 ffffffff | 02 03 746f 02 00000003 00000005 0000000000000102 00000004 ffffffffffffffff 00001000 00 00 | 01 | 01 00"},
	} {
		want := strings.NewReplacer(" ", "", "|", "").Replace(c.want)
		got := r.append(nil, c.version, 7, "id")
		if hex.EncodeToString(got[4:]) != want || int(binary.BigEndian.Uint32(got)) != len(got)-4 {
			t.Errorf("version %d:\n got %x\nwant %s", c.version, got[4:], want)
		}
	}
}

// answer is a response in the encoding of a version.
func answer(version int16, partition int32, p response) []byte {
	w := writer{compact: version >= 12}
	w.int32s(7)
	w.tags()
	w.int32s(p.throttle)
	if version >= 7 {
		w.dst = append(w.dst, 0, 0)
		w.int32s(0)
	}
	w.count(1)
	w.text("to")
	w.count(2)
	for _, id := range []int32{partition + 1, partition} {
		w.int32s(id)
		w.dst = binary.BigEndian.AppendUint16(w.dst, uint16(p.err))
		w.int64s(p.highWater)
		w.int64s(p.lastStable)
		if version >= 5 {
			w.int64s(p.logStart)
		}
		w.count(len(p.aborted))
		for _, a := range p.aborted {
			w.int64s(a.producer)
			w.int64s(a.first)
			w.tags()
		}
		if version >= 11 {
			w.int32s(-1)
		}
		w.count(len(p.records))
		w.dst = append(w.dst, p.records...)
		if p.diverges && id == partition {
			w.dst = append(w.dst, 1, 0, 13) // one field, tag 0, 13 bytes
			w.int32s(2)
			w.int64s(p.divergedAt)
		}
		w.tags()
	}
	w.tags()
	w.tags()
	return w.dst
}

func TestResponsesOfAllVersionsAreRead(t *testing.T) {
	for version := int16(oldestFetch); version <= newestFetch; version++ {
		want := response{
			throttle: 3, present: true, err: sarama.ErrOffsetOutOfRange, highWater: 12, lastStable: 11, logStart: 2,
			aborted: []transaction{{5, 6}, {7, 8}}, records: []byte("records"),
		}
		if version < 5 {
			want.logStart = 0
		}
		if version >= 12 {
			want.diverges, want.divergedAt = true, 9
		}
		frame := answer(version, 3, want)
		got, err := parse(frame, version, 7, 3)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("version %d: %+v, %v; want %+v", version, got, err, want)
		}
		for cut := range frame {
			if _, err := parse(frame[:cut], version, 7, 3); !errors.Is(err, errShort) {
				t.Fatalf("version %d, %d bytes of %d: %v, want errShort", version, cut, len(frame), err)
			}
		}
		if _, err := parse(frame, version, 8, 3); err == nil || !strings.Contains(err.Error(), "answer to request 7") {
			t.Errorf("version %d: the answer to another request gave %v", version, err)
		}
	}
}

func FuzzResponse(f *testing.F) {
	for version := int16(oldestFetch); version <= newestFetch; version++ {
		f.Add(answer(version, 3, response{aborted: []transaction{{5, 6}}, records: []byte("records")}), version)
	}
	f.Fuzz(func(_ *testing.T, frame []byte, version int16) {
		_, _ = parse(frame, version, 7, 3) // it must come back, and not take much memory
	})
}

func ExampleRecord_Header() {
	r := Record{headers: []byte("\x02\x02a\x021")}
	fmt.Printf("%s", r.Header("a"))
	// Output: 1
}
