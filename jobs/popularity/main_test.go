package popularity

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"weir/jobs/behavior"
	"weir/jobs/cluster"
	"weir/jobs/popularity/store"
)

func TestMainRefusesBadUsageWithExitCode2(t *testing.T) {
	for _, c := range []struct{ name, args, want string }{
		{"a server without a port", "--bootstrap-server here", "host:port"},
		{"two weights", "--weights 1,2", "three decimals"},
		{"half a minute", "--keep-minutes 30s", "whole minutes"},
		{"half an hour of hours", "--keep-hours 90m", "whole hours"},
		{"more than a life", "--keep-hours 30000h", "whole hours"},
		{"a window that is not kept", "--window 3h --keep-hours 0", "--window 3h0m0s"},
		{"a window of half minutes", "--window 90s", "whole minutes"},
		{"no interval", "--interval 0s", "at least 10ms"},
		{"a top of none", "--top 0", "at least 1"},
		{"an input that is the output", "--topic a --snapshot-topic a", "three different topics"},
		{"no state directory", "--state-dir=", "--state-dir"},
		{"another database", "--store mysql://here/db", "postgres://"},
		{"an argument", "here", "unexpected argument"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var out, problems bytes.Buffer
			code := Main(t.Context(), strings.Fields(c.args), &out, &problems)
			if code != 2 || !strings.Contains(problems.String(), c.want) {
				t.Errorf("%s: exit %d, stderr %q; want 2 and %q", c.args, code, &problems, c.want)
			}
		})
	}
}

func TestTheTopIsPrintedInTheArticlesLines(t *testing.T) {
	l := newLedger(t, t.TempDir(), 0)
	apply(t, l, 0, chunkOf(t, 0, "page37|5|1.5119122|-1", "page001.html|1|0.5|1"))
	commit(t, l)
	var out bytes.Buffer
	if err := printTop(&out, time.UnixMilli(1795408203148), top(t, l, 10, 0)); err != nil {
		t.Fatal(err)
	}
	const want = `-------------------------------------------
Time: 1795408203148 ms
-------------------------------------------
(page37,4.20952976)
(page001.html,2.2)

`
	if out.String() != want {
		t.Errorf("got\n%s\nwant\n%s", &out, want)
	}
}

func TestAStateOfAnotherTopicIsRefused(t *testing.T) {
	id := store.Identity{ClusterID: "c", Topic: "t", TopicID: "i"}
	for _, c := range []struct {
		name  string
		topic cluster.Topic
		want  string
	}{
		{"the same topic", cluster.Topic{ClusterID: "c", Name: "t", ID: "i"}, ""},
		{"brokers that tell no ids", cluster.Topic{Name: "t"}, ""},
		{"another name", cluster.Topic{ClusterID: "c", Name: "u", ID: "i"}, "counts topic t, not u"},
		{"another cluster", cluster.Topic{ClusterID: "d", Name: "t", ID: "i"}, "not of cluster d"},
		{"a later topic of the same name", cluster.Topic{ClusterID: "c", Name: "t", ID: "j"}, "which was deleted"},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := sameTopic(id, c.topic)
			var refusal *RefusalError
			if c.want == "" && err != nil {
				t.Fatal(err)
			}
			if c.want != "" && (!errors.As(err, &refusal) || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "--rebuild")) {
				t.Errorf("got %v, want a refusal with %q and advice", err, c.want)
			}
		})
	}
}

func TestATopicWithoutACountedPartitionIsRefused(t *testing.T) {
	l := map[int32]store.Position{0: {}, 3: {}}
	if err := covers(l, cluster.Topic{Name: "t", Partitions: []int32{0, 1, 3}}); err != nil {
		t.Error(err)
	}
	if err := covers(l, cluster.Topic{Name: "t", Partitions: []int32{0, 1, 2}}); err == nil || !strings.Contains(err.Error(), "partition 3") {
		t.Errorf("got %v, want a refusal that names partition 3", err)
	}
}

func TestALostStateIsRefusedWithTheOffsetThatShowsIt(t *testing.T) {
	err := lostState(group{name: "g", topic: "t"}, map[int32]int64{2: 7, 1: 5})
	if text := err.Error(); !strings.Contains(text, "group g") || !strings.Contains(text, "partition 1 up to offset 5") {
		t.Error(text)
	}
}

func TestADeadLetterCarriesWhereItCameFrom(t *testing.T) {
	o := &outlet{deadLetterTopic: "t.dead-letter", inputTopic: "t"}
	m := o.letter(store.DeadLetter{Partition: 2, Offset: 41, Time: 1000, Reason: behavior.ReasonStay, Size: 9})
	key, _ := m.Key.Encode()
	value, _ := m.Value.Encode()
	if m.Topic != "t.dead-letter" || string(key) != "2/41" || value == nil {
		t.Errorf("topic %s key %s value %v", m.Topic, key, value)
	}
	headers := map[string]string{}
	for _, h := range m.Headers {
		headers[string(h.Key)] = string(h.Value)
	}
	for key, want := range map[string]string{
		"weir-reason": "bad-stay", "weir-topic": "t", "weir-partition": "2", "weir-offset": "41",
		"weir-timestamp": "1000", "weir-cut-from-bytes": "9",
	} {
		if headers[key] != want {
			t.Errorf("header %s is %q, want %q", key, headers[key], want)
		}
	}
}

func counter() prometheus.Counter { return prometheus.NewCounter(prometheus.CounterOpts{Name: "n"}) }

func TestACourierTriesAgainAndTakesNothingMeanwhile(t *testing.T) {
	attempts, release := make(chan int), make(chan error)
	c := newCourier("things", func(_ context.Context, thing int) error { attempts <- thing; return <-release }, counter(), quiet())
	go c.run(t.Context())
	c.give(1)
	<-attempts
	if c.settled() || c.offer(2) {
		t.Error("a busy courier took another thing")
	}
	release <- errors.New("no")
	if thing := <-attempts; thing != 1 {
		t.Errorf("tried again with %d, want 1", thing)
	}
	release <- nil
	go func() { <-attempts; release <- nil }()
	if !c.last(t.Context(), 3) {
		t.Error("the last thing was not delivered")
	}
}

func TestACourierIsSettledOnceAllIsDelivered(t *testing.T) {
	attempts, release := make(chan int), make(chan error)
	c := newCourier("things", func(_ context.Context, thing int) error { attempts <- thing; return <-release }, counter(), quiet())
	if !c.settled() {
		t.Error("nothing was given, and something is on its way")
	}
	go c.run(t.Context())
	c.give(1)
	<-attempts
	if c.settled() || c.offer(2) {
		t.Error("what is being delivered counts as delivered")
	}
	release <- nil
	for deadline := time.Now().Add(10 * time.Second); !c.settled(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("what was delivered is still on its way")
		}
	}
}

func TestLettersAreLookedForUntilTheirPartitionIsTrusted(t *testing.T) {
	o := &outlet{sure: map[int32]bool{}}
	letters := []store.DeadLetter{{Partition: 1, Offset: 1}, {Partition: 2, Offset: 1}}
	want := func(what string, n int) {
		t.Helper()
		if got := o.doubtful(letters); len(got) != n {
			t.Errorf("%s: %d letters may have arrived, want %d", what, len(got), n)
		}
	}
	want("after a start", 2)
	o.trust(letters[:1])
	want("one partition's were all sent", 1)
	o.forget(1)
	want("it was given to another instance", 2)
	o.trust(letters)
	want("all were sent", 0)
	o.doubt()
	want("after an error", 2)
}

func TestATickThatTakesTooLongIsWarnedOf(t *testing.T) {
	var out bytes.Buffer
	e := &engine{settings: Settings{Interval: time.Second}, log: slog.New(slog.NewTextHandler(&out, nil))}
	e.judge(time.Second)
	if out.Len() > 0 {
		t.Errorf("warned of an interval's time: %s", &out)
	}
	e.judge(1500 * time.Millisecond)
	if !strings.Contains(out.String(), "took longer than the interval") || !strings.Contains(out.String(), "took=1.5s interval=1s") {
		t.Errorf("said %q", &out)
	}
}

func TestProgressSaysHowFarItGot(t *testing.T) {
	var p Progress
	want := func(text string) {
		t.Helper()
		if got := p.String(); got != text {
			t.Errorf("got %q, want %q", got, text)
		}
	}
	want("starting")
	p.expect(4)
	p.page()
	want("restoring: 1 of 4 pages, 25%")
	p.bucket()
	want("restoring: 1 of 4 pages, 25%, and 1 sums of minutes and hours")
}

func TestACourierOfTheLatestLeavesOutWhatIsOldByThen(t *testing.T) {
	delivered, release := make(chan int), make(chan error)
	c := newLatest("things", func(_ context.Context, thing int) error { delivered <- thing; return <-release }, counter(), quiet())
	go c.run(t.Context())
	c.update(1)
	<-delivered
	for thing := 2; thing <= 4; thing++ { // it is busy, and does not hold us up
		c.update(thing)
	}
	release <- nil
	if thing := <-delivered; thing != 4 {
		t.Errorf("the latest was 4, it delivers %d", thing)
	}
	go func() { release <- nil }()
	go func() { <-delivered; release <- nil }()
	if !c.last(t.Context(), 5) {
		t.Error("the last thing was not delivered")
	}
}

func TestACourierThatCannotDeliverDoesNotHoldUpTheEnd(t *testing.T) {
	c := newCourier("things", func(context.Context, int) error { return errors.New("no") }, counter(), quiet())
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	go c.run(ctx)
	if c.last(ctx, 1) && ctx.Err() == nil {
		t.Error("delivered what cannot be delivered")
	}
}

func TestReadingWaitsForRoomUntilACommit(t *testing.T) {
	l := newLedger(t, t.TempDir(), 0)
	bad := make([]string, maxLetters)
	apply(t, l, 0, chunkOf(t, 0, bad...))
	waited := make(chan error)
	go func() { waited <- l.Shard(0).AwaitRoom(t.Context()) }()
	select {
	case err := <-waited:
		t.Fatalf("did not wait: %v", err)
	case <-time.After(20 * time.Millisecond):
	}
	<-l.hurry
	commit(t, l)
	if err := <-waited; err != nil {
		t.Error(err)
	}
}

func TestAnEndThatDoesNotComeIsNotWaitedFor(t *testing.T) {
	never := make(chan struct{})
	defer close(never)
	if ended, err := within(10*time.Millisecond, func() error { <-never; return nil }); ended || err != nil {
		t.Errorf("ended: %t, %v; want that it did not", ended, err)
	}
	problem := errors.New("no")
	if ended, err := within(time.Minute, func() error { return problem }); !ended || !errors.Is(err, problem) {
		t.Errorf("ended: %t, %v; want that it did, with its error", ended, err)
	}
}
