package reassign

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"

	"weir/ops/status/table"
	"weir/ops/topic"
	"weir/provision/kafka"
)

// Document is a plan as programs get it. Fields are only ever added.
type Document struct {
	Moves   []Move `json:"moves"`
	Brokers []Load `json:"brokers"`
	// Bytes are to be copied, as far as the brokers tell.
	Bytes int64 `json:"bytes"`
}

// Load is how many replicas a broker has, before, while and after.
type Load struct {
	Broker int32 `json:"broker"`
	Before int   `json:"before"`
	During int   `json:"during"`
	After  int   `json:"after"`
	// Leads are partitions whose preferred leader it is.
	LeadsBefore int `json:"leadsBefore"`
	LeadsAfter  int `json:"leadsAfter"`
}

// Show is a plan with what it comes to.
func Show(v kafka.View, moves []Move, sizes map[int32]topic.Disk) Document {
	d := Document{Moves: moves}
	loads := map[int32]*Load{}
	of := func(id int32) *Load {
		if loads[id] == nil {
			loads[id] = &Load{Broker: id}
		}
		return loads[id]
	}
	for id := range v.Brokers {
		of(id)
	}
	for _, p := range v.Partitions {
		m := Move{From: p.Replicas, To: p.Replicas}
		if i := slices.IndexFunc(moves, func(m Move) bool { return m.Topic == p.Topic && m.ID == p.ID }); i >= 0 {
			m = moves[i]
			d.Bytes += int64(len(m.Added())) * sizes[p.Leader].Partitions[topic.Partition{Topic: p.Topic, ID: p.ID}].Bytes
		}
		for _, id := range m.From {
			of(id).Before++
			of(id).During++
		}
		for _, id := range m.Added() {
			of(id).During++
		}
		for _, id := range m.To {
			of(id).After++
		}
		of(m.From[0]).LeadsBefore++
		of(m.To[0]).LeadsAfter++
	}
	for _, id := range slices.Sorted(maps.Keys(loads)) {
		d.Brokers = append(d.Brokers, *loads[id])
	}
	return d
}

// Write writes a plan for people.
func Write(w io.Writer, d Document, style table.Style) error {
	t := table.Table{Style: style}
	t.Head("PARTITION", "REPLICAS", "WILL BE")
	for _, m := range d.Moves {
		t.Row(m.String(), topic.IDs(m.From), topic.IDs(m.To))
	}
	b := table.Table{Style: style}
	b.Head("BROKER", "REPLICAS", "WHILE", "AFTER", "SHOULD LEAD", "AFTER")
	for _, l := range d.Brokers {
		b.Row(strconv.Itoa(int(l.Broker)), strconv.Itoa(l.Before), strconv.Itoa(l.During), strconv.Itoa(l.After),
			strconv.Itoa(l.LeadsBefore), strconv.Itoa(l.LeadsAfter))
	}
	if _, err := t.WriteTo(w); err != nil {
		return err
	}
	fmt.Fprintln(w)
	if _, err := b.WriteTo(w); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "\n%s to copy\n", table.Bytes(d.Bytes))
	return err
}
