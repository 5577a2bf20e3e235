package console

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/IBM/sarama"
)

func TestWhereReadingBegins(t *testing.T) {
	n := func(n int64) *int64 { return &n }
	day := time.UnixMilli(0)
	for _, c := range []struct {
		name  string
		start Start
		at    int64
		want  int64
		err   string
	}{
		{"the end, where nothing is said", Start{}, -1, 90, ""},
		{"the beginning", Start{Beginning: true}, -1, 10, ""},
		{"an offset", Start{Offset: n(40)}, -1, 40, ""},
		{"so many before the end", Start{Offset: n(-5)}, -1, 85, ""},
		{"more than there are", Start{Offset: n(-500)}, -1, 10, ""},
		{"one that is gone", Start{Offset: n(3)}, -1, 0, "offset 3 is not there: 10 to 90 are"},
		{"a time", Start{Time: &day}, 33, 33, ""},
		{"a time that is yet to come", Start{Time: &day}, -1, 90, ""},
	} {
		got, err := c.start.offset(10, 90, c.at)
		if got != c.want || (err == nil) != (c.err == "") || err != nil && err.Error() != c.err {
			t.Errorf("%s: got %d, %v; want %d, %q", c.name, got, err, c.want, c.err)
		}
	}
}

// partition is a partition reader that says how far its leader is.
type partition struct {
	sarama.PartitionConsumer
	high int64
}

func (p partition) HighWaterMarkOffset() int64 { return p.high }

func TestARunEndsAndSaysWhatItDidNotGet(t *testing.T) {
	now := time.Unix(1000, 0)
	fresh, old := now.Add(-time.Second), now.Add(-gapPatience-time.Second)
	for _, c := range []struct {
		name    string
		reading Reading
		of      reading
		read    int
		done    bool
		err     string
	}{
		{"so many as were asked for", Reading{Count: 3}, reading{from: partition{}, last: fresh}, 3, true, ""},
		{"not yet", Reading{Count: 3}, reading{from: partition{}, last: fresh}, 2, false, ""},
		{"the end", Reading{ToEnd: true}, reading{from: partition{}, next: 5, end: 5, last: fresh}, 5, true, ""},
		{"a gap before the end, once the leader sends no more", Reading{ToEnd: true}, reading{from: partition{high: 5}, next: 4, end: 5, last: old}, 4, true, ""},
		{"a gap that may be filled yet", Reading{ToEnd: true}, reading{from: partition{high: 5}, next: 4, end: 5, last: fresh}, 4, false, ""},
		{"a leader that has not answered is not at its end", Reading{ToEnd: true}, reading{from: partition{}, next: 4, end: 5, last: old}, 4, false, ""},
		{"a partition that says nothing for too long", Reading{ToEnd: true}, reading{from: partition{}, next: 4, end: 5, last: now.Add(-time.Hour), failing: errors.New("no leader")}, 4, true, "no leader"},
		{"a partition that could not be begun", Reading{ToEnd: true}, reading{end: 1, last: fresh, failing: errors.New("no leader")}, 4, true, "no leader"},
		{"fewer than were asked for", Reading{ToEnd: true, Count: 9}, reading{from: partition{}, next: 5, end: 5, last: fresh}, 5, true, "5 of 9 records read"},
		{"nothing came for too long", Reading{Timeout: time.Second}, reading{from: partition{}, last: old}, 0, true, "nothing came for 1s"},
	} {
		r := &reader{Reading: c.reading, of: map[int32]*reading{0: &c.of}, read: c.read, lastAny: old}
		done, err := r.done(now)
		if done != c.done || (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
			t.Errorf("%s: got %t, %v; want %t, %q", c.name, done, err, c.done, c.err)
		}
	}
}

func TestKeysGoWhereJavaSendsThem(t *testing.T) {
	p := Writing{}.partitioner("t")
	for name, c := range map[string]struct {
		message sarama.ProducerMessage
		want    int32
	}{
		"by its key":           {sarama.ProducerMessage{Partition: anyPartition, Key: sarama.StringEncoder("21")}, int32((-973932308 & 0x7fffffff) % 3)},
		"where it was told to": {sarama.ProducerMessage{Partition: 2, Key: sarama.StringEncoder("21")}, 2},
	} {
		got, err := p.Partition(&c.message, 3)
		if got != c.want || err != nil {
			t.Errorf("%s: got %d, %v; want %d", name, got, err, c.want)
		}
	}
	if _, err := p.Partition(&sarama.ProducerMessage{Partition: 3}, 3); err == nil {
		t.Error("a partition that is not there was taken")
	}
}
