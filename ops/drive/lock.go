package drive

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

const (
	// lockWait is how long a run waits for another to end: that of an engine
	// which was told to stop a moment ago and is saving its state.
	lockWait = 30 * time.Second
	// lockPoll is short beside a person's patience and long beside a look.
	lockPoll = 250 * time.Millisecond
)

// lock is what Pulumi's file backend writes while it works on a stack.
type lock struct {
	PID       int       `json:"pid"`
	Username  string    `json:"username"`
	Hostname  string    `json:"hostname"`
	Timestamp time.Time `json:"timestamp"`

	path string
}

// LockedError says that another run works on the stack.
type LockedError struct {
	Stack string
	// Holder names the other run.
	Holder string
	// Next is what to do.
	Next string
}

func (e *LockedError) Error() string {
	return fmt.Sprintf("stack %s is being changed by %s; %s", e.Stack, e.Holder, e.Next)
}

// unlock clears the locks of runs that are dead, and waits for live ones to
// end, up to lockWait. say is told what is cleared or waited for.
func (p Project) unlock(ctx context.Context, stack string, say func(string)) error {
	deadline := time.Now().Add(lockWait)
	for waiting := false; ; waiting = true {
		held, err := p.liveLock(stack, say)
		if held == nil || err != nil {
			return err
		}
		locked := held.asError(stack)
		if !held.here() || time.Now().After(deadline) {
			return locked
		}
		if !waiting {
			say(fmt.Sprintf("waiting up to %v for %s", lockWait, locked.Holder))
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(lockPoll):
		}
	}
}

// liveLock returns a lock whose holder lives, or may live; nil where none is.
func (p Project) liveLock(stack string, say func(string)) (*lock, error) {
	files, err := filepath.Glob(filepath.Join(p.lockDir(stack), "*.json"))
	if err != nil {
		return nil, err
	}
	for _, file := range files {
		l, err := readLock(file)
		switch {
		case errors.Is(err, os.ErrNotExist):
			continue
		case err == nil && (!l.here() || l.alive()):
			return l, nil
		}
		if err := os.Remove(file); err != nil && !errors.Is(err, os.ErrNotExist) {
			return nil, fmt.Errorf("clear the lock of a dead run: %w", err)
		}
		say("cleared the lock of a run that was killed" + l.when())
	}
	return nil, nil
}

func (p Project) lockDir(stack string) string {
	return filepath.Join(p.stateDir(), ".pulumi", "locks", "organization", projectName, stack)
}

// readLock fails on a file cut short by a crash while it was written: nobody
// holds such a lock.
func readLock(file string) (*lock, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	l := &lock{path: file}
	return l, json.Unmarshal(text, l)
}

// here says whether the holder runs, or ran, on this computer.
func (l *lock) here() bool {
	name, err := os.Hostname()
	return err == nil && name == l.Hostname
}

// alive says whether the holder still runs. Another program may have got its
// number since: where /proc tells names, only a pulumi counts.
func (l *lock) alive() bool {
	if l.PID <= 0 || errors.Is(syscall.Kill(l.PID, 0), syscall.ESRCH) {
		return false
	}
	name, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", l.PID))
	return err != nil || strings.HasPrefix(string(name), "pulumi")
}

func (l *lock) when() string {
	if l == nil || l.Timestamp.IsZero() {
		return ""
	}
	return fmt.Sprintf(" (process %d, started %s)", l.PID, l.Timestamp.Local().Format("Jan 2 15:04:05"))
}

func (l *lock) asError(stack string) *LockedError {
	e := &LockedError{Stack: stack, Holder: fmt.Sprintf("process %d of %s on %s, since %s",
		l.PID, l.Username, l.Hostname, l.Timestamp.Local().Format("Jan 2 15:04:05"))}
	if l.here() {
		e.Next = fmt.Sprintf("wait for it to end, or stop it: kill -INT %d", l.PID)
	} else {
		e.Next = "wait for it to end; if it is surely dead, remove " + l.path
	}
	return e
}
