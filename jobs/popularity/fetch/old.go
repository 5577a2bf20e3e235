package fetch

import (
	"encoding/binary"

	"github.com/IBM/sarama"
)

// fetchOld asks a broker before 0.10 by way of the client library, whose message
// sets are few enough for such a cluster.
func (c *conn) fetchOld(r request) (response, error) {
	ask := &sarama.FetchRequest{MaxWaitTime: int32(maxWait.Milliseconds()), MinBytes: 1}
	ask.AddBlock(r.topic, r.partition, r.offset, r.maxBytes, noEpoch)
	answer, err := c.Broker.Fetch(ask)
	if err != nil {
		return response{}, err
	}
	block := answer.GetBlock(r.topic, r.partition)
	if block == nil {
		return response{}, nil
	}
	found := response{present: true, err: block.Err, highWater: block.HighWaterMarkOffset}
	for _, set := range block.RecordsSet {
		if set.MsgSet != nil {
			found.old = appendMessages(found.old, set.MsgSet.Messages)
		}
	}
	return found, nil
}

// appendMessages unpacks compressed messages, which hold others.
func appendMessages(all []*sarama.MessageBlock, blocks []*sarama.MessageBlock) []*sarama.MessageBlock {
	for _, b := range blocks {
		if b.Msg != nil && b.Msg.Set != nil {
			all = appendMessages(all, b.Msg.Set.Messages)
			continue
		}
		all = append(all, b)
	}
	return all
}

// newOldChunk makes a chunk of old messages: a batch as it is written today, whose
// records have no time.
func newOldChunk(messages []*sarama.MessageBlock, from int64, memory *buffer) Chunk {
	c := Chunk{From: from, Next: from, LeaderEpoch: noEpoch, memory: memory}
	memory.batches, memory.scratch = memory.batches[:0], memory.scratch[:0]
	b := batch{base: from, leaderEpoch: noEpoch, first: NoTime, latest: NoTime}
	for _, m := range messages {
		if m.Offset < from || m.Msg == nil { // a compressed message is sent whole
			continue
		}
		memory.scratch = appendRecord(memory.scratch, m.Offset-from, m.Msg.Key, m.Msg.Value)
		b.last, b.count = m.Offset, b.count+1
	}
	if b.count > 0 {
		b.records = memory.scratch
		memory.batches = append(memory.batches, b)
		c.Next = b.last + 1
	}
	return c
}

// appendRecord writes a record of format 2 without time and headers.
func appendRecord(dst []byte, offset int64, key, value []byte) []byte {
	body := []byte{0, 0} // attributes, time
	body = binary.AppendVarint(body, offset)
	body = appendField(appendField(body, key), value)
	body = append(body, 0) // headers
	return append(binary.AppendVarint(dst, int64(len(body))), body...)
}

func appendField(dst, data []byte) []byte {
	if data == nil {
		return binary.AppendVarint(dst, -1)
	}
	return append(binary.AppendVarint(dst, int64(len(data))), data...)
}
