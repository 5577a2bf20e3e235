package behavior

import (
	"bytes"
	"fmt"
	"unicode/utf8"
)

// Reason says why a record is not a message. It is short, stable and fit for a
// header or a metric label.
type Reason string

// The reasons there are.
const (
	ReasonEmpty       Reason = "empty"
	ReasonFields      Reason = "not-four-fields"
	ReasonPage        Reason = "bad-page"
	ReasonClicks      Reason = "bad-clicks"
	ReasonClicksRange Reason = "clicks-out-of-range"
	ReasonStay        Reason = "bad-stay"
	ReasonStayRange   Reason = "stay-out-of-range"
	ReasonLike        Reason = "bad-like"
)

// expected says what a record with this reason should have held.
func (r Reason) expected() string {
	switch r {
	case ReasonPage:
		return "a page id of 1 to 1024 bytes of UTF-8 without control characters"
	case ReasonClicks:
		return "a whole number of clicks"
	case ReasonClicksRange:
		return "0 to 1000000000 clicks"
	case ReasonStay:
		return "minutes as a decimal number, with or without an exponent"
	case ReasonStayRange:
		return "0 to 1000000 minutes"
	case ReasonLike:
		return "a like of 1, 0 or -1"
	default:
		return "page|clicks|minutes|like"
	}
}

// ParseError says why a record is not a message.
type ParseError struct{ Reason Reason }

func (e *ParseError) Error() string {
	return fmt.Sprintf("not a behavior message (%s): want %s", e.Reason, e.Reason.expected())
}

// Parse reads one message. It accepts exactly the text form, without spaces or
// a newline, and allocates nothing for a good message; the error of a bad one
// is a *ParseError. The page of the result is part of line.
func Parse(line []byte) (Message, error) {
	if m, ok := quick(line); ok {
		return m, nil
	}
	if len(line) == 0 {
		return Message{}, &ParseError{ReasonEmpty}
	}
	a := bytes.IndexByte(line, '|')
	if a < 0 {
		return Message{}, &ParseError{ReasonFields}
	}
	b := a + 1 + bytes.IndexByte(line[a+1:], '|')
	if b == a {
		return Message{}, &ParseError{ReasonFields}
	}
	c := b + 1 + bytes.IndexByte(line[b+1:], '|')
	if c == b || bytes.IndexByte(line[c+1:], '|') >= 0 {
		return Message{}, &ParseError{ReasonFields}
	}
	m := Message{Page: line[:a:a]}
	reason := m.parseFields(line[a+1:b], line[b+1:c], line[c+1:])
	if reason != "" {
		return Message{}, &ParseError{reason}
	}
	return m, nil
}

func (m *Message) parseFields(clicks, stay, score []byte) (reason Reason) {
	if !validPage(m.Page) {
		return ReasonPage
	}
	if m.Clicks, reason = parseClicks(clicks); reason != "" {
		return reason
	}
	if m.StayNano, reason = parseStay(stay); reason != "" {
		return reason
	}
	var ok bool
	if m.Like, ok = like(score); !ok {
		return ReasonLike
	}
	return ""
}

func validPage(page []byte) bool {
	if len(page) == 0 || len(page) > MaxPageBytes {
		return false
	}
	for _, c := range page {
		if c < 0x20 || c == 0x7f {
			return false
		}
	}
	// Page ids become JSON keys in snapshots; what is not UTF-8 would be changed
	// there, and two pages could become one.
	return utf8.Valid(page)
}

// parseClicks reads decimal digits; a minus sign is read so that a negative
// count is called out of range rather than malformed.
func parseClicks(s []byte) (int64, Reason) {
	negative := len(s) > 0 && s[0] == '-'
	if negative {
		s = s[1:]
	}
	if len(s) == 0 {
		return 0, ReasonClicks
	}
	var n int64
	for _, c := range s {
		if c < '0' || c > '9' {
			return 0, ReasonClicks
		}
		if n <= MaxClicks {
			n = n*10 + int64(c-'0')
		}
	}
	if n > MaxClicks || negative && n != 0 {
		return 0, ReasonClicksRange
	}
	return n, ""
}
