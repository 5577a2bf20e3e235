package preflight

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

const (
	// skewTold is a difference that a person should know of: logs and records of
	// different machines can no longer be put into order by their times. Machines
	// that keep time with others are within some 10 ms of each other.
	skewTold = 500 * time.Millisecond
	// skewRefused is a clock that nobody keeps: what is kept or deleted by time
	// (log.retention.hours by a record's own time) goes by it.
	skewRefused = 30 * time.Second
)

// judgeClocks compares the clocks with each other and with this computer's. The
// one in the middle is taken to be right, so that one wrong clock is named and
// not all the others: it may well be this computer's.
func judgeClocks(seen []sight, r *Result) {
	seen = answered(seen)
	right, doubt := middle(seen)
	for _, s := range seen {
		offset, uncertain := s.answer.offset()
		skew := offset - right
		uncertain += doubt
		certain := max(skew.Abs()-uncertain, 0)
		found := fmt.Sprintf("its clock is %s %s (within %s)", round(skew), direction(skew), round(uncertain))
		switch next := "have the time kept by chrony or systemd-timesyncd: " + keepTime(s); {
		case certain > skewRefused:
			r.refuse(s, found, "at most "+skewRefused.String(), next)
		case certain > skewTold:
			r.advise(s, found, "at most "+skewTold.String(), next)
		case s.answer.synchronised == "no" && !s.observed.Facts.Container:
			r.advise(s, "nobody keeps its time ("+or(join(s.answer.timekeepers), "no service for it runs")+")", "a clock that is synchronised", next)
		default:
			r.note(s, "within %s of the others%s", round(skew.Abs()+uncertain), kept(s))
		}
	}
	if right.Abs()-doubt > skewTold {
		r.Evidence = append(r.Evidence, Note{Text: fmt.Sprintf("this computer's clock is %s %s: the machines agree with each other", round(right), direction(-right))})
	}
}

// middle is the offset of the clock in the middle of all, and by how much it may
// be wrong. This computer's is one of them, and the one that counts where there
// is only one machine to compare it with.
func middle(seen []sight) (offset, uncertain time.Duration) {
	if len(seen) < 2 {
		return 0, 0
	}
	all := [][2]time.Duration{{0, 0}}
	for _, s := range seen {
		offset, uncertain := s.answer.offset()
		all = append(all, [2]time.Duration{offset, uncertain})
	}
	slices.SortFunc(all, func(a, b [2]time.Duration) int { return cmp.Compare(a[0], b[0]) })
	right := all[(len(all)-1)/2]
	return right[0], right[1]
}

func direction(skew time.Duration) string {
	if skew < 0 {
		return "behind"
	}
	return "ahead"
}

// round is a duration without its sign, as exactly as matters.
func round(d time.Duration) string {
	d = d.Abs()
	if d < time.Second {
		return d.Round(time.Millisecond).String()
	}
	return d.Round(100 * time.Millisecond).String()
}

// keepTime is what to type, by the family of the distribution.
func keepTime(s sight) string {
	if s.observed.Facts.PackageManager == "apt" {
		return "apt-get install systemd-timesyncd"
	}
	return "timedatectl set-ntp true"
}

// kept says who keeps the time, where that is known.
func kept(s sight) string {
	switch {
	case s.answer.synchronised == "yes" && len(s.answer.timekeepers) > 0:
		return ", synchronised by " + strings.Join(s.answer.timekeepers, " ")
	case s.answer.synchronised == "yes":
		return ", synchronised"
	case s.observed.Facts.Container:
		return ", the computer's own"
	}
	return ""
}
