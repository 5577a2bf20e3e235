package main

import (
	"strings"
	"testing"
	"time"
)

const perfOutput = `500000 records sent, 100000.0 records/sec (2.70 MB/sec), 400.0 ms avg latency, 900.0 ms max latency.
1000000 records sent, 200000.0 records/sec (5.40 MB/sec), 300.0 ms avg latency, 500.0 ms max latency.
2000000 records sent, 400000.0 records/sec (10.80 MB/sec), 200.0 ms avg latency, 400.0 ms max latency.
4000000 records sent, 250000.000000 records/sec (6.75 MB/sec), 250.00 ms avg latency, 900.00 ms max latency, 240 ms 50th, 400 ms 95th, 700 ms 99th, 800 ms 99.9th.
processors 900 1600 100
`

func TestWhatAMillionTookLeavesTheFirstSecondsOut(t *testing.T) {
	took, used, err := perMillion(perfOutput, 4_000_000)
	if err != nil {
		t.Fatal(err)
	}
	// 3,000,000 in 10 s after the first line, and 7 s for 3,500,000.
	if want := 10 * time.Second / 3; (took-want).Abs() > time.Millisecond || used != 2*time.Second {
		t.Errorf("a million took %s and %s of processors, want %s and 2s", took, used, want)
	}
}

func TestOutputThatProvesNothingIsAnError(t *testing.T) {
	for name, out := range map[string]string{
		"nothing":           "",
		"another number":    strings.Replace(perfOutput, "4000000 records", "3999999 records", 1),
		"no time":           strings.Replace(perfOutput, "processors", "processor", 1),
		"too little to see": perfOutput[strings.Index(perfOutput, "2000000"):],
	} {
		if _, _, err := perMillion(out, 4_000_000); err == nil {
			t.Errorf("%s: want an error", name)
		}
	}
}
