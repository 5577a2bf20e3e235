package main

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// measurement is a piece of work and how long it took, each time.
type measurement struct {
	work string
	// target is what is promised; 0 where nothing is.
	target time.Duration
	took   []time.Duration
}

// measurements are all pieces of work, in the order in which they are shown.
type measurements struct {
	firstUp, healthy, secondUp                measurement
	provider, start, read, compare, processor measurement
	status, verify                            measurement
}

func newMeasurements() *measurements {
	return &measurements{
		firstUp:   measurement{work: "first `ops up` on three ready machines, caches warm", target: 20 * time.Second},
		healthy:   measurement{work: "from its end until `ops verify` finds the cluster healthy"},
		secondUp:  measurement{work: "`ops up` with nothing to change, which looks at every machine", target: 4 * time.Second},
		provider:  measurement{work: "the provider's own share of it", target: 500 * time.Millisecond},
		start:     measurement{work: "… of which to start its program"},
		read:      measurement{work: "… of which to look at the machines"},
		compare:   measurement{work: "… of which to compare"},
		processor: measurement{work: "… processors' time in all this"},
		status:    measurement{work: "`ops status`", target: time.Second},
		verify:    measurement{work: "`ops verify`", target: 10 * time.Second},
	}
}

func (m *measurements) all() []measurement {
	return []measurement{
		m.firstUp, m.healthy, m.secondUp,
		m.provider, m.start, m.read, m.compare, m.processor,
		m.status, m.verify,
	}
}

// median is the middle one, or the mean of the two in the middle.
func (m measurement) median() time.Duration {
	sorted := slices.Sorted(slices.Values(m.took))
	if len(sorted) == 0 {
		return 0
	}
	half := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[half]
	}
	return (sorted[half-1] + sorted[half]) / 2
}

// met says whether the median is within the target, and how many runs were
// where not all agree with that.
func (m measurement) met() string {
	if m.target == 0 {
		return "–"
	}
	within := 0
	for _, took := range m.took {
		if took <= m.target {
			within++
		}
	}
	verdict, agree := "**no**", len(m.took)-within
	if m.median() <= m.target {
		verdict, agree = "yes", within
	}
	if agree == len(m.took) {
		return verdict
	}
	return fmt.Sprintf("%s (%d of %d within)", verdict, within, len(m.took))
}

// table renders measurements for people and for Markdown alike.
func table(all []measurement) string {
	rows := [][]string{{"work", "runs", "median", "min", "max", "target", "met"}}
	for _, m := range all {
		target := "–"
		if m.target > 0 {
			target = seconds(m.target)
		}
		rows = append(rows, []string{
			m.work, fmt.Sprint(len(m.took)),
			seconds(m.median()), seconds(slices.Min(m.took)), seconds(slices.Max(m.took)), target, m.met(),
		})
	}
	widths := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, cell := range row {
			widths[i] = max(widths[i], len([]rune(cell)))
		}
	}
	rule := make([]string, len(widths))
	for i, width := range widths {
		rule[i] = strings.Repeat("-", width)
	}
	var b strings.Builder
	for _, row := range slices.Insert(rows, 1, rule) {
		for i, cell := range row {
			fmt.Fprintf(&b, "| %-*s ", widths[i], cell)
		}
		b.WriteString("|\n")
	}
	return b.String()
}

// seconds is a duration to a hundredth of a second.
func seconds(d time.Duration) string { return fmt.Sprintf("%.2f s", d.Seconds()) }
