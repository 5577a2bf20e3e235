package producer

import (
	"math"
	"math/bits"
	"math/rand/v2"
	"time"
)

// Shape bounds what a generator draws.
type Shape struct {
	// Pages is how many pages there are: page1 to page<Pages>.
	Pages int `json:"pages"`
	// Zipf is the exponent of Zipf's law, by which page n is chosen in
	// proportion to 1/n^Zipf; 0 chooses all pages alike.
	Zipf float64 `json:"zipf"`
	// MaxMessages is the article's MAX_MSG_NUM: a round has 2 to MaxMessages+1
	// messages, because the article sends the messages 0 to n, both included,
	// with n drawn from 1 to MaxMessages.
	MaxMessages int `json:"maxMessages"`
	// MaxClicks is the most clicks of a message; the least is 1.
	MaxClicks int `json:"maxClicks"`
	// MaxStay is what a stay is below, in minutes.
	MaxStay int `json:"maxStay"`
	// Bad is the share, from 0 to 1, of messages that are none: a calculator
	// must refuse them.
	Bad float64 `json:"bad"`
	// Late is the share of messages whose timestamp is up to LateBy before the
	// time they were due.
	Late   float64       `json:"late"`
	LateBy time.Duration `json:"lateBy"`
}

// Article returns what the article's code really draws: its MAX_STAY_TIME is
// declared and never used, the stay is bounded by MAX_CLICK_TIME.
func Article() Shape {
	return Shape{Pages: 100, MaxMessages: 3, MaxClicks: 5, MaxStay: 5, LateBy: time.Hour}
}

// Generator draws messages, in rounds. One seed and shape give one sequence, on
// every machine and in every run; it does not depend on when or how the
// messages are sent. Next allocates nothing.
type Generator struct {
	shape Shape
	dice  dice
	draw  *rand.Rand // the same, for what is seldom drawn
	zipf  *zipf      // nil where all pages are alike
	left  int        // messages of the round
}

// stream separates this use of a seed from any other use of the same number.
const stream = 0x77656972 // "weir"

// NewGenerator returns a generator at the start of the seed's sequence.
func NewGenerator(shape Shape, seed uint64) *Generator {
	source := rand.NewPCG(seed, stream)
	g := &Generator{shape: shape, dice: dice{source}, draw: rand.New(source)}
	if shape.Zipf > 0 {
		g.zipf = newZipf(shape.Pages, shape.Zipf)
	}
	return g
}

// Next draws the next message.
func (g *Generator) Next() Visit {
	if g.left == 0 {
		g.left = 2 + g.dice.below(g.shape.MaxMessages)
	}
	g.left--
	v := Visit{
		Page:      g.page(),
		Clicks:    1 + g.dice.below(g.shape.MaxClicks),
		Stay:      g.stay(),
		Like:      1 - g.dice.below(3),
		EndsRound: g.left == 0,
	}
	// A share of none draws nothing, so that it leaves the sequence as it is.
	if g.shape.Bad > 0 && g.draw.Float64() < g.shape.Bad {
		v.Flaw = 1 + flaw(g.dice.below(flaws))
	}
	if g.shape.Late > 0 && g.draw.Float64() < g.shape.Late {
		v.Late = time.Duration(g.draw.Int64N(int64(g.shape.LateBy)))
	}
	return v
}

func (g *Generator) page() int {
	if g.zipf != nil {
		return 1 + g.zipf.draw(g.dice.Uint64())
	}
	return 1 + g.dice.below(g.shape.Pages)
}

// stay is a whole part plus a fraction in [0,1), as the article adds them. In
// 32 bits the sum can be rounded up to the bound itself, which is kept out.
func (g *Generator) stay() float32 {
	bound := float32(g.shape.MaxStay)
	whole := float32(g.dice.below(g.shape.MaxStay))
	fraction := float32(g.dice.Uint64()>>40) / (1 << 24)
	if stay := whole + fraction; stay < bound {
		return stay
	}
	return math.Nextafter32(bound, 0)
}

// dice is rand.Rand, which draws the same numbers, without the interface between it
// and its source: a message takes six draws.
type dice struct{ *rand.PCG }

// below is rand.Rand.IntN for n above 0.
func (d dice) below(n int) int {
	if n&(n-1) == 0 {
		return int(d.Uint64() & uint64(n-1))
	}
	for {
		n := uint64(n)
		if drawn, rest := bits.Mul64(d.Uint64(), n); rest >= n || rest >= -n%n {
			return int(drawn)
		}
	}
}
