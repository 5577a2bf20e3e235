package snapshot

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"strings"
	"testing"

	"weir/jobs/behavior"
)

func position(next int64) Position {
	return Position{ClusterID: "c", Topic: "t", TopicID: "i", State: "s1", Epoch: 1, Partition: 2, FirstOffset: 5, NextOffset: next}
}

// sample is a snapshot whose pages have n messages each, with the largest
// numbers there are.
func sample(pages int, next, n int64) Snapshot {
	s := Snapshot{Position: position(next), Pages: map[string]behavior.Sums{}}
	for i := range pages {
		name := fmt.Sprintf("page%d%s", i, strings.Repeat(`"é`, i%40))
		s.Pages[name] = behavior.Sums{N: n, Clicks: 1<<62 + n, StayNano: behavior.Uint128{Hi: 1 << 63, Lo: uint64(n)}, Like: -1 << 62}
	}
	return s
}

func chunks(t *testing.T, s Snapshot) []Chunk {
	t.Helper()
	var decoded []Chunk
	for _, c := range s.Split() {
		value, err := c.Encode()
		if err != nil {
			t.Fatal(err)
		}
		if len(value) > MaxBytes {
			t.Errorf("chunk %s has %d bytes, want at most %d", c.Key(), len(value), MaxBytes)
		}
		d, err := Decode(value)
		if err != nil {
			t.Fatal(err)
		}
		decoded = append(decoded, d)
	}
	return decoded
}

func TestASnapshotSurvivesTheWire(t *testing.T) {
	for _, pages := range []int{0, 1, 100, 4_000} {
		want := sample(pages, 9, 3)
		parts := chunks(t, want)
		if pages == 4_000 && len(parts) < 2 {
			t.Fatalf("%d pages fit one chunk: the test shows nothing", pages)
		}
		rand.Shuffle(len(parts), func(i, j int) { parts[i], parts[j] = parts[j], parts[i] })
		var a Assembler
		for i, c := range append(parts[:len(parts)-1:len(parts)-1], parts...) { // all but one twice
			got, complete, err := a.Add(c)
			if err != nil {
				t.Fatal(err)
			}
			if last := i == 2*len(parts)-2; complete != last {
				t.Fatalf("%d pages: complete=%v after %d chunks of %d", pages, complete, i+1, len(parts))
			}
			if complete && (got.Position != want.Position || !maps.Equal(got.Pages, want.Pages)) {
				t.Fatalf("%d pages: got another snapshot at %+v", pages, got.Position)
			}
		}
	}
}

func TestKeysAreStable(t *testing.T) {
	parts := sample(4_000, 9, 3).Split()
	if parts[0].Key() != "2/0" || parts[1].Key() != "2/1" {
		t.Errorf("keys %s and %s, want 2/0 and 2/1", parts[0].Key(), parts[1].Key())
	}
}

func TestAssemblerNeverMixesSnapshotsNorGoesBack(t *testing.T) {
	older, newer := chunks(t, sample(4_000, 9, 3)), chunks(t, sample(4_000, 12, 4))
	var a Assembler
	add := func(c Chunk) bool {
		t.Helper()
		_, complete, err := a.Add(c)
		if err != nil {
			t.Fatal(err)
		}
		return complete
	}
	if add(older[0]); len(older) < 2 || len(newer) < 2 {
		t.Fatal("the test needs several chunks")
	}
	for i, c := range newer {
		if complete := add(c); complete != (i == len(newer)-1) {
			t.Fatalf("newer snapshot complete=%v after chunk %d of %d", complete, i+1, len(newer))
		}
	}
	for _, c := range older {
		if add(c) {
			t.Fatal("an older snapshot came after a newer one")
		}
	}
	replaced := sample(1, 6, 1)
	replaced.State = "s2"
	if !add(chunks(t, replaced)[0]) {
		t.Error("a snapshot of a later state was passed over")
	}
	if len(a.open) != 0 {
		t.Errorf("%d snapshots are kept for nothing", len(a.open))
	}
}

func TestSinceIsWhatWasCountedBetween(t *testing.T) {
	a, b := sample(3, 9, 3), sample(4, 12, 3)
	grown := b.Pages["page0"]
	grown.N += 2
	b.Pages["page0"] = grown
	got, err := b.Since(a)
	want := map[string]behavior.Sums{"page0": {N: 2}, fmt.Sprintf("page3%s", strings.Repeat(`"é`, 3)): b.Pages[`page3"é"é"é`]}
	if err != nil || !maps.Equal(got, want) {
		t.Errorf("got %+v, %v; want %+v", got, err, want)
	}
}

func TestSinceRefusesWhatCannotBeCompared(t *testing.T) {
	change := func(f func(*Snapshot)) Snapshot {
		s := sample(3, 12, 3)
		f(&s)
		return s
	}
	for name, later := range map[string]Snapshot{
		"another state":     change(func(s *Snapshot) { s.State = "s2" }),
		"another partition": change(func(s *Snapshot) { s.Partition++ }),
		"another beginning": change(func(s *Snapshot) { s.FirstOffset++ }),
		"an earlier offset": change(func(s *Snapshot) { s.NextOffset = 8 }),
		"a vanished page":   change(func(s *Snapshot) { delete(s.Pages, "page0") }),
		"a shrunken page":   change(func(s *Snapshot) { s.Pages["page0"] = behavior.Sums{} }),
	} {
		if got, err := later.Since(sample(3, 9, 3)); err == nil {
			t.Errorf("%s: compared, %+v", name, got)
		}
	}
}

func TestDecodeRefusesNonsense(t *testing.T) {
	for name, value := range map[string]string{
		"no JSON":               "x",
		"no state":              `{"chunk":0,"chunks":1}`,
		"a chunk beyond chunks": `{"state":"s","chunk":1,"chunks":1}`,
		"no chunks":             `{"state":"s","chunk":0,"chunks":0}`,
		"offsets backwards":     `{"state":"s","chunk":0,"chunks":1,"firstOffset":2,"nextOffset":1}`,
		"a negative stay":       `{"state":"s","chunk":0,"chunks":1,"pages":{"p":{"stayNano":-1}}}`,
	} {
		if c, err := Decode([]byte(value)); err == nil {
			t.Errorf("%s: read as %+v", name, c)
		}
	}
}
