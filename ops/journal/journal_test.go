package journal

import (
	"context"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"weir/ops/connect"
	"weir/provision/inventory"
	"weir/provision/remote"
	"weir/provision/remote/remotetest"
)

func TestALineOfAJournal(t *testing.T) {
	for _, c := range []struct {
		name, line string
		want       Entry
		is         bool
	}{
		{"of a service", `{"__REALTIME_TIMESTAMP":"1000000","_SYSTEMD_UNIT":"weir-kafka.service","MESSAGE":"hello"}`,
			Entry{time.Unix(1, 0).UTC(), "m", "weir-kafka", "hello"}, true},
		{"of systemd about a service", `{"__REALTIME_TIMESTAMP":"1000001","_SYSTEMD_UNIT":"init.scope","UNIT":"weir-kafka.service","MESSAGE":"Started"}`,
			Entry{time.UnixMicro(1000001).UTC(), "m", "weir-kafka", "Started"}, true},
		{"that is no plain text", `{"__REALTIME_TIMESTAMP":"0","MESSAGE":[104,105,255]}`, Entry{time.Unix(0, 0).UTC(), "m", "", "hi?"}, true},
		{"that is too long to show", `{"__REALTIME_TIMESTAMP":"0","MESSAGE":null}`, Entry{time.Unix(0, 0).UTC(), "m", "", ""}, true},
		{"without a time", `{"MESSAGE":"x"}`, Entry{}, false},
		{"that is none", `-- No entries --`, Entry{}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, is := parse("m", c.line)
			if is != c.is || is && got != c.want {
				t.Errorf("got %+v, %v; want %+v", got, is, c.want)
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	f.Add(`{"__REALTIME_TIMESTAMP":"1","MESSAGE":[1,-2,300]}`)
	f.Fuzz(func(t *testing.T, line string) {
		if e, ok := parse("m", line); ok && e.Machine != "m" {
			t.Errorf("%q is of machine %q", line, e.Machine)
		}
	})
}

func TestSinceWhen(t *testing.T) {
	for text, want := range map[string]string{"": "", "15m": "-900s", "2026-01-02 03:04": "2026-01-02 03:04", "yesterday": "yesterday"} {
		if got, err := Since(text); got != want || err != nil {
			t.Errorf("Since(%q) is %q, %v; want %q", text, got, err, want)
		}
	}
	for _, text := range []string{"-5m", "--vacuum-size=1", "a\nb"} {
		if got, err := Since(text); err == nil {
			t.Errorf("Since(%q) is %q, want an error", text, got)
		}
	}
}

// connection answers scripts, and dials nowhere.
type connection struct{ *remotetest.Runner }

func (connection) DialContext(context.Context, string, string) (net.Conn, error) {
	return nil, errors.New("nowhere")
}

func session(t *testing.T, answers map[string]remotetest.Answer) *connect.Session {
	t.Helper()
	c := inventory.Cluster{Name: "test", Kafka: &inventory.Kafka{Unit: "weir-kafka.service", Brokers: map[string]int32{}}}
	for _, m := range []string{"a", "b", "c"} {
		c.Machines = append(c.Machines, inventory.Machine{Name: m, Host: remote.Host{Name: m}})
		c.Kafka.Brokers[m] = 1
	}
	s, err := connect.Open(t.Context(), c, connect.Options{Connect: func(_ context.Context, h remote.Host) (connect.Connection, error) {
		return connection{remotetest.New(h.Name).On(remotetest.Any(), answers[h.Name])}, nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func lines(all ...string) string {
	var b strings.Builder
	for _, line := range all {
		at, text, _ := strings.Cut(line, " ")
		b.WriteString(`{"__REALTIME_TIMESTAMP":"` + at + `","_SYSTEMD_UNIT":"weir-kafka.service","MESSAGE":"` + text + `"}` + "\n")
	}
	return b.String()
}

func query(c inventory.Cluster, n int) Query {
	return Query{Machines: []string{"a", "b", "c"}, Lines: n, Units: func(m string) []string { return Declared(c, m, "") }}
}

func TestJournalsAreMergedAndASilentMachineHidesNothing(t *testing.T) {
	s := session(t, map[string]remotetest.Answer{
		"a": remotetest.Stdout(lines("10 one", "30 three", "50 five")),
		"b": remotetest.Stdout(lines("20 two", "40 four")),
		"c": remotetest.Unreachable(errors.New("no route")),
	})
	got, cut, failed := Read(t.Context(), s, query(s.Cluster, 2))
	var said []string
	for _, e := range got {
		said = append(said, e.Machine+" "+e.Message)
	}
	if want := []string{"b two", "a three", "b four", "a five"}; !slices.Equal(said, want) {
		t.Errorf("got %q, want %q: the newest two of each", said, want)
	}
	if !slices.Equal(cut, []string{"a"}) {
		t.Errorf("%v are said to have more, want a", cut)
	}
	if len(failed) != 1 || failed[0].Machine != "c" || !strings.Contains(failed[0].Err.Error(), "no route") {
		t.Errorf("got failures %v, want that of c", failed)
	}
}

func TestWhatIsWrittenMeanwhileIsShownInTheOrderOfTime(t *testing.T) {
	entries, ends := make(chan Entry), make(chan Failure)
	var shown []string
	var lost []string
	done := make(chan error)
	go func() {
		done <- merge(t.Context(), 2, entries, ends,
			func(e Entry) { shown = append(shown, e.Message) }, func(f Failure) { lost = append(lost, f.Machine) })
	}()
	for _, at := range []int64{2, 1} {
		entries <- Entry{At: time.Unix(at, 0), Message: time.Unix(at, 0).UTC().Format("05")}
	}
	ends <- Failure{"a", errors.New("gone")} // also shows what was held back
	entries <- Entry{At: time.Unix(3, 0), Message: "03"}
	ends <- Failure{"b", errors.New("gone")}
	if err := <-done; !errors.Is(err, ErrSilent) {
		t.Errorf("got %v, want that nobody is left", err)
	}
	if !slices.Equal(shown, []string{"01", "02", "03"}) || !slices.Equal(lost, []string{"a", "b"}) {
		t.Errorf("shown %q, lost %q", shown, lost)
	}
}

// A journal that ends as the reader was interrupted is no machine that was lost.
func TestWhoIsInterruptedLosesNoMachine(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for range 100 { // both are there to be taken, and either is
		ends := make(chan Failure, 1)
		ends <- Failure{"a", context.Canceled}
		lost := func(f Failure) { t.Errorf("lost machine %s", f.Machine) }
		if err := merge(ctx, 1, nil, ends, func(Entry) {}, lost); err != nil {
			t.Fatal(err)
		}
	}
}

func TestTheScriptQuotesWhatItIsGiven(t *testing.T) {
	for _, follow := range []bool{false, true} {
		got := Query{Since: "it's", Lines: 5}.script([]string{"a; rm.service"}, follow)
		for _, want := range []string{`'a; rm.service'`, remote.Quote("it's")} {
			if !strings.Contains(got, want) {
				t.Errorf("want %q in\n%s", want, got)
			}
		}
	}
}

func TestWhatIsAskedOfTheJournal(t *testing.T) {
	for _, c := range []struct {
		name   string
		query  Query
		follow bool
		want   []string
	}{
		{"the newest lines, and one that tells of more", Query{Lines: 5}, false, []string{"--lines 6"}},
		{"lines before now, then all from now on", Query{Lines: 5}, true,
			[]string{"--until @1700000000123456us --lines 5", "--follow --since @1700000000123457us"}},
		{"lines since a time, then all from now on", Query{Since: "-60s", Lines: 5}, true,
			[]string{"--since -60s --until @1700000000123456us --lines 5", "--follow --since @1700000000123457us"}},
		{"nothing from before", Query{}, true, []string{"--follow --since @1700000000123457us"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			bin := t.TempDir()
			for name, text := range map[string]string{"journalctl": `echo "$*"`, "date": "echo 1700000000123456"} {
				if err := os.WriteFile(filepath.Join(bin, name), []byte("#!/bin/sh\n"+text+"\n"), 0o755); err != nil {
					t.Fatal(err)
				}
			}
			command := exec.Command("sh", "-c", c.query.script([]string{"k.service"}, c.follow))
			command.Env = []string{"PATH=" + bin}
			out, err := command.CombinedOutput()
			if err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			const head = "--no-pager --quiet --output json --output-fields MESSAGE,_SYSTEMD_UNIT,UNIT --unit k.service "
			if want := head + strings.Join(c.want, "\n"+head) + "\n"; string(out) != want {
				t.Errorf("journalctl was called with\n%swant\n%s", out, want)
			}
		})
	}
}
