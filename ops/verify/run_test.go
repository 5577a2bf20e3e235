package verify

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"weir/ops/connect"
	"weir/ops/status/table"
	"weir/provision/remote"
	"weir/testenv/golden"
)

func TestOptionsThatMakeNoSenseAreUsageErrors(t *testing.T) {
	tests := []struct {
		name string
		o    Options
		want string
	}{
		{"an unknown check", Options{Only: []string{"everything"}}, `no check "everything"; there are: machines, zookeeper, brokers, listeners, partitions, topics, console, probe, replicas, groups, disk, clock, limits, jobs`},
		{"an unknown check to skip", Options{Skip: []string{"x"}}, `no check "x"`},
		{"nothing left", Options{Only: []string{"jobs"}, Skip: []string{"jobs"}}, "leave no check"},
		{"a timeout in the past", Options{Timeout: -time.Second}, "-1s"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := tt.o.Validate()
			var usage *UsageError
			if !errors.As(err, &usage) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want a usage error with %q", err, tt.want)
			}
			s := dead(t)
			if got := Run(t.Context(), s, tt.o).ExitCode(); got != ExitUsage {
				t.Errorf("exit code %d, want %d", got, ExitUsage)
			}
		})
	}
	if err := (Options{Only: []string{"topics"}, Skip: []string{"jobs"}}).Validate(); err != nil {
		t.Errorf("good options: got %v", err)
	}
}

// dead is a session to a cluster of which nothing answers.
func dead(t *testing.T) *connect.Session {
	t.Helper()
	c := article()
	for i := range c.Machines { // nobody listens on these loopback addresses
		c.Machines[i].Address = fmt.Sprintf("127.0.9.%d", i+1)
	}
	c.Kafka.Port, c.ZooKeeper.ClientPort = 1, 1
	s, err := connect.Open(t.Context(), c, connect.Options{Connect: func(_ context.Context, h remote.Host) (connect.Connection, error) {
		return nil, &remote.ConnectError{Machine: h.Name, Address: h.Address + ":22", Err: errors.New("no route to host")}
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func TestAClusterThatDoesNotAnswerAtAllCouldNotBeChecked(t *testing.T) {
	t.Parallel()
	started := time.Now()
	r := Run(t.Context(), dead(t), Options{})
	if r.ExitCode() != ExitError || r.Healthy || r.Error == "" {
		t.Errorf("got exit %d, healthy %v, error %q; want 1, false and why", r.ExitCode(), r.Healthy, r.Error)
	}
	if took := time.Since(started); took > RunLimit {
		t.Errorf("took %s, want at most %s", took, RunLimit)
	}
	if len(r.Checks) != len(Names()) {
		t.Fatalf("got %d checks, want all %d", len(r.Checks), len(Names()))
	}
	for _, c := range r.Checks {
		if c.Outcome != Failed {
			t.Errorf("check %s is %s, want failed", c.Name, c.Outcome)
		}
		for _, f := range c.Findings {
			if f.Machine == "" || f.Found == "" || f.Expected == "" || f.Next == "" {
				t.Errorf("check %s: finding %+v lacks machine, found, expected or next", c.Name, f)
			}
		}
	}
	if got := r.Checks[0].Findings; len(got) < 3 || got[0].Machine != "node1" || !strings.Contains(got[0].Found, "no route to host") {
		t.Errorf("machines: got %+v, want node1 unreachable first", got)
	}
}

func TestOnlyWhatIsAskedForRunsAndTheRestIsSaidToBeSkipped(t *testing.T) {
	t.Parallel()
	r := Run(t.Context(), dead(t), Options{Only: []string{"topics"}})
	for _, c := range r.Checks {
		want := Skipped
		if c.Name == "topics" {
			want = Failed
		}
		if c.Outcome != want {
			t.Errorf("%s is %s, want %s", c.Name, c.Outcome, want)
		}
	}
}

func TestWhatIsNotDeclaredIsNotChecked(t *testing.T) {
	var all []check
	for _, one := range checks() {
		one.run = func(_ context.Context, _ *subject, r *record) { r.sum("ran") }
		all = append(all, one)
	}
	cluster := article()
	cluster.Kafka, cluster.Jobs = nil, nil
	var ran []string
	for _, r := range runAll(t.Context(), &subject{cluster: cluster}, all, func(string) bool { return true }) {
		switch {
		case r.Outcome == OK:
			ran = append(ran, r.Name)
		case r.Outcome != Skipped || !strings.HasPrefix(r.Reason, "the inventory declares no "):
			t.Errorf("%s: got %+v, want it skipped because nothing of it is declared", r.Name, r)
		}
	}
	if want := []string{"machines", "zookeeper", "disk", "clock", "limits"}; !slices.Equal(ran, want) {
		t.Errorf("without Kafka and jobs there ran %v, want %v", ran, want)
	}
}

func TestACheckThatIsOutOfTimeLeavesWhatItFound(t *testing.T) {
	release := make(chan struct{})
	defer close(release)
	slow := check{"slow", "a slow one", 20 * time.Millisecond, ofMachines, func(_ context.Context, _ *subject, r *record) {
		r.note("the first half is fine")
		r.doing("waiting for node3")
		<-release
		r.note("too late")
	}}
	got := slow.do(t.Context(), &subject{cluster: article()})
	if got.Outcome != Failed || len(got.Findings) != 1 || !strings.Contains(got.Findings[0].Found, "waiting for node3") {
		t.Errorf("got %+v, want a failure that says what was waited for", got)
	}
	if len(got.Evidence) != 1 {
		t.Errorf("evidence: got %q, want what was found in time", got.Evidence)
	}
}

func TestMoreTimeForARunIsMoreTimeForEachAnswer(t *testing.T) {
	limit := 40 * time.Millisecond
	slow := check{"slow", "a slow one", limit, ofMachines, func(ctx context.Context, _ *subject, _ *record) {
		select {
		case <-ctx.Done():
		case <-time.After(5 * limit):
		}
	}}
	for stretch, want := range map[float64]Outcome{0: Failed, 0.5: Failed, 1: Failed, 100: OK} {
		if got := slow.do(t.Context(), &subject{cluster: article(), stretch: stretch}); got.Outcome != want {
			t.Errorf("stretched %v times: got %+v, want %s", stretch, got, want)
		}
	}
	twice := &subject{cluster: article(), stretch: 2}
	if script := (&trip{}).producerScript(twice); !strings.Contains(script, "\ntimeout -k 2 44 ") {
		t.Errorf("a console tool is given 22 s where it should have twice as much:\n%s", script)
	}
}

func TestTheExitCodeTellsHowItWent(t *testing.T) {
	tests := []struct {
		name   string
		report Report
		want   int
	}{
		{"all ok", Report{Checks: []Result{{Outcome: OK}, {Outcome: Skipped}}}, ExitHealthy},
		{"one failed", Report{Checks: []Result{{Outcome: OK}, {Outcome: Failed}}}, ExitUnhealthy},
		{"all skipped proves nothing", Report{Checks: []Result{{Outcome: Skipped}}}, ExitUnhealthy},
		{"nothing could be checked", Report{Error: "unreachable", Checks: []Result{{Outcome: Failed}}}, ExitError},
		{"interrupted after a good check", Report{Error: "interrupted", Checks: []Result{{Outcome: OK}}}, ExitError},
		{"wrong options", Report{Error: "no such check", usage: true}, ExitUsage},
	}
	for _, tt := range tests {
		tt.report.judge()
		if got := tt.report.ExitCode(); got != tt.want {
			t.Errorf("%s: got %d, want %d", tt.name, got, tt.want)
		}
	}
}

func TestSettlingGivesTransientFaultsTime(t *testing.T) {
	looks := 0
	got := settle(t.Context(), 2*time.Second, func(time.Time) []Finding {
		if looks++; looks < 2 {
			return []Finding{{Found: "an election"}}
		}
		return nil
	})
	if len(got) != 0 || looks != 2 {
		t.Errorf("got %+v after %d looks, want nothing after 2", got, looks)
	}
}

func TestARecordKeepsAReportReadable(t *testing.T) {
	r := new(record)
	for range maxFindings + 5 {
		r.fail(Finding{Machine: "node2, node1", Found: "x"})
	}
	got := r.seal()
	if len(got.Findings) != maxFindings || got.Evidence[0] != "and 5 more findings" {
		t.Errorf("got %d findings and %q", len(got.Findings), got.Evidence)
	}
	if strings.Join(got.Machines, " ") != "node1 node2" {
		t.Errorf("machines: got %v", got.Machines)
	}
}

func TestACounterIsWaitedFor(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		values []float64
		limit  time.Duration
		rises  bool
	}{
		{"it rises", []float64{5, 5, 6}, 5 * time.Second, true},
		{"it stands still", []float64{5}, 300 * time.Millisecond, false},
		{"it begins anew with its program", []float64{5, 0, 1}, 5 * time.Second, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			i := 0
			before, after, _, err := waitForRise(t.Context(), tt.limit, func() (float64, error) {
				v := tt.values[min(i, len(tt.values)-1)]
				i++
				return v, nil
			})
			if err != nil || (after > before) != tt.rises {
				t.Errorf("got %v to %v, %v; want rising %v", before, after, err, tt.rises)
			}
		})
	}
}

// sample is a report with something of everything.
func sample() Report {
	return Report{
		Cluster: "article", Started: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Seconds: 7.31,
		Checks: []Result{
			{Name: "machines", Title: "machines answer, units run and listen", Outcome: Failed, Seconds: 0.42, Machines: []string{"node3"},
				Summary: "3 machines, 5 units running",
				Findings: []Finding{{Machine: "node3", Found: "weir-kafka.service is\nfailed \x1b[31m(exit-code)", Expected: "active (running)",
					Next: "ssh fams@192.168.1.3 'journalctl -u weir-kafka.service -n 50 --no-pager'"}},
				Evidence: []string{"node1: weir-kafka.service active, pid 477, 0 restarts"}},
			{Name: "partitions", Title: "leaders and replicas, internal topics too", Outcome: OK, Seconds: 0.1, Machines: []string{"node1", "node2"},
				Summary:  "56 partitions of 3 topics, 1 internal, led and in sync",
				Findings: []Finding{}, Evidence: []string{"__consumer_offsets: 50 partitions, replication factor 3"}},
			{Name: "jobs", Title: "jobs at work, results recounted", Outcome: Skipped, Reason: "the inventory declares no job", Machines: []string{}, Findings: []Finding{}, Evidence: []string{}},
		},
	}
}

func TestTheReportIsWrittenForEveryReader(t *testing.T) {
	var plain, wide, terminal, object, document, junit bytes.Buffer
	r := sample()
	for _, err := range []error{
		WriteTable(&plain, r, table.Style{}), WriteTable(&terminal, r, table.Style{Color: true, Unicode: true}), WriteJSON(&object, r),
		WriteWide(&wide, r, table.Style{}), WriteYAML(&document, r), WriteJUnit(&junit, r),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	golden.Compare(t, "report.txt", plain.String())
	golden.Compare(t, "report-terminal.txt", terminal.String())
	golden.Compare(t, "report.json", object.String())
	golden.Compare(t, "report-wide.txt", wide.String())
	golden.Compare(t, "report.yaml", document.String())
	golden.Compare(t, "report.xml", junit.String())
}

func TestTheVerdictSaysWhatTheExitCodeSays(t *testing.T) {
	tests := []struct {
		report Report
		want   string
	}{
		{Report{Cluster: "c", Healthy: true, Checks: []Result{{Outcome: OK}}}, "cluster c is healthy: 1 ok, 0 failed, 0 skipped in 0.0 s"},
		{Report{Cluster: "c", Checks: []Result{{Outcome: Failed}}}, "cluster c is NOT healthy: 0 ok, 1 failed"},
		{Report{Cluster: "c", Error: "nobody answered"}, "cluster c could not be checked: nobody answered"},
		{Report{Error: `there is no check "x"`, usage: true}, `there is no check "x"`},
	}
	for _, tt := range tests {
		if got := verdict(tt.report, table.Style{}); !strings.HasPrefix(got, tt.want) {
			t.Errorf("got %q, want %q", got, tt.want)
		}
	}
}
