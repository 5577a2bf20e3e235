package popularity

import (
	"fmt"
	"math"
	"time"

	"weir/jobs/behavior"
	"weir/jobs/popularity/store"
)

// timeless is the bucket of messages that belong to none: too old for all that
// is kept, or from the future.
const timeless = math.MinInt32

// Keep says which sums are kept besides those of all time.
type Keep struct {
	// Minutes and Hours are how long sums by minute and by hour of event time are
	// kept: whole minutes, whole hours, 0 for not at all.
	Minutes, Hours time.Duration
}

// longest bounds what may be kept: about two years, as long as a visit may last.
const longest = 17_520 * time.Hour

func (k Keep) check(window time.Duration) error {
	switch {
	case k.Minutes < 0 || k.Minutes > longest || k.Minutes%time.Minute != 0:
		return fmt.Errorf("--keep-minutes %s: want whole minutes, 0 to %s", k.Minutes, longest)
	case k.Hours < 0 || k.Hours > longest || k.Hours%time.Hour != 0:
		return fmt.Errorf("--keep-hours %s: want whole hours, 0 to %s", k.Hours, longest)
	case window < 0 || window > 0 && k.width(window) == 0:
		return fmt.Errorf("--window %s: want whole minutes up to --keep-minutes %s, or whole hours up to --keep-hours %s", window, k.Minutes, k.Hours)
	}
	return nil
}

// width is that of the buckets that make a window; 0 where none do.
func (k Keep) width(window time.Duration) store.Width {
	switch {
	case window%time.Minute == 0 && window <= k.Minutes:
		return store.Minute
	case window%time.Hour == 0 && window <= k.Hours:
		return store.Hour
	default:
		return 0
	}
}

// finest is the width of the narrowest buckets, in milliseconds.
func (k Keep) finest() int64 {
	if k.Minutes > 0 {
		return time.Minute.Milliseconds()
	}
	return time.Hour.Milliseconds()
}

// series are a partition's sums by bucket of event time and page, for buckets of
// one width. Event time goes on when a record with a later timestamp is counted;
// then old buckets fall out. Therefore what is kept depends on the records up to
// the offset alone, not on when they were read: a late record whose bucket has
// fallen out would not be in it either had it come in time.
//
// It takes about 70 bytes for each page with a message in a bucket.
type series struct {
	width store.Width
	keep  int32 // how many buckets
	// from is the first bucket that is kept. Those from there on are complete.
	from int32
	of   map[int32]map[uint32]behavior.Sums // by bucket and slot
}

func newSeries(width store.Width, keep time.Duration, from int32) *series {
	return &series{width: width, keep: int32(keep / width.Duration()), from: from, of: map[int32]map[uint32]behavior.Sums{}}
}

// bucket is the number of the bucket that holds a time.
func bucket(milliseconds, width int64) int32 { return int32(milliseconds / width) }

// advance makes `latest` the event time, and says whether that drops buckets.
func (s *series) advance(latest int64) bool {
	from := bucket(latest, s.width.Duration().Milliseconds()) - s.keep + 1
	if from <= s.from {
		return false
	}
	for b := range s.of {
		if b < from {
			delete(s.of, b)
		}
	}
	s.from = from
	return true
}

// add adds to a page's bucket and returns the bucket's sums; false where it is
// not kept.
func (s *series) add(b int32, slot uint32, sums behavior.Sums) (behavior.Sums, bool, error) {
	if b < s.from || s.keep == 0 {
		return sums, false, nil
	}
	if s.of[b] == nil {
		s.of[b] = map[uint32]behavior.Sums{}
	}
	all := s.of[b][slot]
	if err := all.Add(sums); err != nil {
		return all, false, fmt.Errorf("in the %s from %s: %w", s.width, s.width.Start(b).Format(time.RFC3339), err)
	}
	s.of[b][slot] = all
	return all, true, nil
}

// entries is how many sums are kept.
func (s *series) entries() (n int) {
	for _, pages := range s.of {
		n += len(pages)
	}
	return n
}
