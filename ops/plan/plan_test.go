package plan

import (
	"bytes"
	"encoding/json"
	"slices"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/auto/events"
	"github.com/pulumi/pulumi/sdk/v3/go/common/apitype"

	"weir/ops/status/table"
	"weir/provision/fleet"
	"weir/provision/machine"
	"weir/provision/rollout"
	"weir/provision/runlog"
	"weir/testenv/golden"
)

const properties = "/etc/weir/kafka/server.properties"

// changed are the steps of a broker whose file changes.
func changed(unitOn string) fleet.MachinePlan {
	diff := "--- " + properties + "\n+++ " + properties + "\n@@ -1,2 +1,2 @@\n a  =  1\n-b=\x1b[2J\n+b=2\n"
	return fleet.MachinePlan{
		Plan: machine.Plan{Machine: unitOn, Steps: []machine.Step{
			{Phase: machine.Switch, Action: machine.Create, Kind: "mark", Target: "weir-kafka.service", Detail: "restart pending"},
			{Phase: machine.Switch, Action: machine.Change, Kind: "file", Target: properties, Detail: "content", Diff: diff},
			{Phase: machine.Switch, Action: machine.Create, Kind: "file", Target: "/etc/weir/kafka/password", Detail: "0600 root:root", Secret: true},
			{Phase: machine.Switch, Action: machine.Restart, Kind: "service", Target: "weir-kafka.service", Detail: "watches " + properties},
		}},
		Scripts: []machine.ShownScript{{Step: "switch", Text: "set -eu\n  put  x\n", Payloads: []machine.Payload{
			{Name: "file " + properties, Bytes: 14, SHA256: "abcd"}, {Name: "file /etc/weir/kafka/password", Bytes: 5},
		}}},
	}
}

func entry(resource string, removal bool, machines ...fleet.MachinePlan) runlog.Entry {
	return runlog.Entry{Resource: resource, Plan: &runlog.Plan{Removal: removal, Plan: fleet.Plan{Machines: machines}}}
}

func cluster(a machine.Action, detail string) fleet.MachinePlan {
	return fleet.MachinePlan{Plan: machine.Plan{Steps: []machine.Step{{Phase: machine.Switch, Action: a, Kind: "topic", Target: "t", Detail: detail}}}}
}

// document is one with something of everything.
func document() Document {
	kafka := entry("Kafka kafka", false, changed("m1"), changed("m2"), fleet.MachinePlan{Plan: machine.Plan{Machine: "m3"}, Unreachable: "machine m3 (10.0.0.3:22): unreachable: no route to host"})
	kafka.Plan.Order = fleet.Order{
		AtOnce: []string{"m0"}, OneByOne: []rollout.Turn{{Machine: "m2"}, {Machine: "m1", Why: "its broker is the controller"}},
		Gates: rollout.Conditions{Before: "all are in sync", After: "it is in sync", Healthy: "all are well"},
	}
	made := changed("m9")
	made.Assumed, made.Scripts, made.Steps = "the container is yet to be made", nil, made.Steps[2:3]
	topic := entry("Topic t", false, cluster(machine.Change, "set retention.ms=1"))
	kept := entry("Topic old", true, fleet.MachinePlan{})
	kept.Plan.Note = "the topic stays with its messages"
	job := entry("Job producer", true, fleet.MachinePlan{Plan: machine.Plan{Machine: "m1", Steps: []machine.Step{
		{Phase: machine.Switch, Action: machine.Stop, Kind: "service", Target: "weir-job-producer.service", Detail: "no longer declared"},
	}}})
	unknown := runlog.Entry{Resource: "Host m9", Plan: &runlog.Plan{Unknown: "what it should be is known later"}}
	d := Compose("demo", []Operation{
		{"Job", "producer", Remove}, {"Topic", "t", Change}, {"Topic", "old", Remove}, {"Kafka", "kafka", Change}, {"Job", "late", Create},
		{"Host", "m9", Create}, {"Machine", "gone", Remove}, {"Host", "gone", Remove}, {"ZooKeeper", "zookeeper", Change}, {"Host", "m8", Create},
	}, []runlog.Entry{
		topic, kafka, job, entry("Job producer", false, changed("m1")), kept, unknown, {Warning: "not a plan"},
		entry("Machine gone", true, fleet.MachinePlan{Plan: machine.Plan{Machine: "gone", Steps: []machine.Step{{Action: machine.Remove, Kind: "container", Target: "gone"}}}}),
		entry("Host gone", true, changed("gone")), entry("ZooKeeper zookeeper", false, fleet.MachinePlan{Plan: machine.Plan{Machine: "m1"}}),
		entry("Host m8", false, made),
	})
	d.Warnings = []string{"machine m3 does not answer"}
	return d
}

func TestADocumentIsShownToPeopleAndPrograms(t *testing.T) {
	d := document()
	for name, write := range map[string]func(*bytes.Buffer) error{
		"plan.txt":        func(b *bytes.Buffer) error { return Write(b, d, table.Style{}) },
		"plan-colour.txt": func(b *bytes.Buffer) error { return Write(b, d, table.Style{Color: true}) },
		"plan.json":       func(b *bytes.Buffer) error { return WriteJSON(b, d) },
		"plan.sh":         func(b *bytes.Buffer) error { return WriteScripts(b, d) },
	} {
		t.Run(name, func(t *testing.T) {
			var b bytes.Buffer
			if err := write(&b); err != nil {
				t.Fatal(err)
			}
			golden.Compare(t, name, b.String())
			if name == "plan.json" {
				var back Document
				if err := json.Unmarshal(b.Bytes(), &back); err != nil || len(back.Resources) != len(d.Resources) {
					t.Errorf("read back: %d resources, %v", len(back.Resources), err)
				}
			}
		})
	}
}

func TestWhereNothingChangesThatIsAllThatIsSaid(t *testing.T) {
	var text, object bytes.Buffer
	d := Compose("demo", nil, []runlog.Entry{entry("Job producer", true, changed("m1"))})
	if err := Write(&text, d, table.Style{}); err != nil || text.String() != "stack demo: nothing to change\n" {
		t.Errorf("got %q, %v", text.String(), err)
	}
	want := "{\n  \"stack\": \"demo\",\n  \"changes\": false,\n  \"resources\": []\n}\n"
	if err := WriteJSON(&object, d); err != nil || object.String() != want {
		t.Errorf("got %s, %v; want %s", object.String(), err, want)
	}
}

func TestTheEnginesEventsBecomeOperations(t *testing.T) {
	pre := func(op apitype.OpType, kind, name string) events.EngineEvent {
		return events.EngineEvent{EngineEvent: apitype.EngineEvent{ResourcePreEvent: &apitype.ResourcePreEvent{Metadata: apitype.StepEventMetadata{
			Op: op, Type: kind, URN: "urn:pulumi:demo::weir::" + kind + "::" + name,
		}}}}
	}
	say := func(severity, text string) events.EngineEvent {
		return events.EngineEvent{EngineEvent: apitype.EngineEvent{DiagnosticEvent: &apitype.DiagnosticEvent{Severity: severity, Message: text}}}
	}
	var c Collector
	for _, e := range []events.EngineEvent{
		pre(apitype.OpRefresh, "weir:index:Kafka", "kafka"), pre(apitype.OpSame, "weir:index:Host", "m1"),
		pre(apitype.OpCreate, "pulumi:pulumi:Stack", "weir-demo"), pre(apitype.OpUpdate, "weir:index:Kafka", "kafka"),
		pre(apitype.OpCreateReplacement, "weir:index:Topic", "t"), pre(apitype.OpReplace, "weir:index:Topic", "t"), pre(apitype.OpDeleteReplaced, "weir:index:Topic", "t"),
		pre(apitype.OpDelete, "weir:index:Job", "x"),
		say("warning", "<{%fg 3%}>b is slow<{%reset%}>\n"), say("warning", "b is slow"), say("warning", "a is slow"), say("info", "no news"),
	} {
		c.Event(e)
	}
	want := []Operation{{"Kafka", "kafka", Change}, {"Topic", "t", Replace}, {"Job", "x", Remove}}
	if !slices.Equal(c.operations, want) {
		t.Errorf("got %v, want %v", c.operations, want)
	}
	if d := c.Document("demo", nil); !slices.Equal(d.Warnings, []string{"a is slow", "b is slow"}) || len(d.Resources) != 3 {
		t.Errorf("got %+v", d)
	}
}

func TestAMachineThatOnlyGotAnotherNameIsNotSaidToBeCleared(t *testing.T) {
	claimed := changed("new")
	claimed.Was = "old"
	other := changed("old")
	d := Compose("demo", []Operation{{"Host", "new", Create}, {"Host", "old", Remove}, {"Host", "gone", Remove}, {"Job", "x", Remove}}, []runlog.Entry{
		entry("Host new", false, claimed), entry("Host old", true, changed("old")), entry("Host gone", true, changed("gone")), entry("Job x", true, other),
	})
	notes := map[string]string{"Host old": "nothing is removed: the machine is new now", "Host new": "", "Host gone": "", "Job x": ""}
	for _, r := range d.Resources {
		if note := notes[r.Type+" "+r.Name]; r.Note != note || (len(r.Machines) == 0) != (note != "") {
			t.Errorf("%s %s %s: got the note %q and %d machines, want %q", r.Action, r.Type, r.Name, r.Note, len(r.Machines), note)
		}
	}
}
