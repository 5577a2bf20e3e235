package main

import (
	"strings"
	"testing"
)

const exported = `{"version": 3, "deployment": {"resources": [
  {"urn": "urn:1", "custom": false, "type": "pulumi:pulumi:Stack"},
  {"urn": "urn:2", "custom": true, "id": "p", "type": "pulumi:providers:weir"},
  {"urn": "urn:3", "custom": true, "id": "h", "type": "weir:index:Host",
   "inputs": {"machine": "a", "ids": [1, 2]}, "outputs": {"machine": "a", "ids": [1, 2], "more": {"deep": true}}}
]}}`

func TestTheProvidersResourcesAreTakenOutOfAState(t *testing.T) {
	got, err := parseState(exported)
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != 1 || got[0].urn != "urn:3" || got[0].id != "h" {
		t.Fatalf("got %v, want urn:3 alone", got)
	}
	if ids := got[0].inputs.AsMap()["ids"].([]any); len(ids) != 2 || ids[1] != 2.0 {
		t.Errorf("inputs: got ids %v, want 1 and 2", ids)
	}
	if deep := got[0].outputs.AsMap()["more"].(map[string]any)["deep"]; deep != true {
		t.Errorf("outputs: got %v, want true", deep)
	}
}

func TestAStateThatCannotBeHandedOnIsRefused(t *testing.T) {
	for name, c := range map[string]struct{ state, says string }{
		"one with a secret":             {strings.Replace(exported, `"a"`, `{"`+secretMark+`": "x", "ciphertext": "v1:"}`, 1), "secrets"},
		"one without resources of ours": {`{"deployment": {"resources": []}}`, "no resource"},
		"no state at all":               {`error: no stack`, "read the exported state"},
	} {
		if _, err := parseState(c.state); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: got error %v, want one that says %q", name, err, c.says)
		}
	}
}
