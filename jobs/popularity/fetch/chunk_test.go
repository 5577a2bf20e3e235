package fetch

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"slices"
	"strings"
	"testing"

	"weir/jobs/popularity/fetch/fetchtest"
)

// plainBatch is a batch whose records sit at the given offsets; it ends at last.
func plainBatch(first, last int64, offsets ...int64) fetchtest.Batch {
	b := fetchtest.Batch{First: first, Last: last, FirstTime: 1000, LatestTime: 9000}
	for _, offset := range offsets {
		b.Records = append(b.Records, fetchtest.Record{Offset: offset, Time: 1000 + offset, Value: []byte("v")})
	}
	return b
}

func inTransaction(b fetchtest.Batch, producer int64) fetchtest.Batch {
	b.Attributes |= fetchtest.Transactional
	b.Producer = producer
	return b
}

// marker ends a producer's transaction; kind 0 aborts it, 1 commits it.
func marker(offset, producer int64, kind byte) fetchtest.Batch {
	b := inTransaction(plainBatch(offset, offset, offset), producer)
	b.Attributes |= fetchtest.Control
	b.Records[0].Key = []byte{0, 0, 0, kind}
	return b
}

func log(batches ...fetchtest.Batch) (data []byte) {
	for _, b := range batches {
		data = append(data, b.Bytes()...)
	}
	return data
}

// chunkOf is what a response with batches and aborted transactions makes.
func chunkOf(t *testing.T, from int64, aborted []transaction, batches ...fetchtest.Batch) Chunk {
	t.Helper()
	c, err := newChunk(response{records: log(batches...), aborted: aborted}, from, new(buffer), new(unpacker))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func offsets(t *testing.T, c Chunk) (all []int64) {
	t.Helper()
	records := c.Records()
	for records.Next() {
		all = append(all, records.Record.Offset)
	}
	if records.Err() != nil {
		t.Fatal(records.Err())
	}
	return all
}

func TestAChunkShowsExactlyTheCommittedRecords(t *testing.T) {
	type aborted = []transaction
	type batches = []fetchtest.Batch
	outside := plainBatch(0, 0, 0)
	outside.Producer = 5
	for _, c := range []struct {
		name    string
		from    int64
		aborted aborted
		batches batches
		offsets []int64
		next    int64
	}{
		{"plain batches", 0, nil, batches{plainBatch(0, 2, 0, 1, 2), plainBatch(3, 4, 3, 4)}, []int64{0, 1, 2, 3, 4}, 5},
		{"a batch is sent from its beginning", 2, nil, batches{plainBatch(0, 3, 0, 1, 2, 3)}, []int64{2, 3}, 4},
		{"compaction left gaps and a last offset", 0, nil, batches{plainBatch(0, 9, 1, 4)}, []int64{1, 4}, 10},
		{"compaction left nothing but a batch", 0, nil, batches{plainBatch(0, 9)}, nil, 10},
		{"nothing", 7, nil, nil, nil, 7},
		{"a batch before the offset", 7, nil, batches{plainBatch(0, 6, 6)}, nil, 7},
		{"a committed transaction and its marker", 0, nil,
			batches{inTransaction(plainBatch(0, 1, 0, 1), 5), marker(2, 5, 1)}, []int64{0, 1}, 3},
		{"an aborted transaction", 0, aborted{{5, 0}},
			batches{inTransaction(plainBatch(0, 1, 0, 1), 5), marker(2, 5, 0), plainBatch(3, 3, 3)}, []int64{3}, 4},
		{"an aborted transaction that was entered in its middle", 2, aborted{{5, 0}},
			batches{inTransaction(plainBatch(2, 3, 2, 3), 5), marker(4, 5, 0), plainBatch(5, 5, 5)}, []int64{5}, 6},
		{"an aborted transaction, then a committed one of the same producer", 0, aborted{{5, 0}},
			batches{inTransaction(plainBatch(0, 0, 0), 5), marker(1, 5, 0), inTransaction(plainBatch(2, 2, 2), 5), marker(3, 5, 1)}, []int64{2}, 4},
		{"an aborted transaction between those of others", 0, aborted{{5, 1}},
			batches{inTransaction(plainBatch(0, 0, 0), 6), inTransaction(plainBatch(1, 1, 1), 5), plainBatch(2, 2, 2), marker(3, 5, 0), marker(4, 6, 1)}, []int64{0, 2}, 5},
		{"aborted transactions out of order", 0, aborted{{6, 2}, {5, 0}},
			batches{inTransaction(plainBatch(0, 0, 0), 5), marker(1, 5, 0), inTransaction(plainBatch(2, 2, 2), 6), marker(3, 6, 0)}, nil, 4},
		{"a record outside of transactions by an aborting producer id", 0, aborted{{5, 0}}, batches{outside}, []int64{0}, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			chunk := chunkOf(t, c.from, c.aborted, c.batches...)
			if got := offsets(t, chunk); !slices.Equal(got, c.offsets) || chunk.Next != c.next || chunk.From != c.from {
				t.Errorf("offsets %v, from %d to %d; want %v, from %d to %d", got, chunk.From, chunk.Next, c.offsets, c.from, c.next)
			}
		})
	}
}

func TestABatchThatIsCutOffIsLeftForTheNextFetch(t *testing.T) {
	first, second := log(plainBatch(0, 1, 0, 1)), log(plainBatch(2, 3, 2, 3))
	for cut := range second {
		chunk, err := Parse(append(slices.Clone(first), second[:cut]...), 0)
		if err != nil || chunk.Next != 2 || len(offsets(t, chunk)) != 2 {
			t.Fatalf("after %d bytes of the second batch: up to %d, %v", cut, chunk.Next, err)
		}
	}
}

func TestAChunkKnowsTheEpochOfItsLastRecord(t *testing.T) {
	a, b := plainBatch(0, 0, 0), plainBatch(1, 1, 1)
	a.LeaderEpoch, b.LeaderEpoch = 4, 6
	if c := chunkOf(t, 0, nil, a, b); c.LeaderEpoch != 6 {
		t.Errorf("epoch %d, want 6", c.LeaderEpoch)
	}
}

func TestRecordsHaveTheTimeTheTopicSays(t *testing.T) {
	appended := plainBatch(0, 0, 0)
	appended.Attributes |= fetchtest.LogAppendTime
	timeless := plainBatch(0, 0, 0)
	timeless.FirstTime, timeless.LatestTime = NoTime, NoTime
	for _, c := range []struct {
		name  string
		batch fetchtest.Batch
		want  int64
	}{{"the producer's", plainBatch(5, 5, 5), 1005}, {"the broker's", appended, 9000}, {"no", timeless, NoTime}} {
		chunk := chunkOf(t, 0, nil, c.batch)
		records := chunk.Records()
		if !records.Next() || records.Record.Time != c.want {
			t.Errorf("%s time: %d, want %d", c.name, records.Record.Time, c.want)
		}
	}
}

func TestEveryCodecGivesTheSameRecords(t *testing.T) {
	b := fetchtest.Batch{First: 3, Last: 202}
	for offset := b.First; offset <= b.Last; offset++ {
		b.Records = append(b.Records, fetchtest.Record{
			Offset: offset, Key: []byte{byte(offset)}, Value: bytes.Repeat([]byte{'x', byte(offset)}, int(offset)),
			Headers: []fetchtest.Header{{Key: "a", Value: "1"}, {Key: "b", Value: fmt.Sprint(offset)}},
		})
	}
	memory, u := new(buffer), new(unpacker) // both are used again
	for codec, name := range []string{"plain", "gzip", "snappy", "lz4", "zstd", "framed snappy"} {
		t.Run(name, func(t *testing.T) {
			b.Attributes, b.Xerial = int16(codec), codec == 5
			if b.Xerial {
				b.Attributes = fetchtest.Snappy
			}
			memory.scratch = memory.scratch[:0]
			chunk, err := newChunk(response{records: log(b)}, 0, memory, u)
			if err != nil {
				t.Fatal(err)
			}
			records, i := chunk.Records(), 0
			for ; records.Next(); i++ {
				r, want := &records.Record, b.Records[i]
				if r.Offset != want.Offset || !bytes.Equal(r.Key, want.Key) || !bytes.Equal(r.Value, want.Value) ||
					string(r.Header("b")) != fmt.Sprint(want.Offset) || r.Header("c") != nil {
					t.Fatalf("record %d is %+v", i, r)
				}
			}
			if records.Err() != nil || i != len(b.Records) {
				t.Errorf("%d records, %v; want %d", i, records.Err(), len(b.Records))
			}
		})
	}
}

func TestWhatCannotBeReadRightIsAnError(t *testing.T) {
	good := log(plainBatch(0, 0, 0))
	change := func(at int, to byte) []byte {
		data := slices.Clone(good)
		data[at] = to
		return data
	}
	unnamed := marker(0, 5, 0)
	unnamed.Records[0].Key = []byte{0}
	wrongCodec := plainBatch(0, 0, 0)
	wrongCodec.Attributes = 7
	for _, c := range []struct {
		name string
		data []byte
		want string
	}{
		{"a format before Kafka 0.11", change(16, 1), ErrOldFormat.Error()},
		{"a format to come", change(16, 3), "unknown format 3"},
		{"a flipped bit", change(len(good)-2, 'w'), "checksum"},
		{"a length that is none", change(8, 0xff), "want at least 61"},
		{"a marker without a type", log(unnamed), "key has 1 bytes"},
		{"an unknown codec", log(wrongCodec), "unknown way 7"},
	} {
		if _, err := Parse(c.data, 0); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", c.name, err, c.want)
		}
	}
	if _, err := Parse(change(16, 1), 0); !errors.Is(err, ErrOldFormat) {
		t.Errorf("an old format gave %v", err)
	}
}

func TestWalkingRecordsAllocatesNothing(t *testing.T) {
	values := make([]string, 1000)
	for i := range values {
		values[i] = "page37|5|1.5119122|-1"
	}
	batch := fetchtest.Values(0, 1000, values...)
	for _, codec := range []int16{plain, fetchtest.LZ4, fetchtest.Snappy, fetchtest.Zstd} {
		batch.Attributes = codec
		data, memory, u := batch.Bytes(), new(buffer), new(unpacker)
		seen := 0
		allocated := testing.AllocsPerRun(10, func() {
			memory.scratch = memory.scratch[:0]
			chunk, err := newChunk(response{records: data}, 0, memory, u)
			if err != nil {
				t.Fatal(err)
			}
			for records := chunk.Records(); records.Next(); {
				seen += len(records.Record.Value)
			}
		})
		// A few for a chunk, none for a record.
		if seen == 0 || allocated > 5 {
			t.Errorf("codec %d: a chunk of 1000 records allocates %v times", codec, allocated)
		}
	}
}

// FuzzParse gives hostile bytes with right checksums: whatever they say, it must
// neither crash nor read beyond them.
func FuzzParse(f *testing.F) {
	f.Add(log(plainBatch(0, 3, 0, 1, 2, 3)), int64(0))
	f.Add(log(inTransaction(plainBatch(0, 1, 0, 1), 5), marker(2, 5, 0)), int64(1))
	f.Fuzz(func(t *testing.T, data []byte, from int64) {
		if len(data) >= batchHeader { // the first batch gets past the first checks
			data = slices.Clone(data)
			data[16] = 2
			if size := int64(binary.BigEndian.Uint32(data[8:])) + lengthEnd; size >= batchHeader && size <= int64(len(data)) {
				binary.BigEndian.PutUint32(data[crcStart:], crc32.Checksum(data[crcData:size], castagnoli))
			}
		}
		chunk, err := Parse(data, from)
		if err != nil {
			return
		}
		if chunk.Next < chunk.From {
			t.Fatalf("from %d to %d", chunk.From, chunk.Next)
		}
		for records := chunk.Records(); records.Next(); {
			if records.Record.Offset < from {
				t.Fatalf("offset %d before %d", records.Record.Offset, from)
			}
			records.Record.Header("x")
		}
	})
}

func BenchmarkWalk(b *testing.B) {
	values := make([]string, 10_000)
	for i := range values {
		values[i] = fmt.Sprintf("page%d|5|1.5119122|-1", i%100)
	}
	data, memory, u, seen := log(fetchtest.Values(0, 1000, values...)), new(buffer), new(unpacker), 0
	b.ReportAllocs()
	for b.Loop() {
		chunk, err := newChunk(response{records: data}, 0, memory, u)
		if err != nil {
			b.Fatal(err)
		}
		for records := chunk.Records(); records.Next(); {
			seen += len(records.Record.Value)
		}
	}
	b.ReportMetric(float64(b.N)*float64(len(values))/b.Elapsed().Seconds(), "records/s")
}
