package gauge

import (
	"strings"
	"testing"
	"time"

	"weir/testenv/golden"
)

func TestWhatMayBeAskedFor(t *testing.T) {
	fine := Options{Records: 1000, Size: 100, Rate: 10, Partitions: 3}
	if err := fine.Validate(); err != nil {
		t.Errorf("%+v: %v", fine, err)
	}
	for want, change := range map[string]func(*Options){
		"--records 0":       func(o *Options) { o.Records = 0 },
		"--size 7":          func(o *Options) { o.Size = 7 },
		"--rate -1":         func(o *Options) { o.Rate = -1 },
		"--partitions 1000": func(o *Options) { o.Partitions = 1000 },
		"more than":         func(o *Options) { o.Records, o.Size = MaxRecords, 1000 },
	} {
		o := fine
		change(&o)
		if err := o.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: got %v, want %q", o, err, want)
		}
	}
}

func TestPercentiles(t *testing.T) {
	h := newHistogram()
	for ms := range 1000 {
		note(h, time.Duration(ms+1)*time.Millisecond)
	}
	note(h, time.Hour) // is cut to what a histogram holds
	l := latencyOf(h)
	for name, c := range map[string]struct{ got, want float64 }{"p50": {l.P50, 500}, "p95": {l.P95, 950}, "p99": {l.P99, 990}, "p99.9": {l.P999, 1000}} {
		if c.got < c.want*0.99 || c.got > c.want*1.01 {
			t.Errorf("%s is %.2f ms, want %.0f", name, c.got, c.want)
		}
	}
	if l.Max < 599_000 || l.Max > 601_000 {
		t.Errorf("the longest is %.0f ms, want ten minutes", l.Max)
	}
}

func TestARecordTellsWhenItWasSent(t *testing.T) {
	r := run{Options: Options{Size: minSize}}
	if got := r.value(258); len(got) != minSize || got[6] != 1 || got[7] != 2 {
		t.Errorf("got %v", got)
	}
}

func TestWhatAResultLooksLike(t *testing.T) {
	var out strings.Builder
	err := Write(&out, Result{What: EndToEnd, Records: 1000, RecordSize: 100, Partitions: 3, Replicas: 3, Seconds: 2, PerSecond: 500, MBytes: 0.05,
		Latency: &Latency{P50: 1.5, P95: 2, P99: 3, P999: 4, Max: 5}, Lost: 2})
	if err != nil {
		t.Fatal(err)
	}
	err = Write(&out, Result{What: Consumer, Records: 1000, RecordSize: 100, Partitions: 3, Replicas: 3, Seconds: 0.5, PerSecond: 2000, MBytes: 0.2,
		FetchLatency: &Latency{P50: 1, P95: 2, P99: 3, P999: 4, Max: 5}, Fetches: 3})
	if err != nil {
		t.Fatal(err)
	}
	golden.Compare(t, "result.txt", out.String())
}
