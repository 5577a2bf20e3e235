package popularity

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/IBM/sarama"

	"weir/jobs/popularity/fetch"
	"weir/jobs/popularity/store"
)

const (
	// outboxBatch is how many dead letters are sent at a time.
	outboxBatch = 500
	// clockSlack is how far the clock of a machine on which an earlier run kept a
	// letter may have been ahead of the one that stamped it in its topic.
	clockSlack = 10 * time.Minute
	// searchLimit bounds the search for letters that arrived already.
	searchLimit = time.Minute
)

// empty sends all dead letters of the outbox and takes out what is acknowledged.
//
// After a start, and after an error, some of them may have arrived although
// nobody saw it acknowledged. Those are looked for in the dead-letter topic
// first: so a letter arrives once, unless a request of a run that was killed is
// still on its way while the next run looks. Then its key tells.
func (o *outlet) empty(ctx context.Context, l *Ledger) error {
	for {
		letters, err := l.store.Outbox(ctx, outboxBatch)
		if err != nil || len(letters) == 0 {
			return err
		}
		missing := letters
		if o.unsure {
			if missing, err = o.missing(ctx, letters); err != nil {
				return fmt.Errorf("look for dead letters that arrived on %s: %w", o.deadLetterTopic, err)
			}
		}
		messages := make([]*sarama.ProducerMessage, 0, len(missing))
		for _, letter := range missing {
			messages = append(messages, o.letter(letter))
		}
		if err := first(o.producer.SendMessages(messages)); err != nil {
			o.unsure = true
			return fmt.Errorf("send to %s: %w", o.deadLetterTopic, err)
		}
		if err := l.Delivered(ctx, letters); err != nil {
			return err
		}
		// All that an earlier run may have sent was in its outbox when it ended.
		o.unsure = o.unsure && len(letters) == outboxBatch
	}
}

// place is a bad record's place in the input topic, and its letter's key.
func place(partition int32, offset int64) string { return fmt.Sprintf("%d/%d", partition, offset) }

const topicHeader = "weir-topic"

// letter is a dead letter as a message.
func (o *outlet) letter(d store.DeadLetter) *sarama.ProducerMessage {
	header := func(key, value string) sarama.RecordHeader {
		return sarama.RecordHeader{Key: []byte(key), Value: []byte(value)}
	}
	m := &sarama.ProducerMessage{
		Topic: o.deadLetterTopic,
		Key:   sarama.StringEncoder(place(d.Partition, d.Offset)),
		// Never nil: in a compacted topic that would delete the letter.
		Value: sarama.ByteEncoder(append([]byte{}, d.Value...)),
		Headers: []sarama.RecordHeader{
			header("weir-reason", string(d.Reason)),
			header(topicHeader, o.inputTopic),
			header("weir-partition", strconv.Itoa(int(d.Partition))),
			header("weir-offset", strconv.FormatInt(d.Offset, 10)),
			header("weir-timestamp", strconv.FormatInt(d.Time, 10)),
		},
	}
	if d.Size > len(d.Value) {
		m.Headers = append(m.Headers, header("weir-cut-from-bytes", strconv.Itoa(d.Size)))
	}
	if o.old {
		m.Value, m.Headers = sarama.ByteEncoder(enclosed(m.Headers, d.Value)), nil
	}
	return m
}

// enclosed is a letter for a topic whose messages have no headers: an object with
// what they would say, and the value in base64, as it is no text perhaps.
func enclosed(headers []sarama.RecordHeader, value []byte) []byte {
	all := map[string]string{valueField: base64.StdEncoding.EncodeToString(value)}
	for _, h := range headers {
		all[string(h.Key)] = string(h.Value)
	}
	text, _ := json.Marshal(all) // strings cannot fail
	return text
}

const valueField = "value"

// topicOf is the input topic of a letter; empty where it is none of ours.
func topicOf(r *fetch.Record) string {
	if topic := r.Header(topicHeader); topic != nil {
		return string(topic)
	}
	var enclosed map[string]string
	if json.Unmarshal(r.Value, &enclosed) != nil {
		return ""
	}
	return enclosed[topicHeader]
}

// missing are the letters that the dead-letter topic does not hold.
func (o *outlet) missing(ctx context.Context, letters []store.DeadLetter) ([]store.DeadLetter, error) {
	ctx, cancel := context.WithTimeout(ctx, searchLimit)
	defer cancel()
	since := letters[0].Kept
	for _, d := range letters {
		since = min(since, d.Kept)
	}
	since -= clockSlack.Milliseconds()
	arrived := map[string]bool{}
	partitions, err := o.client.Partitions(o.deadLetterTopic)
	for _, partition := range partitions {
		err = errors.Join(err, o.search(ctx, partition, since, arrived))
	}
	return slices.DeleteFunc(slices.Clone(letters), func(d store.DeadLetter) bool {
		return arrived[place(d.Partition, d.Offset)]
	}), err
}

// search notes the keys of our letters in a partition, from a time on.
func (o *outlet) search(ctx context.Context, partition int32, since int64, arrived map[string]bool) error {
	if o.old {
		since = sarama.OffsetOldest // there are no times to look for
	}
	from, err := o.client.GetOffset(o.deadLetterTopic, partition, since)
	if err != nil || from < 0 { // nothing is as young
		return err
	}
	end, err := o.client.GetOffset(o.deadLetterTopic, partition, sarama.OffsetNewest)
	if err != nil {
		return err
	}
	return fetch.Range(ctx, o.client, o.deadLetterTopic, partition, from, end, func(r *fetch.Record) {
		if topicOf(r) == o.inputTopic {
			arrived[string(r.Key)] = true
		}
	})
}
