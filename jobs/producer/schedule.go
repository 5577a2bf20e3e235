package producer

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// Throughput says how fast messages are sent.
type Throughput struct {
	text string
	// Mode is Rounds for the zero value.
	Mode Mode
	// pieces follow each other; they begin again after the last where repeat is
	// set, and the last goes on for ever where it is not.
	pieces []piece
	repeat bool
}

// Mode is what decides when a message is due.
type Mode int

// The modes.
const (
	// Rounds are the article's: some messages, then a pause.
	Rounds Mode = iota
	// Unlimited messages are due as soon as they can be sent.
	Unlimited
	// Scheduled messages are due at times that are known before.
	Scheduled
)

// piece is a time in which the rate changes evenly from one value to another.
type piece struct {
	from, to float64 // messages per second
	length   float64 // seconds; math.Inf for ever
}

// maxRate keeps the times of two messages apart by a nanosecond at least.
const maxRate = 1e9

// throughputForms are what ParseThroughput reads, in messages per second.
const throughputForms = "-1 (as fast as possible), 500 (constant), 0..5000/1m (a ramp of a minute, then 5000), " +
	"100+5000/1s/10s (100, and 5000 for one second of every ten); empty for rounds"

// ParseThroughput reads one of throughputForms.
func ParseThroughput(s string) (Throughput, error) {
	t := Throughput{text: s, Mode: Scheduled}
	wrong := func(err error) (Throughput, error) {
		return Throughput{}, fmt.Errorf("%q: %w; want messages per second: %s", s, err, throughputForms)
	}
	rates, times, _ := strings.Cut(s, "/")
	low, high, ramp := strings.Cut(rates, "..")
	base, peak, burst := strings.Cut(rates, "+")
	var err error
	switch {
	case s == "":
		t.Mode = Rounds
	case s == "-1":
		t.Mode = Unlimited
	case ramp:
		t.pieces, err = parseRamp(low, high, times)
	case burst:
		t.repeat = true
		t.pieces, err = parseBurst(base, peak, times)
	default:
		t.pieces, err = parseConstant(s)
	}
	if err != nil {
		return wrong(err)
	}
	return t, nil
}

func parseConstant(s string) ([]piece, error) {
	rate, err := parseRate(s)
	if err == nil && rate == 0 {
		err = fmt.Errorf("nothing would ever be sent")
	}
	return []piece{{rate, rate, math.Inf(1)}}, err
}

func parseRamp(low, high, length string) ([]piece, error) {
	from, err := parseRate(low)
	if err != nil {
		return nil, err
	}
	to, err := parseRate(high)
	if err == nil && to == 0 {
		err = fmt.Errorf("a ramp that ends at 0 never ends")
	}
	if err != nil {
		return nil, err
	}
	seconds, err := parseLength(length)
	return []piece{{from, to, seconds}, {to, to, math.Inf(1)}}, err
}

func parseBurst(base, peak, times string) ([]piece, error) {
	low, err := parseRate(base)
	if err != nil {
		return nil, err
	}
	high, err := parseRate(peak)
	if err == nil && high == 0 {
		err = fmt.Errorf("a burst of 0 is none")
	}
	if err != nil {
		return nil, err
	}
	first, second, _ := strings.Cut(times, "/")
	length, err := parseLength(first)
	if err != nil {
		return nil, err
	}
	period, err := parseLength(second)
	if err == nil && period <= length {
		err = fmt.Errorf("a burst of %s every %s leaves nothing between", first, second)
	}
	return []piece{{high, high, length}, {low, low, period - length}}, err
}

func parseRate(s string) (float64, error) {
	rate, err := strconv.ParseFloat(s, 64)
	if err != nil || !(rate >= 0 && rate <= maxRate) {
		return 0, fmt.Errorf("%q is not a rate from 0 to %.0f", s, float64(maxRate))
	}
	return rate, nil
}

func parseLength(s string) (float64, error) {
	d, err := time.ParseDuration(s)
	if err != nil || d <= 0 {
		return 0, fmt.Errorf("%q is not a length of time such as 10s", s)
	}
	return d.Seconds(), nil
}

// String is the text that was parsed.
func (t Throughput) String() string { return t.text }

// schedule tells when the messages are due, one after the other. Times follow
// from the number of a message alone: a late one does not delay the next.
type schedule struct {
	throughput Throughput
	n          float64 // the next message's number
	at         int     // the piece it is looked for in
	began      float64 // when that piece began, in seconds
	before     float64 // how many messages were due before it
}

func (t Throughput) schedule() *schedule { return &schedule{throughput: t} }

// next is when the next message is due, after the start.
func (s *schedule) next() time.Duration {
	for {
		p := s.throughput.pieces[s.at]
		if within := s.n - s.before; within < p.count() {
			s.n++
			return time.Duration((s.began + p.when(within)) * float64(time.Second))
		}
		s.before += p.count()
		s.began += p.length
		s.at++
		if s.at == len(s.throughput.pieces) {
			s.at = 0 // only what repeats comes to its end
		}
	}
}

// count is how many messages are due in the piece; a fraction of one is added
// to the next piece.
func (p piece) count() float64 {
	if math.IsInf(p.length, 1) {
		return p.length
	}
	return (p.from + p.to) / 2 * p.length
}

// when is the time in the piece by which n messages are due: the solution of
// from*t + slope*t*t/2 = n, in the form that also serves a slope of 0.
func (p piece) when(n float64) float64 {
	if n == 0 {
		return 0
	}
	slope := 0.0
	if p.from != p.to {
		slope = (p.to - p.from) / p.length
	}
	return 2 * n / (p.from + math.Sqrt(p.from*p.from+2*slope*n))
}
