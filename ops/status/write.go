package status

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"weir/ops/status/table"
)

// WriteTable writes the status for people, one block a subject, and last
// what was not found at work. Rows that need a look stand out in colour and say so
// in words.
func WriteTable(w io.Writer, s Status, style table.Style) error {
	var out strings.Builder
	fmt.Fprintf(&out, "cluster %s, looked at in %s\n", table.Clean(s.Cluster), table.Seconds(s.Seconds))
	blocks := []*table.Table{machineBlock(s, style), serviceBlock(s, style)}
	if s.ZooKeeper != nil {
		blocks = append(blocks, memberBlock(*s.ZooKeeper, style))
	}
	if s.Kafka != nil {
		fmt.Fprintf(&out, "Kafka %s, cluster id %s\n", table.Clean(s.Kafka.Version), orDash(s.Kafka.ClusterID))
		blocks = append(blocks, brokerBlock(*s.Kafka, style), topicBlock(s, style))
	}
	if len(s.Jobs) > 0 {
		blocks = append(blocks, jobBlock(s, style))
	}
	for _, b := range blocks {
		out.WriteString("\n")
		if _, err := b.WriteTo(&out); err != nil {
			return err
		}
	}
	if len(s.Away) > 0 {
		fmt.Fprintf(&out, "\nnot found at work: %s\n", style.Bad(table.Clean(strings.Join(s.Away, ", "))))
	}
	_, err := io.WriteString(w, out.String())
	return err
}

func machineBlock(s Status, style table.Style) *table.Table {
	t := &table.Table{Style: style}
	t.Head("MACHINE", "ADDRESS", "STATE", "UP", "LOAD", "DISK FREE")
	for _, m := range s.Machines {
		if !m.Reachable {
			t.BadRow(m.Name, m.Address, "unreachable: "+m.Error)
			continue
		}
		var disks []string
		for _, d := range m.Disks {
			disks = append(disks, fmt.Sprintf("%s %s of %s", d.Path, table.Bytes(d.FreeBytes), table.Bytes(d.TotalBytes)))
		}
		t.Row(m.Name, m.Address, "reachable", table.Seconds(m.UptimeSeconds),
			strconv.FormatFloat(m.Load, 'f', 2, 64), orDash(strings.Join(disks, ", ")))
	}
	return t
}

func serviceBlock(s Status, style table.Style) *table.Table {
	t := &table.Table{Style: style}
	t.Head("SERVICE", "MACHINE", "STATE", "SINCE", "PID", "RESTARTS")
	for _, m := range s.Machines {
		for _, v := range m.Services {
			cells := []string{v.Unit, m.Name, v.State(), "-", "-", strconv.Itoa(v.Restarts)}
			if v.Running() {
				cells[3], cells[4] = table.Seconds(v.SinceSeconds), strconv.Itoa(v.PID)
				t.Row(cells...)
			} else {
				t.BadRow(cells...)
			}
		}
	}
	return t
}

func memberBlock(z ZooKeeper, style table.Style) *table.Table {
	t := &table.Table{Style: style}
	t.Head("ZOOKEEPER", "ID", "MODE", "VERSION", "CONNECTIONS")
	for _, m := range z.Members {
		if m.Error != "" {
			t.BadRow(m.Machine, strconv.Itoa(m.ID), m.Error)
			continue
		}
		t.Row(m.Machine, strconv.Itoa(m.ID), m.Mode, orDash(m.Version), strconv.Itoa(m.Connections))
	}
	return t
}

func brokerBlock(k Kafka, style table.Style) *table.Table {
	t := &table.Table{Style: style}
	t.Head("BROKER", "MACHINE", "ADDRESS", "STATE", "LEADS", "FOLLOWS", "IN SYNC")
	for _, b := range k.Brokers {
		cells := []string{strconv.Itoa(int(b.ID)), b.Machine, b.Address, "serving",
			strconv.Itoa(b.Leads), strconv.Itoa(b.Follows), fmt.Sprintf("%d of %d", b.InSync, b.Leads+b.Follows)}
		switch {
		case !b.Answers:
			cells[3] = "no answer: " + b.Error
			t.BadRow(cells[:4]...)
		case !b.Registered:
			cells[3] = "not registered"
			t.BadRow(cells...)
		default:
			if b.ID == k.Controller {
				cells[3] = "controller"
			}
			t.Row(cells...)
		}
	}
	for _, s := range k.Strangers {
		t.BadRow(strconv.Itoa(int(s.ID)), "-", s.Address, "registered, not declared")
	}
	return t
}

func topicBlock(s Status, style table.Style) *table.Table {
	t := &table.Table{Style: style}
	t.Head("TOPIC", "PARTITIONS", "REPLICAS", "LEADERS", "STATE")
	for _, topic := range s.Topics {
		if !topic.Exists {
			t.BadRow(topic.Name, "-", "-", "-", "declared, missing")
			continue
		}
		state := topic.state()
		add := t.Row
		if state != "" {
			add = t.BadRow
		} else if state = "in sync"; topic.Internal {
			state += ", internal"
		}
		add(topic.Name, strconv.Itoa(len(topic.Partitions)), strconv.Itoa(topic.ReplicationFactor), topic.leaders(), state)
	}
	return t
}

// state is what is wrong, in words, or "".
func (t Topic) state() string {
	var wrong []string
	if t.Error != "" {
		wrong = append(wrong, t.Error)
	}
	if t.Leaderless > 0 {
		wrong = append(wrong, fmt.Sprintf("%d without a leader", t.Leaderless))
	}
	if t.UnderReplicated > 0 {
		wrong = append(wrong, fmt.Sprintf("%d under-replicated", t.UnderReplicated))
	}
	return strings.Join(wrong, ", ")
}

// leaders counts the partitions that each broker leads: "1:1 2:1 3:1".
func (t Topic) leaders() string {
	counts := map[int32]int{}
	for _, p := range t.Partitions {
		counts[p.Leader]++
	}
	var out []string
	for _, id := range slices.Sorted(maps.Keys(counts)) {
		if id >= 0 {
			out = append(out, fmt.Sprintf("%d:%d", id, counts[id]))
		}
	}
	return orDash(strings.Join(out, " "))
}

func jobBlock(s Status, style table.Style) *table.Table {
	t := &table.Table{Style: style}
	t.Head("JOB", "KIND", "MACHINE", "STATE", "SINCE", "COUNTERS")
	for _, j := range s.Jobs {
		var counters []string
		for _, name := range slices.Sorted(maps.Keys(j.Metrics)) {
			// Times and sizes are for dashboards; a person looks for counts.
			if short, ok := strings.CutSuffix(name, "_total"); ok {
				short = strings.TrimPrefix(short, counterPrefix+j.Kind+"_")
				counters = append(counters, short+"="+strconv.FormatFloat(j.Metrics[name], 'f', -1, 64))
			}
		}
		text := strings.Join(counters, " ")
		if j.Error != "" {
			text = j.Error
		}
		if j.Service.Running() && j.Error == "" {
			t.Row(j.Name, j.Kind, j.Machine, j.Service.State(), table.Seconds(j.Service.SinceSeconds), orDash(text))
		} else {
			t.BadRow(j.Name, j.Kind, j.Machine, j.Service.State(), "-", orDash(text))
		}
	}
	return t
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return table.Clean(s)
}
