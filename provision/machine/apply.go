package machine

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"weir/provision/remote"
)

// Pack is a packed release, ready to be streamed.
type Pack struct {
	Size int64
	// Gzip says that the tar is compressed: it is for trees that shrink by it.
	Gzip bool
	Open func() (io.ReadSeekCloser, error)
}

// Packs finds the pack of a release that a plan wants to unpack.
type Packs func(ctx context.Context, r Release) (Pack, error)

// Event tells that a step of a plan has been carried out.
type Event struct {
	Machine string
	Step    Step
	Took    time.Duration
}

// StepError says at which step a machine stopped. The steps before it are done,
// the step itself is not, and none after it was begun; the next run goes on
// from there.
type StepError struct {
	Machine string
	Step    Step
	// Done are the steps that were carried out before.
	Done []Step
	// Full is the file system that the step found no room on; nil where that was
	// not the reason.
	Full *Full
	Err  error
}

// Full is a file system that is full.
type Full struct {
	// Mount is where it is mounted.
	Mount string
	// What it has no more of, "bytes" or "inodes", and how many there are.
	What string
	Left int64
}

func (f *Full) String() string {
	if f.What == "inodes" {
		return "the file system at " + f.Mount + " has no inodes left: remove files there, then run again"
	}
	return fmt.Sprintf("the disk is full: %s has %d KiB free; free some there, then run again", f.Mount, f.Left>>10)
}

func (e *StepError) Error() string {
	s := fmt.Sprintf("machine %s: could not %s: %s", e.Machine, e.Step, e.why())
	if len(e.Done) > 0 {
		s += fmt.Sprintf("; %d steps before it are done, the next run goes on from here", len(e.Done))
	}
	return s
}

func (e *StepError) Unwrap() error { return e.Err }

// Apply carries out the steps of one phase, in order, in one round trip; before
// a large release is sent, another asks what is there of it already. Releases
// are streamed from their files: memory does not grow with their size. observe,
// which may be nil, is told of each step as it ends.
func Apply(ctx context.Context, r remote.Runner, p Plan, phase Phase, packs Packs, observe func(Event)) error {
	steps := p.In(phase)
	if len(steps) == 0 {
		return nil
	}
	payload, err := openPayload(ctx, r, steps, packs)
	if err != nil {
		return fmt.Errorf("machine %s: %w", p.Machine, err)
	}
	defer payload.Close()
	t := tracker{machine: p.Machine, steps: steps, observe: observe, begun: time.Now(), current: -1}
	_, err = r.Run(ctx, remote.Script{
		Step: "apply", Text: applyScript(steps, payload.sizes), Root: true, Stdin: payload, Line: t.line,
	})
	if err != nil && t.current >= 0 && t.current < len(steps) {
		return &StepError{Machine: p.Machine, Step: steps[t.current], Done: steps[:t.current], Full: t.full, Err: err}
	}
	return err
}

// tracker follows the script by the lines it prints: "begin N", "done N", and
// where that was in the way of the step, "full N WHAT MOUNT".
type tracker struct {
	machine string
	steps   []Step
	observe func(Event)
	begun   time.Time
	current int
	full    *Full
}

func (t *tracker) line(line string) {
	if left, is := strings.CutPrefix(line, "full "); is {
		t.full = parseFull(left)
		return
	}
	word, number, _ := strings.Cut(line, " ")
	n, err := strconv.Atoi(number)
	if err != nil || n < 0 || n >= len(t.steps) {
		return
	}
	switch word {
	case "begin":
		t.current, t.begun = n, time.Now()
	case "done":
		t.current = n + 1
		if t.observe != nil {
			t.observe(Event{Machine: t.machine, Step: t.steps[n], Took: time.Since(t.begun)})
		}
	}
}

// parseFull reads "LEFT WHAT MOUNT"; what is none counts for nothing.
func parseFull(text string) *Full {
	words := strings.SplitN(text, " ", 3)
	if len(words) != 3 || words[1] != "bytes" && words[1] != "inodes" {
		return nil
	}
	left, err := strconv.ParseInt(words[0], 10, 64)
	if err != nil || left < 0 {
		return nil
	}
	return &Full{Mount: Printable(clip(words[2])), What: words[1], Left: left}
}

// payload is the contents that the steps consume from standard input, one
// after the other, each with its size known beforehand.
type payload struct {
	io.Reader
	closers []io.Closer
	sizes   map[int]packSize
}

type packSize struct {
	bytes int64
	gzip  bool
	// resumed says that the bytes are the rest of what is there in part.
	resumed bool
}

func openPayload(ctx context.Context, r remote.Runner, steps []Step, packs Packs) (*payload, error) {
	p := &payload{sizes: map[int]packSize{}}
	var parts []io.Reader
	for i, s := range steps {
		if content, ok := s.content(); ok {
			parts = append(parts, strings.NewReader(content))
			p.sizes[i] = packSize{bytes: int64(len(content))}
		}
		if s.Kind != "release" || s.Action == Remove {
			continue
		}
		file, size, err := openRelease(ctx, r, *s.release, packs)
		if err != nil {
			p.Close()
			return nil, fmt.Errorf("release %s: %w", s.Target, err)
		}
		p.closers = append(p.closers, file)
		parts = append(parts, file)
		p.sizes[i] = size
	}
	p.Reader = io.MultiReader(parts...)
	return p, nil
}

// openRelease opens a release's pack where its stream to the machine begins.
func openRelease(ctx context.Context, r remote.Runner, release Release, packs Packs) (io.ReadCloser, packSize, error) {
	pack, err := packs(ctx, release)
	if err != nil {
		return nil, packSize{}, err
	}
	file, err := pack.Open()
	if err != nil {
		return nil, packSize{}, err
	}
	if r == nil { // for show: the whole of it
		return file, packSize{bytes: pack.Size, gzip: pack.Gzip}, nil
	}
	passed, err := resume(ctx, r, release, pack, file)
	if err != nil {
		_ = file.Close()
		return nil, packSize{}, err
	}
	return file, packSize{bytes: pack.Size - passed, gzip: pack.Gzip, resumed: passed > 0}, nil
}

func (p *payload) Close() {
	for _, c := range p.closers {
		_ = c.Close()
	}
}

// content is what a step writes to a file.
func (s Step) content() (string, bool) {
	switch {
	case s.Action == Remove:
		return "", false
	case s.Kind == "file" && !s.keeps:
		return s.file.Content, true
	case s.Kind == "manifest":
		return s.manifest, true
	}
	return "", false
}
