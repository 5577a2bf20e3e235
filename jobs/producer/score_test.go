package producer

import (
	"encoding/json"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"weir/jobs/behavior"
	"weir/jobs/producer/send"
)

// batchOf is a batch of messages that were due after so many milliseconds each.
func batchOf(values []string, due ...int) *send.Batch {
	b := send.NewBatch(1 << 20)
	for i, value := range values {
		b.Add(send.Record{Value: []byte(value), Due: time.Duration(due[i%len(due)]) * time.Millisecond}, time.Now())
	}
	return b
}

// slowly adds messages up in the plainest way there is.
func slowly(t *testing.T, values []string) map[string]string {
	t.Helper()
	type sums struct {
		n, clicks, like int
		stay            *big.Rat
	}
	all := map[string]*sums{}
	for _, value := range values {
		if _, err := behavior.Parse([]byte(value)); err != nil {
			continue
		}
		f := strings.Split(value, "|")
		s := all[f[0]]
		if s == nil {
			s = &sums{stay: new(big.Rat)}
			all[f[0]] = s
		}
		clicks, _ := strconv.Atoi(f[1])
		like, _ := strconv.Atoi(f[3])
		stay, _ := new(big.Rat).SetString(f[2])
		s.n, s.clicks, s.like = s.n+1, s.clicks+clicks, s.like+like
		s.stay.Add(s.stay, stay)
	}
	text := map[string]string{}
	for page, s := range all {
		text[page] = fmt.Sprint(s.n, s.clicks, s.like, s.stay.FloatString(9))
	}
	return text
}

func TestTheManifestHasTheExactSumsOfWhatWasAcknowledged(t *testing.T) {
	shape := Article()
	shape.Bad, shape.Pages = 0.1, 20
	g := NewGenerator(shape, 3)
	var values []string
	for range 3000 {
		values = append(values, string(g.Next().AppendText(nil)))
	}
	s := newScore([]int32{0, 1}, true, newMeters())
	for _, value := range values[:1000] {
		s.found(1, []byte(value))
	}
	s.acknowledged(0, batchOf(values[1000:1500], 0), time.Now())
	s.acknowledged(1, batchOf(values[1500:], 0), time.Now())
	m := Manifest{Format: 1, Topic: "t", Seed: 1 << 63, Shape: shape}
	if err := m.fill(s, []int64{0, 7}); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "manifest.json")
	if err := writeJSON(path, m); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var read Manifest
	if err := json.Unmarshal(text, &read); err != nil {
		t.Fatal(err)
	}
	if read.Acknowledged != 3000 || read.Unknown != 7 || read.Seed != 1<<63 || read.Partitions[1].Acknowledged != 2500 || read.Shape != shape {
		t.Errorf("read %+v", read)
	}
	want := slowly(t, values)
	good := int64(0)
	for page, sums := range read.Pages {
		good += sums.N
		stay := new(big.Rat).SetFrac(sums.StayNano.Big(), big.NewInt(behavior.NanoPerMinute))
		if got := fmt.Sprint(sums.N, sums.Clicks, sums.Like, stay.FloatString(9)); got != want[page] {
			t.Errorf("%s: %s, want %s", page, got, want[page])
		}
	}
	if len(read.Pages) != len(want) || good+read.Bad != 3000 || read.Bad < 200 || read.Bad > 400 {
		t.Errorf("%d pages, %d good and %d bad messages; want %d pages, 3000 messages, a tenth of them bad", len(read.Pages), good, read.Bad, len(want))
	}
}

func TestLatenciesCountFromWhenMessagesWereDue(t *testing.T) {
	s := newScore([]int32{0}, false, newMeters())
	start := time.Now()
	s.begin(start)
	// Ten messages, due 100 ms apart, acknowledged all at once after 1 s: the
	// first has waited for 1000 ms, the last for 100.
	due := []int{0, 100, 200, 300, 400, 500, 600, 700, 800, 900}
	s.acknowledged(0, batchOf(make([]string, len(due)), due...), start.Add(time.Second))
	var r Report
	r.fill(s, 2*time.Second)
	near := func(got, want float64) bool { return got > 0.999*want && got < 1.001*want }
	if l := r.LatencyMillis; !near(l.Mean, 550) || !near(l.P50, 500) || !near(l.P90, 900) || !near(l.Max, 1000) {
		t.Errorf("got %+v, want a mean of 550, half below 500, and at most 1000", l)
	}
	if r.Messages != 10 || r.MessagesPerSecond != 5 {
		t.Errorf("%d messages, %f a second; want 10, and 5", r.Messages, r.MessagesPerSecond)
	}
	line := s.interval().over(5 * time.Second)
	if want := "10 records sent, 2.0 records/sec (0.00 MB/sec), 550.0 ms avg latency, 1000.0 ms max latency."; line != want {
		t.Errorf("got %s\nwant %s", line, want)
	}
	if again := s.interval(); again != (interval{}) {
		t.Errorf("the next interval has %+v, want nothing", again)
	}
}

func TestAFileIsReplacedAsAWhole(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "f.json")
	for _, value := range []int{1, 2} {
		if err := writeJSON(path, value); err != nil {
			t.Fatal(err)
		}
	}
	if err := writeJSON(path, func() {}); err == nil {
		t.Error("wrote what is no JSON")
	}
	text, err := os.ReadFile(path)
	files, _ := os.ReadDir(dir)
	if err != nil || string(text) != "2\n" || len(files) != 1 {
		t.Errorf("%q, %v, and %d files; want 2 alone", text, err, len(files))
	}
}
