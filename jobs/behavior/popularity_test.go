package behavior

import (
	"math"
	"math/big"
	"math/rand/v2"
	"strings"
	"testing"
)

func TestPopularityOfTheArticlesExample(t *testing.T) {
	m, err := Parse([]byte("page001.html|1|0.5|1"))
	if err != nil {
		t.Fatal(err)
	}
	if got := Article().Popularity(SumsOf(m)).String(); got != "2.2" {
		t.Errorf("popularity %s, want 2.2", got)
	}
}

func TestPopularityEqualsRationalArithmetic(t *testing.T) {
	draw := rand.New(rand.NewPCG(7, 8))
	previous, previousExact := Popularity{}, new(big.Rat)
	for range 5000 {
		w := Weights{draw.Int64N(2*maxWeight) - maxWeight, draw.Int64N(2*maxWeight) - maxWeight, draw.Int64N(2*maxWeight) - maxWeight}
		s := randomSums(draw)
		if draw.IntN(10) == 0 {
			s.StayNano, s.Clicks, s.Like = Uint128{math.MaxUint64, math.MaxUint64}, math.MaxInt64, math.MinInt64
		}
		got, want := w.Popularity(s), exact(w, s)
		if text, _ := new(big.Rat).SetString(got.String()); text.Cmp(want) != 0 {
			t.Fatalf("weights %v of %+v: got %s, want %s", w, s, got, want.FloatString(18))
		}
		if got.Compare(previous) != want.Cmp(previousExact) {
			t.Fatalf("%s compared with %s: %d", got, previous, got.Compare(previous))
		}
		previous, previousExact = got, want
	}
}

func exact(w Weights, s Sums) *big.Rat {
	sum := new(big.Rat).Mul(rational(w.clicks), new(big.Rat).SetInt64(s.Clicks))
	stay := new(big.Rat).SetFrac(s.StayNano.Big(), big.NewInt(NanoPerMinute))
	sum.Add(sum, stay.Mul(stay, rational(w.stay)))
	return sum.Add(sum, new(big.Rat).Mul(rational(w.like), new(big.Rat).SetInt64(s.Like)))
}

func TestPopularityIsPrintedAsAnExactDecimal(t *testing.T) {
	for _, c := range []struct {
		name string
		sums Sums
		want string
	}{
		{"nothing keeps a digit", Sums{}, "0.0"},
		{"a whole number keeps a digit", Sums{Like: 3}, "3.0"},
		{"a negative fraction", Sums{Like: -1, Clicks: 1}, "-0.2"},
		{"the smallest stay", Sums{StayNano: Uint128{Lo: 1}}, "0.0000000008"},
		{"more than 64 bits", Sums{StayNano: Uint128{Hi: 1 << 40}}, "16225927682921336339157.8010288128"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := Article().Popularity(c.sums).String(); got != c.want {
				t.Errorf("%+v: got %s, want %s", c.sums, got, c.want)
			}
		})
	}
}

func TestPopularityAllocatesNothing(t *testing.T) {
	w, s := Article(), Sums{N: 9, Clicks: 7, Like: -2, StayNano: Uint128{3, 4}}
	var p Popularity
	if n := testing.AllocsPerRun(100, func() { p = w.Popularity(s) }); n != 0 || p == (Popularity{}) {
		t.Errorf("Popularity allocates %v times, want 0", n)
	}
}

func TestParseWeights(t *testing.T) {
	for _, text := range []string{"0.8,0.8,1", "-1.5,0,0.000000001", "1000000,-1000000,0"} {
		w, err := ParseWeights(text)
		if err != nil || w.String() != text {
			t.Errorf("ParseWeights(%q) = %s, %v", text, w, err)
		}
	}
	for name, text := range map[string]string{
		"two weights": "1,2", "a word": "1,2,x", "ten decimals": "1,2,0.0000000001",
		"too large": "1000001,1,1", "an exponent": "1e1,1,1", "nothing": "",
	} {
		if w, err := ParseWeights(text); err == nil || !strings.Contains(err.Error(), "weights") {
			t.Errorf("%s: ParseWeights(%q) = %s, %v; want an error", name, text, w, err)
		}
	}
	if w, _ := ParseWeights("0.8,0.8,1"); w != Article() {
		t.Errorf("the article's weights are %v, read %v", Article(), w)
	}
}
