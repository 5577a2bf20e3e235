package ui_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/auto/events"
	"github.com/pulumi/pulumi/sdk/v3/go/common/apitype"

	"weir/ops/drive"
	"weir/ops/ui"
)

const urn = "urn:pulumi:local::weir::weir:index:Kafka::kafka"

func metadata(op apitype.OpType) apitype.StepEventMetadata {
	return apitype.StepEventMetadata{Op: op, URN: urn, Type: "weir:index:Kafka"}
}

func begin(op apitype.OpType) apitype.EngineEvent {
	return apitype.EngineEvent{ResourcePreEvent: &apitype.ResourcePreEvent{Metadata: metadata(op)}}
}

func end(op apitype.OpType) apitype.EngineEvent {
	return apitype.EngineEvent{ResOutputsEvent: &apitype.ResOutputsEvent{Metadata: metadata(op)}}
}

func say(severity, message string) apitype.EngineEvent {
	return apitype.EngineEvent{DiagnosticEvent: &apitype.DiagnosticEvent{Severity: severity, Message: message}}
}

// shown runs events a second apart and returns what a person sees.
func shown(live bool, list ...apitype.EngineEvent) string {
	var errOut bytes.Buffer
	now := time.Unix(0, 0)
	c := &ui.Console{Err: &errOut, Out: &errOut, Live: live, Now: func() time.Time { return now }}
	p := c.NewProgress()
	for _, e := range list {
		now = now.Add(time.Second)
		p.Event(events.EngineEvent{EngineEvent: e})
	}
	return errOut.String()
}

func TestProgress(t *testing.T) {
	failed := apitype.EngineEvent{ResOpFailedEvent: &apitype.ResOpFailedEvent{Metadata: metadata(apitype.OpUpdate)}}
	provider := apitype.EngineEvent{ResourcePreEvent: &apitype.ResourcePreEvent{
		Metadata: apitype.StepEventMetadata{Op: apitype.OpCreate, URN: "a::b", Type: "pulumi:providers:weir"}}}
	for _, c := range []struct {
		name   string
		events []apitype.EngineEvent
		want   string
	}{
		{"a change shows its beginning, its steps and its end",
			[]apitype.EngineEvent{begin(apitype.OpCreate), say("info", "<{%reset%}>weir-1: start weir-kafka.service [2.1s]<{%reset%}>\n"), end(apitype.OpCreate)},
			"   1.0s Kafka kafka          creating\n   2.0s weir-1               start weir-kafka.service [2.1s]\n   3.0s Kafka kafka          created [2.0s]\n"},
		{"what stays as it is is no news", []apitype.EngineEvent{begin(apitype.OpSame), end(apitype.OpSame), begin(apitype.OpRefresh), end(apitype.OpRefresh)}, ""},
		{"the engine's own resources are no news", []apitype.EngineEvent{provider}, ""},
		{"a failure is said where it happens", []apitype.EngineEvent{begin(apitype.OpUpdate), failed},
			"   1.0s Kafka kafka          changing\n   2.0s Kafka kafka          changing failed [1.0s]\n"},
		{"a message about no machine stands alone", []apitype.EngineEvent{say("info", "packing Kafka: 105 jars")},
			"   1.0s                      packing Kafka: 105 jars\n"},
		{"a warning is said once", []apitype.EngineEvent{say("warning", "weir-2 is slow"), say("warning", "weir-2 is slow")}, "warning: weir-2 is slow\n"},
		{"errors are told at the end, not here", []apitype.EngineEvent{say("error", "no")}, ""},
		{"a machine cannot move the cursor", []apitype.EngineEvent{say("info", "weir-1: \x1b[2Jgone\a")}, "   1.0s weir-1               [2Jgone\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := shown(true, c.events...); got != c.want {
				t.Errorf("got:\n%s\nwant:\n%s", got, c.want)
			}
		})
	}
}

func TestAPipeGetsOnlyWarnings(t *testing.T) {
	got := shown(false, begin(apitype.OpCreate), say("info", "weir-1: step"), say("warning", "hm"), end(apitype.OpCreate))
	if got != "warning: hm\n" {
		t.Errorf("got %q, want only the warning", got)
	}
}

func TestSummary(t *testing.T) {
	for _, c := range []struct {
		changes drive.Changes
		want    string
	}{
		{drive.Changes{apitype.OpSame: 9}, "nothing to change, looked at everything in 1.5s"},
		{nil, "nothing to change, looked at everything in 1.5s"},
		{drive.Changes{apitype.OpCreate: 12, apitype.OpUpdate: 1, apitype.OpSame: 2}, "12 created, 1 changed in 1.5s"},
	} {
		if got := ui.Summary(c.changes, 1500*time.Millisecond); got != c.want {
			t.Errorf("Summary(%v) = %q, want %q", c.changes, got, c.want)
		}
	}
}

func TestAskTakesALineAndLeavesTheRest(t *testing.T) {
	in := strings.NewReader("first\nsecond")
	c := &ui.Console{In: in, Err: new(bytes.Buffer)}
	for _, want := range []string{"first", "second"} {
		if got, err := c.Ask("?"); err != nil || got != want {
			t.Errorf("Ask() = %q, %v; want %q", got, err, want)
		}
	}
	if _, err := c.Ask("?"); err == nil {
		t.Error("Ask() at the end of the input gave no error")
	}
}
