// Package journal reads the journals of several machines as one, in the order of
// time.
//
// The order is that of the machines' clocks: preflight and verify tell where
// those differ.
package journal

import (
	"cmp"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Entry is one line of a machine's journal.
type Entry struct {
	At      time.Time `json:"at"`
	Machine string    `json:"machine"`
	Unit    string    `json:"unit"`
	Message string    `json:"message"`
}

// parse reads a line of journalctl's JSON form (systemd.journal-fields(7)).
// What is no entry is passed over.
func parse(machine, line string) (Entry, bool) {
	var fields struct {
		Time    string          `json:"__REALTIME_TIMESTAMP"`
		Unit    string          `json:"_SYSTEMD_UNIT"`
		About   string          `json:"UNIT"` // of what systemd says of a unit
		Message json.RawMessage `json:"MESSAGE"`
	}
	if json.Unmarshal([]byte(line), &fields) != nil {
		return Entry{}, false
	}
	micros, err := strconv.ParseInt(fields.Time, 10, 64)
	if err != nil {
		return Entry{}, false
	}
	unit := fields.Unit
	if fields.About != "" {
		unit = fields.About
	}
	return Entry{At: time.UnixMicro(micros).UTC(), Machine: machine, Unit: strings.TrimSuffix(unit, ".service"), Message: text(fields.Message)}, true
}

// text is a message: a string, or the bytes of one that is not plain text.
func text(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) == nil {
		return s
	}
	var bytes []int
	if json.Unmarshal(raw, &bytes) != nil {
		return "" // null: too long for journalctl to show
	}
	b := make([]byte, len(bytes))
	for i, n := range bytes {
		b[i] = byte(n)
	}
	return strings.ToValidUTF8(string(b), "?")
}

// sortByTime leaves entries of the same moment as they came.
func sortByTime(entries []Entry) {
	slices.SortStableFunc(entries, func(a, b Entry) int {
		return cmp.Or(a.At.Compare(b.At), strings.Compare(a.Machine, b.Machine))
	})
}
