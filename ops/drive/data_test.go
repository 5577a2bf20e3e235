package drive

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func TestWhoseDataGoesIsReadFromWhatWasApplied(t *testing.T) {
	const kafka = `{"type": "weir:index:Kafka", "inputs": {"deleteData": true, "brokers": [
		{"machine": "b", "connection": {"address": "10.0.0.2"}},
		{"machine": "a", "connection": {"address": "10.0.0.1"}},
		{"machine": "c", "connection": {"container": true}}]}}`
	for _, c := range []struct {
		name, resources string
		want            []string
	}{
		{"nothing was applied", `{"type": "weir:index:Kafka", "inputs": {"brokers": [{"machine": "a"}]}}`, nil},
		{"machines of people's own, no containers", kafka, []string{"a", "b"}},
		{"a job's machine", `{"type": "weir:index:Job", "inputs": {"deleteData": true, "machine": "d"}}`, []string{"d"}},
		{"a topic goes with its cluster", `{"type": "weir:index:Topic", "inputs": {"deleteData": true, "brokers": [{"machine": "a"}]}}`, nil},
		{"what cannot be read is asked about", `{"type": "weir:index:Kafka", "inputs": {"deleteData": true, "brokers": "?"}}`,
			[]string{"weir:index:Kafka (its state cannot be read)"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := &Stack{Project: Project{Root: t.TempDir()}, Name: "lab"}
			file := s.Project.stateFile("lab")
			if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
				t.Fatal(err)
			}
			state := `{"checkpoint": {"latest": {"resources": [{"type": "pulumi:pulumi:Stack"}, ` + c.resources + `]}}}`
			if err := os.WriteFile(file, []byte(state), 0o644); err != nil {
				t.Fatal(err)
			}
			if got := s.DataGoes(); !slices.Equal(got, c.want) {
				t.Errorf("got %q, want %q; the state is %s", got, c.want, state)
			}
		})
	}
}
