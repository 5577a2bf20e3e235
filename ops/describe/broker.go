// Package describe puts on one page what there is to know of one thing: a
// broker, a topic, a group or a job, with what belongs to it.
package describe

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"

	"weir/ops/connect"
	"weir/ops/group"
	"weir/ops/setting"
	"weir/ops/status"
	"weir/ops/status/table"
	"weir/ops/topic"
	"weir/provision/kafka"
)

// Broker is the page of one broker. Fields are only ever added.
type Broker struct {
	ID      int32  `json:"id"`
	Machine string `json:"machine"`
	// Registered says that the cluster has it, at Address.
	Registered bool           `json:"registered"`
	Address    string         `json:"address,omitempty"`
	Controller bool           `json:"controller"`
	Service    status.Service `json:"service"`
	Leads      int            `json:"leads"`
	Follows    int            `json:"follows"`
	// Behind are the partitions that it should keep and is not in sync with.
	Behind []string `json:"behind"`
	// Unpreferred are the partitions that it should lead and another leads.
	Unpreferred []string    `json:"unpreferred"`
	Dirs        []topic.Dir `json:"dirs"`
	Bytes       int64       `json:"bytes"`
	// Settings are those that were made while it ran.
	Settings []setting.Setting `json:"settings"`
	// Groups are those that it coordinates.
	Groups   []string `json:"groups"`
	Problems []string `json:"problems,omitempty"`
}

// FindBroker is the id of a broker that is named by its id or its machine.
func FindBroker(s *connect.Session, name string) (id int32, machine string, err error) {
	if s.Cluster.Kafka == nil {
		return 0, "", connect.ErrNoKafka
	}
	var known []string
	for _, machine := range slices.Sorted(maps.Keys(s.Cluster.Kafka.Brokers)) {
		id := s.Cluster.Kafka.Brokers[machine]
		if name == machine || name == strconv.Itoa(int(id)) {
			return id, machine, nil
		}
		known = append(known, fmt.Sprintf("%d (%s)", id, machine))
	}
	return 0, "", fmt.Errorf("the stack has no broker %q; it has %s", name, strings.Join(known, ", "))
}

// LookAtBroker asks for all at once; what does not answer is in Problems.
func LookAtBroker(ctx context.Context, s *connect.Session, id int32, machine string) (Broker, error) {
	view, err := s.View(ctx)
	if err != nil {
		return Broker{}, err
	}
	b := Broker{ID: id, Machine: machine, Controller: view.Controller == id, Behind: []string{}, Unpreferred: []string{},
		Dirs: []topic.Dir{}, Settings: []setting.Setting{}, Groups: []string{}}
	b.Address, b.Registered = view.Brokers[id]
	b.count(view)
	var machines []status.Machine
	var groups group.List
	var groupsErr error
	var wg sync.WaitGroup
	wg.Go(func() { machines = status.Machines(ctx, s) })
	wg.Go(func() { groups, groupsErr = group.Look(ctx, s) })
	if b.Registered {
		b.ask(ctx, s)
	} else {
		b.Problems = append(b.Problems, fmt.Sprintf("broker %d is not in the cluster", id))
	}
	wg.Wait()
	b.service(machines)
	if groupsErr != nil {
		b.Problems = append(b.Problems, groupsErr.Error())
	}
	for _, g := range groups.Groups {
		if g.Coordinator == id {
			b.Groups = append(b.Groups, g.Name)
		}
	}
	return b, nil
}

func (b *Broker) count(view kafka.View) {
	for _, p := range view.Partitions {
		if !slices.Contains(p.Replicas, b.ID) {
			continue
		}
		if p.Leader == b.ID {
			b.Leads++
		} else {
			b.Follows++
			if p.Replicas[0] == b.ID {
				b.Unpreferred = append(b.Unpreferred, p.String())
			}
		}
		if !slices.Contains(p.ISR, b.ID) {
			b.Behind = append(b.Behind, p.String())
		}
	}
}

// ask asks the broker itself.
func (b *Broker) ask(ctx context.Context, s *connect.Session) {
	disks, failed := topic.Sizes(ctx, s, map[int32]string{b.ID: b.Address})
	if err := failed[b.ID]; err != nil {
		b.Problems = append(b.Problems, fmt.Sprintf("broker %d does not answer (%v)", b.ID, err))
		return
	}
	b.Dirs = disks[b.ID].Dirs
	for _, replica := range disks[b.ID].Partitions {
		b.Bytes += replica.Bytes
	}
	all, err := setting.Get(ctx, s, setting.Subject{Name: strconv.Itoa(int(b.ID)), Broker: b.ID})
	if err != nil {
		b.Problems = append(b.Problems, err.Error())
		return
	}
	for _, one := range setting.Made(all) {
		if one.Source != "file" {
			b.Settings = append(b.Settings, one)
		}
	}
}

func (b *Broker) service(machines []status.Machine) {
	for _, m := range machines {
		if m.Name != b.Machine {
			continue
		}
		if !m.Reachable {
			b.Problems = append(b.Problems, fmt.Sprintf("machine %s is not reached: %s", m.Name, m.Error))
		}
		for _, one := range m.Services {
			if one.Component == kafka.Component {
				b.Service = one
			}
		}
	}
}

// WriteBroker writes the page for people.
func WriteBroker(w io.Writer, b Broker, style table.Style) error {
	t := fields(style)
	role := "serving"
	switch {
	case !b.Registered:
		role = "not in the cluster"
	case b.Controller:
		role = "controller"
	}
	t.Row("broker", fmt.Sprintf("%d on %s: %s", b.ID, b.Machine, role))
	t.Row("address", cmp.Or(b.Address, "-"))
	t.Row("service", service(b.Service))
	t.Row("partitions", fmt.Sprintf("leads %d, follows %d, %s", b.Leads, b.Follows, table.Bytes(b.Bytes)))
	t.Row("behind", listed(b.Behind))
	t.Row("should lead too", listed(b.Unpreferred))
	for _, d := range b.Dirs {
		text := fmt.Sprintf("%s: %s free of %s", d.Path, table.Bytes(d.UsableBytes), table.Bytes(d.TotalBytes))
		if d.Error != "" {
			text = d.Path + ": " + d.Error
		}
		t.Row("log directory", text)
	}
	for _, one := range b.Settings {
		t.Row("set while it ran", fmt.Sprintf("%s=%s (%s)", one.Name, one.Value, one.Source))
	}
	t.Row("coordinates", listed(b.Groups))
	_, err := t.WriteTo(w)
	return err
}

// fields is a page of names and values.
func fields(style table.Style) *table.Table { return &table.Table{Style: style} }

// listed names a few things and counts the rest.
func listed(names []string) string {
	const few = 8
	switch {
	case len(names) == 0:
		return "none"
	case len(names) > few:
		return fmt.Sprintf("%s and %d more", strings.Join(names[:few], ", "), len(names)-few)
	}
	return strings.Join(names, ", ")
}

func service(s status.Service) string {
	text := fmt.Sprintf("%s %s", s.Unit, s.State())
	if s.Running() {
		text += fmt.Sprintf(" for %s, process %d, %s", table.Seconds(s.SinceSeconds), s.PID, table.Count(s.Restarts, "restart"))
	}
	return text
}
