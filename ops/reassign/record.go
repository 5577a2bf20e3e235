package reassign

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/google/renameio/v2"
)

// Record is what a run has under way, on disk before it is in the cluster: the
// next run knows from it what a killed one left.
type Record struct {
	Moves     []Move     `json:"moves"`
	Throttles []Throttle `json:"throttles"`
}

// empty says that nothing was left.
func (r Record) empty() bool { return len(r.Moves)+len(r.Throttles) == 0 }

// Log is the file of the record, held by one run at a time.
type Log struct {
	file *os.File
	path string
}

// BusyError says that another run on this computer holds the record.
type BusyError struct{ Path string }

func (e *BusyError) Error() string {
	return fmt.Sprintf("another reassignment of this stack is under way on this computer (it holds %s); wait for it to end", e.Path)
}

// OpenLog takes the record in a directory, which is made, and reads it. The lock
// is the kernel's: no run that was killed leaves one behind.
func OpenLog(dir string) (*Log, Record, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, Record{}, err
	}
	path := filepath.Join(dir, "reassign.json")
	file, err := os.OpenFile(path+".lock", os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, Record{}, err
	}
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		file.Close()
		return nil, Record{}, &BusyError{path}
	}
	l := &Log{file: file, path: path}
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return l, Record{}, nil
	}
	var r Record
	if err == nil {
		err = json.Unmarshal(text, &r)
	}
	if err != nil {
		l.Close()
		return nil, Record{}, fmt.Errorf("read what the last reassignment left, %s: %w; look at it, see to the throttles that it names, and remove it", path, err)
	}
	return l, r, nil
}

// Write keeps what is under way; an empty record leaves no file.
func (l *Log) Write(r Record) error {
	if r.empty() {
		err := os.Remove(l.path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	}
	text, err := json.Marshal(r)
	if err != nil {
		return err
	}
	return renameio.WriteFile(l.path, text, 0o600, renameio.IgnoreUmask(), renameio.WithTempDir(filepath.Dir(l.path))) // a kill leaves the old one or the new one
}

// Close gives the record to the next run.
func (l *Log) Close() error {
	// The lock's file stays: removed, it could be locked by two.
	return l.file.Close()
}
