package gauge

import (
	"fmt"
	"io"
	"strings"

	"weir/ops/internal/indent"
	"weir/ops/status/table"
)

// WriteJSON writes a result as one indented JSON object.
func WriteJSON(w io.Writer, r Result) error { return indent.JSON(w, r) }

// Write writes a result for people.
func Write(w io.Writer, r Result) error {
	var out strings.Builder
	fmt.Fprintf(&out, "%s: %d records of %d bytes in %.2f s, %d partitions, %d replicas, acknowledged by all in sync\n",
		r.What, r.Records, r.RecordSize, r.Seconds, r.Partitions, r.Replicas)
	fmt.Fprintf(&out, "throughput  %.0f records/s, %.2f MB/s\n", r.PerSecond, r.MBytes)
	if r.Latency != nil {
		fmt.Fprintf(&out, "latency     %s\n", r.Latency)
	}
	if r.FetchLatency != nil {
		fmt.Fprintf(&out, "fetch       %s, of %s\n", r.FetchLatency, table.Count(r.Fetches, "request"))
	}
	fmt.Fprintf(&out, "failed %d, lost %d\n", r.Failed, r.Lost)
	_, err := io.WriteString(w, out.String())
	return err
}

func (l Latency) String() string {
	return fmt.Sprintf("p50 %.2f ms, p95 %.2f ms, p99 %.2f ms, p99.9 %.2f ms, max %.2f ms", l.P50, l.P95, l.P99, l.P999, l.Max)
}
