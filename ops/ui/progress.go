package ui

import (
	"fmt"
	"strings"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/auto/events"
	"github.com/pulumi/pulumi/sdk/v3/go/common/apitype"

	"weir/ops/drive"
	"weir/ops/status/table"
)

// Progress turns the engine's events into lines: each begins with the time
// since the start, then says what happened to which machine or resource.
// Where nobody watches, only warnings are shown. Errors are not: they end the
// run, and whoever started it tells them together.
type Progress struct {
	console *Console
	started time.Time
	// begun tells when work on a resource began, by its URN.
	begun map[string]time.Time
	// warned are the warnings that were shown: a refresh and an update of the
	// same machine say the same.
	warned map[string]bool
}

// NewProgress starts the clock.
func (c *Console) NewProgress() *Progress {
	return &Progress{console: c, started: c.Now(), begun: map[string]time.Time{}, warned: map[string]bool{}}
}

// Elapsed is the time since the start.
func (p *Progress) Elapsed() time.Duration { return p.console.Now().Sub(p.started) }

// Event shows one event. It is a drive.Observer.
func (p *Progress) Event(e events.EngineEvent) {
	switch {
	case e.ResourcePreEvent != nil:
		p.begin(e.ResourcePreEvent.Metadata)
	case e.ResOutputsEvent != nil:
		p.end(e.ResOutputsEvent.Metadata, "")
	case e.ResOpFailedEvent != nil:
		p.end(e.ResOpFailedEvent.Metadata, "failed")
	case e.DiagnosticEvent != nil:
		p.message(e.DiagnosticEvent)
	}
}

// Warning shows an event only where it warns: what a plan says otherwise, the
// run after it says again.
func (p *Progress) Warning(e events.EngineEvent) {
	if d := e.DiagnosticEvent; d != nil && d.Severity == "warning" {
		p.message(d)
	}
}

// doing and done are the words for what the engine does to a resource. What is
// not listed is no news: looking at it, or leaving it as it is.
var (
	doing = map[apitype.OpType]string{
		apitype.OpCreate: "creating", apitype.OpUpdate: "changing", apitype.OpDelete: "removing",
		apitype.OpReplace: "replacing", apitype.OpCreateReplacement: "creating anew", apitype.OpDeleteReplaced: "removing the old",
	}
	done = map[apitype.OpType]string{
		apitype.OpCreate: "created", apitype.OpUpdate: "changed", apitype.OpDelete: "removed",
		apitype.OpReplace: "replaced", apitype.OpCreateReplacement: "created anew", apitype.OpDeleteReplaced: "the old removed",
	}
)

func (p *Progress) begin(m apitype.StepEventMetadata) {
	if verb, ok := doing[m.Op]; ok && !bookkeeping(m.Type) {
		p.begun[m.URN] = p.console.Now()
		p.step(resourceName(m), verb)
	}
}

func (p *Progress) end(m apitype.StepEventMetadata, failed string) {
	verb, ok := done[m.Op]
	if !ok || bookkeeping(m.Type) {
		return
	}
	text := verb
	if failed != "" {
		text = doing[m.Op] + " " + failed
	}
	if begun, ok := p.begun[m.URN]; ok {
		text += p.console.ErrStyle.Faint(fmt.Sprintf(" [%s]", short(p.console.Now().Sub(begun))))
	}
	p.step(resourceName(m), text)
}

// bookkeeping resources are the engine's own: the stack and the provider.
func bookkeeping(resourceType string) bool { return strings.HasPrefix(resourceType, "pulumi:") }

// resourceName is "Kafka kafka": the type's last part, then the URN's.
func resourceName(m apitype.StepEventMetadata) string {
	kind := m.Type[strings.LastIndexByte(m.Type, ':')+1:]
	name := m.URN[strings.LastIndexByte(m.URN, ':')+1:]
	return kind + " " + name
}

// message shows what the provider says: "weir-1: start weir-kafka.service [2.1s]".
func (p *Progress) message(d *apitype.DiagnosticEvent) {
	text := table.Clean(drive.PlainText(d.Message))
	if text == "" || d.Ephemeral {
		return
	}
	switch d.Severity {
	case "warning":
		if !p.warned[text] {
			p.warned[text] = true
			p.console.Warn(text)
		}
	case "info", "info#err":
		who, what, ok := strings.Cut(text, ": ")
		if !ok || strings.Contains(who, " ") {
			who, what = "", text
		}
		p.step(who, what)
	}
}

// nameWidth fits "ZooKeeper zookeeper", the longest that is common.
const nameWidth = 20

// Step shows what was done, where somebody watches.
func (p *Progress) Step(who, what string) { p.step(who, what) }

func (p *Progress) step(who, what string) {
	if !p.console.Live {
		return
	}
	p.console.line(fmt.Sprintf("%s %-*s %s", p.console.ErrStyle.Faint(fmt.Sprintf("%7s", short(p.Elapsed()))), nameWidth, who, what))
}

// short is a duration as a person wants it: tenths of seconds up to a minute,
// then seconds.
func short(d time.Duration) string {
	if d < time.Minute {
		return fmt.Sprintf("%.1fs", d.Seconds())
	}
	return d.Round(time.Second).String()
}

// Summary says in a line what an operation changed: "2 created, 1 changed in 8.4s".
func Summary(changes drive.Changes, took time.Duration) string {
	var parts []string
	for _, op := range []apitype.OpType{apitype.OpCreate, apitype.OpUpdate, apitype.OpReplace, apitype.OpDelete} {
		if n := changes[op]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, done[op]))
		}
	}
	if len(parts) == 0 {
		return "nothing to change, looked at everything in " + short(took)
	}
	return strings.Join(parts, ", ") + " in " + short(took)
}
