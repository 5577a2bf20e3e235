package send

import (
	"bytes"
	"io"
	"testing"

	"github.com/IBM/sarama"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/snappy/xerial"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
)

func TestABatchIsCompressedTimeAndAgain(t *testing.T) {
	for codec, unpack := range map[sarama.CompressionCodec]func([]byte) ([]byte, error){
		sarama.CompressionGZIP: func(packed []byte) ([]byte, error) {
			r, err := gzip.NewReader(bytes.NewReader(packed))
			if err != nil {
				return nil, err
			}
			return io.ReadAll(r)
		},
		sarama.CompressionSnappy: xerial.Decode,
		sarama.CompressionLZ4: func(packed []byte) ([]byte, error) {
			return io.ReadAll(lz4.NewReader(bytes.NewReader(packed)))
		},
		sarama.CompressionZSTD: func(packed []byte) ([]byte, error) {
			r, err := zstd.NewReader(nil)
			if err != nil {
				return nil, err
			}
			return r.DecodeAll(packed, nil)
		},
	} {
		t.Run(codec.String(), func(t *testing.T) {
			records := records["many"]
			b := filled(t, codec, records)
			for range 2 { // a batch is used again
				got := b.sealed()
				if len(got) > b.Size()/2 || got[attributesAt+1] != byte(codec) {
					t.Fatalf("%d bytes are sent of %d, with attributes %x", len(got), b.Size(), got[attributesAt:lastAt])
				}
				unpacked, err := unpack(got[headerSize:])
				if err != nil || !bytes.Equal(unpacked, b.bytes[headerSize:]) {
					t.Fatalf("%v; %d bytes are unpacked of %d, or others", err, len(unpacked), b.Size())
				}
				b.reset()
				for _, r := range records {
					b.Add(r, b.begun)
				}
				if err := b.seal(codec); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

func TestACodecThatIsNoneEndsAWriter(t *testing.T) {
	b := NewBatch(100)
	b.Add(Record{Value: []byte("a")}, b.begun)
	if err := b.seal(9); err == nil {
		t.Error("a batch is compressed in a way that there is not")
	}
}
