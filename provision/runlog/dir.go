package runlog

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

const (
	// kept is how many logs a stack keeps: those of some weeks of work.
	kept = 100
	// sizeLimit bounds, in bytes, what is read of one log. A first install of a
	// hundred machines writes some ten MB.
	sizeLimit = 256 << 20

	suffix = ".jsonl"
)

// Dir is where the logs of a stack's runs are.
type Dir string

// In is the directory of a stack of the project in root.
func In(root, stack string) Dir { return Dir(filepath.Join(root, ".weir", stack, "runs")) }

// idTime is how an ID begins. Two runs may well follow each other within a second, and
// the later one must be the later ID.
const idTime = "20060102T150405.000Z"

// Begin begins the log of a run and removes the oldest ones. Until it is
// closed, or this process ends, the run is told to be running.
func (d Dir) Begin(b Begin, now func() time.Time) (*Log, error) {
	if err := os.MkdirAll(string(d), 0o700); err != nil {
		return nil, fmt.Errorf("run log: %w", err)
	}
	id := now().UTC().Format(idTime) + "-" + strings.ToLower(rand.Text()[:4])
	l, err := Open(d.file(id))
	if err != nil {
		return nil, err
	}
	l.now = now
	if err := l.hold(); err != nil {
		return nil, errors.Join(fmt.Errorf("run log %s: %w", l.Path(), err), l.Close())
	}
	l.Write(Entry{Begin: &b})
	return l, d.prune()
}

func (d Dir) file(id string) string { return filepath.Join(string(d), id+suffix) }

// ids are those of all logs, the newest first: they begin with the time.
func (d Dir) ids() ([]string, error) {
	files, err := os.ReadDir(string(d))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var ids []string
	for _, f := range files {
		if id, ok := strings.CutSuffix(f.Name(), suffix); ok && f.Type().IsRegular() {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	slices.Reverse(ids)
	return ids, err
}

func (d Dir) prune() error {
	ids, err := d.ids()
	if err != nil || len(ids) <= kept {
		return err
	}
	var errs []error
	for _, id := range ids[kept:] {
		if err := os.Remove(d.file(id)); !errors.Is(err, fs.ErrNotExist) { // another run may prune too
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// Runs are all runs that are kept, the newest first.
func (d Dir) Runs() ([]Run, error) {
	ids, err := d.ids()
	if err != nil {
		return nil, err
	}
	runs := make([]Run, 0, len(ids))
	for _, id := range ids {
		entries, running, err := Read(d.file(id))
		if errors.Is(err, fs.ErrNotExist) {
			continue // pruned meanwhile
		}
		if err != nil {
			return nil, err
		}
		runs = append(runs, runOf(id, entries, running))
	}
	return runs, nil
}

// Last is the name that the newest run has besides its own.
const Last = "last"

// Find returns the run whose ID begins like that, with its entries. More than
// one, or none, is an error.
func (d Dir) Find(beginning string) (Run, []Entry, error) {
	ids, err := d.ids()
	if err != nil {
		return Run{}, nil, err
	}
	found := slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return !strings.HasPrefix(id, beginning) })
	if beginning == Last && len(ids) > 0 {
		found = ids[:1]
	}
	switch len(found) {
	case 1:
	case 0:
		return Run{}, nil, fmt.Errorf("there is no run %s", beginning)
	default:
		return Run{}, nil, fmt.Errorf("%d runs begin with %s: %s", len(found), beginning, strings.Join(found, ", "))
	}
	entries, running, err := Read(d.file(found[0]))
	return runOf(found[0], entries, running), entries, err
}

// Read reads a log and says whether who began it still runs. What a kill, or a
// full disk, left of a line is passed over.
func Read(path string) (entries []Entry, running bool, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, false, err
	}
	defer f.Close() //nolint:errcheck // it was only read
	lines := bufio.NewReaderSize(io.LimitReader(f, sizeLimit), 64<<10)
	for {
		line, err := lines.ReadBytes('\n')
		var e Entry
		if json.Unmarshal(bytes.TrimSpace(line), &e) == nil {
			entries = append(entries, e)
		}
		if errors.Is(err, io.EOF) {
			return entries, held(f), nil
		}
		if err != nil {
			return entries, false, fmt.Errorf("run log: %w", err)
		}
	}
}
