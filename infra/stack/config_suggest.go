package stack

import (
	"fmt"
	"slices"
	"strings"
)

// knownKeys answers an unknown key: the one that was meant, where one is
// close, else all that could have been written.
func knownKeys(key string, known []string) string {
	if near := nearest(key, known); near != "" {
		return fmt.Sprintf("did you mean %s?", near)
	}
	sorted := slices.Sorted(slices.Values(known))
	return "known are " + strings.Join(sorted, ", ")
}

// nearest returns the candidate that differs from word by the fewest typing
// mistakes, at most a third of its letters; "" where there is none.
func nearest(word string, candidates []string) string {
	best, fewest := "", len(word)/3+1
	for _, c := range candidates {
		if n := typos(strings.ToLower(word), strings.ToLower(c)); n < fewest {
			best, fewest = c, n
		}
	}
	return best
}

// typos counts the letters to insert, drop, change or swap with their
// neighbour to get from a to b (optimal string alignment).
func typos(a, b string) int {
	before, last := make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := range len(a) {
		row := make([]int, len(b)+1)
		row[0] = i + 1
		for j := range len(b) {
			change := last[j]
			if a[i] != b[j] {
				change++
			}
			row[j+1] = min(change, row[j]+1, last[j+1]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
		before, last = last, row
	}
	return last[len(b)]
}
