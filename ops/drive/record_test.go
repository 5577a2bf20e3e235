package drive

import (
	"slices"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/auto/events"
	"github.com/pulumi/pulumi/sdk/v3/go/common/apitype"
)

func TestAnErrorIsKeptOnceForEachThingThatIsWrong(t *testing.T) {
	var r record
	for _, message := range []string{
		"<{%reset%}>machine b: no route\nmachine a: no route<{%reset%}>\n", "machine a: no route\n", "update failed",
		"error: Preview failed: 2 problems:\n  x: is wrong\n  y: is worse\n\nand one more",
	} {
		r.note(events.EngineEvent{EngineEvent: apitype.EngineEvent{DiagnosticEvent: &apitype.DiagnosticEvent{Severity: "error", Message: message}}})
	}
	want := []string{"machine b: no route", "machine a: no route", "2 problems:\n    x: is wrong\n    y: is worse", "and one more"}
	if !slices.Equal(r.errors, want) {
		t.Errorf("got  %q\nwant %q", r.errors, want)
	}
}
