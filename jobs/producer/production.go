package producer

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"time"

	"weir/jobs/producer/send"
)

// errEnough says that a limit of the settings is reached.
var errEnough = errors.New("enough")

// lookEvery is after how many messages an unlimited producer looks at the clock
// again: about ten microseconds.
const lookEvery = 64

// production draws messages, waits until each is due, and feeds it to its
// partition.
type production struct {
	settings  Settings
	generator *Generator
	feeder    *feeder
	run       *resumption     // nil where the messages name no run
	begin     func(time.Time) // is told when the first message is sent
	out       *bufio.Writer   // nil where nothing is printed

	schedule *schedule // nil where there is none
	start    time.Time // what due times count from; zero before the first message
	due      time.Duration
	stamped  time.Duration // the due time that stamp is for
	stamp    int64         // in milliseconds since 1970
	number   int64         // of the next message
	lane     int           // where it goes to
	round    int64         // how many have ended
	inRound  int64
	text     []byte
	header   []byte
}

func newProduction(s Settings, f *feeder, run *resumption, begin func(time.Time), out *bufio.Writer) *production {
	p := &production{settings: s, generator: NewGenerator(s.Shape, s.Seed), feeder: f, run: run, begin: begin, out: out}
	if s.Throughput.Mode == Scheduled {
		p.schedule = s.Throughput.schedule()
	}
	return p
}

// produce hands messages over until a limit of the settings is reached, which
// is no error, or ctx ends.
func (p *production) produce(ctx context.Context) error {
	defer p.flush()
	if d := p.settings.Duration; d > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, d, errEnough)
		defer cancel()
	}
	for {
		err := p.next(ctx)
		if errors.Is(err, errEnough) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// next deals with one message.
func (p *production) next(ctx context.Context) error {
	if n := p.settings.Records; n > 0 && p.number >= n {
		return errors.Join(p.endRound(), errEnough)
	}
	if p.number%lookEvery == 0 && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	v := p.generator.Next()
	p.text = v.AppendText(p.text[:0])
	if p.run.has(p.number) {
		if err := p.run.count(p.number, p.text); err != nil {
			return err
		}
	} else if err := p.send(ctx, v); err != nil {
		return err
	}
	p.number++
	if p.lane++; p.lane == len(p.feeder.lanes) {
		p.lane = 0
	}
	if !v.EndsRound {
		return nil
	}
	if p.round++; p.round == p.settings.Rounds {
		return errors.Join(p.endRound(), errEnough)
	}
	return p.pause(ctx)
}

func (p *production) send(ctx context.Context, v Visit) error {
	if err := p.await(ctx); err != nil {
		return err
	}
	record := send.Record{Value: p.text, Millis: p.millis(v.Late), Due: p.due}
	if p.run != nil {
		p.header = p.run.appendHeader(p.header[:0], p.number)
		record.Header = p.header
	}
	if err := p.feeder.add(ctx, p.lane, record); err != nil {
		return err
	}
	p.inRound++
	if p.out != nil {
		p.out.Write(p.text) // its error sticks and shows on Flush
		p.out.WriteByte('\n')
	}
	return nil
}

// millis is the timestamp of the next message. Many are due at the same moment.
func (p *production) millis(late time.Duration) int64 {
	if late > 0 {
		return p.start.Add(p.due - late).UnixMilli()
	}
	if p.due != p.stamped || p.stamp == 0 {
		p.stamped, p.stamp = p.due, p.start.Add(p.due).UnixMilli()
	}
	return p.stamp
}

// await waits until the next message is due.
func (p *production) await(ctx context.Context) error {
	if p.start.IsZero() {
		p.feeder.look()
		p.start = p.feeder.now
		p.begin(p.start)
	}
	switch {
	case p.schedule != nil:
		p.due = p.schedule.next()
		if due := p.start.Add(p.due); due.After(p.feeder.now) {
			return p.feeder.wait(ctx, due)
		}
		return nil
	case p.number%lookEvery == 0 || p.settings.Throughput.Mode == Rounds:
		p.feeder.look()
		p.feeder.flush(p.settings.Linger)
		p.due = p.feeder.now.Sub(p.start)
		return nil
	}
	p.due = p.feeder.now.Sub(p.start) // add may have waited
	return nil
}

// pause prints the end of a round and waits for the next one, where there are
// rounds to be seen.
func (p *production) pause(ctx context.Context) error {
	if p.settings.Throughput.Mode != Rounds || p.inRound == 0 {
		return nil
	}
	if err := p.endRound(); err != nil {
		return err
	}
	p.feeder.look()
	return p.feeder.wait(ctx, p.feeder.now.Add(p.settings.Interval))
}

// flush shows what was printed last.
func (p *production) flush() {
	if p.out != nil {
		_ = p.out.Flush() // where it matters, at the end of a round, it is looked at
	}
}

// endRound prints how many messages a round had.
func (p *production) endRound() error {
	n := p.inRound
	p.inRound = 0
	if p.out == nil || n == 0 {
		return nil
	}
	fmt.Fprintf(p.out, "%d user behavior messages produced.\n", n)
	if err := p.out.Flush(); err != nil {
		return fmt.Errorf("print: %w", err)
	}
	return nil
}
