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

func TestSumsSurviveTheirStoredForms(t *testing.T) {
	draw := rand.New(rand.NewPCG(5, 6))
	for range 1000 {
		want := randomSums(draw)
		var stored, published Sums
		if err := stored.UnmarshalBinary(want.AppendBinary(nil)); err != nil || stored != want {
			t.Fatalf("binary: got %+v, %v; want %+v", stored, err, want)
		}
		text, err := json.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(text, &published); err != nil || published != want {
			t.Fatalf("JSON %s: got %+v, %v; want %+v", text, published, err, want)
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

func TestUnmarshalBinaryRefusesAnotherLength(t *testing.T) {
	var s Sums
	if err := s.UnmarshalBinary(make([]byte, 39)); err == nil {
		t.Error("39 bytes were read as sums")
	}
}

func randomSums(draw *rand.Rand) Sums {
	return Sums{
		N: draw.Int64() >> 1, Clicks: draw.Int64() >> 1, Like: draw.Int64N(1<<62) - 1<<61,
		StayNano: Uint128{draw.Uint64() >> 1, draw.Uint64()},
	}
}

func rational(w int64) *big.Rat { return big.NewRat(w, 1_000_000_000) }
