package send

import (
	"strings"
	"testing"
	"time"

	"github.com/IBM/sarama"
)

// The size that a batch is cut by is the one that the records are sent with:
// the client library's own measure of them is compared.
func TestABatchKnowsItsSizeOnTheWire(t *testing.T) {
	for _, c := range []struct {
		name    string
		records []Record
	}{
		{"one short record", []Record{{Value: []byte("a")}}},
		{"an empty record", []Record{{}}},
		{"a record with a header", []Record{{Value: []byte("a"), Header: []byte("night/3/17")}}},
		{"long ones", []Record{{Value: []byte(strings.Repeat("a", 63))}, {Value: []byte(strings.Repeat("a", 64))}, {Value: make([]byte, 9000)}}},
		{"times far apart", []Record{{Millis: 1_000_000}, {Millis: 1_000_063}, {Millis: 1_000_064}, {Millis: 5}, {Millis: 9_000_000}}},
		{"many", make([]Record, 20_000)},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := listen(t)
			conn, err := l.connect(false)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.close()
			b := NewBatch(1 << 20)
			for _, r := range c.records {
				if !b.Add(r, time.Now()) {
					t.Fatal("a record did not fit")
				}
			}
			b.seal(sarama.CompressionNone)
			done := make(chan error)
			if err := conn.produce(&b.wire, func(_ int64, err error) { done <- err }); err != nil {
				t.Fatal(err)
			}
			if err := <-done; err != nil {
				t.Fatal(err)
			}
			const header = 61
			if got := int(l.bytes.Load()) - header; got != b.Size() {
				t.Errorf("%d bytes were sent, the batch says %d", got, b.Size())
			}
		})
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
