package reassign

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/IBM/sarama"

	"weir/ops/connect"
	"weir/ops/status/table"
	"weir/ops/topic"
	"weir/provision/kafka"
)

const (
	// poll is how often a batch is looked at; each look asks every broker.
	poll = time.Second
	// stallPatience is how long nothing may come nearer to its end: a throttle
	// below what is written never ends, and neither does a broker that died.
	stallPatience = 5 * time.Minute
	// settlePatience bounds the wait until the controller has taken a request.
	settlePatience = 30 * time.Second
)

// Run carries a plan out.
type Run struct {
	Session *connect.Session
	Log     *Log
	// Rate is each broker's bytes a second for the moves; 0 sets no throttle.
	Rate int64
	// Batch is how many partitions move at a time.
	Batch int
	// Told is told what is done, Live how a batch stands, while it lasts.
	Told func(string)
	Live func(string)
}

// Left is what there is of a run before this one: its throttles are removed where
// none of its moves goes on; moves that go on are waited for. Moves of others
// are an error.
func (r Run) Left(ctx context.Context, record Record) error {
	under, err := r.underWay(ctx)
	if err != nil {
		return err
	}
	ours := map[topic.Partition]bool{}
	for _, m := range record.Moves {
		ours[topic.Partition{Topic: m.Topic, ID: m.ID}] = true
	}
	var others []string
	for at := range under {
		if !ours[at] {
			others = append(others, fmt.Sprintf("%s-%d", at.Topic, at.ID))
		}
	}
	if len(others) > 0 {
		slices.Sort(others)
		return fmt.Errorf("somebody else moves replicas of %s: wait for that to end; its progress is in kafka-reassign-partitions.sh --list", strings.Join(others, ", "))
	}
	if record.empty() {
		return nil
	}
	if len(under) > 0 {
		r.Told(fmt.Sprintf("going on with a run that was cut off: %s under way", table.Count(len(under), "partition")))
		moves := slices.DeleteFunc(slices.Clone(record.Moves), func(m Move) bool {
			_, moving := under[topic.Partition{Topic: m.Topic, ID: m.ID}]
			return !moving
		})
		return r.finish(ctx, "the run before", Record{Moves: moves, Throttles: record.Throttles})
	}
	return r.finish(ctx, "the run before", Record{Throttles: record.Throttles})
}

// finish waits for moves, takes them back where ctx ends, and removes throttles
// in every case. What goes on nevertheless stays on record.
func (r Run) finish(ctx context.Context, name string, record Record) error {
	err := r.wait(ctx, name, record.Moves)
	if ctx.Err() != nil {
		err = r.takeBack(ctx, record.Moves)
	}
	var rest Record
	if err != nil {
		rest.Moves = record.Moves
	}
	if ctx.Err() != nil {
		err = errors.Join(errInterrupted, err)
	}
	var failed error
	rest.Throttles, failed = remove(ctx, r.Session, record.Throttles)
	return errors.Join(err, failed, r.Log.Write(rest))
}

// Do moves batch by batch. Where ctx ends, the batch that is under way is taken
// back; what was moved stays.
func (r Run) Do(ctx context.Context, moves []Move) error {
	began := time.Now()
	batches := slices.Collect(slices.Chunk(moves, r.Batch))
	for i, batch := range batches {
		name := fmt.Sprintf("batch %d of %d", i+1, len(batches))
		if err := r.batch(ctx, name, batch); err != nil {
			return fmt.Errorf("%s: %w; what was moved stays, and the same command goes on from there", name, err)
		}
		r.Told(fmt.Sprintf("%s moved, %s of %d", name, table.Count(min((i+1)*r.Batch, len(moves)), "partition"), len(moves)))
	}
	r.Live(fmt.Sprintf("all moved in %s", table.Seconds(time.Since(began).Seconds())))
	return nil
}

// batch throttles, moves, waits, and takes the throttles away however that ends.
func (r Run) batch(ctx context.Context, name string, moves []Move) error {
	view, err := r.Session.View(ctx)
	if err != nil {
		return err
	}
	record := Record{Moves: moves}
	if r.Rate > 0 {
		record.Throttles = throttles(moves, r.Rate, view.Brokers)
		if err := foreign(ctx, r.Session, record.Throttles); err != nil {
			return err
		}
	}
	if err := r.Log.Write(record); err != nil {
		return err
	}
	err = set(ctx, r.Session, record.Throttles)
	if err == nil {
		err = r.assign(ctx, moves, func(m Move) []int32 { return m.To })
	}
	if err != nil && ctx.Err() == nil {
		// What the controller has begun of it is waited for by the next run.
		left, failed := remove(ctx, r.Session, record.Throttles)
		return errors.Join(err, failed, r.Log.Write(Record{Moves: moves, Throttles: left}))
	}
	return r.finish(ctx, name, record)
}

var errInterrupted = errors.New("interrupted: what was under way is taken back")

// assign tells the controller the replicas of partitions; nil takes a move back.
// It answers for each, in a way that the library hides: what it did is looked at.
func (r Run) assign(ctx context.Context, moves []Move, replicas func(Move) []int32) error {
	_, err := askController(ctx, r.Session, func(b *sarama.Broker) (struct{}, error) {
		request := &sarama.AlterPartitionReassignmentsRequest{TimeoutMs: int32(settlePatience.Milliseconds())}
		for _, m := range moves {
			request.AddBlock(m.Topic, m.ID, replicas(m))
		}
		answer, err := b.AlterPartitionReassignments(request)
		if err == nil && answer.ErrorCode != sarama.ErrNoError {
			err = answer.ErrorCode
		}
		return struct{}{}, err
	})
	return err
}

// takeBack cancels what is still under way of a batch.
func (r Run) takeBack(ctx context.Context, moves []Move) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), settlePatience)
	defer cancel()
	for {
		under, err := r.underWay(ctx)
		if err != nil {
			return fmt.Errorf("whether moves go on is not known: %w", err)
		}
		going := slices.DeleteFunc(slices.Clone(moves), func(m Move) bool {
			_, moving := under[topic.Partition{Topic: m.Topic, ID: m.ID}]
			return !moving
		})
		if len(going) == 0 {
			return nil
		}
		if err := r.assign(ctx, going, func(Move) []int32 { return nil }); err != nil {
			return fmt.Errorf("%s go on, as they could not be taken back: %w", table.Count(len(going), "move"), err)
		}
		if pause(ctx, poll) != nil {
			return fmt.Errorf("%s were not taken back within %s", table.Count(len(going), "move"), settlePatience)
		}
	}
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(d):
		return nil
	}
}

// askController asks the broker that the cluster says is its controller.
func askController[T any](ctx context.Context, s *connect.Session, f func(*sarama.Broker) (T, error)) (T, error) {
	var none T
	view, err := s.View(ctx)
	if err != nil {
		return none, err
	}
	address, known := view.Brokers[view.Controller]
	if !known {
		return none, errors.New("the cluster has no controller now")
	}
	return connect.Ask(ctx, s, address, f)
}

// underWay are all partitions whose replicas move, whoever moves them.
func (r Run) underWay(ctx context.Context) (map[topic.Partition]bool, error) {
	return askController(ctx, r.Session, func(b *sarama.Broker) (map[topic.Partition]bool, error) {
		// Without topics, the request would have an empty list, not none: all are named.
		answer, err := b.GetMetadata(sarama.NewMetadataRequest(r.Session.Config().Version, nil))
		if err != nil {
			return nil, err
		}
		request := &sarama.ListPartitionReassignmentsRequest{TimeoutMs: int32(settlePatience.Milliseconds())}
		for _, t := range answer.Topics {
			var ids []int32
			for _, p := range t.Partitions {
				ids = append(ids, p.ID)
			}
			request.AddBlock(t.Name, ids)
		}
		list, err := b.ListPartitionReassignments(request)
		if err != nil {
			return nil, err
		}
		if list.ErrorCode != sarama.ErrNoError {
			return nil, list.ErrorCode
		}
		under := map[topic.Partition]bool{}
		for name, partitions := range list.TopicStatus {
			for id := range partitions {
				under[topic.Partition{Topic: name, ID: id}] = true
			}
		}
		return under, nil
	})
}

// standing is how far a batch is.
type standing struct {
	done int
	// have and need are the bytes of replicas that are made.
	have, need int64
}

// wait looks at a batch until it is moved, with all replicas in sync. It ends
// where nothing comes nearer for too long.
func (r Run) wait(ctx context.Context, name string, moves []Move) error {
	began, best, moved := time.Now(), standing{done: -1}, time.Now()
	var last error
	for {
		is, err := r.look(ctx, moves)
		switch {
		case err != nil:
			last = err // asked again: a broker may be restarting
		case is.done == len(moves):
			return nil
		default:
			last = nil
			r.Live(fmt.Sprintf("%s: %d of %s, %s of %s, %s", name, is.done, table.Count(len(moves), "partition"),
				table.Bytes(is.have), table.Bytes(is.need), table.Seconds(time.Since(began).Seconds())))
			if is.done > best.done || is.have > best.have {
				best, moved = is, time.Now()
			}
		}
		if time.Since(moved) > stallPatience {
			text := fmt.Sprintf("nothing moved for %s: is a broker down, or the throttle below what is written? The moves go on without a throttle", stallPatience)
			if last != nil {
				return fmt.Errorf("%s: %w", text, last)
			}
			return errors.New(text)
		}
		if err := pause(ctx, poll); err != nil {
			return err
		}
	}
}

// look says how a batch stands.
func (r Run) look(ctx context.Context, moves []Move) (standing, error) {
	var is standing
	under, err := r.underWay(ctx)
	if err != nil {
		return is, err
	}
	view, err := r.Session.View(ctx)
	if err != nil {
		return is, err
	}
	sizes, _ := topic.Sizes(ctx, r.Session, view.Brokers)
	for _, m := range moves {
		at := topic.Partition{Topic: m.Topic, ID: m.ID}
		i := slices.IndexFunc(view.Partitions, func(p kafka.Partition) bool { return p.Topic == m.Topic && p.ID == m.ID })
		if i < 0 {
			is.done++ // deleted meanwhile: nothing is left to move
			continue
		}
		p := view.Partitions[i]
		if !under[at] && moved(p, m) {
			is.done++
		}
		for _, id := range m.Added() {
			is.need += sizes[p.Leader].Partitions[at].Bytes
			is.have += min(sizes[id].Partitions[at].Bytes, sizes[p.Leader].Partitions[at].Bytes)
		}
	}
	return is, nil
}

// moved says that a partition has the replicas that it was to get, all in sync.
func moved(p kafka.Partition, m Move) bool {
	return slices.Equal(p.Replicas, m.To) && len(p.ISR) == len(p.Replicas)
}
