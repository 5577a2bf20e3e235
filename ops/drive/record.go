package drive

import (
	"regexp"
	"slices"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/auto/events"
	"github.com/pulumi/pulumi/sdk/v3/go/common/apitype"
)

// Changes counts what an operation did to resources, by the engine's names
// ("create", "update", "same").
type Changes map[apitype.OpType]int

// Any says whether anything was changed. Looking at a machine is no change.
func (c Changes) Any() bool {
	for op, n := range c {
		switch op {
		case apitype.OpSame, apitype.OpRefresh, apitype.OpRead, apitype.OpReadDiscard:
		default:
			if n > 0 {
				return true
			}
		}
	}
	return false
}

// record is what is kept of an operation's events.
type record struct {
	changes Changes
	errors  []string
}

func (r *record) note(e events.EngineEvent) {
	switch {
	case e.SummaryEvent != nil:
		r.changes = e.SummaryEvent.ResourceChanges
	case e.DiagnosticEvent != nil && e.DiagnosticEvent.Severity == "error":
		for _, text := range paragraphs(cause(PlainText(e.DiagnosticEvent.Message))) {
			if !slices.Contains(r.errors, text) {
				r.errors = append(r.errors, text)
			}
		}
	}
}

// paragraphs takes a message apart at lines that are not indented: an error of
// three machines is three, and what two resources say of one machine is said once.
func paragraphs(message string) []string {
	var all []string
	for line := range strings.Lines(message) {
		line = strings.TrimRight(line, "\n")
		switch {
		case strings.TrimSpace(line) == "":
		case len(all) > 0 && strings.HasPrefix(line, " "):
			all[len(all)-1] += "\n  " + line // below the one that it belongs to
		default:
			all = append(all, line)
		}
	}
	return all
}

// cause is what a message says once the engine's own words are taken off: it
// leads in with "Preview failed:", and ends a failure with "update failed". It
// is empty where nothing is left.
func cause(message string) string {
	text := strings.TrimPrefix(message, "error: ")
	text = strings.TrimPrefix(text, "Preview failed: ")
	if closingWords.MatchString(text) {
		return ""
	}
	return text
}

var closingWords = regexp.MustCompile(`^(update|preview|refresh|destroy) failed$`)

// colourMark is how the engine's messages mark colours: <{%fg 1%}>.
var colourMark = regexp.MustCompile(`<\{%[^%]*%\}>`)

// PlainText is a message of the engine without colours and outer space.
func PlainText(message string) string {
	return strings.TrimSpace(colourMark.ReplaceAllString(message, ""))
}
