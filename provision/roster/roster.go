// Package roster says which machine of a cluster has which id, and which may
// have it next. An id outlives its machine: replicas are assigned to it, and a
// new machine that has it is taken for the old one, without the old one's data.
package roster

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"weir/provision/problem"
)

// Seat is an id and the machine that has it, or had it.
type Seat struct {
	ID      int
	Machine string
	// Replaces is the machine whose place, id and all, this one takes.
	Replaces string
}

// Change is from the seats of before to those that are declared now. Retired are
// those that were given up before.
type Change struct {
	// At is where the seats are declared: "brokers", "members".
	At                string
	Was, Now, Retired []Seat
}

// Check finds ids that would go to another machine without anybody having said
// so, and machines that would change their id.
func (c Change) Check() problem.List {
	var problems problem.List
	had := map[string]int{}
	for _, s := range c.Was {
		had[s.Machine] = s.ID
	}
	for i, s := range c.Now {
		at := fmt.Sprintf("%s[%d].id", c.At, i)
		if id, ok := had[s.Machine]; ok && id != s.ID {
			problems.Add(at, "is %d, and %s has id %d: its data carries that for ever; write the ids out: %s", s.ID, s.Machine, id, c.kept())
			continue
		}
		if owners := c.owners(s); len(owners) > 0 && !slices.Contains(owners, s.Machine) && !slices.Contains(owners, s.Replaces) {
			last := owners[len(owners)-1]
			problems.Add(at, "is %d, which was that of %s: a machine with an old id is taken for the old one, and begins without its data; "+
				"where it takes the place of that one, write replaces: %s at the machine %s, else write the ids out and give it one that no machine had, such as %d",
				s.ID, last, last, s.Machine, c.unused())
		}
	}
	return problems
}

// owners are the machines that have, or had, the id of a seat, the last one last.
func (c Change) owners(s Seat) []string {
	var names []string
	for _, other := range slices.Concat(c.Retired, c.Was) {
		if other.ID == s.ID {
			names = append(names, other.Machine)
		}
	}
	return names
}

// kept writes the ids of the machines that stay: "{weir-1: 0, weir-3: 2}".
func (c Change) kept() string {
	ids := map[string]int{}
	for _, s := range c.Was {
		if slices.ContainsFunc(c.Now, func(n Seat) bool { return n.Machine == s.Machine }) {
			ids[s.Machine] = s.ID
		}
	}
	var words []string
	for _, name := range slices.Sorted(maps.Keys(ids)) {
		words = append(words, fmt.Sprintf("%s: %d", name, ids[name]))
	}
	return c.At + ": {" + strings.Join(words, ", ") + "}"
}

// unused is the first id above all that were ever used.
func (c Change) unused() int {
	next := 0
	for _, s := range slices.Concat(c.Was, c.Now, c.Retired) {
		next = max(next, s.ID+1)
	}
	return next
}

// Retire returns the seats that are given up once the change is made: those of
// before, and those that somebody had and has no more.
func (c Change) Retire() []Seat {
	held := func(s Seat) bool {
		return slices.ContainsFunc(c.Now, func(n Seat) bool { return n.ID == s.ID && n.Machine == s.Machine })
	}
	var gone []Seat
	for _, s := range slices.Concat(c.Retired, c.Was) {
		if !held(s) {
			gone = append(gone, Seat{ID: s.ID, Machine: s.Machine})
		}
	}
	slices.SortFunc(gone, func(a, b Seat) int { return cmp.Or(a.ID-b.ID, strings.Compare(a.Machine, b.Machine)) })
	return slices.Compact(gone)
}

// Kept says that somebody has the id of a machine that is no longer declared.
func (c Change) Kept(machine string) bool {
	for _, s := range c.Was {
		if s.Machine == machine {
			return slices.ContainsFunc(c.Now, func(n Seat) bool { return n.ID == s.ID })
		}
	}
	return false
}
