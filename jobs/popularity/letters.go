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
	// searchLimit bounds the search for letters that arrived already, among all that
	// came since the oldest that waits.
	searchLimit = 10 * time.Minute
)

// empty sends all dead letters of the outbox and takes out what is acknowledged.
//
// After an error, and of partitions that this process has just taken, some of them
// may have arrived although nobody saw it acknowledged. Those are looked for in the
// dead-letter topic first: so a letter arrives once, unless a request of a run that
// was killed is still on its way while the next run looks. Then its key tells.
func (o *outlet) empty(ctx context.Context, l *Ledger) error {
	for {
		letters, err := l.store.Outbox(ctx, outboxBatch)
		if err != nil || len(letters) == 0 {
			return err
		}
		missing, err := o.missing(ctx, letters)
		if err != nil {
			return fmt.Errorf("look for dead letters that arrived on %s: %w", o.deadLetterTopic, err)
		}
		messages := make([]*sarama.ProducerMessage, 0, len(missing))
		for _, letter := range missing {
			messages = append(messages, o.letter(letter))
		}
		if err := first(o.producer.SendMessages(messages)); err != nil {
			o.doubt()
			return fmt.Errorf("send to %s: %w", o.deadLetterTopic, err)
		}
		if err := l.Delivered(ctx, letters); err != nil {
			o.doubt()
			return err
		}
		if len(letters) < outboxBatch { // all that an earlier owner may have sent was among them
			o.trust(letters)
		}
	}
}

// doubt says that letters of any partition may have arrived.
func (o *outlet) doubt() {
	o.mu.Lock()
	defer o.mu.Unlock()
	clear(o.sure)
}

// forget says so of a partition that another owner may send letters of.
func (o *outlet) forget(partition int32) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.sure, partition)
}

// trust says that what will be in the outbox of these letters' partitions was never
// sent.
func (o *outlet) trust(letters []store.DeadLetter) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, d := range letters {
		o.sure[d.Partition] = true
	}
}

// doubtful are those of the letters that may have arrived.
func (o *outlet) doubtful(letters []store.DeadLetter) []store.DeadLetter {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(letters), func(d store.DeadLetter) bool { return o.sure[d.Partition] })
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

// missing are the letters that have not arrived: the dead-letter topic does not hold
// them.
func (o *outlet) missing(ctx context.Context, letters []store.DeadLetter) ([]store.DeadLetter, error) {
	doubtful := o.doubtful(letters)
	if len(doubtful) == 0 {
		return letters, nil
	}
	ctx, cancel := context.WithTimeout(ctx, searchLimit)
	defer cancel()
	since := doubtful[0].Kept
	arrived := map[string]bool{} // by the keys of those that are looked for
	for _, d := range doubtful {
		since = min(since, d.Kept)
		arrived[place(d.Partition, d.Offset)] = false
	}
	since -= clockSlack.Milliseconds()
	partitions, err := o.client.Partitions(o.deadLetterTopic)
	for _, partition := range partitions {
		err = errors.Join(err, o.search(ctx, partition, since, arrived))
	}
	return slices.DeleteFunc(slices.Clone(letters), func(d store.DeadLetter) bool {
		return arrived[place(d.Partition, d.Offset)]
	}), err
}

// search notes which letters a partition holds, from a time on.
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
		if _, ours := arrived[string(r.Key)]; ours && topicOf(r) == o.inputTopic {
			arrived[string(r.Key)] = true
		}
	})
}
