package send

import (
	"bytes"
	"fmt"
	"io"

	"github.com/IBM/sarama"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/snappy/xerial"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
)

// packer compresses; it keeps its tables between batches.
type packer struct {
	gzip *gzip.Writer
	lz4  *lz4.Writer
	zstd *zstd.Encoder
}

// pack appends records, compressed as Kafka's own clients do: snappy in the
// framing of the Java library, LZ4 in blocks of 64 KiB.
func (p *packer) pack(dst []byte, codec sarama.CompressionCodec, records []byte) (_ []byte, err error) {
	out := bytes.NewBuffer(dst)
	switch codec {
	case sarama.CompressionGZIP:
		if p.gzip == nil {
			p.gzip = gzip.NewWriter(nil)
		}
		p.gzip.Reset(out)
		err = write(p.gzip, records)
	case sarama.CompressionSnappy:
		return append(dst, xerial.Encode(nil, records)...), nil // it begins anew only in an empty one
	case sarama.CompressionLZ4:
		if p.lz4 == nil {
			p.lz4 = lz4.NewWriter(nil)
			if err := p.lz4.Apply(lz4.BlockSizeOption(lz4.Block64Kb)); err != nil {
				return dst, err
			}
		}
		p.lz4.Reset(out)
		err = write(p.lz4, records)
	case sarama.CompressionZSTD:
		if p.zstd == nil {
			if p.zstd, err = zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithZeroFrames(true)); err != nil {
				return dst, err
			}
		}
		return p.zstd.EncodeAll(records, dst), nil
	default:
		return dst, fmt.Errorf("there is no way %d of compressing", codec)
	}
	return out.Bytes(), err
}

func write(to io.WriteCloser, records []byte) error {
	if _, err := to.Write(records); err != nil {
		return err
	}
	return to.Close()
}
