package runlog

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"weir/provision/fleet"
	"weir/provision/machine"
	"weir/provision/remote"
	"weir/provision/rollout"
	"weir/testenv/golden"
)

// clock is a second further each time it is asked.
func clock() func() time.Time {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	return func() time.Time { now = now.Add(time.Second); return now }
}

var anna = Begin{Stack: "demo", Command: "up", Who: "anna", On: "desk", PID: 4711, Version: "1a2b"}

// logged writes entries behind a beginning and returns the log, still open.
func logged(t *testing.T, d Dir, b Begin, entries ...Entry) *Log {
	t.Helper()
	l, err := d.Begin(b, clock())
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		l.Write(e)
	}
	return l
}

func began(resource string, a machine.Action) Entry {
	return Entry{Resource: resource, Work: &Work{Action: a}}
}

func ended(resource string, a machine.Action, failed string) Entry {
	return Entry{Resource: resource, Work: &Work{Action: a, Ended: true, Error: failed, Seconds: 1.5}}
}

func step(on string) Entry {
	return Entry{Resource: "Kafka kafka", Step: &Step{Machine: on, Seconds: 0.25,
		Step: machine.Step{Phase: machine.Switch, Action: machine.Restart, Kind: "service", Target: "weir-kafka.service"}}}
}

func TestWhatALogLooksLike(t *testing.T) {
	l := logged(t, Dir(t.TempDir()), anna,
		Entry{Resource: "Job x", Plan: &Plan{Removal: true, Plan: fleet.Plan{Machines: []fleet.MachinePlan{{Plan: machine.Plan{Machine: "m1"}, Unreachable: "no route"}}}}},
		began("Kafka kafka", machine.Change), step("m1"),
		Entry{Resource: "Kafka kafka", Gate: &Gate{Machine: "m1", Gate: rollout.After, Phase: rollout.Waiting, Reason: "replica missing", Seconds: 2}},
		Entry{Resource: "Kafka kafka", Warning: "it is open"},
		Entry{Resource: "Kafka kafka", Failure: &Failure{Machine: "m1", Step: "apply", Command: "sh", ExitCode: new(int), Stderr: "no", Error: "could not"}},
		ended("Kafka kafka", machine.Change, "could not"),
		Entry{End: &End{Outcome: Failed, Errors: []string{"could not"}, Seconds: 9}},
	)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(l.Path())
	if err != nil {
		t.Fatal(err)
	}
	golden.Compare(t, "log.jsonl", string(text))
}

func TestHowARunEnded(t *testing.T) {
	typed := anna
	typed.Command = Typed
	for _, c := range []struct {
		name    string
		begin   Begin
		entries []Entry
		open    bool
		outcome Outcome
		changed Changed
		errors  []string
	}{
		{"one that is going on", anna, nil, true, Running, Changed{}, nil},
		{"one without an end", anna, []Entry{began("Kafka kafka", machine.Change), step("m1")}, false, CutOff, Changed{Steps: 1, Machines: 1}, nil},
		{"one that was cut off between two resources", anna, []Entry{ended("Host a", machine.Create, "")}, false, CutOff, Changed{Created: 1}, nil},
		{"one that did its work", anna, []Entry{ended("Host a", machine.Create, ""), ended("Job x", machine.Remove, ""), step("m1"), step("m2"), step("m2"), {End: &End{Outcome: Done}}},
			false, Done, Changed{Created: 1, Removed: 1, Steps: 3, Machines: 2}, nil},
		{"one that failed tells what its end says", anna, []Entry{ended("Kafka kafka", machine.Change, "no space"), {End: &End{Outcome: Failed, Errors: []string{"up failed: no space"}}}},
			false, Failed, Changed{}, []string{"up failed: no space"}},
		{"a typed one whose work has ended", typed, []Entry{began("Host a", machine.Change), ended("Host a", machine.Change, "")}, false, Done, Changed{Changed: 1}, nil},
		{"a typed one whose work failed", typed, []Entry{ended("Host a", machine.Change, "no space")}, false, Failed, Changed{}, []string{"no space"}},
		{"a typed one that was killed", typed, []Entry{began("Host a", machine.Change), step("m1")}, false, CutOff, Changed{Steps: 1, Machines: 1}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := Dir(t.TempDir())
			l := logged(t, d, c.begin, c.entries...)
			if !c.open {
				if err := l.Close(); err != nil {
					t.Fatal(err)
				}
			}
			runs, err := d.Runs()
			if err != nil || len(runs) != 1 {
				t.Fatalf("got %d runs, %v", len(runs), err)
			}
			got := runs[0]
			if got.Outcome != c.outcome || got.Changed != c.changed || !slices.Equal(got.Errors, c.errors) || got.Begin != c.begin {
				t.Errorf("got  %+v\nwant %s, %+v, %q", got, c.outcome, c.changed, c.errors)
			}
		})
	}
}

// TestAKilledRunLeavesAReadableLog runs itself as the process that is killed.
func TestAKilledRunLeavesAReadableLog(t *testing.T) {
	const here = "RUNLOG_TEST_DIR"
	if dir := os.Getenv(here); dir != "" {
		l, err := Dir(dir).Begin(anna.Me(), time.Now)
		if err != nil {
			t.Fatal(err)
		}
		l.Write(step("m1"))
		fmt.Println("written")
		select {} // until it is killed
	}
	d := Dir(t.TempDir())
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestAKilledRunLeavesAReadableLog$")
	cmd.Env = append(os.Environ(), here+"="+string(d))
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || line != "written\n" {
		t.Fatalf("the run said %q, %v", line, err)
	}
	if run, _, err := d.Find(Last); err != nil || run.Outcome != Running {
		t.Errorf("while it runs: got %s, %v", run.Outcome, err)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // it was killed
	run, entries, err := d.Find(Last)
	if err != nil || run.Outcome != CutOff || run.Changed.Steps != 1 || len(entries) != 2 || run.PID != cmd.Process.Pid {
		t.Errorf("once it is killed: got %+v with %d entries, %v", run, len(entries), err)
	}
}

func TestWhatIsNoEntryIsPassedOver(t *testing.T) {
	d := Dir(t.TempDir())
	l := logged(t, d, anna)
	if _, err := l.file.WriteString("{\"at\":\"2026-01\n\x00\x00\n\nnull\n[1]\n"); err != nil {
		t.Fatal(err)
	}
	l.Write(step("m1"))
	if _, err := l.file.WriteString(`{"step":{"mach`); err != nil {
		t.Fatal(err)
	}
	run, _, err := d.Find(Last)
	if err != nil || run.Changed.Steps != 1 || run.Who != "anna" {
		t.Errorf("got %+v, %v; want what is sound", run, err)
	}
}

func TestTwoProcessesWriteWholeLines(t *testing.T) {
	d := Dir(t.TempDir())
	l := logged(t, d, anna)
	var wg sync.WaitGroup
	const each = 200
	for range 4 {
		other, err := Open(l.Path())
		if err != nil {
			t.Fatal(err)
		}
		wg.Go(func() {
			for range each {
				other.Write(step("m1"))
			}
			if err := other.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if run, _, err := d.Find(Last); err != nil || run.Changed.Steps != 4*each {
		t.Errorf("got %d steps, %v; want %d", run.Changed.Steps, err, 4*each)
	}
}

func TestTheOldestLogsGo(t *testing.T) {
	d := Dir(t.TempDir())
	for i := range kept + 5 {
		if err := os.WriteFile(d.file(fmt.Sprintf("20200101T%06dZ-aaaa", i)), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(string(d), "notes"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	l := logged(t, d, anna)
	ids, err := d.ids()
	if err != nil || len(ids) != kept || d.file(ids[0]) != l.Path() {
		t.Errorf("got %d logs, the newest %s, %v; want %d", len(ids), ids[0], err, kept)
	}
	if slices.Contains(ids, "20200101T000005Z-aaaa") || !slices.Contains(ids, "20200101T000006Z-aaaa") {
		t.Errorf("the wrong ones went: %q", ids[len(ids)-3:])
	}
	if _, err := os.Stat(filepath.Join(string(d), "notes")); err != nil {
		t.Errorf("what is no log went: %v", err)
	}
}

func TestTheLastOfRunsWithinASecondIsTheLast(t *testing.T) {
	d := Dir(t.TempDir())
	begun := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for i := range 20 {
		l, err := d.Begin(Begin{}, func() time.Time { return begun.Add(time.Duration(i) * 40 * time.Millisecond) })
		if err != nil {
			t.Fatal(err)
		}
		if run, _, err := d.Find(Last); err != nil || d.file(run.ID) != l.Path() {
			t.Fatalf("run %d: got %s, %v; want %s", i, run.ID, err, l.Path())
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestARunIsFoundByItsBeginning(t *testing.T) {
	d := Dir(t.TempDir())
	for _, id := range []string{"20260101T000000Z-aaaa", "20260102T000000Z-bbbb", "20260102T000000Z-cccc"} {
		if err := os.WriteFile(d.file(id), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for beginning, want := range map[string]string{
		"20260101": "20260101T000000Z-aaaa", "20260102T000000Z-b": "20260102T000000Z-bbbb", Last: "20260102T000000Z-cccc", "20260102": "", "x": "", "../": "",
	} {
		run, _, err := d.Find(beginning)
		if run.ID != want || (err == nil) != (want != "") {
			t.Errorf("Find(%q) = %q, %v; want %q", beginning, run.ID, err, want)
		}
	}
	if runs, err := Dir(t.TempDir() + "/nowhere").Runs(); err != nil || len(runs) != 0 {
		t.Errorf("where nothing ran: got %v, %v", runs, err)
	}
}

func TestSecretsAreMasked(t *testing.T) {
	const key = "-----BEGIN KEY-----\nMIIabc+/=\nZm9vYmFy\n-----END KEY-----\n"
	for _, c := range []struct{ name, secret, said, want string }{
		{"a password", "hunter22", "login with hunter22 failed", "login with [secret] failed"},
		{"one with quotes, a backslash and a letter beyond ASCII", `p"a\ß<x`, `is p"a\ß<x here`, `is [secret] here`},
		{"a line of a key", key, "read Zm9vYmFy", "read [secret]"},
		{"one that could begin within an escape", "n1234", "a\n1234 n1234", "a\n1234 [secret]"},
		{"one too short to be one", "abc", "abc", "abc"},
		{"the longer of two", "step", "stepmother", "[secret]mother"},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := Dir(t.TempDir())
			l := logged(t, d, anna)
			l.Hide(c.secret)
			l.Write(Entry{Warning: c.said})
			l.Write(step("m1")) // its keys stay what they are
			run, entries, err := d.Find(Last)
			if err != nil || entries[1].Warning != c.want || run.Changed.Steps != 1 {
				t.Errorf("got %q, %+v, %v; want %q", entries[1].Warning, run.Changed, err, c.want)
			}
		})
	}
}

func TestAnErrorIsTakenApart(t *testing.T) {
	one := 1
	command := &remote.CommandError{Machine: "m1", Step: "apply", Command: "sh", ExitCode: 1, Stderr: "no\nspace\n"}
	atStep := &machine.StepError{Machine: "m1", Step: machine.Step{Action: machine.Start, Kind: "service", Target: "x.service"}, Err: command}
	refused := &machine.Refusal{Machine: "m2", Reasons: []machine.Reason{{Check: machine.CheckSpace, Found: "it is full"}}}
	gone := &remote.ConnectError{Machine: "m3", Address: "a:22", Err: &remote.UnreachableError{Err: errors.New("no route")}}
	for _, c := range []struct {
		name string
		err  error
		want []Failure
	}{
		{"none", nil, nil},
		{"a step", &rollout.Error{Machine: "m1", Step: rollout.Switch, Err: atStep},
			[]Failure{{Machine: "m1", Step: "start service x.service", Command: "sh", ExitCode: &one, Stderr: "no\nspace"}}},
		{"a gate", &rollout.Error{Machine: "m1", Step: rollout.After, Err: errors.New("replica missing")}, []Failure{{Machine: "m1", Step: string(rollout.After)}}},
		{"several machines", fmt.Errorf("nothing was changed: %w", errors.Join(refused, gone)), []Failure{{Machine: "m2"}, {Machine: "m3"}}},
		{"a script without a step", command, []Failure{{Machine: "m1", Step: "apply", Command: "sh", ExitCode: &one, Stderr: "no\nspace"}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := Failures(c.err)
			for i := range got {
				if got[i].Error == "" || strings.Contains(got[i].Error, "\n") {
					t.Errorf("failure %d says %q, want a line", i, got[i].Error)
				}
				got[i].Error = ""
			}
			is, _ := json.Marshal(got)
			want, _ := json.Marshal(c.want)
			if string(is) != string(want) {
				t.Errorf("got  %s\nwant %s", is, want)
			}
		})
	}
}

func TestALogThatCannotBeWrittenStopsNothing(t *testing.T) {
	var none *Log
	none.Hide("secret")
	none.Write(Entry{Warning: "x"})
	if err := none.Close(); err != nil {
		t.Error(err)
	}
	l := logged(t, Dir(t.TempDir()), anna)
	if err := l.file.Close(); err != nil {
		t.Fatal(err)
	}
	l.Write(step("m1"))
	if err := l.Close(); err == nil {
		t.Error("a log that was not written whole says nothing")
	}
	if _, err := Dir("/dev/null/x").Begin(anna, time.Now); err == nil {
		t.Error("a log was begun below a file")
	}
}
