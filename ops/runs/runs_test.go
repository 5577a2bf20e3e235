package runs

import (
	"bytes"
	"testing"
	"time"

	"weir/ops/status/table"
	"weir/provision/machine"
	"weir/provision/rollout"
	"weir/provision/runlog"
	"weir/testenv/golden"
)

var began = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func run(id, command string, outcome runlog.Outcome, changed runlog.Changed, errors ...string) runlog.Run {
	return runlog.Run{
		ID: id, Begin: runlog.Begin{Stack: "demo", Command: command, Who: "anna", On: "desk", PID: 4711, Version: "1a2b"},
		Started: began, Outcome: outcome, Seconds: 75.2, Changed: changed, Errors: errors,
	}
}

var list = []runlog.Run{
	run("20260102T030405Z-cccc", "up", runlog.Running, runlog.Changed{}),
	run("20260102T030405Z-bbbb", "pulumi", runlog.CutOff, runlog.Changed{Steps: 1, Machines: 1}),
	run("20260102T030405Z-aaaa", "down --yes", runlog.Failed, runlog.Changed{Created: 1, Changed: 2, Removed: 3, Steps: 9, Machines: 2}, "destroy failed:\nno space"),
}

func detail() Detail {
	after := func(seconds int, e runlog.Entry) runlog.Entry {
		e.At = began.Add(time.Duration(seconds) * time.Second)
		return e
	}
	three := 3
	return Detail{Run: list[2], Entries: []runlog.Entry{
		after(0, runlog.Entry{Begin: &list[2].Begin}),
		after(1, runlog.Entry{Resource: "Kafka kafka", Work: &runlog.Work{Action: machine.Change}}),
		after(2, runlog.Entry{Resource: "Kafka kafka", Step: &runlog.Step{Machine: "m1", Seconds: 0.2, Step: machine.Step{
			Action: machine.Change, Kind: "file", Target: "/etc/x", Detail: "content", Diff: "--- /etc/x\n+++ /etc/x\n@@ -1,1 +1,1 @@\n-a  b\n+a \x1b[2Jb\n",
		}}}),
		after(3, runlog.Entry{Resource: "Kafka kafka", Gate: &runlog.Gate{Machine: "m1", Gate: rollout.After, Phase: rollout.Waiting, Reason: "replica missing", Seconds: 1}}),
		after(9, runlog.Entry{Resource: "Kafka kafka", Gate: &runlog.Gate{Gate: rollout.Healthy, Phase: rollout.Finished, Seconds: 7}}),
		after(10, runlog.Entry{Resource: "Kafka kafka", Gate: &runlog.Gate{Gate: rollout.Healthy, Phase: rollout.Failed, Reason: "waited 10m0s", Seconds: 600}}),
		after(11, runlog.Entry{Resource: "Topic t", Step: &runlog.Step{Step: machine.Step{Action: machine.Create, Kind: "topic", Target: "t"}}}),
		after(12, runlog.Entry{Resource: "Kafka kafka", Warning: "it is open"}),
		after(13, runlog.Entry{Resource: "Kafka kafka", Failure: &runlog.Failure{Machine: "m2", Step: "start service x", ExitCode: &three, Stderr: "one\ntwo", Error: "failed"}}),
		after(13, runlog.Entry{Resource: "Kafka kafka", Failure: &runlog.Failure{Error: "nobody answers"}}),
		after(14, runlog.Entry{Resource: "Kafka kafka", Work: &runlog.Work{Action: machine.Change, Ended: true, Error: "failed", Seconds: 13}}),
		after(15, runlog.Entry{Resource: "Topic t", Work: &runlog.Work{Action: machine.Create, Ended: true, Seconds: 1}}),
	}}
}

func TestRunsAreShownToPeopleAndPrograms(t *testing.T) {
	for name, write := range map[string]func(*bytes.Buffer) error{
		"list.txt":  func(b *bytes.Buffer) error { return WriteTable(b, list, time.UTC, table.Style{}) },
		"list.json": func(b *bytes.Buffer) error { return WriteJSON(b, list) },
		"none.txt":  func(b *bytes.Buffer) error { return WriteTable(b, nil, time.UTC, table.Style{}) },
		"run.txt":   func(b *bytes.Buffer) error { return Write(b, detail(), false, time.UTC, table.Style{}) },
		"run-diff.txt": func(b *bytes.Buffer) error {
			return Write(b, detail(), true, time.UTC, table.Style{Color: true})
		},
		"run.json": func(b *bytes.Buffer) error { return WriteJSON(b, detail()) },
	} {
		t.Run(name, func(t *testing.T) {
			var b bytes.Buffer
			if err := write(&b); err != nil {
				t.Fatal(err)
			}
			golden.Compare(t, name, b.String())
		})
	}
}
