package drift

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"weir/ops/drive"
	"weir/ops/status/table"
	"weir/testenv/golden"
)

// resource is what the engine tells of one, as it decodes from JSON.
func resource(t *testing.T, kind, name, outputs string) drive.Resource {
	t.Helper()
	r := drive.Resource{Type: kind, Name: name}
	if outputs == "" {
		r.Gone = true
		return r
	}
	if err := json.Unmarshal([]byte(outputs), &r.Outputs); err != nil {
		t.Fatal(err)
	}
	return r
}

func calm(t *testing.T) []drive.Resource {
	return []drive.Resource{
		resource(t, "Host", "weir-1", `{"cluster": "a", "machine": "weir-1", "machines": {"weir-1": {"files": {}}}}`),
		resource(t, "Kafka", "kafka", `{"machines": {"weir-1": {}, "weir-2": {}}, "brokers": [{"connection": {"privateKey": "[secret]"}}]}`),
		resource(t, "Machine", "weir-1", `{"power": "running"}`),
		resource(t, "Topic", "user-behavior-topic", `{"name": "user-behavior-topic", "partitions": 3}`),
	}
}

func drifted(t *testing.T) []drive.Resource {
	return []drive.Resource{
		resource(t, "Host", "weir-2", `{"machines": {"weir-2": {"unreachable": "machine weir-2 (10.0.0.2:22): no route\nto host"}}}`),
		resource(t, "Job", "producer", `{"machine": "weir-1", "machines": {"weir-1": {}}, "drift": {"weir-1": [
			{"kind": "service", "target": "weir-job-producer.service", "found": "not enabled, running", "expected": "enabled, running"}]}}`),
		resource(t, "Kafka", "kafka", `{"machines": {"weir-1": {}, "weir-3": {}}, "drift": {
			"weir-3": [{"kind": "file", "target": "/etc/weir/kafka/server.properties", "found": "other content", "expected": "as applied",
				"diff": "@@ -1,2 +1,3 @@\n broker.id=2\n-a=1\n+a=2\n+\t\u001b[2Jb\n"}],
			"weir-1": [{"kind": "stranger", "target": "/etc/weir/kafka/it's $(x)", "found": "put there by somebody", "expected": "nothing"}]}}`),
		resource(t, "Machine", "weir-3", `{"power": "stopped"}`),
		resource(t, "Machine", "weir-4", ""),
		resource(t, "Topic", "gone", ""),
		resource(t, "Topic", "kept", `{"drift": {"kept": [{"kind": "topic", "target": "kept", "found": "retention.ms=1", "expected": "retention.ms=2"}]}}`),
		resource(t, "Topic", "mute", `{"unreachable": "no broker answered within 8s"}`),
	}
}

func TestTheReport(t *testing.T) {
	for name, resources := range map[string][]drive.Resource{"calm": calm(t), "drifted": drifted(t)} {
		t.Run(name, func(t *testing.T) {
			r, err := New("lab", resources)
			if err != nil {
				t.Fatal(err)
			}
			if r.Drifted != (name == "drifted") {
				t.Errorf("drifted: %v", r.Drifted)
			}
			var text, asJSON bytes.Buffer
			if err := WriteText(&text, r, table.Style{}); err != nil {
				t.Fatal(err)
			}
			if err := WriteJSON(&asJSON, r); err != nil {
				t.Fatal(err)
			}
			if strings.ContainsRune(text.String(), '\x1b') {
				t.Errorf("a machine may move the cursor: %q", text.String())
			}
			golden.Compare(t, name+".txt", text.String())
			golden.Compare(t, name+".json", asJSON.String())
		})
	}
}

func TestAMachineThatCannotBeLookedAtIsNotCalm(t *testing.T) {
	r, err := New("lab", []drive.Resource{resource(t, "Host", "a", `{"machines": {"a": {"unreachable": "it is off"}}}`)})
	if err != nil || !r.Drifted || r.Count() != 0 {
		t.Errorf("got %+v, %v; want it drifted with no difference known", r, err)
	}
}
