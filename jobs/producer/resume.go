package producer

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"github.com/IBM/sarama"
	"golang.org/x/sync/errgroup"

	"weir/jobs/producer/send"
)

// resumption is how far a run has come, in the partitions themselves. A message
// goes to the partition that its number falls to, and into each partition in
// order: the last one there says which of its messages are there. The messages
// are drawn again from the beginning, and those that are there counted.
type resumption struct {
	run    string
	last   []int64  // the last message in each partition; -1 for none
	values [][]byte // what it says
	most   int64    // the largest of last
	found  func(partition int, value []byte)
}

// A MismatchError says that a topic holds a run that began with other settings.
type MismatchError struct {
	Run  string
	What string
}

func (e *MismatchError) Error() string {
	return fmt.Sprintf("run %s cannot be gone on with: %s; give it the settings it began with, or take another --run-id", e.Run, e.What)
}

// takeOver makes this process the run's only one and finds how far it has come.
func takeOver(ctx context.Context, client sarama.Client, run string, writers []*send.Writer, log *slog.Logger) (*resumption, error) {
	r := &resumption{run: run, last: make([]int64, len(writers)), values: make([][]byte, len(writers)), most: -1}
	group, ctx := errgroup.WithContext(ctx)
	for i, w := range writers {
		group.Go(func() error {
			if err := w.TakeOver(ctx, client); err != nil {
				return err
			}
			found, err := w.Last(ctx, client, r.mine, patient(log, i))
			if err != nil {
				return err
			}
			return r.note(i, found)
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	for _, last := range r.last {
		r.most = max(r.most, last)
	}
	if r.most >= 0 {
		log.Info("going on with a run", "run", run, "after", r.most)
	}
	return r, nil
}

// patient tells how a search gets on that takes long.
func patient(log *slog.Logger, partition int) func(int64) {
	const often = 10 * time.Second
	next := time.Now().Add(often)
	return func(offset int64) {
		if now := time.Now(); now.After(next) {
			next = now.Add(often)
			log.Info("still looking for the run's messages", "partition", partition, "from-offset", offset)
		}
	}
}

// The header is RUN/PARTITIONS/NUMBER. The number of partitions is in it as it
// decides where a message goes.
func (r *resumption) appendHeader(dst []byte, number int64) []byte {
	dst = append(append(dst, r.run...), '/')
	dst = append(strconv.AppendInt(dst, int64(len(r.last)), 10), '/')
	return strconv.AppendInt(dst, number, 10)
}

// mine says whether a header is one of this run.
func (r *resumption) mine(header []byte) bool {
	return len(header) > len(r.run) && string(header[:len(r.run)]) == r.run && header[len(r.run)] == '/'
}

// note takes the last record found in the i-th partition; nil is none.
func (r *resumption) note(i int, found *send.Found) error {
	r.last[i] = -1
	if found == nil {
		return nil
	}
	partitions, number, _ := strings.Cut(string(found.Header[len(r.run)+1:]), "/")
	n, err := strconv.ParseInt(number, 10, 64)
	switch {
	case err != nil || n < 0:
		return &MismatchError{r.run, fmt.Sprintf("the header at offset %d is %q", found.Offset, found.Header)}
	case partitions != strconv.Itoa(len(r.last)):
		return &MismatchError{r.run, fmt.Sprintf("the topic had %s partitions when it began, and has %d now", partitions, len(r.last))}
	case n%int64(len(r.last)) != int64(i):
		return &MismatchError{r.run, fmt.Sprintf("message %d is in partition number %d of %d", n, i, len(r.last))}
	}
	r.last[i], r.values[i] = n, found.Value
	return nil
}

// has says whether a message is in the topic. A nil resumption has none.
func (r *resumption) has(number int64) bool {
	return r != nil && number <= r.most && number <= r.last[number%int64(len(r.last))]
}

// count counts a message that is there, and compares the last one of each
// partition with what has been drawn now.
func (r *resumption) count(number int64, value []byte) error {
	i := int(number % int64(len(r.last)))
	if number == r.last[i] && !bytes.Equal(value, r.values[i]) {
		return &MismatchError{r.run, fmt.Sprintf("message %d is %q, and is %q by these settings", number, r.values[i], value)}
	}
	r.found(i, value)
	return nil
}
