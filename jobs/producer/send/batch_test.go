package send

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/IBM/sarama"

	"weir/jobs/popularity/fetch/fetchtest"
)

// records are of all kinds that a batch can hold.
var records = map[string][]Record{
	"one short record":     {{Value: []byte("a")}},
	"an empty record":      {{Value: []byte{}}},
	"a record with header": {{Value: []byte("a"), Header: []byte("night/3/17")}},
	"long ones":            {{Value: []byte(strings.Repeat("a", 63))}, {Value: []byte(strings.Repeat("a", 64))}, {Value: make([]byte, 9000)}},
	"times far apart":      {{Millis: 1_000_000}, {Millis: 1_000_063}, {Millis: 1_000_064}, {Millis: 5}, {Millis: 9_000_000}},
	"many":                 make([]Record, 20_000),
}

// filled is a batch with records, as it is sent under an identity.
func filled(t *testing.T, codec sarama.CompressionCodec, records []Record) *Batch {
	t.Helper()
	b := NewBatch(1 << 20)
	for _, r := range records {
		if !b.Add(r, time.Now()) {
			t.Fatal("a record did not fit")
		}
	}
	if err := b.seal(codec); err != nil {
		t.Fatal(err)
	}
	b.stamp(Identity{41, 0}, 0)
	return b
}

// described is the same batch by another hand.
func described(records []Record) fetchtest.Batch {
	d := fetchtest.Batch{Last: int64(len(records) - 1), LeaderEpoch: -1, FirstTime: records[0].Millis, LatestTime: records[0].Millis, Producer: 41}
	for i, r := range records {
		record := fetchtest.Record{Offset: int64(i), Time: r.Millis, Value: append([]byte{}, r.Value...)}
		if r.Header != nil {
			record.Headers = []fetchtest.Header{{Key: RunHeader, Value: string(r.Header)}}
		}
		d.Records = append(d.Records, record)
		d.LatestTime = max(d.LatestTime, r.Millis)
	}
	return d
}

func TestABatchIsWhatKafkaDescribes(t *testing.T) {
	for name, records := range records {
		t.Run(name, func(t *testing.T) {
			b := filled(t, sarama.CompressionNone, records)
			if want := described(records).Bytes(); !bytes.Equal(b.sealed(), want) {
				t.Errorf("got  %.100x (%d bytes)\nwant %.100x (%d bytes)", b.sealed(), len(b.sealed()), want, len(want))
			}
			if got := len(b.sealed()) - headerSize; got != b.Size() {
				t.Errorf("%d bytes are sent, the batch says %d", got, b.Size())
			}
			for i, r := range records {
				if !bytes.Equal(b.Value(i), r.Value) {
					t.Fatalf("record %d is %q, want %q", i, b.Value(i), r.Value)
				}
			}
		})
	}
}

// What is sent again under another number is a batch with another checksum.
func TestABatchIsStampedAnew(t *testing.T) {
	records := records["times far apart"]
	b := filled(t, sarama.CompressionNone, records)
	first := bytes.Clone(b.sealed())
	b.stamp(Identity{42, 1}, 7)
	if bytes.Equal(first[checksumAt:attributesAt], b.sealed()[checksumAt:attributesAt]) {
		t.Error("the checksum is that of the old number")
	}
	b.stamp(Identity{41, 0}, 0)
	if !bytes.Equal(first, b.sealed()) {
		t.Error("the same number makes another batch")
	}
}

func TestABatchEndsAtItsLimit(t *testing.T) {
	b := NewBatch(100)
	large := Record{Value: make([]byte, 500)}
	if !b.Add(large, time.Now()) || b.Add(Record{}, time.Now()) || b.Len() != 1 {
		t.Errorf("an empty batch takes any record, and then no other; it has %d", b.Len())
	}
	b.reset()
	n := 0
	for b.Add(Record{Value: []byte("0123456789")}, time.Now()) {
		n++
	}
	if n != 5 || b.Size() > 100 || b.Len() != n {
		t.Errorf("%d records of 17 bytes in %d, want 5 within 100", n, b.Size())
	}
}
