package verify

import (
	"strings"
	"testing"

	"weir/jobs/behavior"
)

func TestTheReferenceReadsTheDescribedFormat(t *testing.T) {
	long := strings.Repeat("9", 1000)
	tests := []struct {
		name   string
		record string
		ok     bool
		stay   string
	}{
		{"the article's message", "page37|5|1.5119122|-1", true, "1511912200"},
		{"no stay at all", "p|0|0|0", true, "0"},
		{"an exponent, as Java prints small numbers", "p|1|4.5E-4|1", true, "450000"},
		{"half a unit goes to the even neighbour below", "p|1|0.0000000005|1", true, "0"},
		{"half a unit goes to the even neighbour above", "p|1|0.0000000015|1", true, "2"},
		{"more than half a unit goes up", "p|1|0.00000000050000000000001|1", true, "1"},
		{"the longest stay", "p|1|1000000|1", true, "1000000000000000"},
		{"rounded onto the longest stay", "p|1|1000000.0000000004|1", true, "1000000000000000"},
		{"longer than the longest stay", "p|1|1000000.000000001|1", false, ""},
		{"a stay below zero", "p|1|-0.1|1", false, ""},
		{"a negative zero", "p|1|-0.0|1", true, "0"},
		{"an exponent that no computer could write out", "p|1|1e" + long + "|1", false, ""},
		{"an exponent that is nearly nothing", "p|1|1e-" + long + "|1", true, "0"},
		{"nothing times any exponent", "p|1|0e" + long + "|1", true, "0"},
		{"a point without digits", "p|1|.|1", false, ""},
		{"not a number", "p|1|NaN|1", false, ""},
		{"hexadecimal", "p|1|0x1p4|1", false, ""},
		{"a thousand million clicks", "p|1000000000|1|1", true, "1000000000"},
		{"one click too many", "p|1000000001|1|1", false, ""},
		{"clicks with a plus", "p|+1|1|1", false, ""},
		{"a like with a plus", "p|1|1|+1", false, ""},
		{"three fields", "p|1|1", false, ""},
		{"five fields", "p|1|1|1|1", false, ""},
		{"no page", "|1|1|1", false, ""},
		{"a page with a tab", "a\tb|1|1|1", false, ""},
		{"a page that is no UTF-8", "\xff|1|1|1", false, ""},
		{"a page of 1025 bytes", strings.Repeat("a", 1025) + "|1|1|1", false, ""},
		{"a newline at the end", "p|1|1|1\n", false, ""},
		{"nothing", "", false, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, visit, ok := parseReference(tt.record)
			if ok != tt.ok {
				t.Fatalf("parseReference(%.60q): ok is %v, want %v", tt.record, ok, tt.ok)
			}
			if ok && visit.stayNano.String() != tt.stay {
				t.Errorf("parseReference(%.60q): stay is %s, want %s", tt.record, visit.stayNano, tt.stay)
			}
		})
	}
}

// FuzzReference holds the two independent readers of the format against each
// other: where they differ, one of them is wrong.
func FuzzReference(f *testing.F) {
	for _, record := range []string{
		"page37|5|1.5119122|-1", "p|0|.5e-9|0", "p|-0|+1.e3|1", "p|1|1000000.00000000049|1", "ü|07|0e99999999999|0", "p|1|15e-10|1", "a|b|c|d",
	} {
		f.Add(record)
	}
	f.Fuzz(func(t *testing.T, record string) {
		m, err := behavior.Parse([]byte(record))
		page, visit, ok := parseReference(record)
		if ok != (err == nil) {
			t.Fatalf("%q: the calculator says %v, the reference %v", record, err, ok)
		}
		if !ok {
			return
		}
		if page != string(m.Page) || visit.clicks != m.Clicks || visit.like != m.Like ||
			!visit.stayNano.IsInt64() || visit.stayNano.Int64() != m.StayNano {
			t.Errorf("%q: the calculator reads %+v, the reference %q %s", record, m, page, &visit)
		}
	})
}

func TestARecountSumsByPage(t *testing.T) {
	r := newRecount()
	for _, record := range []string{"a|1|0.5|1", "b|2|1|0", "a|4|0.25|-1", "broken"} {
		r.add(record)
	}
	if r.good != 3 || r.bad != 1 || len(r.pages) != 2 {
		t.Fatalf("got %d good, %d bad, %d pages, want 3, 1, 2", r.good, r.bad, len(r.pages))
	}
	if got, want := r.pages["a"].String(), "n=2 clicks=5 stay=750000000e-9 like=0"; got != want {
		t.Errorf("page a: got %s, want %s", got, want)
	}
}
