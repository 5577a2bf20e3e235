package runlog

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/user"
	"sync"
	"syscall"
	"time"
)

// What the provider finds in its environment. Variable names the log that it
// appends to while it changes something; PlansVariable, in a preview, a file for
// the plans of all resources; ScriptsVariable, where it is set, asks for the
// scripts in them, too.
const (
	Variable        = "WEIR_RUN_LOG"
	PlansVariable   = "WEIR_PLANS"
	ScriptsVariable = "WEIR_PLAN_SCRIPTS"
	// KeepDataVariable, where it is set, has data stay although deleteData was
	// applied: nobody has confirmed that it may go.
	KeepDataVariable = "WEIR_KEEP_DATA"
	// PassOverVariable, where it is set, has machines that are no longer declared
	// and cannot be reached passed over, with a warning of what stays on them.
	PassOverVariable = "WEIR_PASS_OVER"
)

// Log takes the entries of one run. Its methods are safe for concurrent use,
// and do nothing on a nil Log: a run that cannot be logged goes on.
type Log struct {
	mu   sync.Mutex
	file *os.File
	now  func() time.Time
	mask mask
	err  error
}

// Open opens a log to append to it, and makes it where it is missing.
func Open(path string) (*Log, error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fmt.Errorf("run log: %w", err)
	}
	return &Log{file: f, now: time.Now}, nil
}

// Path is the log's file.
func (l *Log) Path() string { return l.file.Name() }

// Hide masks secrets in all entries from now on. A text of several lines, as
// a key is, is masked line by line too.
func (l *Log) Hide(secrets ...string) {
	if l == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.mask.add(secrets)
}

// Write appends an entry, with the time. What cannot be written is told by
// Close: a full disk must not end a run.
func (l *Log) Write(e Entry) {
	if l == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if e.At.IsZero() {
		e.At = l.now().UTC().Truncate(time.Millisecond)
	}
	line, err := json.Marshal(e)
	if err == nil {
		_, err = l.file.Write(append(l.mask.apply(line), '\n'))
	}
	if l.err == nil {
		l.err = err
	}
}

// Close ends this process's part of the log, and says whether all was written.
func (l *Log) Close() error {
	if l == nil {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := errors.Join(l.err, l.file.Close()); err != nil {
		return fmt.Errorf("run log: %w", err)
	}
	return nil
}

// hold says for as long as this process has the log open that the run goes on.
// The kernel forgets it when the process ends, however it does.
func (l *Log) hold() error { return syscall.Flock(int(l.file.Fd()), syscall.LOCK_EX) }

// held says that the process which began the log still runs.
func held(f *os.File) bool {
	err := syscall.Flock(int(f.Fd()), syscall.LOCK_SH|syscall.LOCK_NB)
	return errors.Is(err, syscall.EWOULDBLOCK)
}

// Me fills in who this process is run by, and where.
func (b Begin) Me() Begin {
	b.Who, b.On, b.PID = "somebody", "an unknown computer", os.Getpid()
	if u, err := user.Current(); err == nil {
		b.Who = u.Username
	}
	if h, err := os.Hostname(); err == nil {
		b.On = h
	}
	return b
}

// Holder is what other runs are told of this one while it holds a machine's lock.
func (b Begin) Holder() string { return fmt.Sprintf("%s on %s (process %d)", b.Who, b.On, b.PID) }
