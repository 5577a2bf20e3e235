package verify

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	// clockLimit is above a look at machines that do not answer (7 s) and the
	// probe's stamps behind it.
	clockLimit = 16 * time.Second
	// stampPatience is how long brokers' stamps are waited for; without them the
	// machines' clocks alone are compared.
	stampPatience = 14 * time.Second
	// skewLimit is the most that clocks may differ: beyond it logs and records of
	// different machines can no longer be put into order by their times. Machines
	// that keep time with others are within some 10 ms.
	skewLimit = 500 * time.Millisecond
)

// offset is how far a clock is ahead of this computer's, at least and at most:
// the truth is somewhere between asking and hearing.
type offset struct {
	least, most time.Duration
	known       bool
}

func (o offset) middle() time.Duration { return (o.least + o.most) / 2 }
func (o offset) doubt() time.Duration  { return (o.most - o.least) / 2 }

// offset bounds what a clock said between sending and hearing.
func (h *hearing) offset(text string) offset {
	seconds, fraction, _ := strings.Cut(text, ".")
	s, err1 := strconv.ParseInt(seconds, 10, 64)
	n, err2 := strconv.ParseInt(fraction, 10, 64)
	if err1 != nil || err2 != nil || s < 0 || s > 1<<40 || n < 0 || n >= int64(time.Second) {
		return offset{}
	}
	return offsetOf(time.Unix(s, n), h.sent, h.heard)
}

func offsetOf(clock, sent, heard time.Time) offset {
	return offset{clock.Sub(heard), clock.Sub(sent), true}
}

// timepiece is a clock that is compared: a machine's, or a broker's, which is its
// machine's unless somebody arranged otherwise.
type timepiece struct {
	machine, name string
	offset        offset
}

// checkClock compares the machines' clocks, and the times that the brokers stamp
// on records, with each other and with this computer's.
func checkClock(ctx context.Context, c *subject, r *record) {
	r.doing("waiting for machines to tell their time")
	sights, err := c.sights(ctx, time.Time{})
	if err != nil {
		return
	}
	r.fail(c.unseen(sights)...)
	var all []timepiece
	for _, s := range sights {
		if s.err == nil && s.clock.known {
			r.on(s.machine)
			all = append(all, timepiece{s.machine, "its clock", s.clock})
		}
	}
	if c.cluster.Kafka != nil {
		patience, cancel := context.WithTimeout(ctx, c.within(stampPatience))
		defer cancel()
		stamps := c.stamps(patience)
		if len(stamps) == 0 {
			r.note("no broker stamped a record: the machines' clocks alone were compared")
		}
		all = append(all, stamps...)
	}
	findings, widest := c.judgeClocks(all)
	r.fail(findings...)
	r.sum("%d clocks within %s", len(all), roundSkew(widest))
	for _, t := range all {
		r.note("%s: %s is %s of this computer's (within %s)", t.machine, t.name, skewOf(t.offset.middle()), roundSkew(t.offset.doubt()))
	}
}

// stamps are the brokers' clocks, by what they put on the probe's records; of each
// the most exact.
func (c *subject) stamps(ctx context.Context) (all []timepiece) {
	passages, err := c.passages(ctx)
	if err != nil {
		return nil
	}
	for _, p := range passages {
		if p.stamp.known {
			all = append(all, timepiece{brokerMachine(c.cluster, p.leader), fmt.Sprintf("the clock of broker %d", p.leader), p.stamp})
		}
	}
	return all
}

// judgeClocks takes the clock in the middle of all, this computer's among them,
// to be right: a single wrong one is named, and not all the others.
func (c *subject) judgeClocks(all []timepiece) (f []Finding, widest time.Duration) {
	right := middleOf(all)
	for _, t := range all {
		skew := t.offset.middle() - right.middle()
		doubt := t.offset.doubt() + right.doubt()
		widest = max(widest, skew.Abs())
		if max(skew.Abs()-doubt, 0) > skewLimit {
			f = append(f, Finding{
				Machine: t.machine, Found: fmt.Sprintf("%s is %s of the others (within %s)", t.name, skewOf(skew), roundSkew(doubt)),
				Expected: "at most " + skewLimit.String(), Next: sshTo(c.machine(t.machine), "timedatectl"),
			})
		}
	}
	return f, widest
}

func middleOf(all []timepiece) offset {
	offsets := []offset{{known: true}}
	for _, t := range all {
		offsets = append(offsets, t.offset)
	}
	slices.SortStableFunc(offsets, func(a, b offset) int { return cmp.Compare(a.middle(), b.middle()) })
	return offsets[(len(offsets)-1)/2]
}

func skewOf(d time.Duration) string {
	if d < 0 {
		return roundSkew(d) + " behind"
	}
	return roundSkew(d) + " ahead"
}

// roundSkew is a duration without its sign, as exactly as matters.
func roundSkew(d time.Duration) string {
	d = d.Abs()
	if d < time.Second {
		return d.Round(time.Millisecond).String()
	}
	return d.Round(100 * time.Millisecond).String()
}
