package behavior

import (
	"cmp"
	"fmt"
	"math/big"
	"math/bits"
	"strings"
)

// weightDigits is how many decimals a weight may have.
const weightDigits = 9

// maxWeight bounds a weight in units of 1e-9: one million. With it the largest
// popularity stays below 2^191 units of 1e-18.
const maxWeight = 1_000_000 * 1_000_000_000

// Weights says how much a click, a minute and a like count, each exactly, in
// units of 1e-9. The zero value weighs nothing; see Article.
type Weights struct{ clicks, stay, like int64 }

// Article returns the article's weights: 0.8 a click, 0.8 a minute, 1 a like.
func Article() Weights {
	return Weights{clicks: 800_000_000, stay: 800_000_000, like: 1_000_000_000}
}

// Nano returns the weights of a click, a minute and a like in units of 1e-9.
func (w Weights) Nano() (click, minute, like int64) { return w.clicks, w.stay, w.like }

// ParseWeights reads "clicks,minutes,like", such as "0.8,0.8,1": decimals of at
// most nine fraction digits between -1000000 and 1000000.
func ParseWeights(s string) (Weights, error) {
	parts := strings.Split(s, ",")
	if len(parts) != 3 {
		return Weights{}, fmt.Errorf("weights %q: want three decimals such as 0.8,0.8,1", s)
	}
	var w [3]int64
	for i, part := range parts {
		var err error
		if w[i], err = parseWeight(strings.TrimSpace(part)); err != nil {
			return Weights{}, fmt.Errorf("weights %q: %w", s, err)
		}
	}
	return Weights{w[0], w[1], w[2]}, nil
}

func parseWeight(s string) (int64, error) {
	d, ok := scanDecimal([]byte(s))
	if !ok || d.exponent != 0 || len(d.fraction) > weightDigits {
		return 0, fmt.Errorf("%q is not a decimal of at most %d fraction digits", s, weightDigits)
	}
	n, ok := d.nano()
	if !ok || n > maxWeight {
		return 0, fmt.Errorf("%q is not between -1000000 and 1000000", s)
	}
	if d.negative {
		n = -n
	}
	return n, nil
}

// String is the form that ParseWeights reads.
func (w Weights) String() string {
	one := func(v int64) string { return decimalString(big.NewInt(v), weightDigits, 0) }
	return one(w.clicks) + "," + one(w.stay) + "," + one(w.like)
}

// Popularity is a weighted sum, exact, in units of 1e-18, as a two's complement
// integer of 192 bits. Its zero value is 0; == compares, and so does Compare.
type Popularity struct{ hi, mid, lo uint64 }

// Popularity applies the weights. It allocates nothing and cannot overflow.
func (w Weights) Popularity(s Sums) Popularity {
	p := product(w.clicks, scaled(uint64(s.Clicks)), false)
	p = p.add(product(w.stay, s.StayNano, false))
	return p.add(product(w.like, scaled(magnitude(s.Like)), s.Like < 0))
}

// scaled brings a count to the unit of stays, so that all three parts of a
// popularity have the unit 1e-18.
func scaled(n uint64) Uint128 {
	hi, lo := bits.Mul64(n, NanoPerMinute)
	return Uint128{hi, lo}
}

func magnitude(n int64) uint64 {
	if n < 0 {
		return -uint64(n)
	}
	return uint64(n)
}

// product is weight*value, or -weight*value.
func product(weight int64, value Uint128, negative bool) Popularity {
	words := value.mul64(magnitude(weight))
	p := Popularity{words[0], words[1], words[2]}
	if (weight < 0) != negative {
		return p.negate()
	}
	return p
}

func (p Popularity) add(q Popularity) Popularity {
	lo, carry := bits.Add64(p.lo, q.lo, 0)
	mid, carry := bits.Add64(p.mid, q.mid, carry)
	hi, _ := bits.Add64(p.hi, q.hi, carry)
	return Popularity{hi, mid, lo}
}

func (p Popularity) negate() Popularity {
	return Popularity{^p.hi, ^p.mid, ^p.lo}.add(Popularity{lo: 1})
}

// Compare is -1, 0 or 1 as p is smaller than, equal to or larger than q.
func (p Popularity) Compare(q Popularity) int {
	return cmp.Or(
		cmp.Compare(int64(p.hi), int64(q.hi)),
		cmp.Compare(p.mid, q.mid),
		cmp.Compare(p.lo, q.lo),
	)
}

// String is the exact decimal with at least one fraction digit and no trailing
// zeros beyond it: "2.2", "3.0", "-0.000000001".
func (p Popularity) String() string {
	negative := int64(p.hi) < 0
	if negative {
		p = p.negate()
	}
	n := new(big.Int).SetUint64(p.hi)
	n.Lsh(n, 128).Or(n, Uint128{p.mid, p.lo}.Big())
	if negative {
		n.Neg(n)
	}
	return decimalString(n, 2*weightDigits, 1)
}

// decimalString renders n units of 10^-digits with at least `least` fraction
// digits and no trailing zeros beyond them.
func decimalString(n *big.Int, digits, least int) string {
	sign := ""
	if n.Sign() < 0 {
		sign = "-"
	}
	text := fmt.Sprintf("%0*s", digits+1, new(big.Int).Abs(n).String())
	whole, fraction := text[:len(text)-digits], text[len(text)-digits:]
	for len(fraction) > least && fraction[len(fraction)-1] == '0' {
		fraction = fraction[:len(fraction)-1]
	}
	if fraction == "" {
		return sign + whole
	}
	return sign + whole + "." + fraction
}
