package producer

import (
	"math"
	"math/rand/v2"
	"strconv"

	"weir/jobs/behavior"
)

// Shape bounds what a generator draws.
type Shape struct {
	// Pages is how many pages there are: page1 to page<Pages>.
	Pages int
	// MaxMessages is the article's MAX_MSG_NUM: a round has 2 to MaxMessages+1
	// messages, because the article sends the messages 0 to n, both included,
	// with n drawn from 1 to MaxMessages.
	MaxMessages int
	// MaxClicks is the most clicks of a message; the least is 1.
	MaxClicks int
	// MaxStay is what a stay is below, in minutes.
	MaxStay int
}

// Article returns what the article's code really draws: its MAX_STAY_TIME is
// declared and never used, the stay is bounded by MAX_CLICK_TIME.
func Article() Shape {
	return Shape{Pages: 100, MaxMessages: 3, MaxClicks: 5, MaxStay: 5}
}

// Visit is one message to be sent.
type Visit struct {
	Page   string
	Clicks int
	// Stay is in minutes, 0 included, Shape.MaxStay excluded.
	Stay float32
	// Like is 1, 0 or -1.
	Like int
}

// AppendText appends the message's text.
func (v Visit) AppendText(dst []byte) []byte {
	return behavior.AppendText(dst, v.Page, v.Clicks, v.Stay, v.Like)
}

// Generator draws rounds of messages. One seed and shape give one sequence, on
// every machine and in every run.
type Generator struct {
	shape Shape
	draw  *rand.Rand
}

// stream separates this use of a seed from any other use of the same number.
const stream = 0x77656972 // "weir"

// NewGenerator returns a generator at the start of the seed's sequence.
func NewGenerator(shape Shape, seed uint64) *Generator {
	return &Generator{shape: shape, draw: rand.New(rand.NewPCG(seed, stream))}
}

// Round draws the messages of one round.
func (g *Generator) Round() []Visit {
	last := 1 + g.draw.IntN(g.shape.MaxMessages)
	visits := make([]Visit, 0, last+1)
	for range last + 1 {
		visits = append(visits, g.visit())
	}
	return visits
}

func (g *Generator) visit() Visit {
	return Visit{
		Page:   "page" + strconv.Itoa(1+g.draw.IntN(g.shape.Pages)),
		Clicks: 1 + g.draw.IntN(g.shape.MaxClicks),
		Stay:   g.stay(),
		Like:   1 - g.draw.IntN(3),
	}
}

// stay is a whole part plus a fraction in [0,1), as the article adds them. In
// 32 bits the sum can be rounded up to the bound itself, which is kept out.
func (g *Generator) stay() float32 {
	bound := float32(g.shape.MaxStay)
	whole := float32(g.draw.IntN(g.shape.MaxStay))
	fraction := float32(g.draw.Uint32()>>8) / (1 << 24)
	return min(whole+fraction, math.Nextafter32(bound, 0))
}
