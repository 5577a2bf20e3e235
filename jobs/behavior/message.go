// Package behavior is the message of the case and its exact arithmetic.
//
// A message says what one visit did on one page: clicks, minutes stayed, liked
// or not. Its text form is "page37|5|1.5119122|-1". Popularity is linear in
// those three, so sums are kept as integers and weights are applied when a sum
// is read: the order of messages, restarts and partitions cannot change a
// digit. Minutes are kept in units of 1e-9, rounded half to even once, when a
// message is parsed.
package behavior

import (
	"bytes"
	"strconv"
)

// Limits of a message. What lies outside is a mistake of the sender, not a
// visit; with them no sum overflows before 9.2e9 messages at the limit.
const (
	// MaxPageBytes bounds the page id.
	MaxPageBytes = 1024
	// MaxClicks bounds the clicks of one visit.
	MaxClicks = 1_000_000_000
	// MaxStayMinutes bounds the minutes of one visit: not quite two years.
	MaxStayMinutes = 1_000_000
	// NanoPerMinute is how many stay units make a minute.
	NanoPerMinute = 1_000_000_000
)

// Message is one visit.
type Message struct {
	// Page is the page id, 1 to MaxPageBytes bytes of UTF-8 without '|' or
	// control characters. What Parse returns shares memory with its input.
	Page []byte
	// Clicks is 0 to MaxClicks.
	Clicks int64
	// StayNano is the stay in 1e-9 minutes, 0 to MaxStayMinutes*NanoPerMinute.
	StayNano int64
	// Like is 1 (liked), -1 (disliked) or 0 (neither).
	Like int64
}

// AppendVisit appends to a page id what follows it in the article's form. The stay
// is a 32-bit float, printed as the article's virtual machine prints one: the
// fewest digits that tell it from its neighbours, always with a fraction, and with
// an exponent below a thousandth ("4.5E-4").
func AppendVisit(dst []byte, clicks int, stay float32, like int) []byte {
	dst = appendInt(append(dst, '|'), clicks)
	dst = appendFloat(append(dst, '|'), stay)
	return appendInt(append(dst, '|'), like)
}

// appendInt is for numbers that mostly have one digit.
func appendInt(dst []byte, n int) []byte {
	if 0 <= n && n < 10 {
		return append(dst, byte('0'+n))
	}
	return strconv.AppendInt(dst, int64(n), 10)
}

// appendFloat is Java's Float.toString for finite numbers that are not negative.
func appendFloat(dst []byte, f float32) []byte {
	switch {
	case f == 0:
		return append(dst, "0.0"...)
	case f < 1e-3 || f >= 1e7:
		return appendExponent(dst, f)
	}
	return appendPlain(dst, f)
}

func appendExponent(dst []byte, f float32) []byte {
	// Go prints d.ddde-04 or de-04 where Java prints d.dddE-4 and d.0E-4.
	var space [24]byte
	text := strconv.AppendFloat(space[:0], float64(f), 'e', -1, 32)
	digits, exponent, _ := bytes.Cut(text, []byte{'e'})
	dst = append(dst, digits...)
	if len(digits) == 1 {
		dst = append(dst, '.', '0')
	}
	dst = append(dst, 'E')
	if exponent[0] == '-' {
		dst = append(dst, '-')
	}
	return append(dst, bytes.TrimLeft(exponent[1:], "0")...)
}
