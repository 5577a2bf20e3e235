package plan

import (
	"slices"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/auto/events"
	"github.com/pulumi/pulumi/sdk/v3/go/common/apitype"

	"weir/ops/drive"
	"weir/provision/runlog"
)

// Collector hears the engine's events of a preview. Event is a drive.Observer.
type Collector struct {
	operations []Operation
	warnings   []string
}

// actions are what the engine calls what we show. That it looks at a resource,
// or leaves it as it is, is not shown.
var actions = map[apitype.OpType]Action{
	apitype.OpCreate: Create, apitype.OpUpdate: Change, apitype.OpDelete: Remove,
	apitype.OpReplace: Replace, apitype.OpCreateReplacement: Replace, apitype.OpDeleteReplaced: Replace,
}

// Event takes one event.
func (c *Collector) Event(e events.EngineEvent) {
	switch {
	case e.ResourcePreEvent != nil:
		c.operation(e.ResourcePreEvent.Metadata)
	case e.DiagnosticEvent != nil && e.DiagnosticEvent.Severity == "warning":
		if text := drive.PlainText(e.DiagnosticEvent.Message); !slices.Contains(c.warnings, text) {
			c.warnings = append(c.warnings, text)
		}
	}
}

func (c *Collector) operation(m apitype.StepEventMetadata) {
	action, shown := actions[m.Op]
	if !shown || strings.HasPrefix(m.Type, "pulumi:") { // the engine's own: the stack, the provider
		return
	}
	o := Operation{Type: after(m.Type), Name: after(m.URN), Action: action}
	if !slices.Contains(c.operations, o) { // a replacement is announced in parts
		c.operations = append(c.operations, o)
	}
}

// after is the last part of a type, or of a URN.
func after(text string) string { return text[strings.LastIndexByte(text, ':')+1:] }

// Document is Compose of what was heard.
func (c *Collector) Document(stack string, plans []runlog.Entry) Document {
	d := Compose(stack, c.operations, plans)
	d.Warnings = slices.Sorted(slices.Values(c.warnings))
	return d
}
