package remote

import (
	"bytes"
	"errors"
	"sync"
)

const (
	// maxLine bounds one line of a script that is read line by line.
	maxLine = 1 << 20
	// stderrKept is how much of the end of standard error is kept: what a failed
	// script says last is what matters.
	stderrKept = 64 << 10
)

var errStopped = errors.New("the script was stopped")

// output takes a script's standard output, and stops the script when it says
// more than it may.
type output struct {
	limit int64
	line  func(string)
	stop  func(error)

	mu     sync.Mutex
	said   int64
	kept   bytes.Buffer // all of it, or the line that is not complete yet
	failed error
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.failed != nil {
		return 0, o.failed
	}
	if o.said += int64(len(p)); o.said > o.limit {
		return 0, o.fail(&LimitError{What: "standard output", Limit: o.limit})
	}
	if o.line == nil {
		return o.kept.Write(p)
	}
	return len(p), o.lines(p)
}

// lines hands over what is complete and keeps the rest.
func (o *output) lines(p []byte) error {
	for {
		end := bytes.IndexByte(p, '\n')
		if o.kept.Len()+max(end, 0) > maxLine || end < 0 && o.kept.Len()+len(p) > maxLine {
			return o.fail(&LimitError{What: "a line of standard output", Limit: maxLine})
		}
		if end < 0 {
			o.kept.Write(p)
			return nil
		}
		o.kept.Write(p[:end])
		o.line(o.kept.String())
		o.kept.Reset()
		p = p[end+1:]
	}
}

func (o *output) fail(err error) error {
	o.failed = err
	o.stop(err)
	return err
}

// close ends the output: after it Line is not called any more. It returns what
// was kept, having handed over a last line without newline where whole is set.
func (o *output) close(whole bool) ([]byte, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.failed != nil {
		return nil, o.failed
	}
	o.failed = errStopped
	if o.line == nil {
		return o.kept.Bytes(), nil
	}
	if whole && o.kept.Len() > 0 {
		o.line(o.kept.String())
	}
	return nil, nil
}

// tail keeps the end of what is written to it.
type tail struct {
	mu   sync.Mutex
	kept []byte
}

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.kept = append(t.kept, p[max(0, len(p)-stderrKept):]...)
	if extra := len(t.kept) - stderrKept; extra > stderrKept { // not on each write
		t.kept = append(t.kept[:0], t.kept[extra:]...)
	}
	return len(p), nil
}

func (t *tail) bytes() []byte {
	t.mu.Lock()
	defer t.mu.Unlock()
	return bytes.Clone(t.kept[max(0, len(t.kept)-stderrKept):])
}
