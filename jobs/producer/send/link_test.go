package send

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/IBM/sarama"

	"weir/jobs/cluster"
)

// listener is a broker that leads partition 0 of topic t and speaks as much of
// Kafka's protocol as a link needs. It keeps no record, only how many there were.
type listener struct {
	net.Listener
	records atomic.Int64
	bytes   atomic.Int64         // of batches
	answer  func() sarama.KError // of a produce request; nil for none
}

// listen starts one; answer is what a produce request gets, nil for none.
func listen(t testing.TB, answer func() sarama.KError) *listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b := &listener{Listener: l, answer: answer}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go b.serve(conn)
		}
	}()
	return b
}

func (l *listener) connect(bool) (connection, error) {
	config := Config("test", cluster.Version{})
	config.ApiVersionsRequest = false
	conn, err := cluster.Dial(l.Addr().String(), config)
	if err != nil {
		return nil, err
	}
	return newLink(partition{topic: "t", id: 0, acks: sarama.WaitForAll}, conn, newestProduce, config), nil
}

// serve answers until the other side hangs up.
func (l *listener) serve(conn net.Conn) {
	defer conn.Close()
	var size [4]byte
	var request, answer []byte
	for {
		if _, err := io.ReadFull(conn, size[:]); err != nil {
			return
		}
		n := int(binary.BigEndian.Uint32(size[:]))
		if cap(request) < n {
			request = make([]byte, n)
		}
		request = request[:n]
		if _, err := io.ReadFull(conn, request); err != nil {
			return
		}
		answer = append(answer[:0], 0, 0, 0, 0)
		answer = append(answer, request[4:8]...) // the correlation id
		answer = l.body(answer, request)
		binary.BigEndian.PutUint32(answer, uint32(len(answer)-4))
		if _, err := conn.Write(answer); err != nil {
			return
		}
	}
}

const initIDKey = 22

func (l *listener) body(dst, request []byte) []byte {
	switch binary.BigEndian.Uint16(request) {
	case initIDKey: // throttle time, error, id 41, epoch 0
		return append(dst, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 41, 0, 0)
	case produceKey:
		code := sarama.ErrNoError
		if l.answer != nil {
			code = l.answer()
		}
		// The number of records is the last thing before them in the batch's
		// header of 61 bytes; the batch is the last thing in the request.
		header := request[len(request)-l.batchSize(request):]
		l.bytes.Add(int64(len(header)))
		l.records.Add(int64(binary.BigEndian.Uint32(header[57:])))
		dst = append(dst, 0, 0, 0, 1, 0, 1, 't', 0, 0, 0, 1, 0, 0, 0, 0)
		dst = binary.BigEndian.AppendUint16(dst, uint16(code))
		dst = append(dst, 0, 0, 0, 0, 0, 0, 0, 5) // the offset
		dst = append(dst, 255, 255, 255, 255, 255, 255, 255, 255)
		return append(dst, make([]byte, 8+4)...) // the log's start, throttle time
	}
	return dst
}

// batchSize reads past the request's header: key, version, correlation id,
// client id "test"; no transactional id, acks, timeout, one topic "t", one
// partition, and how many bytes follow.
func (l *listener) batchSize(request []byte) int {
	const before = 8 + 2 + 4 + 2 + 2 + 4 + 4 + 3 + 4 + 4
	return int(binary.BigEndian.Uint32(request[before:]))
}

func TestALinkSendsBatchesAndUnderstandsTheAnswers(t *testing.T) {
	answers := []sarama.KError{sarama.ErrNoError, sarama.ErrNotEnoughReplicas}
	l := listen(t, func() sarama.KError { code := answers[0]; answers = answers[1:]; return code })
	c, err := l.connect(false)
	if err != nil {
		t.Fatal(err)
	}
	defer c.close()
	id, err := c.producerID()
	if err != nil || id != (Identity{41, 0}) {
		t.Fatalf("got %v, %v; want producer id 41", id, err)
	}
	b := NewBatch(1000)
	b.Add(Record{Value: []byte("a")}, time.Now())
	b.Add(Record{Value: []byte("b")}, time.Now())
	if err := b.seal(sarama.CompressionNone); err != nil {
		t.Fatal(err)
	}
	b.stamp(id, 0)
	type outcome struct {
		offset int64
		err    error
	}
	for _, want := range []outcome{{5, sarama.ErrNoError}, {-1, sarama.ErrNotEnoughReplicas}} {
		got := make(chan outcome, 1)
		if err := c.produce(b, func(offset int64, err error) { got <- outcome{offset, err} }); err != nil {
			t.Fatal(err)
		}
		if o := <-got; o.offset != want.offset || !errors.Is(o.err, want.err) && o.err != nil {
			t.Errorf("got %+v, want %+v", o, want)
		}
	}
	if n := l.records.Load(); n != 4 {
		t.Errorf("%d records arrived, want 2 twice", n)
	}
}

func TestALinkThatBreaksAnswersWithAnError(t *testing.T) {
	l := listen(t, func() sarama.KError { select {} }) // for ever
	c, err := l.connect(false)
	if err != nil {
		t.Fatal(err)
	}
	b := NewBatch(1000)
	b.Add(Record{Value: []byte("a")}, time.Now())
	if err := b.seal(sarama.CompressionNone); err != nil {
		t.Fatal(err)
	}
	got := make(chan error, 1)
	if err := c.produce(b, func(_ int64, err error) { got <- err }); err != nil {
		t.Fatal(err)
	}
	c.close()
	if err := <-got; err == nil {
		t.Error("a request on a closed connection was answered well")
	}
}

// A record takes no allocation on its way, from Free to its acknowledgement:
// those of a batch are spread over its thousands of records.
func BenchmarkRecord(b *testing.B) {
	l := listen(b, nil)
	o := options()
	o.BatchSize, o.Batches = 256<<10, 10
	w := newWriter(l, 0, o)
	ended := make(chan error)
	go func() { ended <- w.Run(b.Context()) }()
	record := Record{Value: []byte("page37|5|1.5119122|-1")}
	b.ReportAllocs()
	b.ResetTimer()
	var batch *Batch
	now := time.Now()
	for range b.N {
		if batch != nil && batch.Add(record, now) {
			continue
		}
		if batch != nil {
			w.Send(batch)
		}
		batch = <-w.Free()
		batch.Add(record, now)
	}
	w.Send(batch)
	w.Close()
	if err := <-ended; err != nil {
		b.Fatal(err)
	}
	if n := l.records.Load(); n != int64(b.N) {
		b.Errorf("%d records arrived, want %d", n, b.N)
	}
}

func TestARecordAllocatesNothing(t *testing.T) {
	if testing.Short() {
		t.Skip("measures for a second")
	}
	r := testing.Benchmark(BenchmarkRecord)
	if n := r.AllocsPerOp(); n > 0 {
		t.Errorf("%d allocations a record, want none: %s", n, r.MemString())
	}
}
