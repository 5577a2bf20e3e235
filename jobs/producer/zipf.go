package producer

import (
	"math"
	"math/bits"
)

// maxZipfPages bounds the table of pages, at 8 bytes each.
const maxZipfPages = 10_000_000

// zipf chooses pages by Zipf's law with two lookups a draw (the alias method of
// Walker and Vose). The library's Zipf needs an exponent above 1 and takes
// logarithms for each draw, whose last digit may differ between processors.
// Here those are rounded away: weights and everything after them are integers.
type zipf struct{ columns []column }

// column is a page and another one: a draw that falls here is for the page
// itself below the limit, and else for the other.
type column struct{ below, other uint32 }

// newZipf makes the table for n pages, at most maxZipfPages.
func newZipf(n int, exponent float64) *zipf {
	const heaviest = 1 << 40 // times n, and the sum of n, fit 64 bits
	weights, total := make([]uint64, n), uint64(0)
	for i := range weights {
		weights[i] = max(1, uint64(math.Round(heaviest*math.Pow(float64(i+1), -exponent))))
		total += weights[i]
	}
	// In units of total/n, columns hold total each.
	var light, heavy []uint32
	for i := range weights {
		if weights[i] *= uint64(n); weights[i] < total {
			light = append(light, uint32(i))
		} else {
			heavy = append(heavy, uint32(i))
		}
	}
	z := &zipf{columns: make([]column, n)}
	for i := range z.columns {
		z.columns[i] = column{math.MaxUint32, uint32(i)}
	}
	for len(light) > 0 && len(heavy) > 0 {
		small, large := light[len(light)-1], heavy[len(heavy)-1]
		light = light[:len(light)-1]
		z.columns[small] = column{share(weights[small], total), large}
		if weights[large] -= total - weights[small]; weights[large] < total {
			heavy, light = heavy[:len(heavy)-1], append(light, large)
		}
	}
	return z
}

// share is part/whole in units of 2^-32; part is less than whole.
func share(part, whole uint64) uint32 {
	q, _ := bits.Div64(part>>32, part<<32, whole)
	return uint32(q)
}

// draw turns 64 random bits into a page, from 0.
func (z *zipf) draw(random uint64) int {
	i, _ := bits.Mul64(random&^math.MaxUint32, uint64(len(z.columns)))
	if c := z.columns[i]; uint32(random) >= c.below {
		return int(c.other)
	}
	return int(i)
}
