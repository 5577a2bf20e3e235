package producer

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"weir/testenv/golden"
)

func text(g *Generator, rounds int) string {
	var b strings.Builder
	for range rounds {
		for ended := false; !ended; {
			v := g.Next()
			b.Write(append(v.AppendText(nil), '\n'))
			ended = v.EndsRound
		}
		b.WriteString("--\n")
	}
	return b.String()
}

func TestOneSeedGivesOneSequenceForEver(t *testing.T) {
	got := text(NewGenerator(Article(), 7), 20)
	golden.File(t, "testdata/seed-7.txt", got)
	if other := text(NewGenerator(Article(), 8), 20); other == got {
		t.Error("seed 8 gives what seed 7 gives")
	}
}

func TestZipfBadAndLateMessagesHaveOneSequenceToo(t *testing.T) {
	shape := Article()
	shape.Pages, shape.Zipf, shape.Bad, shape.Late = 1_000_000, 1.1, 0.1, 0.1
	g := NewGenerator(shape, 7)
	var b strings.Builder
	for range 200 {
		v := g.Next()
		fmt.Fprintf(&b, "%q %s\n", v.AppendText(nil), v.Late)
	}
	golden.File(t, "testdata/seed-7-zipf.txt", b.String())
}

func TestDiceDrawWhatTheLibraryDraws(t *testing.T) {
	d, library := dice{rand.NewPCG(7, stream)}, rand.New(rand.NewPCG(7, stream))
	for i := range 100_000 {
		// All sizes; the largest are refused now and then, and drawn again.
		n := 1 + int(rand.Uint64()>>(1+i%63))
		if got, want := d.below(n), library.IntN(n); got != want {
			t.Fatalf("draw %d below %d is %d, want %d", i, n, got, want)
		}
	}
}
