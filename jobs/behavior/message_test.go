package behavior

import (
	"math"
	"testing"
)

func TestAVisitIsPrintedAsByTheArticlesMachine(t *testing.T) {
	for _, c := range []struct {
		name string
		stay float32
		want string
	}{
		{"the article's example", 1.5119122, "page37|5|1.5119122|-1"},
		{"a whole number keeps a fraction", 3, "page37|5|3.0|-1"},
		{"nothing keeps a fraction", 0, "page37|5|0.0|-1"},
		{"a thousandth is plain", 0.001, "page37|5|0.001|-1"},
		{"below a thousandth has an exponent", 4.5e-4, "page37|5|4.5E-4|-1"},
		{"an exponent keeps a fraction", 1e-4, "page37|5|1.0E-4|-1"},
		{"two digits of exponent", 1.5e-10, "page37|5|1.5E-10|-1"},
		{"just below ten million is plain", 9999999, "page37|5|9999999.0|-1"},
		{"ten million has an exponent", 1e7, "page37|5|1.0E7|-1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := AppendVisit([]byte("page37"), 5, c.stay, -1)
			if string(got) != c.want {
				t.Fatalf("got %s, want %s", got, c.want)
			}
			m, err := Parse(got)
			want := int64(math.RoundToEven(float64(c.stay) * NanoPerMinute))
			if c.stay > MaxStayMinutes {
				return
			}
			// The shortest decimal is within half a step of the float, not equal to it.
			if step := int64(math.Abs(float64(c.stay))*0x1p-23*NanoPerMinute) + 1; err != nil || m.StayNano < want-step || m.StayNano > want+step {
				t.Errorf("Parse(%s) = %+v, %v; want a stay of about %d", got, m, err, want)
			}
		})
	}
}
