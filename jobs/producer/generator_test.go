package producer

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite golden files")

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
	golden := filepath.Join("testdata", "seed-7.txt")
	got := text(NewGenerator(Article(), 7), 20)
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("seed 7 gives\n%s\nwant\n%s", got, want)
	}
	if other := text(NewGenerator(Article(), 8), 20); other == got {
		t.Error("seed 8 gives what seed 7 gives")
	}
}
