package producer

import (
	"errors"
	"math"
	"testing"
	"time"

	"weir/jobs/behavior"
)

func TestMessagesStayWithinTheArticlesBounds(t *testing.T) {
	shape := Article()
	g := NewGenerator(shape, 1)
	sizes, pages, clicks, likes, size := map[int]int{}, map[int]int{}, map[int]int{}, map[int]int{}, 0
	for range 60_000 {
		v := g.Next()
		if size++; v.EndsRound {
			sizes[size]++
			size = 0
		}
		pages[v.Page]++
		clicks[v.Clicks]++
		likes[v.Like]++
		if v.Stay < 0 || v.Stay >= float32(shape.MaxStay) {
			t.Fatalf("stay %v, want 0 to below %d", v.Stay, shape.MaxStay)
		}
		text := v.AppendText(nil)
		if m, err := behavior.Parse(text); err != nil || m.Clicks != int64(v.Clicks) || m.Like != int64(v.Like) {
			t.Fatalf("%+v is printed as %s, read as %+v, %v", v, text, m, err)
		}
	}
	if len(sizes) != 3 || sizes[2] == 0 || sizes[3] == 0 || sizes[4] == 0 {
		t.Errorf("rounds have %v messages, want 2, 3 and 4", sizes)
	}
	if len(pages) != 100 || pages[1] == 0 || pages[100] == 0 {
		t.Errorf("%d pages, want page1 to page100", len(pages))
	}
	if len(clicks) != 5 || clicks[1] == 0 || clicks[5] == 0 {
		t.Errorf("clicks %v, want 1 to 5", clicks)
	}
	if len(likes) != 3 || likes[-1] == 0 || likes[0] == 0 || likes[1] == 0 {
		t.Errorf("likes %v, want -1, 0 and 1", likes)
	}
}

func TestBadMessagesAreRefusedForEveryReasonThereIs(t *testing.T) {
	shape := Article()
	shape.Bad = 0.25
	g := NewGenerator(shape, 1)
	reasons, bad := map[behavior.Reason]int{}, 0
	const n = 40_000
	for range n {
		v := g.Next()
		_, err := behavior.Parse(v.AppendText(nil))
		if (err != nil) != (v.Flaw != 0) {
			t.Fatalf("%+v is printed as %q, read with %v", v, v.AppendText(nil), err)
		}
		var parse *behavior.ParseError
		if errors.As(err, &parse) {
			reasons[parse.Reason]++
			bad++
		}
	}
	if len(reasons) != flaws || math.Abs(float64(bad)/n-shape.Bad) > 0.01 {
		t.Errorf("%d of %d are bad, for the reasons %v; want a quarter, for %d reasons", bad, n, reasons, flaws)
	}
}

func TestLateMessagesAreInThePast(t *testing.T) {
	shape := Article()
	shape.Late, shape.LateBy = 0.1, time.Minute
	g := NewGenerator(shape, 1)
	late, most := 0, time.Duration(0)
	for range 10_000 {
		v := g.Next()
		if v.Late < 0 || v.Late >= time.Minute {
			t.Fatalf("late by %s", v.Late)
		}
		if v.Late > 0 {
			late++
		}
		most = max(most, v.Late)
	}
	if late < 900 || late > 1100 || most < 50*time.Second {
		t.Errorf("%d of 10000 are late, by up to %s; want a tenth, by up to a minute", late, most)
	}
}

func TestZipfChoosesPagesByTheirRank(t *testing.T) {
	const pages, draws = 50, 2_000_000
	for _, exponent := range []float64{0.5, 1, 1.5, 3} {
		shape := Article()
		shape.Pages, shape.Zipf = pages, exponent
		g := NewGenerator(shape, 9)
		counts := make([]float64, pages+1)
		for range draws {
			counts[g.page()]++
		}
		total := 0.0
		for page := 1; page <= pages; page++ {
			total += math.Pow(float64(page), -exponent)
		}
		for page := 1; page <= pages; page++ {
			want := draws * math.Pow(float64(page), -exponent) / total
			if off := math.Abs(counts[page] - want); off > 5*math.Sqrt(want)+1 {
				t.Errorf("exponent %v: page %d was drawn %.0f times, want %.0f", exponent, page, counts[page], want)
			}
		}
	}
}

func TestZipfsTableHoldsTheMostPages(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a second")
	}
	z := newZipf(maxZipfPages, 0.01) // nearly all as heavy as the first
	for _, random := range []uint64{0, math.MaxUint64, math.MaxUint32 << 32} {
		if page := z.draw(random); page < 0 || page >= maxZipfPages {
			t.Errorf("drew page %d", page)
		}
	}
}
