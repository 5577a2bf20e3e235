package console

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/IBM/sarama"

	"weir/ops/connect"
)

const (
	// gapPatience is how long a partition may say nothing until what is missing
	// before its end is taken for a gap, of compaction or of transactions' marks.
	// A fetch takes at most half a second.
	gapPatience = 2 * time.Second
	// endPatience is how long a reader that goes to the end may get nothing from a
	// partition before it gives up: a leader that died is replaced sooner.
	endPatience = 30 * time.Second
	// tick is how often those are looked at.
	tick = 200 * time.Millisecond
)

// Start is where reading begins: exactly one of its fields counts, in this order;
// the zero value is the end.
type Start struct {
	Beginning bool
	// Offset is an offset; negative, so many records before the end.
	Offset *int64
	Time   *time.Time
}

// Reading says what to read.
type Reading struct {
	Topic string
	// Partitions to read; none means all.
	Partitions []int32
	Start      Start
	// Count ends after so many records; 0 is no limit.
	Count int
	// ToEnd ends where the partitions ended when reading began.
	ToEnd bool
	// Timeout gives up when nothing came for so long; 0 is never.
	Timeout time.Duration
	Format  Format
	// Warn is told what goes wrong meanwhile.
	Warn func(string)
}

// reader is one run.
type reader struct {
	Reading
	out     io.Writer
	of      map[int32]*reading
	read    int
	lastAny time.Time
}

// reading is one partition.
type reading struct {
	from sarama.PartitionConsumer
	// next is the first offset not yet read, end where reading may end.
	next, end int64
	last      time.Time
	// failing is why it gives nothing now.
	failing error
}

// Consume writes records as lines until it has what it was to read. An error says
// what it did not get. Without Count and ToEnd it goes on until ctx ends, which
// is no error.
func Consume(ctx context.Context, s *connect.Session, r Reading, out io.Writer) (read int, err error) {
	client, err := s.Client(ctx)
	if err != nil {
		return 0, err
	}
	consumer, err := sarama.NewConsumerFromClient(client)
	if err != nil {
		return 0, err
	}
	run := &reader{Reading: r, out: out, of: map[int32]*reading{}}
	messages, failures, err := run.open(ctx, client, consumer)
	if err != nil {
		return 0, err
	}
	defer run.close()
	err = run.loop(ctx, messages, failures)
	return run.read, err
}

func (r *reader) open(ctx context.Context, client sarama.Client, consumer sarama.Consumer) (<-chan *sarama.ConsumerMessage, <-chan *sarama.ConsumerError, error) {
	partitions, err := connect.Bounded(ctx, func() ([]int32, error) { return client.Partitions(r.Topic) })
	if errors.Is(err, sarama.ErrUnknownTopicOrPartition) {
		return nil, nil, fmt.Errorf("there is no topic %s", r.Topic)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("topic %s: %w", r.Topic, err)
	}
	for _, p := range r.Partitions {
		if !slices.Contains(partitions, p) {
			return nil, nil, fmt.Errorf("topic %s has no partition %d; it has %v", r.Topic, p, partitions)
		}
	}
	if len(r.Partitions) > 0 {
		partitions = r.Partitions
	}
	messages, failures := make(chan *sarama.ConsumerMessage), make(chan *sarama.ConsumerError)
	r.lastAny = time.Now()
	for _, p := range partitions {
		one, err := connect.Bounded(ctx, func() (*reading, error) { return r.begin(client, consumer, p) })
		if err != nil {
			// The others are read nevertheless; how it ends tells of this one.
			one = &reading{end: 1, last: time.Now(), failing: err}
			r.Warn(fmt.Sprintf("%s-%d cannot be read: %v", r.Topic, p, err))
		}
		r.of[p] = one
		if one.from != nil {
			go forward(ctx, one.from, messages, failures)
		}
	}
	return messages, failures, nil
}

// begin finds where a partition is read from and to, and begins to read it.
func (r *reader) begin(client sarama.Client, consumer sarama.Consumer, p int32) (*reading, error) {
	first, err := client.GetOffset(r.Topic, p, sarama.OffsetOldest)
	if err != nil {
		return nil, err
	}
	end, err := client.GetOffset(r.Topic, p, sarama.OffsetNewest)
	if err != nil {
		return nil, err
	}
	at := int64(-1)
	if r.Start.Time != nil {
		if at, err = client.GetOffset(r.Topic, p, r.Start.Time.UnixMilli()); err != nil {
			return nil, err
		}
	}
	from, err := r.Start.offset(first, end, at)
	if err != nil {
		return nil, err
	}
	pc, err := consumer.ConsumePartition(r.Topic, p, from)
	if err != nil {
		return nil, err
	}
	return &reading{from: pc, next: from, end: end, last: time.Now()}, nil
}

// offset is where to begin in a partition that has first to end; at is what the
// time led to, -1 where no record is so late.
func (s Start) offset(first, end, at int64) (int64, error) {
	switch {
	case s.Beginning:
		return first, nil
	case s.Offset != nil && *s.Offset < 0:
		return max(first, end+*s.Offset), nil
	case s.Offset != nil && (*s.Offset < first || *s.Offset > end):
		return 0, fmt.Errorf("offset %d is not there: %d to %d are", *s.Offset, first, end)
	case s.Offset != nil:
		return *s.Offset, nil
	case s.Time != nil && at >= 0:
		return at, nil
	}
	return end, nil
}

// forward takes a partition's records and errors to the reader.
func forward(ctx context.Context, pc sarama.PartitionConsumer, messages chan<- *sarama.ConsumerMessage, failures chan<- *sarama.ConsumerError) {
	for {
		select {
		case m, open := <-pc.Messages():
			if !open {
				return
			}
			select {
			case messages <- m:
			case <-ctx.Done():
				return
			}
		case err, open := <-pc.Errors():
			if !open {
				return
			}
			select {
			case failures <- err:
			case <-ctx.Done():
				return
			}
		case <-ctx.Done():
			return
		}
	}
}

// close has the partition readers end by themselves: one whose broker is dead
// would take its time.
func (r *reader) close() {
	for _, one := range r.of {
		if one.from != nil {
			one.from.AsyncClose()
		}
	}
}

func (r *reader) loop(ctx context.Context, messages <-chan *sarama.ConsumerMessage, failures <-chan *sarama.ConsumerError) error {
	clock := time.NewTicker(tick)
	defer clock.Stop()
	for {
		if done, err := r.done(time.Now()); done || err != nil {
			return err
		}
		select {
		case m := <-messages:
			if err := r.take(m); err != nil {
				return err
			}
		case f := <-failures:
			r.fail(f)
		case <-clock.C:
		case <-ctx.Done():
			return r.interrupted()
		}
	}
}

func (r *reader) take(m *sarama.ConsumerMessage) error {
	one := r.of[m.Partition]
	one.next, one.last, one.failing = m.Offset+1, time.Now(), nil
	r.lastAny = one.last
	if r.ToEnd && m.Offset >= one.end {
		return nil // came after reading began
	}
	text, err := r.Format.Line(m)
	if err == nil {
		_, err = r.out.Write(text)
	}
	if err == nil {
		r.read++
	}
	return err
}

func (r *reader) fail(f *sarama.ConsumerError) {
	one := r.of[f.Partition]
	if one.failing == nil {
		r.Warn(fmt.Sprintf("%s-%d: %v; trying again", f.Topic, f.Partition, f.Err))
	}
	one.failing = f.Err
}

// done says whether all was read that was to be, or will never be.
func (r *reader) done(now time.Time) (bool, error) {
	if r.Count > 0 && r.read >= r.Count {
		return true, nil
	}
	if r.Timeout > 0 && now.Sub(r.lastAny) > r.Timeout {
		return true, r.short(fmt.Sprintf("nothing came for %s", r.Timeout))
	}
	if !r.ToEnd {
		return false, nil
	}
	ended := true
	for _, one := range r.of {
		if !one.ended(now) {
			ended = false
			if now.Sub(one.last) > endPatience || one.from == nil && r.otherwiseEnded(now) {
				return true, r.short("not all partitions could be read to their end")
			}
		}
	}
	if ended && r.Count > 0 {
		return true, r.short("the partitions end there")
	}
	return ended, nil
}

// otherwiseEnded says that all partitions that can be read were.
func (r *reader) otherwiseEnded(now time.Time) bool {
	for _, one := range r.of {
		if one.from != nil && !one.ended(now) {
			return false
		}
	}
	return true
}

// ended says that a partition is read to its end. What is missing before it
// counts as a gap once the leader has answered and sends no more.
func (one *reading) ended(now time.Time) bool {
	switch {
	case one.next >= one.end && one.from != nil:
		return true
	case one.from == nil || one.failing != nil:
		return false
	}
	return one.from.HighWaterMarkOffset() >= one.end && now.Sub(one.last) > gapPatience
}

// interrupted is how a run ends that was ended from outside.
func (r *reader) interrupted() error {
	if r.Count > 0 || r.ToEnd || r.failing() != "" {
		return r.short("interrupted")
	}
	return nil
}

// failing names the partitions that give nothing now.
func (r *reader) failing() string {
	var names []string
	for _, p := range slices.Sorted(maps.Keys(r.of)) {
		if err := r.of[p].failing; err != nil {
			names = append(names, fmt.Sprintf("%s-%d (%v)", r.Topic, p, err))
		}
	}
	return strings.Join(names, ", ")
}

// short is the error of a run that did not get all that it was to read.
func (r *reader) short(why string) error {
	text := fmt.Sprintf("%s: %d records read", why, r.read)
	if r.Count > 0 {
		text = fmt.Sprintf("%s: %d of %d records read", why, r.read, r.Count)
	}
	if failing := r.failing(); failing != "" {
		text += "; not read: " + failing
	}
	return errors.New(text)
}
