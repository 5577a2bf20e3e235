package producer

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/IBM/sarama"
)

// loopback stands for the cluster: it answers each message as told.
type loopback struct {
	sarama.AsyncProducer // the rest of the interface is not used
	input                chan *sarama.ProducerMessage
	successes            chan *sarama.ProducerMessage
	errors               chan *sarama.ProducerError
}

// newLoopback answers with what answer returns; a nil answer acknowledges, and
// silence keeps quiet about a message.
func newLoopback(answer func(text string) error) *loopback {
	l := &loopback{
		input:     make(chan *sarama.ProducerMessage),
		successes: make(chan *sarama.ProducerMessage),
		errors:    make(chan *sarama.ProducerError),
	}
	go func() {
		defer close(l.successes)
		defer close(l.errors)
		quiet := false
		for m := range l.input {
			text, _ := m.Value.Encode()
			switch err := answer(string(text)); {
			case err == nil:
				l.successes <- m
			case errors.Is(err, errSilence):
				quiet = true
			default:
				l.errors <- &sarama.ProducerError{Msg: m, Err: err}
			}
		}
		if quiet {
			select {} // a cluster that owes an answer does not let the client close
		}
	}()
	return l
}

var errSilence = errors.New("silence")

func (l *loopback) Input() chan<- *sarama.ProducerMessage     { return l.input }
func (l *loopback) Successes() <-chan *sarama.ProducerMessage { return l.successes }
func (l *loopback) Errors() <-chan *sarama.ProducerError      { return l.errors }
func (l *loopback) AsyncClose()                               { close(l.input) }

func settings(rounds int64) Settings {
	return Settings{Topic: "t", Shape: Article(), Seed: 7, Rounds: rounds}
}

func TestRoundsArePrintedAsTheArticlePrintsThemAndAllAcknowledged(t *testing.T) {
	var sent []string
	m := newMeters()
	d := newDelivery(newLoopback(func(text string) error { sent = append(sent, text); return nil }), "t", time.Minute, m)
	var out bytes.Buffer
	n, err := produce(t.Context(), settings(2), d, &out)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.drain(time.Minute); err != nil {
		t.Fatal(err)
	}
	var lines []string
	for line := range strings.Lines(out.String()) {
		lines = append(lines, strings.TrimSpace(line))
	}
	if n != 6 || len(lines) != 8 || lines[4] != "4 user behavior messages produced." || lines[7] != "2 user behavior messages produced." {
		t.Errorf("%d messages sent, printed:\n%s", n, out.String())
	}
	if got, want := strings.Join(sent, "\n"), strings.Join(append(lines[:4:4], lines[5:7]...), "\n"); got != want {
		t.Errorf("sent\n%s\nprinted\n%s", got, want)
	}
	if _, open := d.flights.longest(); open != 0 {
		t.Errorf("%d messages are open after draining", open)
	}
}

func TestCountEndsInTheMiddleOfARound(t *testing.T) {
	d := newDelivery(newLoopback(func(string) error { return nil }), "t", time.Minute, newMeters())
	s := settings(0)
	s.Count = 5
	var out bytes.Buffer
	n, err := produce(t.Context(), s, d, &out)
	if err = errors.Join(err, d.drain(time.Minute)); err != nil || n != 5 {
		t.Fatalf("sent %d, %v; want 5", n, err)
	}
	if !strings.HasSuffix(out.String(), "\n1 user behavior messages produced.\n") {
		t.Errorf("printed\n%s", out.String())
	}
}

func TestARefusedMessageEndsTheProducerAndIsNamed(t *testing.T) {
	refusal := errors.New("not enough in-sync replicas")
	d := newDelivery(newLoopback(func(string) error { return refusal }), "t", time.Minute, newMeters())
	s := settings(0)
	_, err := produce(t.Context(), s, d, &bytes.Buffer{})
	var undelivered *UndeliveredError
	if !errors.As(err, &undelivered) || !errors.Is(err, refusal) || !strings.Contains(undelivered.Message, "|") {
		t.Fatalf("produce ended with %v, want an UndeliveredError that names a message", err)
	}
	if err := d.drain(time.Minute); !errors.Is(err, refusal) {
		t.Errorf("drain said %v after a refusal", err)
	}
}

func TestAMessageWithoutAnswerEndsTheProducerWithinItsBound(t *testing.T) {
	first := ""
	d := newDelivery(newLoopback(func(text string) error {
		if first == "" {
			first = text
			return errSilence
		}
		return nil
	}), "t", 100*time.Millisecond, newMeters())
	s := settings(0)
	s.Interval = 10 * time.Millisecond
	started := time.Now()
	_, err := produce(t.Context(), s, d, &bytes.Buffer{})
	var undelivered *UndeliveredError
	if !errors.As(err, &undelivered) || undelivered.Message != first {
		t.Fatalf("produce ended with %v, want an UndeliveredError that names %q", err, first)
	}
	if took := time.Since(started); took > 10*watchInterval {
		t.Errorf("noticed after %s", took)
	}
}

func TestStoppingWaitsForAcknowledgementsOnlySoLong(t *testing.T) {
	d := newDelivery(newLoopback(func(string) error { return errSilence }), "t", time.Hour, newMeters())
	ctx, stop := context.WithCancel(t.Context())
	if err := d.send(ctx, []byte("p|1|1|1")); err != nil {
		t.Fatal(err)
	}
	stop()
	if _, err := produce(ctx, settings(0), d, &bytes.Buffer{}); !errors.Is(err, context.Canceled) {
		t.Errorf("produce went on after being stopped: %v", err)
	}
	var undelivered *UndeliveredError
	if err := d.drain(50 * time.Millisecond); !errors.As(err, &undelivered) || undelivered.Message != "p|1|1|1" {
		t.Errorf("drain said %v, want the open message", err)
	}
}

func TestFlightsKnowTheOldest(t *testing.T) {
	f := newFlights()
	start := time.Unix(100, 0)
	var numbers []int64
	for i, text := range []string{"a", "b", "c"} {
		numbers = append(numbers, f.depart(text, start.Add(time.Duration(i)*time.Second)))
	}
	for _, c := range []struct {
		land, oldest string
		open         int
	}{{"b", "a", 2}, {"a", "c", 1}, {"c", "", 0}} {
		f.arrive(numbers[strings.Index("abc", c.land)])
		if first, open := f.longest(); first.text != c.oldest || open != c.open {
			t.Errorf("after %s landed: oldest %q of %d, want %q of %d", c.land, first.text, open, c.oldest, c.open)
		}
	}
}
