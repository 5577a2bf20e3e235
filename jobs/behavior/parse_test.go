package behavior

import (
	"errors"
	"math/big"
	"strings"
	"testing"
)

func TestParseReadsGoodMessages(t *testing.T) {
	for _, c := range []struct{ name, line, want string }{
		{"the article's example", "page37|5|1.5119122|-1", "page37 5 1511912200 -1"},
		{"an exponent as Java prints it", "p|1|4.5E-4|1", "p 1 450000 1"},
		{"a positive exponent", "p|1|1.5e+2|0", "p 1 150000000000 0"},
		{"a stay without a fraction", "p|1|3|0", "p 1 3000000000 0"},
		{"a stay without a whole part", "p|1|.5|0", "p 1 500000000 0"},
		{"half a unit goes down to even", "p|1|0.0000000005|0", "p 1 0 0"},
		{"half a unit goes up to even", "p|1|0.0000000015|0", "p 1 2 0"},
		{"more than half a unit goes up", "p|1|0.00000000050001|0", "p 1 1 0"},
		{"a tenth of half a unit goes down", "p|1|9e-11|0", "p 1 0 0"},
		{"rounding carries", "p|1|0.9999999996|0", "p 1 1000000000 0"},
		{"minus nothing is nothing", "p|-0|-0.0|0", "p 0 0 0"},
		{"the limits themselves", "p|1000000000|1e6|1", "p 1000000000 1000000000000000 1"},
		{"leading zeros", "p|007|0001.0|1", "p 7 1000000000 1"},
		{"a page in any script", "страница 1|1|1|1", "страница 1 1 1000000000 1"},
		{"a huge exponent of zero", "p|1|0e99999999999|1", "p 1 0 1"},
		{"a hugely negative exponent", "p|1|9e-99999999999|1", "p 1 0 1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			m, err := Parse([]byte(c.line))
			if err != nil {
				t.Fatalf("Parse(%q): %v", c.line, err)
			}
			if got := describe(m); got != c.want {
				t.Errorf("Parse(%q) = %s, want %s", c.line, got, c.want)
			}
		})
	}
}

func TestParseNamesTheReason(t *testing.T) {
	for _, c := range []struct {
		name, line string
		want       Reason
	}{
		{"nothing", "", ReasonEmpty},
		{"three fields", "p|1|1", ReasonFields},
		{"one field", "p", ReasonFields},
		{"two fields", "p|1", ReasonFields},
		{"five fields", "p|1|1|1|1", ReasonFields},
		{"no page", "|1|1|1", ReasonPage},
		{"a page with a newline", "a\nb|1|1|1", ReasonPage},
		{"a page that is not UTF-8", "\xff|1|1|1", ReasonPage},
		{"a page too long", strings.Repeat("p", MaxPageBytes+1) + "|1|1|1", ReasonPage},
		{"a fraction of a click", "p|1.5|1|1", ReasonClicks},
		{"no clicks", "p||1|1", ReasonClicks},
		{"a lone sign", "p|-|1|1", ReasonClicks},
		{"negative clicks", "p|-1|1|1", ReasonClicksRange},
		{"too many clicks", "p|1000000001|1|1", ReasonClicksRange},
		{"clicks beyond 64 bits", "p|99999999999999999999|1|1", ReasonClicksRange},
		{"a word for a stay", "p|1|NaN|1", ReasonStay},
		{"a stay of a point", "p|1|.|1", ReasonStay},
		{"a stay with a space", "p|1| 1|1", ReasonStay},
		{"an exponent without digits", "p|1|1e|1", ReasonStay},
		{"an exponent with a fraction", "p|1|1e1.5|1", ReasonStay},
		{"a negative stay", "p|1|-0.1|1", ReasonStayRange},
		{"a stay above the limit", "p|1|1000000.000000001|1", ReasonStayRange},
		{"a stay with a huge exponent", "p|1|1e999999999999|1", ReasonStayRange},
		{"a like of two", "p|1|1|2", ReasonLike},
		{"a like with a plus", "p|1|1|+1", ReasonLike},
		{"a trailing newline", "p|1|1|1\n", ReasonLike},
	} {
		t.Run(c.name, func(t *testing.T) {
			m, err := Parse([]byte(c.line))
			var bad *ParseError
			if !errors.As(err, &bad) || bad.Reason != c.want {
				t.Fatalf("Parse(%q) = %+v, %v; want reason %s", c.line, m, err, c.want)
			}
			if !strings.Contains(bad.Error(), string(c.want)) {
				t.Errorf("error %q does not name its reason", bad)
			}
		})
	}
}

// FuzzParse compares with a parser that is slow and obviously right.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"page37|5|1.5119122|-1", "p|1|4.5E-4|1", "p|1|0.0000000015|0", "p|1|1e6|0",
		"p|0|1e-10|0", "|||", "p|1|5e-10|1", "p|1|999999.9999999995|1", "p|1|+1.|1",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		want, ok := slowParse(string(line))
		got, err := Parse(line)
		if ok != (err == nil) {
			t.Fatalf("Parse(%q): error %v, want good: %v", line, err, ok)
		}
		if ok && describe(got) != want {
			t.Fatalf("Parse(%q) = %s, want %s", line, describe(got), want)
		}
	})
}

func describe(m Message) string {
	parts := []string{string(m.Page)}
	for _, n := range []int64{m.Clicks, m.StayNano, m.Like} {
		parts = append(parts, big.NewInt(n).String())
	}
	return strings.Join(parts, " ")
}

func BenchmarkParse(b *testing.B) {
	line := []byte("page37|5|1.5119122|-1")
	if n := testing.AllocsPerRun(1000, func() { _, _ = Parse(line) }); n != 0 {
		b.Fatalf("Parse allocates %v times a message, want 0", n)
	}
	b.ReportAllocs()
	b.SetBytes(int64(len(line)))
	for b.Loop() {
		if _, err := Parse(line); err != nil {
			b.Fatal(err)
		}
	}
}

func TestParseAllocatesNothing(t *testing.T) {
	line := []byte("page37|5|1.5119122E-3|-1")
	if n := testing.AllocsPerRun(1000, func() { _, _ = Parse(line) }); n != 0 {
		t.Errorf("Parse(%q) allocates %v times, want 0", line, n)
	}
}
