package e2e

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"

	"github.com/IBM/sarama"

	"weir/jobs/behavior"
	"weir/jobs/popularity/snapshot"
	"weir/jobs/popularity/store"
	"weir/jobs/popularity/store/disk"
)

// verdict compares, integer by integer and page by page: the manifest with an
// independent recount of the topic, the recount with the state, that with what
// was published, and the dead letters with the records that are no messages.
func (x *trial) verdict(open func() (store.Store, error)) error {
	x.t.Helper()
	parts, err := x.compared(x.producer, trialSeed, trialRun)
	if err != nil {
		return err
	}
	if err := x.stateEquals(parts, open); err != nil {
		return fmt.Errorf("the state: %w", err)
	}
	if err := x.publishedEquals(parts); err != nil {
		return fmt.Errorf("what was published: %w", err)
	}
	return x.lettersEqual(parts)
}

// onDisk opens the state of a calculator that has ended.
func onDisk(dir string) func() (store.Store, error) {
	return func() (store.Store, error) { return disk.Open(dir, false, slog.New(slog.DiscardHandler)) }
}

// stateEquals compares the state with a recount, partition by partition.
func (x *trial) stateEquals(parts [3]held, open func() (store.Store, error)) (err error) {
	x.t.Helper()
	ctx := x.t.Context()
	state, err := open()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, state.Close(context.WithoutCancel(ctx))) }()
	positions, err := state.Positions(ctx)
	if err != nil {
		return err
	}
	ends := x.ends()
	for partition, part := range parts {
		pages, err := pagesOf(ctx, state, int32(partition))
		if err == nil {
			err = part.sums.equal(pages)
		}
		counted := int64(0)
		for _, sums := range pages {
			counted += sums.N
		}
		if err == nil {
			err = minutesEqual(ctx, state, int32(partition), part.minutes)
		}
		// Bad records have no sums, and markers are no records at all.
		if want := part.messages - int64(len(part.bad)); err == nil && counted != want {
			err = fmt.Errorf("%d messages are counted, %d are there", counted, want)
		}
		if next := positions[int32(partition)].Next; err == nil && next != ends[partition] {
			err = fmt.Errorf("it is counted up to offset %d, it ends at %d", next, ends[partition])
		}
		if err != nil {
			return fmt.Errorf("partition %d: %w", partition, err)
		}
	}
	return nil
}

// pagesOf are the sums of a partition's pages.
func pagesOf(ctx context.Context, state store.Store, partition int32) (map[string]behavior.Sums, error) {
	pages := map[string]behavior.Sums{}
	err := state.Pages(ctx, partition, func(page []byte, sums behavior.Sums, _ int64) error {
		pages[string(page)] = sums
		return nil
	})
	return pages, err
}

// minutesEqual compares the sums by minute of event time. No trial is as long as they
// are kept, late records included.
func minutesEqual(ctx context.Context, state store.Store, partition int32, want map[int32]recount) error {
	got := map[int32]map[string]behavior.Sums{}
	err := state.Buckets(ctx, store.Minute, partition, func(minute int32, page []byte, sums behavior.Sums) error {
		if got[minute] == nil {
			got[minute] = map[string]behavior.Sums{}
		}
		got[minute][string(page)] = sums
		return nil
	})
	if err == nil && len(got) != len(want) {
		err = fmt.Errorf("the topic has messages of %d minutes, %d were counted", len(want), len(got))
	}
	for minute, sums := range want {
		if err != nil {
			break
		}
		if err = sums.equal(got[minute]); err != nil {
			err = fmt.Errorf("minute %d: %w", minute, err)
		}
	}
	return err
}

// publishedEquals compares the snapshots, read from their topic's beginning.
func (x *trial) publishedEquals(parts [3]held) error {
	x.t.Helper()
	var view snapshot.View
	var bad error
	x.read(x.snapshots(), 0, func(m *sarama.ConsumerMessage) {
		message, err := snapshot.Decode(m.Key, m.Value)
		bad = errors.Join(bad, err)
		view.Add(message)
	})
	if bad != nil {
		return bad
	}
	ends := x.ends()
	for partition, part := range parts {
		s, ok := view.Snapshot(int32(partition))
		if !ok || s.NextOffset != ends[partition] {
			return fmt.Errorf("partition %d: the last snapshot is complete: %t, and of offset %d; want %d", partition, ok, s.NextOffset, ends[partition])
		}
		if err := part.sums.equal(s.Pages); err != nil {
			return fmt.Errorf("partition %d: %w", partition, err)
		}
	}
	return nil
}

// mostTwice is how many letters may have come twice: a request that a killed
// calculator left on the network, of one that reads its outbox by this many.
const mostTwice = 500

// lettersEqual wants a dead letter for every record that is no message, with what it
// says and why it is none, and for no other.
func (x *trial) lettersEqual(parts [3]held) error {
	x.t.Helper()
	want, got := map[string]string{}, map[string]string{}
	for partition, part := range parts {
		for offset, value := range part.bad {
			want[fmt.Sprintf("%d/%d", partition, offset)] = value
		}
	}
	arrived, unexplained := 0, 0
	x.read(x.letters(), 0, func(m *sarama.ConsumerMessage) {
		arrived++
		got[string(m.Key)] = string(m.Value)
		if !slices.ContainsFunc(m.Headers, func(h *sarama.RecordHeader) bool { return string(h.Key) == "weir-reason" && len(h.Value) > 0 }) {
			unexplained++
		}
	})
	switch {
	case !maps.Equal(got, want):
		return fmt.Errorf("%d records have dead letters, want %d\ngot  %v\nwant %v", len(got), len(want), got, want)
	case unexplained > 0:
		return fmt.Errorf("%d dead letters do not say why", unexplained)
	case arrived > x.starts*len(want)+mostTwice:
		return fmt.Errorf("%d dead letters came for %d records, counted from the beginning %d times", arrived, len(want), x.starts)
	}
	x.t.Logf("%d records are no messages, %d dead letters came", len(want), arrived)
	return nil
}
