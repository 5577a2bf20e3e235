package producer

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"weir/jobs/behavior"
)

var update = flag.Bool("update", false, "rewrite golden files")

func text(g *Generator, rounds int) string {
	var b strings.Builder
	for range rounds {
		for _, v := range g.Round() {
			b.Write(append(v.AppendText(nil), '\n'))
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

func TestRoundsStayWithinTheArticlesBounds(t *testing.T) {
	shape := Article()
	g := NewGenerator(shape, 1)
	sizes, pages, clicks, likes := map[int]int{}, map[string]int{}, map[int]int{}, map[int]int{}
	for range 20_000 {
		round := g.Round()
		sizes[len(round)]++
		for _, v := range round {
			pages[v.Page]++
			clicks[v.Clicks]++
			likes[v.Like]++
			if v.Stay < 0 || v.Stay >= float32(shape.MaxStay) {
				t.Fatalf("stay %v, want 0 to below %d", v.Stay, shape.MaxStay)
			}
			if m, err := behavior.Parse(v.AppendText(nil)); err != nil || string(m.Page) != v.Page || m.Clicks != int64(v.Clicks) || m.Like != int64(v.Like) {
				t.Fatalf("%+v is printed as %s, read as %+v, %v", v, v.AppendText(nil), m, err)
			}
		}
	}
	if len(sizes) != 3 || sizes[2] == 0 || sizes[3] == 0 || sizes[4] == 0 {
		t.Errorf("rounds have %v messages, want 2, 3 and 4", sizes)
	}
	if len(pages) != 100 || pages["page1"] == 0 || pages["page100"] == 0 {
		t.Errorf("%d pages, want page1 to page100", len(pages))
	}
	if len(clicks) != 5 || clicks[1] == 0 || clicks[5] == 0 {
		t.Errorf("clicks %v, want 1 to 5", clicks)
	}
	if len(likes) != 3 || likes[-1] == 0 || likes[0] == 0 || likes[1] == 0 {
		t.Errorf("likes %v, want -1, 0 and 1", likes)
	}
}
