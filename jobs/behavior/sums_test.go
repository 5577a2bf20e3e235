package behavior

import (
	"encoding/json"
	"errors"
	"math"
	"math/big"
	"math/rand/v2"
	"testing"
)

func TestAddRefusesToOverflowAndLeavesTheSum(t *testing.T) {
	most := Uint128{math.MaxUint64, math.MaxUint64}
	for _, c := range []struct {
		name string
		a, b Sums
	}{
		{"messages", Sums{N: math.MaxInt64}, Sums{N: 1}},
		{"clicks", Sums{Clicks: math.MaxInt64}, Sums{Clicks: 1}},
		{"stay", Sums{StayNano: most}, Sums{StayNano: Uint128{Lo: 1}}},
		{"likes", Sums{Like: math.MaxInt64}, Sums{Like: 1}},
		{"dislikes", Sums{Like: math.MinInt64}, Sums{Like: -1}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := c.a
			if err := got.Add(c.b); !errors.Is(err, ErrOverflow) || got != c.a {
				t.Errorf("%+v + %+v = %+v, %v; want unchanged and ErrOverflow", c.a, c.b, got, err)
			}
		})
	}
}

func TestSubGivesBackWhatWasAdded(t *testing.T) {
	draw := rand.New(rand.NewPCG(1, 2))
	for range 1000 {
		a, b := randomSums(draw), randomSums(draw)
		sum := a
		if err := sum.Add(b); err != nil {
			t.Fatal(err)
		}
		if got, err := sum.Sub(a); err != nil || got != b {
			t.Fatalf("(%+v + %+v) - first = %+v, %v", a, b, got, err)
		}
	}
	if _, err := (Sums{N: 1}).Sub(Sums{N: 2}); err == nil {
		t.Error("sums went down without an error")
	}
}

func TestSumsDoNotDependOnTheOrderOfMessages(t *testing.T) {
	draw := rand.New(rand.NewPCG(3, 4))
	messages := make([]Sums, 5000)
	for i := range messages {
		messages[i] = SumsOf(Message{Clicks: draw.Int64N(6), StayNano: draw.Int64N(5 * NanoPerMinute), Like: draw.Int64N(3) - 1})
	}
	total := func() (s Sums) {
		for _, m := range messages {
			if err := s.Add(m); err != nil {
				t.Fatal(err)
			}
		}
		return s
	}
	want := total()
	for range 5 {
		draw.Shuffle(len(messages), func(i, j int) { messages[i], messages[j] = messages[j], messages[i] })
		if got := total(); got != want {
			t.Fatalf("shuffled sum %+v, want %+v", got, want)
		}
	}
}

// The article's running sums are floating point numbers.
func TestFloatSumsDependOnTheirOrder(t *testing.T) {
	draw := rand.New(rand.NewPCG(3, 4))
	parts := make([]float64, 5000)
	for i := range parts {
		parts[i] = 0.8*float64(draw.Int64N(6)) + 0.8*5*draw.Float64() + float64(draw.Int64N(3)-1)
	}
	sums := map[float64]bool{}
	for range 5 {
		sum := 0.0
		for _, p := range parts {
			sum += p
		}
		sums[sum] = true
		draw.Shuffle(len(parts), func(i, j int) { parts[i], parts[j] = parts[j], parts[i] })
	}
	if len(sums) == 1 {
		t.Errorf("five orders of addition gave one sum, %v: then exact sums are not needed", sums)
	}
}

func TestSumsSurviveTheirPublishedForm(t *testing.T) {
	draw := rand.New(rand.NewPCG(5, 6))
	for range 1000 {
		want := randomSums(draw)
		var published Sums
		if draw.IntN(2) == 0 {
			want.StayNano.Hi = 0
		}
		text, err := json.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		if fast := want.AppendJSON(nil); string(fast) != string(text) {
			t.Fatalf("AppendJSON wrote %s, encoding/json %s", fast, text)
		}
		if err := json.Unmarshal(text, &published); err != nil || published != want {
			t.Fatalf("JSON %s: got %+v, %v; want %+v", text, published, err, want)
		}
	}
}

func TestCountingMessagesIsAddingTheirSums(t *testing.T) {
	draw := rand.New(rand.NewPCG(9, 10))
	clicks, stay, like := new(big.Int), new(big.Int), new(big.Int)
	var counted, added Sums
	for n := range int64(2000) {
		m := Message{Clicks: draw.Int64N(MaxClicks + 1), StayNano: draw.Int64N(maxStay + 1), Like: draw.Int64N(3) - 1}
		if n%2 == 0 {
			m.Clicks, m.StayNano = MaxClicks, maxStay // 64 bits do not hold 20000 of these
		}
		if n == 1000 {
			counted.StayNano.Lo, added.StayNano.Lo = math.MaxUint64-1, math.MaxUint64-1
			stay.SetUint64(math.MaxUint64 - 1)
			stay.Add(stay, new(big.Int).Lsh(new(big.Int).SetUint64(counted.StayNano.Hi), 64))
		}
		counted.Count(m)
		if err := added.Add(SumsOf(m)); err != nil {
			t.Fatal(err)
		}
		clicks.Add(clicks, big.NewInt(m.Clicks))
		stay.Add(stay, big.NewInt(m.StayNano))
		like.Add(like, big.NewInt(m.Like))
		if counted != added || counted.N != n+1 || big.NewInt(counted.Clicks).Cmp(clicks) != 0 ||
			counted.StayNano.Big().Cmp(stay) != 0 || big.NewInt(counted.Like).Cmp(like) != 0 {
			t.Fatalf("after %d messages: counted %+v, added %+v; want clicks %s, stay %s, like %s", n+1, counted, added, clicks, stay, like)
		}
	}
}

func TestAddIsTheSumOfWholeNumbers(t *testing.T) {
	draw := rand.New(rand.NewPCG(11, 12))
	fits := func(n *big.Int) bool { return n.IsInt64() }
	for range 5000 {
		a, b := randomSums(draw), randomSums(draw)
		for _, s := range []*Sums{&a, &b} { // near the limits as often as not
			if draw.IntN(2) == 0 {
				s.Clicks, s.StayNano.Hi = math.MaxInt64-draw.Int64N(1<<40), math.MaxUint64-draw.Uint64N(1<<40)
			}
			if draw.IntN(2) == 0 {
				s.Like = math.MinInt64 + draw.Int64N(1<<40)
			}
		}
		sum := func(x, y int64) *big.Int { return new(big.Int).Add(big.NewInt(x), big.NewInt(y)) }
		stay := new(big.Int).Add(a.StayNano.Big(), b.StayNano.Big())
		ok := fits(sum(a.N, b.N)) && fits(sum(a.Clicks, b.Clicks)) && fits(sum(a.Like, b.Like)) && stay.BitLen() <= 128
		got := a
		err := got.Add(b)
		if ok != (err == nil) {
			t.Fatalf("%+v + %+v: %v, want it to fit: %v", a, b, err, ok)
		}
		if ok && (got.StayNano.Big().Cmp(stay) != 0 || big.NewInt(got.Clicks).Cmp(sum(a.Clicks, b.Clicks)) != 0 || big.NewInt(got.Like).Cmp(sum(a.Like, b.Like)) != 0) {
			t.Fatalf("%+v + %+v = %+v", a, b, got)
		}
	}
}

func TestUint128RefusesWhatIsNotOne(t *testing.T) {
	for _, text := range []string{`"1"`, "-1", "1.5", "1e3", "340282366920938463463374607431768211456", "null"} {
		var u Uint128
		if err := u.UnmarshalJSON([]byte(text)); err == nil {
			t.Errorf("%s was read as %s", text, u)
		}
	}
}

func randomSums(draw *rand.Rand) Sums {
	return Sums{
		N: draw.Int64() >> 1, Clicks: draw.Int64() >> 1, Like: draw.Int64N(1<<62) - 1<<61,
		StayNano: Uint128{draw.Uint64() >> 1, draw.Uint64()},
	}
}

func rational(w int64) *big.Rat { return big.NewRat(w, 1_000_000_000) }

func TestArithmeticOf128BitsEqualsThatOfBigIntegers(t *testing.T) {
	draw := rand.New(rand.NewPCG(9, 10))
	edge := func() uint64 { // ends of the range come often
		return []uint64{0, 1, math.MaxUint64, math.MaxUint64 - 1, draw.Uint64(), draw.Uint64() >> draw.IntN(64)}[draw.IntN(6)]
	}
	for range 20_000 {
		a, b := Uint128{edge(), edge()}, Uint128{edge(), edge()}
		exact := new(big.Int).Add(a.Big(), b.Big())
		if sum, overflow := a.Add(b); overflow != (exact.BitLen() > 128) || !overflow && sum.Big().Cmp(exact) != 0 {
			t.Fatalf("%s + %s = %s, overflow %t; want %s", a, b, sum, overflow, exact)
		}
		exact.Sub(a.Big(), b.Big())
		if difference, underflow := a.Sub(b); underflow != (exact.Sign() < 0) || !underflow && difference.Big().Cmp(exact) != 0 {
			t.Fatalf("%s - %s = %s, underflow %t; want %s", a, b, difference, underflow, exact)
		}
	}
}
