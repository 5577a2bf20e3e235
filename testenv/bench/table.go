package main

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// unit says what a measurement's values count, and how they are written.
type unit string

const (
	seconds   unit = "s"
	mebibytes unit = "MiB"
	// megabytesPerSecond are of a million bytes, as networks count.
	megabytesPerSecond unit = "MB/s"
)

// write writes a value with its unit: times to a hundredth of a second, the
// rest in whole units.
func (u unit) write(value float64) string {
	if u == seconds {
		return fmt.Sprintf("%.2f s", value)
	}
	return fmt.Sprintf("%.0f %s", value, u)
}

// measurement is a piece of work and what was measured of it, each time.
type measurement struct {
	work string
	unit unit
	// most is what is promised of the median; 0 where nothing is.
	most   float64
	values []float64
	// ratio compares with another measurement of the same run; nil does not.
	ratio *ratio
}

// ratio is a quotient of two medians of one run.
type ratio struct {
	of, to *measurement
	// least is what is promised of it; 0 where nothing is.
	least float64
}

// value is the quotient.
func (r *ratio) value() float64 { return r.of.median() / r.to.median() }

// timing is a piece of work that takes time, at most that much; 0 is no promise.
func timing(work string, most time.Duration) *measurement {
	return &measurement{work: work, unit: seconds, most: most.Seconds()}
}

// slower is a timing of a rival: to do the same takes it at least that many
// times as long as ours.
func slower(work string, ours *measurement, least float64) *measurement {
	m := timing(work, 0)
	m.ratio = &ratio{of: m, to: ours, least: least}
	return m
}

// took adds a time.
func (m *measurement) took(d time.Duration) { m.values = append(m.values, d.Seconds()) }

// median is the middle one, or the mean of the two in the middle.
func (m *measurement) median() float64 {
	sorted := slices.Sorted(slices.Values(m.values))
	if len(sorted) == 0 {
		return 0
	}
	half := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[half]
	}
	return (sorted[half-1] + sorted[half]) / 2
}

// none stands in the table where there is nothing to say.
const none = "–"

func (m *measurement) target() string {
	switch {
	case m.most > 0:
		return "≤ " + m.unit.write(m.most)
	case m.ratio != nil && m.ratio.least > 0:
		return fmt.Sprintf("≥ %.4g ×", m.ratio.least)
	}
	return none
}

// met says whether the median is within the target, and how many runs were
// where not all agree with that; of a ratio, which has no runs, only whether.
func (m *measurement) met() string {
	if m.most == 0 {
		return m.ratioMet()
	}
	within := 0
	for _, value := range m.values {
		if value <= m.most {
			within++
		}
	}
	kept := m.median() <= m.most
	agree := within
	if !kept {
		agree = len(m.values) - within
	}
	if agree == len(m.values) {
		return verdict(kept)
	}
	return fmt.Sprintf("%s (%d of %d within)", verdict(kept), within, len(m.values))
}

func (m *measurement) ratioMet() string {
	if m.ratio == nil || m.ratio.least == 0 {
		return none
	}
	return verdict(m.ratio.value() >= m.ratio.least)
}

func verdict(kept bool) string {
	if kept {
		return "yes"
	}
	return "**no**"
}

func (m *measurement) row() []string {
	quotient := none
	if m.ratio != nil {
		quotient = fmt.Sprintf("%.2f ×", m.ratio.value())
	}
	return []string{
		m.work, fmt.Sprint(len(m.values)), m.unit.write(m.median()),
		m.unit.write(slices.Min(m.values)), m.unit.write(slices.Max(m.values)),
		quotient, m.target(), m.met(),
	}
}

// table renders measurements for people and for Markdown alike; what was not
// measured is left out.
func table(all []*measurement) string {
	rows := [][]string{{"work", "runs", "median", "min", "max", "ratio", "target", "met"}}
	for _, m := range all {
		if len(m.values) > 0 {
			rows = append(rows, m.row())
		}
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
