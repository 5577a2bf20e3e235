package rollout

import (
	"cmp"
	"slices"
)

// Turn is a machine's place in the order of a change.
type Turn struct {
	Machine string `json:"machine"`
	// Why says what puts it first or last; it is empty where nothing does.
	Why string `json:"why,omitempty"`
}

// Conditions say in words what the gates of a change wait for.
type Conditions struct {
	Before  string `json:"before,omitempty"`
	After   string `json:"after,omitempty"`
	Healthy string `json:"healthy,omitempty"`
}

// Place is where a machine belongs among those that are to change.
type Place int

// The places. Among equals the order in which they were given stays.
const (
	First Place = iota
	Between
	Last
)

// Arrange puts machines into the order of their places.
func Arrange(machines []string, place func(machine string) (p Place, why string)) []Turn {
	type placed struct {
		Turn
		place Place
	}
	all := make([]placed, len(machines))
	for i, m := range machines {
		p, why := place(m)
		all[i] = placed{Turn{m, why}, p}
	}
	slices.SortStableFunc(all, func(a, b placed) int { return cmp.Compare(a.place, b.place) })
	turns := make([]Turn, len(all))
	for i, p := range all {
		turns[i] = p.Turn
	}
	return turns
}
