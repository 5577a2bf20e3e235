package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// keptFor is how old the figures of a section may be that a run with -resume
// takes instead of measuring again: those of one evening on one computer.
const keptFor = 12 * time.Hour

// kept is what one run has found out about one section, for another run that
// goes on where it was stopped.
type kept struct {
	Section string
	At      time.Time
	// Build is the digest of the programs that were measured.
	Build string
	// Warning says why the figures are not to be trusted, if they are not.
	Warning  string
	Versions []string
	Rows     []keptRow
	Notes    []string
}

// keptRow is a measurement; To is the index of the row that it is compared
// with, of the same section, or -1.
type keptRow struct {
	Work   string
	Unit   unit
	Most   float64
	Values []float64
	To     int
	Least  float64
}

func (k *kept) put(f findings) {
	k.Notes = f.notes
	for _, m := range f.rows {
		row := keptRow{Work: m.work, Unit: m.unit, Most: m.most, Values: m.values, To: -1}
		if m.ratio != nil {
			row.To, row.Least = slices.Index(f.rows, m.ratio.to), m.ratio.least
		}
		k.Rows = append(k.Rows, row)
	}
}

// findings are those of the section, with what must be said of their age.
func (k kept) findings() findings {
	f := findings{notes: slices.Clone(k.Notes)}
	for _, row := range k.Rows {
		f.rows = append(f.rows, &measurement{work: row.Work, unit: row.Unit, most: row.Most, values: row.Values})
	}
	for i, row := range k.Rows {
		if row.To >= 0 && row.To < len(f.rows) {
			f.rows[i].ratio = &ratio{of: f.rows[i], to: f.rows[row.To], least: row.Least}
		}
	}
	note := fmt.Sprintf("The rows of %s were measured by a run before this one, of the same programs, at %s.", k.Section, k.At.UTC().Format("2006-01-02 15:04 MST"))
	if k.Warning != "" {
		note += " " + k.Warning
	}
	f.notes = append(f.notes, note)
	return f
}

// keptPath is where a section's figures are kept.
func keptPath(dir, section string) string { return filepath.Join(dir, "kept", section+".json") }

func (k kept) save(dir string) error {
	text, err := json.MarshalIndent(k, "", "  ")
	if err != nil {
		return err
	}
	path := keptPath(dir, k.Section)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, append(text, '\n'), 0o644)
}

// load returns a section's figures, where there are some of the same programs
// that are not too old.
func load(dir, section, build string, now time.Time) (kept, bool, error) {
	var k kept
	text, err := os.ReadFile(keptPath(dir, section))
	if errors.Is(err, fs.ErrNotExist) {
		return k, false, nil
	}
	if err == nil {
		err = json.Unmarshal(text, &k)
	}
	if err != nil {
		return k, false, fmt.Errorf("figures of a run before: %w; remove the file %s", err, keptPath(dir, section))
	}
	return k, k.Section == section && k.Build == build && now.Sub(k.At) < keptFor, nil
}

// programs are those whose figures these are.
var programs = []string{"bin/ops", "bin/pulumi-resource-weir", job("producer"), job("popularity")}

// buildDigest tells builds of the measured programs, and of this one, apart.
func buildDigest() (string, error) {
	self, err := os.Executable()
	if err != nil {
		return "", err
	}
	h := sha256.New()
	for _, path := range append([]string{self}, programs...) {
		f, err := os.Open(path)
		if err != nil {
			return "", err
		}
		_, err = io.Copy(h, f)
		_ = f.Close()
		if err != nil {
			return "", err
		}
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
