package verify

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"weir/ops/connect"
	"weir/provision/remote"
	"weir/testenv/golden"
)

func TestTheToolsAreStartedAsWritten(t *testing.T) {
	c := &subject{cluster: article()}
	trip := &trip{prefix: "console 1700000000-abc ", key: "1700000000-abc", partition: 2, from: 41}
	golden.Compare(t, "producer.sh", trip.producerScript(c))
	golden.Compare(t, "consumer.sh", trip.consumerScript(c))
}

// tools makes a release whose console tools are the given scripts.
func tools(t *testing.T, producer, consumer string) *subject {
	t.Helper()
	c := &subject{cluster: article()}
	c.cluster.Kafka.Home = filepath.Join(t.TempDir(), "kafka with a blank")
	bin := filepath.Join(c.cluster.Kafka.Home, "bin")
	if err := os.MkdirAll(bin, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, script := range map[string]string{"kafka-console-producer.sh": producer, connect.ConsoleConsumer: consumer} {
		if err := os.WriteFile(filepath.Join(bin, name), []byte("#!/bin/sh\n"+script), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

func sh(t *testing.T, script, stdin string) (stdout, stderr string, err error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	var out, errs strings.Builder
	cmd := exec.CommandContext(ctx, "sh", "-c", script)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &out, &errs
	cmd.WaitDelay = time.Second
	err = cmd.Run()
	return out.String(), errs.String(), err
}

func TestTheConsumerIsEndedAsSoonAsAllCame(t *testing.T) {
	// It prints what is asked for among other things, then stays, as Kafka's does.
	c := tools(t, "", `i=0; while [ $i -lt 30 ]; do echo "another run"; echo "console me $i"; i=$((i+1)); done; exec sleep 60`)
	trip := &trip{prefix: "console me ", received: newTally(consoleMessages)}
	started := time.Now()
	out, errs, err := sh(t, trip.consumerScript(c), "")
	if err != nil {
		t.Fatalf("%v: %s", err, errs)
	}
	if took := time.Since(started); took > 5*time.Second {
		t.Errorf("took %s: waited for the consumer to end by itself", took)
	}
	if got := strings.Count(out, "console me "); got != consoleMessages || strings.Contains(out, "another") {
		t.Errorf("got %d of %d messages:\n%s", got, consoleMessages, out)
	}
}

func TestAConsumerThatDiesSaysWhy(t *testing.T) {
	c := tools(t, "", `echo "java: command not found" >&2; exit 127`)
	out, errs, err := sh(t, (&trip{prefix: "console me "}).consumerScript(c), "")
	if err != nil || out != "" || !strings.Contains(errs, "java: command not found") {
		t.Errorf("got %q, %q, %v; want its last words on standard error", out, errs, err)
	}
}

func TestAProducerThatFailsFails(t *testing.T) {
	c := tools(t, `cat >/dev/null; echo "no java" >&2; exit 2`, "")
	if _, errs, err := sh(t, (&trip{}).producerScript(c), "k:v\n"); err == nil || !strings.Contains(errs, "no java") {
		t.Errorf("got %v, %q; want a failure that says why", err, errs)
	}
}

func TestTheRoundTripIsJudgedOnTheRightMachine(t *testing.T) {
	all := newTally(consoleMessages)
	for seq := range consoleMessages {
		all.add(seq)
	}
	some := newTally(consoleMessages)
	some.add(0)
	tests := []struct {
		name    string
		trip    trip
		machine string
		found   string
	}{
		{"all is well", trip{received: all, stored: consoleMessages}, "", ""},
		{"the producer failed", trip{received: some, produceErr: &remote.CommandError{Machine: "node1", ExitCode: 1, Stderr: "no java"}}, "node1", "no java"},
		{"the producer was not done in time", trip{received: some, produceErr: &remote.CommandError{Machine: "node1", ExitCode: 124}}, "node1", "not done after 22 s"},
		{"the producer exited 0 and sent too few", trip{received: some, stored: 3}, "node1", "3 of 30 messages of the console producer are on the topic"},
		{"the topic holds too many", trip{received: all, stored: consoleMessages + 1}, "node1", "31 of 30"},
		{"the consumer failed", trip{received: some, stored: consoleMessages, consumeErr: errors.New("lost connection")}, "node2", "lost connection"},
		{"the consumer exited 0 and showed too few", trip{received: some, stored: consoleMessages}, "node2", "29 lost"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.trip.producer, tt.trip.consumer = "node1", "node2"
			got := (&subject{cluster: article()}).judgeTrip(&tt.trip)
			switch {
			case tt.found == "" && len(got) > 0:
				t.Errorf("got %+v, want nothing", got)
			case tt.found != "" && (len(got) != 1 || got[0].Machine != tt.machine || !strings.Contains(got[0].Found, tt.found)):
				t.Errorf("got %+v, want one finding on %s that says %q", got, tt.machine, tt.found)
			}
		})
	}
}
