package topic

import (
	"fmt"
	"maps"
	"slices"

	"weir/provision/kafka"
)

// Differences says what a change makes of a topic, a line each: what it is, and
// what it will be.
func Differences(want, is kafka.Topic) []string {
	var lines []string
	if want.Partitions != is.Partitions {
		lines = append(lines, fmt.Sprintf("partitions: %d -> %d", is.Partitions, want.Partitions))
	}
	keys := maps.Clone(is.Config)
	if keys == nil {
		keys = map[string]string{}
	}
	maps.Copy(keys, want.Config)
	for _, k := range slices.Sorted(maps.Keys(keys)) {
		before, had := is.Config[k]
		after, has := want.Config[k]
		switch {
		case had && !has:
			lines = append(lines, fmt.Sprintf("%s: %s -> its default", k, before))
		case has && !had:
			lines = append(lines, fmt.Sprintf("%s: its default -> %s", k, after))
		case before != after:
			lines = append(lines, fmt.Sprintf("%s: %s -> %s", k, before, after))
		}
	}
	return lines
}

// Total is how many offsets are kept, as far as they are told, and the bytes on
// all disks.
func (d Description) Total() (offsets, bytes int64) {
	for _, p := range d.Partitions {
		if p.Earliest >= 0 && p.Latest >= 0 {
			offsets += p.Latest - p.Earliest
		}
		bytes += p.Bytes
	}
	return offsets, bytes
}
