package behavior

import (
	"errors"
	"fmt"
	"math/bits"
	"strconv"
)

// ErrOverflow says that a sum no longer fits its integer. It takes billions of
// messages at the limits; counting on would be wrong, so callers stop.
var ErrOverflow = errors.New("a page's sum is larger than its integer holds")

// Sums is what is known of a page: how many messages, and the sums of their
// parts. It is a value; == compares.
type Sums struct {
	// N is the number of messages.
	N int64 `json:"n"`
	// Clicks is the sum of clicks.
	Clicks int64 `json:"clicks"`
	// StayNano is the sum of stays in 1e-9 minutes.
	StayNano Uint128 `json:"stayNano"`
	// Like is likes minus dislikes.
	Like int64 `json:"like"`
}

// SumsOf returns the sums of one message.
func SumsOf(m Message) Sums {
	return Sums{N: 1, Clicks: m.Clicks, StayNano: Uint128{Lo: uint64(m.StayNano)}, Like: m.Like}
}

// Count adds one message. It does not look for overflow, which takes more than
// 9.2e9 messages at the limits: who counts fewer in one Sums, and then adds that
// to others by Add, misses none.
func (s *Sums) Count(m Message) {
	s.N++
	s.Clicks += m.Clicks
	s.Like += m.Like
	lo, carry := bits.Add64(s.StayNano.Lo, uint64(m.StayNano), 0)
	s.StayNano.Lo = lo
	s.StayNano.Hi += carry
}

// Add adds v. On overflow the error is ErrOverflow and s is unchanged.
func (s *Sums) Add(v Sums) error {
	n, o1 := addInt64(s.N, v.N)
	clicks, o2 := addInt64(s.Clicks, v.Clicks)
	like, o3 := addInt64(s.Like, v.Like)
	stay, o4 := s.StayNano.Add(v.StayNano)
	if o1 || o2 || o3 || o4 {
		return ErrOverflow
	}
	*s = Sums{N: n, Clicks: clicks, StayNano: stay, Like: like}
	return nil
}

// Sub returns s minus an earlier state v of the same sums. It is an error where
// v cannot be earlier: more messages, clicks or stay than s.
func (s Sums) Sub(v Sums) (Sums, error) {
	stay, underflow := s.StayNano.Sub(v.StayNano)
	if underflow || s.N < v.N || s.Clicks < v.Clicks {
		return Sums{}, fmt.Errorf("sums went down: from %+v to %+v", v, s)
	}
	return Sums{N: s.N - v.N, Clicks: s.Clicks - v.Clicks, StayNano: stay, Like: s.Like - v.Like}, nil
}

func addInt64(a, b int64) (sum int64, overflow bool) {
	sum = a + b
	return sum, (sum > a) != (b > 0) && b != 0
}

// AppendJSON appends the same text as encoding/json would write, without its cost:
// a publication may have millions.
func (s Sums) AppendJSON(dst []byte) []byte {
	dst = strconv.AppendInt(append(dst, `{"n":`...), s.N, 10)
	dst = strconv.AppendInt(append(dst, `,"clicks":`...), s.Clicks, 10)
	dst = append(dst, `,"stayNano":`...)
	if s.StayNano.Hi == 0 {
		dst = strconv.AppendUint(dst, s.StayNano.Lo, 10)
	} else {
		dst = s.StayNano.Big().Append(dst, 10)
	}
	dst = strconv.AppendInt(append(dst, `,"like":`...), s.Like, 10)
	return append(dst, '}')
}

// mul64 returns u*w in 192 bits, highest word first.
func (u Uint128) mul64(w uint64) [3]uint64 {
	hi1, lo := bits.Mul64(u.Lo, w)
	hi2, mid := bits.Mul64(u.Hi, w)
	mid, carry := bits.Add64(mid, hi1, 0)
	return [3]uint64{hi2 + carry, mid, lo}
}
