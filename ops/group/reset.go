package group

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/IBM/sarama"

	"weir/ops/connect"
	"weir/ops/topic"
	"weir/provision/kafka"
)

// Target is where a group is to go on reading: exactly one field is set.
type Target struct {
	Earliest, Latest bool
	// Offset is one offset for all partitions; Shift moves each by so many.
	Offset *int64
	Shift  *int64
	// Time goes to the first record of that time or later.
	Time *time.Time
}

// Validate says what is wrong with a target.
func (t Target) Validate() error {
	n := 0
	for _, set := range []bool{t.Earliest, t.Latest, t.Offset != nil, t.Shift != nil, t.Time != nil} {
		if set {
			n++
		}
	}
	if n != 1 {
		return errors.New("say one of --to-earliest, --to-latest, --to-offset, --to-time and --shift")
	}
	if t.Offset != nil && *t.Offset < 0 {
		return fmt.Errorf("offset %d: want 0 or more", *t.Offset)
	}
	return nil
}

// Move is what a reset makes of one partition.
type Move struct {
	Topic string `json:"topic"`
	ID    int32  `json:"id"`
	// Old is -1 where nothing was committed.
	Old int64 `json:"old"`
	New int64 `json:"new"`
	// Note says where it is not what was asked for.
	Note string `json:"note,omitempty"`
}

// bounds is what can be read of a partition; at is what a time led to, -1 for none.
type bounds struct{ earliest, latest, at int64 }

// to says where to a partition goes; old is -1 where nothing was committed.
func (t Target) to(old int64, b bounds) (offset int64, note string, err error) {
	switch {
	case t.Earliest:
		return b.earliest, "", nil
	case t.Latest:
		return b.latest, "", nil
	case t.Time != nil && b.at < 0:
		return b.latest, "no record so late: the end", nil
	case t.Time != nil:
		return b.at, "", nil
	case t.Offset != nil:
		offset = *t.Offset
	case old < 0:
		return 0, "", errors.New("nothing is committed that could be shifted")
	default:
		offset = old + *t.Shift
	}
	if kept := min(max(offset, b.earliest), b.latest); kept != offset {
		return kept, fmt.Sprintf("%d is not there: %d to %d are", offset, b.earliest, b.latest), nil
	}
	return offset, "", nil
}

// Plan says what a reset would do, to all that the group has committed, or to
// topics. It fails as a whole where one partition does not tell its offsets.
func (d Description) Plan(ctx context.Context, s *connect.Session, t Target, topics []string) ([]Move, error) {
	old := map[topic.Partition]int64{}
	for _, p := range d.Partitions {
		old[topic.Partition{Topic: p.Topic, ID: p.ID}] = p.Committed
	}
	for _, name := range topics {
		if len(d.view.Of(name)) == 0 {
			return nil, fmt.Errorf("topic %s: %w", name, kafka.ErrNoTopic)
		}
	}
	chosen := d.view.With(func(p kafka.Partition) bool {
		_, committed := old[topic.Partition{Topic: p.Topic, ID: p.ID}]
		return slices.Contains(topics, p.Topic) || len(topics) == 0 && committed
	})
	if len(chosen) == 0 {
		return nil, errors.New("the group has committed nothing; name what it is to read with --topic")
	}
	earliest, failed := topic.Offsets(ctx, s, d.view, chosen, topic.Earliest)
	latest, failedToo := topic.Offsets(ctx, s, d.view, chosen, topic.Latest)
	at := map[topic.Partition]int64{}
	var failedTime map[topic.Partition]error
	if t.Time != nil {
		at, failedTime = topic.Offsets(ctx, s, d.view, chosen, t.Time.UnixMilli())
	}
	var moves []Move
	for _, p := range chosen {
		key := topic.Partition{Topic: p.Topic, ID: p.ID}
		for _, f := range []map[topic.Partition]error{failed, failedToo, failedTime} {
			if f[key] != nil {
				return nil, fmt.Errorf("the offsets of %s are not told: %w", p, f[key])
			}
		}
		before, committed := old[key]
		if !committed {
			before = -1
		}
		to, note, err := t.to(before, bounds{earliest[key], latest[key], at[key]})
		if err != nil {
			return nil, fmt.Errorf("partition %s: %w", p, err)
		}
		moves = append(moves, Move{Topic: p.Topic, ID: p.ID, Old: before, New: to, Note: note})
	}
	return moves, nil
}

// Reset commits the moves. Kafka itself refuses where a consumer has joined
// meanwhile.
func (d Description) Reset(ctx context.Context, s *connect.Session, moves []Move) error {
	request := sarama.NewOffsetCommitRequest(s.Config(), d.Name)
	for _, m := range moves {
		request.AddBlockWithLeaderEpoch(m.Topic, m.ID, m.New, noEpoch, 0, "")
	}
	answer, err := connect.Ask(ctx, s, d.at, func(b *sarama.Broker) (*sarama.OffsetCommitResponse, error) {
		return b.CommitOffset(request)
	})
	if err != nil {
		return fmt.Errorf("group %s: the offsets may not be set: %w", d.Name, err)
	}
	var errs []error
	for _, m := range moves {
		code, told := answer.Errors[m.Topic][m.ID]
		switch {
		case !told:
			errs = append(errs, fmt.Errorf("%s-%d: the coordinator says nothing of it", m.Topic, m.ID))
		case code == sarama.ErrUnknownMemberId || code == sarama.ErrRebalanceInProgress:
			errs = append(errs, fmt.Errorf("%s-%d: a consumer joined the group meanwhile: %w", m.Topic, m.ID, code))
		case code != sarama.ErrNoError:
			errs = append(errs, fmt.Errorf("%s-%d: %w", m.Topic, m.ID, code))
		}
	}
	return errors.Join(errs...)
}

// noEpoch says that the epoch of the record before is not known.
const noEpoch = -1
