package preflight_test

import (
	"bytes"
	"testing"
	"time"

	show "weir/ops/preflight"
	"weir/ops/status/table"
	"weir/provision/preflight"
	"weir/testenv/golden"
)

// found is a report with one check of each outcome.
func found() preflight.Report {
	return preflight.Report{
		Cluster: "prod", Started: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Seconds: 0.42,
		Checks: []preflight.Result{
			{Name: "java", Title: "a Java runtime", Outcome: preflight.OK, Findings: []preflight.Finding{}, Evidence: []preflight.Note{
				{Machine: "db-1", Text: "Java 17 at /usr/bin/java"}, {Machine: "db-2", Text: "Java 21 at /opt/java"}, {Machine: "db-3", Text: "Java 17 at /usr/bin/java"},
			}},
			{Name: "ports", Title: "ports free", Outcome: preflight.Refused, Evidence: []preflight.Note{}, Findings: []preflight.Finding{{
				Machine: "db-2", Severity: preflight.Refuse, Found: "port 9092 is taken by nginx\x1b[2J (pid 7)", Expected: "that nobody listens there", Next: "stop that process",
			}}},
			{Name: "clock", Title: "clocks that agree", Outcome: preflight.Skipped, Findings: []preflight.Finding{}, Evidence: []preflight.Note{{Text: "given up in the config: os.skipChecks"}}},
			{Name: "storage", Title: "file systems", Outcome: preflight.Advised, Evidence: []preflight.Note{}, Findings: []preflight.Finding{{
				Machine: "db-1", Severity: preflight.Advise, Found: "/srv is on xfs", Expected: "the mount option noatime", Evidence: "/dev/sdb1", Next: "mount -o remount,noatime /srv",
			}}},
		},
	}
}

func TestWriteTable(t *testing.T) {
	for name, style := range map[string]table.Style{"report.txt": {}, "report-terminal.txt": {Color: true, Unicode: true}} {
		var out bytes.Buffer
		if err := show.WriteTable(&out, found(), style); err != nil {
			t.Fatal(err)
		}
		golden.Compare(t, name, out.String())
	}
}

func TestWriteJSON(t *testing.T) {
	var out bytes.Buffer
	if err := show.WriteJSON(&out, found()); err != nil {
		t.Fatal(err)
	}
	golden.Compare(t, "report.json", out.String())
}
