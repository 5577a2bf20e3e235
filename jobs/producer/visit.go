package producer

import (
	"strconv"
	"time"

	"weir/jobs/behavior"
)

// Visit is one message to be sent.
type Visit struct {
	// Page is the page's number, from 1.
	Page   int
	Clicks int
	// Stay is in minutes, 0 included, Shape.MaxStay excluded.
	Stay float32
	// Like is 1, 0 or -1.
	Like int
	// Flaw is what makes it no message; 0 for nothing.
	Flaw flaw
	// Late is how much its timestamp is before the time it is due.
	Late time.Duration
	// EndsRound says that it is the last of its round.
	EndsRound bool
}

// flaw is a way not to be a message: one for each reason that package behavior
// has.
type flaw uint8

const (
	empty flaw = iota + 1
	cut
	nameless
	countless
	negative
	unmeasured
	backwards
	undecided

	flaws = int(undecided)
)

// AppendText appends the message's text.
func (v Visit) AppendText(dst []byte) []byte {
	page := strconv.AppendInt(append(dst, "page"...), int64(v.Page), 10)
	if v.Flaw != 0 {
		return v.appendFlawed(dst, page)
	}
	return behavior.AppendVisit(page, v.Clicks, v.Stay, v.Like)
}

// appendFlawed appends to dst, which page goes on from.
func (v Visit) appendFlawed(dst, page []byte) []byte {
	switch v.Flaw {
	case empty:
		return dst
	case cut:
		return strconv.AppendInt(append(page, '|'), int64(v.Clicks), 10)
	case nameless:
		return behavior.AppendVisit(dst, v.Clicks, v.Stay, v.Like)
	case countless:
		return append(page, "|many|1.0|0"...)
	case negative:
		return behavior.AppendVisit(page, -v.Clicks, v.Stay, v.Like)
	case unmeasured:
		return append(page, "|1|long|0"...)
	case backwards:
		return append(page, "|1|-1.0|0"...)
	default:
		return behavior.AppendVisit(page, v.Clicks, v.Stay, 2)
	}
}
