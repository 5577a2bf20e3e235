package snapshot

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"weir/jobs/behavior"
)

func position(next int64) Position {
	return Position{ClusterID: "c", Topic: "t", TopicID: "i", State: "s1", Epoch: 1, Partition: 2, FirstOffset: 5, NextOffset: next}
}

func sums(n int64) behavior.Sums {
	return behavior.Sums{N: n, Clicks: 1<<61 + n, StayNano: behavior.Uint128{Hi: 1 << 63, Lo: uint64(n)}, Like: -1 << 61}
}

// wire encodes and decodes.
func wire(t *testing.T, key string, value interface{ Encode() ([]byte, error) }) Message {
	t.Helper()
	text, err := value.Encode()
	if err != nil {
		t.Fatal(err)
	}
	m, err := Decode([]byte(key), text)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestMessagesSurviveTheWire(t *testing.T) {
	added := sums(1)
	page := Page{State: "s1", Epoch: 3, From: 7, Next: 9, Sums: sums(4), Added: &added}
	if m := wire(t, PageKey(2, `a/b "é"`), page); m.Partition != 2 || m.PageID != `a/b "é"` || !reflect.DeepEqual(*m.Page, page) {
		t.Errorf("got %+v", m)
	}
	late := Page{State: "s1", Epoch: 3, From: -1, Next: 9, Sums: sums(4)}
	if m := wire(t, PageKey(2, "p"), late); !reflect.DeepEqual(*m.Page, late) {
		t.Errorf("got %+v", m.Page)
	}
	marker := Marker{Position: position(9), From: 7, Changes: 1, Pages: 2, Total: sums(5)}
	if m := wire(t, MarkerKey(2), marker); m.Partition != 2 || *m.Marker != marker {
		t.Errorf("got %+v", m.Marker)
	}
	top := Top{Topic: "t", State: "s1", Time: 4, Offsets: map[int32]int64{0: 3, 1: 2}, Weights: "1,1,1", Pages: []Ranked{{"p", "1.5"}}}
	if m := wire(t, TopKey, top); !reflect.DeepEqual(*m.Top, top) {
		t.Errorf("got %+v", m.Top)
	}
}

func TestTheWireFormIsReadableText(t *testing.T) {
	added := behavior.Sums{N: 1, Clicks: 5, StayNano: behavior.Uint128{Lo: 1511912200}, Like: -1}
	text, err := Page{State: "s", Epoch: 3, From: 7, Next: 9, Sums: added, Added: &added}.Encode()
	const want = `{"state":"s","epoch":3,"from":7,"next":9,` +
		`"sums":{"n":1,"clicks":5,"stayNano":1511912200,"like":-1},"added":{"n":1,"clicks":5,"stayNano":1511912200,"like":-1}}`
	if err != nil || string(text) != want || !json.Valid(text) {
		t.Errorf("got %s, %v; want %s", text, err, want)
	}
}

func TestDecodeRefusesNonsense(t *testing.T) {
	const page = `{"state":"s","from":1,"next":2,"sums":{},"added":{}}`
	for _, c := range []struct{ name, key, value string }{
		{"a key without a partition", "x", "{}"},
		{"a negative partition", "-1", "{}"},
		{"a key without a page", "1/", page},
		{"no JSON", "1", "x"},
		{"no state", "1/p", `{"from":1,"next":2,"sums":{},"added":{}}`},
		{"offsets backwards", "1/p", `{"state":"s","from":3,"next":2,"sums":{},"added":{}}`},
		{"nothing added from a known offset", "1/p", `{"state":"s","from":1,"next":2,"sums":{}}`},
		{"something added from an unknown offset", "1/p", `{"state":"s","from":-1,"next":2,"sums":{},"added":{}}`},
		{"a negative stay", "1/p", strings.Replace(page, `"sums":{}`, `"sums":{"stayNano":-1}`, 1)},
		{"a marker of another partition", "1", `{"state":"s","partition":2}`},
		{"more changes than pages", "1", `{"state":"s","partition":1,"changes":2,"pages":1}`},
		{"a top that is none", TopKey, "x"},
	} {
		if m, err := Decode([]byte(c.key), []byte(c.value)); err == nil {
			t.Errorf("%s: read as %+v", c.name, m)
		}
	}
}

// published are the messages of a publication that adds one message to each of
// some pages, which have `before` already.
func published(from, next, before int64, pages ...string) []Message {
	added := behavior.Sums{N: 1}
	var messages []Message
	for _, id := range pages {
		page := Page{State: "s1", Epoch: 1, From: from, Next: next, Sums: behavior.Sums{N: before + 1}}
		if from >= 0 {
			page.Added = &added
		}
		messages = append(messages, Message{Partition: 2, PageID: id, Page: &page})
	}
	marker := Marker{Position: position(next), From: from, Changes: len(pages), Pages: len(pages), Total: behavior.Sums{N: int64(len(pages)) * (before + 1)}}
	return append(messages, Message{Partition: 2, Marker: &marker})
}

func TestTheAssemblerYieldsCompletePublicationsOnly(t *testing.T) {
	first, second := published(5, 8, 0, "a", "b", "c"), published(8, 10, 1, "a", "b")
	for _, c := range []struct {
		name     string
		messages [][]Message
		want     []int64 // where the publications end
	}{
		{"one behind the other", [][]Message{first, second}, []int64{8, 10}},
		{"the beginning was not read", [][]Message{first[1:], second}, []int64{10}},
		{"compaction took a page", [][]Message{slices.Delete(slices.Clone(first), 1, 2), second}, []int64{10}},
		{"one was cut off by a crash and is published again", [][]Message{first, second[:1], second}, []int64{8, 10}},
		{"one was sent twice", [][]Message{first, first, second}, []int64{8, 10}},
		{"an old owner is late", [][]Message{second, first}, []int64{10}},
		{"nothing changed but the offset", [][]Message{published(5, 8, 0)}, []int64{8}},
		{"a start that does not know what was added", [][]Message{published(-1, 8, 0, "a")}, []int64{8}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var a Assembler
			var got []int64
			for _, m := range slices.Concat(c.messages...) {
				if p, complete := a.Add(m); complete {
					got = append(got, p.NextOffset)
					if len(p.News) != p.Changes {
						t.Errorf("%d news, %d changes", len(p.News), p.Changes)
					}
				}
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("publications end at %v, want %v", got, c.want)
			}
			if len(a.open) > 1 {
				t.Errorf("%d publications are kept open for nothing", len(a.open))
			}
		})
	}
}

func TestAViewIsCompleteWhereTotalsAgree(t *testing.T) {
	first, second := published(5, 8, 0, "a", "b"), published(8, 10, 1, "a", "b")
	both := map[string]behavior.Sums{"a": {N: 2}, "b": {N: 2}}
	for _, c := range []struct {
		name     string
		messages [][]Message
		want     map[string]behavior.Sums // nil where it is not complete
	}{
		{"nothing", nil, nil},
		{"one publication", [][]Message{first}, map[string]behavior.Sums{"a": {N: 1}, "b": {N: 1}}},
		{"two", [][]Message{first, second}, both},
		{"what compaction leaves", [][]Message{second}, both},
		{"compaction took a page for a publication that was cut off", [][]Message{first[1:], second[:1]}, nil},
		{"until the next marker", [][]Message{first[1:], second[:1], second}, both},
		{"a page was lost", [][]Message{first[1:]}, nil},
		{"what an owner before had on its way comes late", [][]Message{first, second, first}, both},
		{"or was cut off", [][]Message{first, second, first[:1]}, both},
	} {
		t.Run(c.name, func(t *testing.T) {
			var v View
			for _, m := range slices.Concat(c.messages...) {
				v.Add(m)
			}
			s, complete := v.Snapshot(2)
			if complete != (c.want != nil) || complete && !maps.Equal(s.Pages, c.want) {
				t.Errorf("complete: %v, %v; want %v", complete, s.Pages, c.want)
			}
		})
	}
}

func TestPagesOfAnEarlierStateAreNotInAView(t *testing.T) {
	var v View
	for _, m := range published(5, 8, 0, "old", "kept") {
		v.Add(m)
	}
	for _, m := range published(5, 9, 0, "kept") {
		if m.Page != nil {
			m.Page.State = "s2"
		} else {
			m.Marker.State = "s2"
		}
		v.Add(m)
	}
	s, complete := v.Snapshot(2)
	if want := map[string]behavior.Sums{"kept": {N: 1}}; !complete || !maps.Equal(s.Pages, want) || s.State != "s2" {
		t.Errorf("complete: %v, %v; want %v", complete, s, want)
	}
}

func TestKeysSortPagesBehindTheirPartition(t *testing.T) {
	if got := fmt.Sprint(MarkerKey(12), " ", PageKey(12, "p/q")); got != "12 12/p/q" {
		t.Errorf("keys %s", got)
	}
}

// Whatever is in the topic, what is read from it makes sense, or is an error.
func FuzzDecode(f *testing.F) {
	f.Add([]byte("top"), []byte("null"))
	f.Add([]byte("0"), []byte(`{"state":"a","partition":0,"nextOffset":3,"pages":1,"changes":1}`))
	f.Add([]byte("2147483648/page"), []byte(`{"state":"a","from":-1,"next":9223372036854775807}`))
	f.Add([]byte("1/\xff"), []byte(`{"state":"a","from":0,"added":{},"next":-1}`))
	f.Fuzz(func(t *testing.T, key, value []byte) {
		m, err := Decode(key, value)
		if err != nil {
			return
		}
		set := 0
		for _, is := range []bool{m.Page != nil, m.Marker != nil, m.Top != nil} {
			if is {
				set++
			}
		}
		if set != 1 || m.Partition < 0 || (m.Page != nil) != (m.PageID != "") {
			t.Errorf("%q %q: got %+v", key, value, m)
		}
	})
}
