package group

import (
	"fmt"
	"io"
	"strconv"

	"weir/ops/status/table"
)

// WriteList writes groups for people.
func WriteList(w io.Writer, list List, style table.Style) error {
	if len(list.Groups) == 0 {
		_, err := fmt.Fprintln(w, "no group")
		return err
	}
	t := table.Table{Style: style}
	t.Head("GROUP", "STATE", "COORDINATOR")
	for _, g := range list.Groups {
		t.Row(g.Name, orDash(g.State), strconv.Itoa(int(g.Coordinator)))
	}
	_, err := t.WriteTo(w)
	return err
}

// Write writes one group for people: who is in it, then how far it has read.
func Write(w io.Writer, d Description, style table.Style) error {
	fmt.Fprintf(w, "group %s: %s, %s, coordinator broker %d, lag %d\n", table.Clean(d.Name), table.Clean(d.State),
		table.Count(len(d.Members), "member"), d.Coordinator, d.Lag)
	if len(d.Members) > 0 {
		t := table.Table{Style: style}
		t.Head("MEMBER", "CLIENT", "HOST", "PARTITIONS")
		for _, m := range d.Members {
			t.Row(m.ID, m.Client, m.Host, strconv.Itoa(m.Assigned))
		}
		fmt.Fprintln(w)
		if _, err := t.WriteTo(w); err != nil {
			return err
		}
	}
	if len(d.Partitions) == 0 {
		return nil
	}
	fmt.Fprintln(w)
	return WriteLag(w, []Description{d}, style)
}

// WriteLag writes how far groups have read.
func WriteLag(w io.Writer, all []Description, style table.Style) error {
	t := table.Table{Style: style}
	t.Head("GROUP", "PARTITION", "COMMITTED", "END", "LAG", "READ BY")
	rows := 0
	for _, d := range all {
		for _, p := range d.Partitions {
			rows++
			name := p.Topic + "-" + strconv.Itoa(int(p.ID))
			if p.Error != "" {
				t.BadRow(d.Name, name, number(p.Committed), "-", "-", p.Error)
				continue
			}
			t.Row(d.Name, name, number(p.Committed), number(p.Latest), number(p.Lag), orDash(p.Member))
		}
	}
	if rows == 0 {
		_, err := fmt.Fprintln(w, "no group has read anything")
		return err
	}
	_, err := t.WriteTo(w)
	return err
}

// WriteMoves writes what a reset changes.
func WriteMoves(w io.Writer, moves []Move, style table.Style) error {
	t := table.Table{Style: style}
	t.Head("PARTITION", "OLD", "NEW", "READS AGAIN", "SKIPS")
	for _, m := range moves {
		again, skips := "-", "-"
		switch {
		case m.Old >= 0 && m.New < m.Old:
			again = number(m.Old - m.New)
		case m.Old >= 0 && m.New > m.Old:
			skips = number(m.New - m.Old)
		}
		cells := []string{m.Topic + "-" + strconv.Itoa(int(m.ID)), number(m.Old), number(m.New), again, skips}
		if m.Note != "" {
			cells = append(cells, m.Note)
		}
		t.Row(cells...)
	}
	_, err := t.WriteTo(w)
	return err
}

func number(n int64) string {
	if n < 0 {
		return "-"
	}
	return strconv.FormatInt(n, 10)
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}
