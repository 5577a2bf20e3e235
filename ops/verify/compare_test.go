package verify

import (
	"strings"
	"testing"

	"weir/jobs/behavior"
	"weir/jobs/popularity/snapshot"
)

func sums(n, clicks, stay, like int64) behavior.Sums {
	return behavior.Sums{N: n, Clicks: clicks, StayNano: behavior.Uint128{Lo: uint64(stay)}, Like: like}
}

// news is what a publication says of a page.
func news(all, added behavior.Sums) snapshot.Page { return snapshot.Page{Sums: all, Added: &added} }

// at is a publication of partition 0, which was counted from offset 100, with one
// message of page a for each of its offsets.
func at(state string, from, next int64) snapshot.Publication {
	p := snapshot.Publication{
		Marker: snapshot.Marker{
			Position: snapshot.Position{Topic: "user-behavior-topic", State: state, Epoch: 1, FirstOffset: 100, NextOffset: next},
			From:     from, Changes: 1, Pages: 1,
		},
		News: map[string]snapshot.Page{"a": news(sums(next-100, 0, 0, 0), sums(next-from, 0, 0, 0))},
	}
	if from < 0 {
		p.News["a"] = snapshot.Page{Sums: sums(next-100, 0, 0, 0)}
	}
	return p
}

func TestClaimsEqualToTheRecountAreNoDisagreement(t *testing.T) {
	s := newSpans(map[int32]int64{0: 0}, 1000)
	first, second := at("s1", 100, 102), at("s1", 102, 103)
	first.News = map[string]snapshot.Page{"a": news(sums(1, 2, 15, 0), sums(1, 2, 15, 0)), "b": news(sums(1, 2, 3, -1), sums(1, 2, 3, -1))}
	second.News = map[string]snapshot.Page{"a": news(sums(2, 5, 20, -1), sums(1, 3, 5, -1))}
	s.add(first)
	s.add(second)
	counted := newRecount()
	for _, record := range []string{"a|2|0.000000015|0", "a|3|0.000000005|-1", "b|2|0.000000003|-1"} {
		counted.add(record)
	}
	if got := disagreement(s.of[0].claimed, counted.pages) + s.of[0].jump; got != "" {
		t.Errorf("got %s, want no disagreement", got)
	}
}

func TestEveryKindOfWrongSumIsADisagreement(t *testing.T) {
	counted := newRecount()
	counted.add("a|2|0.000000015|1")
	for _, tt := range []struct {
		name  string
		added map[string]behavior.Sums
		want  string
	}{
		{"a lost message", nil, `page "a": published n=0 clicks=0 stay=0e-9 like=0, recounted n=1 clicks=2 stay=15e-9 like=1`},
		{"a message counted twice", map[string]behavior.Sums{"a": sums(2, 4, 30, 2)}, "published n=2"},
		{"one billionth of a minute", map[string]behavior.Sums{"a": sums(1, 2, 16, 1)}, "stay=16e-9"},
		{"a page that nobody visited", map[string]behavior.Sums{"a": sums(1, 2, 15, 1), "ghost": sums(1, 0, 0, 0)}, `"ghost"`},
		{"the like alone", map[string]behavior.Sums{"a": sums(1, 2, 15, -1)}, "like=-1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			claimed := map[string]*totals{}
			for page, added := range tt.added {
				claimed[page] = totalsOf(added)
			}
			if got := disagreement(claimed, counted.pages); !strings.Contains(got, tt.want) {
				t.Errorf("got %q, want it to say %q", got, tt.want)
			}
		})
	}
}

func TestSumsThatDoNotFollowFromTheOnesBeforeAreNoted(t *testing.T) {
	s := newSpans(map[int32]int64{0: 0}, 1000)
	s.add(at("s1", 100, 120))
	second := at("s1", 120, 130)
	second.News["a"] = news(sums(31, 0, 0, 0), sums(10, 0, 0, 0))
	s.add(second)
	if got := s.of[0].jump; !strings.Contains(got, `page "a": published n=31`) || !strings.Contains(got, "n=30") {
		t.Errorf("got %q, want page a with 31 and 30 messages", got)
	}
}

func TestManyDisagreementsAreCountedAndNotAllShown(t *testing.T) {
	claimed := map[string]*totals{}
	for _, page := range []string{"a", "b", "c", strings.Repeat("d", 1000)} {
		claimed[page] = newTotals()
		claimed[page].n = 1
	}
	got := disagreement(claimed, nil)
	if !strings.HasPrefix(got, "4 of 4 pages differ") || len(got) > 300 {
		t.Errorf("got %q, want a short text that counts 4 of 4", got)
	}
}

func TestTheLatestStretchThatMayBeRecountedIsKept(t *testing.T) {
	tests := []struct {
		name         string
		start        int64 // what retention has left
		publications []snapshot.Publication
		from, until  int64
	}{
		{"from where counting began", 0, []snapshot.Publication{at("s1", 100, 150), at("s1", 150, 180)}, 100, 180},
		{"of a calculator that was watched late", 0, []snapshot.Publication{at("s1", 5000, 5500)}, 5000, 5500},
		{"not longer than the limit", 0, []snapshot.Publication{at("s1", 100, 150), at("s1", 150, 1100), at("s1", 1100, 1200)}, 1100, 1200},
		{"nothing of a publication that is too long", 0, []snapshot.Publication{at("s1", 100, 5000)}, 5000, 5000},
		{"not before what retention has left", 150, []snapshot.Publication{at("s1", 100, 150), at("s1", 150, 180), at("s1", 180, 190)}, 150, 190},
		{"not across a new beginning", 0, []snapshot.Publication{at("s1", 100, 150), at("s2", 100, 120)}, 100, 120},
		{"not across a gap", 0, []snapshot.Publication{at("s1", 100, 150), at("s1", 160, 180)}, 160, 180},
		{"not across a start that does not know what was added", 0, []snapshot.Publication{at("s1", 100, 150), at("s1", -1, 160), at("s1", 160, 170)}, 160, 170},
		{"one publication beyond reach proves nothing", 400, []snapshot.Publication{at("s1", 100, 300)}, 300, 300},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newSpans(map[int32]int64{0: tt.start}, 1000)
			for _, one := range tt.publications {
				s.add(one)
			}
			got := s.of[0]
			if got.from != tt.from || got.until != tt.until {
				t.Fatalf("got %d to %d, want %d to %d", got.from, got.until, tt.from, tt.until)
			}
			if n := orZero(got.claimed["a"]).n; n != got.records() {
				t.Errorf("%d messages are claimed of %d", n, got.records())
			}
			if got.jump != "" {
				t.Error(got.jump)
			}
		})
	}
}

func TestTheLastSumsAreComparedWithARecountOfAll(t *testing.T) {
	counted := newRecount()
	for range 50 {
		counted.add("a|0|0|0")
	}
	counted.add("b|3|0|1")
	tests := []struct {
		name   string
		change func(p *snapshot.Publication)
		want   string
	}{
		{"equal", func(*snapshot.Publication) {}, ""},
		{"a page that was counted twice", func(p *snapshot.Publication) {
			p.News["a"] = snapshot.Page{Sums: sums(100, 0, 0, 0)}
		}, `page "a": published n=100`},
		{"a page that was counted twice and not published again", func(p *snapshot.Publication) {
			p.Total = sums(52, 6, 0, 2)
		}, "all pages together: published n=52 clicks=6"},
		{"a page that is no more", func(p *snapshot.Publication) { p.Pages = 1 }, "1 pages published, 2 recounted"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := at("s1", -1, 151)
			p.News["a"] = snapshot.Page{Sums: sums(50, 0, 0, 0)}
			p.Total, p.Pages = sums(51, 3, 0, 1), 2
			tt.change(&p)
			s := newSpans(map[int32]int64{0: 0}, 1000)
			s.add(p)
			got := s.of[0].contradiction(counted)
			if tt.want == "" && got != "" || !strings.HasPrefix(got, tt.want) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
			if !s.of[0].whole(0, 1000) || s.of[0].whole(101, 1000) || s.of[0].whole(0, 50) {
				t.Error("want the whole to be counted where it is there, and not too much")
			}
		})
	}
}
