// Package reassign moves replicas between brokers: it plans, shows, throttles,
// assigns in batches, waits, and takes its throttles away again.
//
// What it guarantees: throttles that it set are removed however a run ends, and
// no others; a run that is interrupted takes back the batch that is under way,
// and one that was killed is gone on with by the next; moves that somebody else
// began are left alone. A plan is a pure function of what the cluster is.
package reassign

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"weir/provision/kafka"
)

// Wish is what a person wants.
type Wish struct {
	// Topics to move; none means all, Kafka's own included.
	Topics []string
	// To are the brokers that should keep the replicas, evenly; none leaves them
	// where they are, as far as Remove allows.
	To []int32
	// Remove are brokers to empty.
	Remove []int32
	// Replicas is the replication factor; 0 keeps each partition's.
	Replicas int
}

// Move is what becomes of one partition.
type Move struct {
	Topic string `json:"topic"`
	ID    int32  `json:"id"`
	// From and To are all of its replicas, the preferred leader first.
	From []int32 `json:"from"`
	To   []int32 `json:"to"`
}

func (m Move) String() string { return fmt.Sprintf("%s-%d", m.Topic, m.ID) }

// Added are the replicas that are made.
func (m Move) Added() []int32 {
	return slices.DeleteFunc(slices.Clone(m.To), func(id int32) bool { return slices.Contains(m.From, id) })
}

// Plan says which partitions move where, by topic and id: as few as the wish
// needs. Brokers that gain are those that have the fewest replicas.
func Plan(v kafka.View, w Wish) ([]Move, error) {
	chosen := v.With(func(p kafka.Partition) bool { return len(w.Topics) == 0 || slices.Contains(w.Topics, p.Topic) })
	targets, err := w.check(v, chosen)
	if err != nil {
		return nil, err
	}
	l := &layout{targets: targets, replicas: map[int32]int{}, leads: map[int32]int{}}
	for _, p := range chosen {
		l.add(p, w.Replicas)
	}
	for i := range l.parts {
		l.place(&l.parts[i])
	}
	if len(w.To) > 0 {
		l.spread()
		l.spreadLeads()
	}
	var moves []Move
	for _, p := range l.parts {
		if !slices.Equal(p.from, p.to) {
			moves = append(moves, Move{Topic: p.Topic, ID: p.ID, From: p.from, To: p.to})
		}
	}
	return moves, nil
}

// check returns the brokers that may keep replicas.
func (w Wish) check(v kafka.View, chosen []kafka.Partition) ([]int32, error) {
	targets := w.To
	if len(targets) == 0 {
		targets = slices.Sorted(maps.Keys(v.Brokers))
	}
	targets = slices.DeleteFunc(slices.Sorted(slices.Values(targets)), func(id int32) bool { return slices.Contains(w.Remove, id) })
	targets = slices.Compact(targets)
	for _, id := range targets {
		if _, registered := v.Brokers[id]; !registered {
			return nil, fmt.Errorf("broker %d is not in the cluster; there are %v", id, slices.Sorted(maps.Keys(v.Brokers)))
		}
	}
	for _, name := range w.Topics {
		if len(v.Of(name)) == 0 {
			return nil, fmt.Errorf("topic %s: %w", name, kafka.ErrNoTopic)
		}
	}
	if w.Replicas < 0 {
		return nil, fmt.Errorf("replication factor %d: want 1 or more", w.Replicas)
	}
	for _, p := range chosen {
		if need := cmp.Or(w.Replicas, len(p.Replicas)); need > len(targets) {
			return nil, fmt.Errorf("partition %s needs %d brokers, and %d are left: %v", p, need, len(targets), targets)
		}
		if w.Replicas > 0 && w.Replicas < p.MinISR {
			return nil, fmt.Errorf("partition %s takes %d replicas in sync for a write, and would have %d: lower min.insync.replicas first (ops topic alter %s --config min.insync.replicas=%d)", p, p.MinISR, w.Replicas, p.Topic, w.Replicas)
		}
		if p.Offline() {
			return nil, fmt.Errorf("partition %s has no leader: nothing can be copied from it; bring its brokers back first", p)
		}
	}
	return targets, nil
}

// layout is what the plan comes to, while it is made.
type layout struct {
	targets         []int32
	parts           []part
	replicas, leads map[int32]int
}

// part is one partition.
type part struct {
	kafka.Partition
	from, to []int32
	// want is how many replicas it is to have.
	want int
}

func (l *layout) add(p kafka.Partition, replicas int) {
	one := part{Partition: p, from: p.Replicas, want: cmp.Or(replicas, len(p.Replicas))}
	for _, id := range p.Replicas {
		if slices.Contains(l.targets, id) {
			one.to = append(one.to, id)
			l.replicas[id]++
		}
	}
	if len(one.to) > 0 && one.to[0] == p.Replicas[0] {
		l.leads[one.to[0]]++
	}
	l.parts = append(l.parts, one)
}

// place brings a partition to its number of replicas.
func (l *layout) place(p *part) {
	for len(p.to) > p.want {
		l.drop(p)
	}
	for len(p.to) < p.want {
		id := l.least(l.replicas, func(id int32) bool { return !slices.Contains(p.to, id) })
		p.to = append(p.to, id)
		l.replicas[id]++
	}
	if p.to[0] == p.from[0] {
		return
	}
	// The preferred leader goes: another takes its place, one in sync where there is.
	inSync := func(id int32) bool { return slices.Contains(p.to, id) && slices.Contains(p.ISR, id) }
	if !slices.ContainsFunc(p.to, inSync) {
		inSync = func(id int32) bool { return slices.Contains(p.to, id) }
	}
	l.lead(p, l.least(l.leads, inSync))
}

// drop takes away a replica that is not the preferred leader: one that is not in
// sync first, then that of the fullest broker.
func (l *layout) drop(p *part) {
	worst := slices.MaxFunc(p.to[1:], func(a, b int32) int {
		return cmp.Or(cmp.Compare(missing(p, a), missing(p, b)), cmp.Compare(l.replicas[a], l.replicas[b]), cmp.Compare(a, b))
	})
	p.to = slices.DeleteFunc(p.to, func(id int32) bool { return id == worst })
	l.replicas[worst]--
}

func missing(p *part, id int32) int {
	if slices.Contains(p.ISR, id) {
		return 0
	}
	return 1
}

// lead puts a replica first.
func (l *layout) lead(p *part, id int32) {
	rest := slices.DeleteFunc(slices.Clone(p.to), func(other int32) bool { return other == id })
	p.to = append([]int32{id}, rest...)
	l.leads[id]++
}

// least is the target with the smallest count for which the condition holds.
func (l *layout) least(count map[int32]int, condition func(int32) bool) int32 {
	fit := slices.DeleteFunc(slices.Clone(l.targets), func(id int32) bool { return !condition(id) })
	return slices.MinFunc(fit, func(a, b int32) int { return cmp.Or(cmp.Compare(count[a], count[b]), cmp.Compare(a, b)) })
}

// spread moves replicas from the fullest broker to the emptiest until no two
// differ by more than one, or nothing can move.
func (l *layout) spread() {
	for l.step() {
	}
}

func (l *layout) step() bool {
	byCount := slices.SortedFunc(slices.Values(l.targets), func(a, b int32) int {
		return cmp.Or(cmp.Compare(l.replicas[b], l.replicas[a]), cmp.Compare(a, b))
	})
	for _, full := range byCount {
		for _, empty := range slices.Backward(byCount) {
			if l.replicas[full]-l.replicas[empty] <= 1 {
				break
			}
			for i := range l.parts {
				if p := &l.parts[i]; slices.Contains(p.to, full) && !slices.Contains(p.to, empty) {
					l.swap(p, full, empty)
					return true
				}
			}
		}
	}
	return false
}

func (l *layout) swap(p *part, out, in int32) {
	p.to = slices.Clone(p.to)
	at := slices.Index(p.to, out)
	p.to[at] = in
	l.replicas[out]--
	l.replicas[in]++
	if at == 0 {
		l.leads[out]--
		l.leads[in]++
	}
}

// spreadLeads makes others the first replica until no two brokers differ by more
// than one in what they should lead. No data moves for it.
func (l *layout) spreadLeads() {
	for range len(l.parts) {
		most := slices.MaxFunc(l.targets, func(a, b int32) int { return cmp.Or(cmp.Compare(l.leads[a], l.leads[b]), cmp.Compare(b, a)) })
		i := slices.IndexFunc(l.parts, func(p part) bool {
			return p.to[0] == most && slices.ContainsFunc(p.to, func(id int32) bool { return l.leads[most]-l.leads[id] > 1 })
		})
		if i < 0 {
			return
		}
		p := &l.parts[i]
		to := l.least(l.leads, func(id int32) bool { return slices.Contains(p.to, id) })
		l.leads[most]--
		l.lead(p, to)
	}
}
