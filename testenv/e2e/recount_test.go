package e2e

import (
	"context"
	"errors"
	"fmt"
	"math/big"
	"regexp"
	"strconv"
	"strings"

	"github.com/IBM/sarama"

	"weir/jobs/behavior"
	"weir/jobs/producer"
)

// recount are sums of pages, added up without the jobs' arithmetic.
type recount map[string]*[4]int64 // messages, clicks, minutes in 1e-9, likes

// visitForm is what of a producer's records is a message: what it makes bad on
// purpose has not this form. It is for what producers here draw, whose numbers
// are all in range.
var visitForm = regexp.MustCompile(`^page\d+\|\d+\|\d+(\.\d+)?(E-?\d+)?\|(-1|0|1)$`)

// add counts a record; false where it is no message.
func (r recount) add(value string) bool {
	if !visitForm.MatchString(value) {
		return false
	}
	fields := strings.Split(value, "|")
	clicks, err1 := strconv.ParseInt(fields[1], 10, 64)
	likes, err2 := strconv.ParseInt(fields[3], 10, 64)
	if err := errors.Join(err1, err2); err != nil {
		panic(err) // the form says that they are numbers
	}
	r.sums(fields[0], [4]int64{1, clicks, nano(fields[2]), likes})
	return true
}

func (r recount) sums(page string, more [4]int64) {
	sums := r[page]
	if sums == nil {
		sums = &[4]int64{}
		r[page] = sums
	}
	for i, n := range more {
		sums[i] += n
	}
}

func (r recount) addAll(more recount) {
	for page, sums := range more {
		r.sums(page, *sums)
	}
}

// nano is a decimal number in units of 1e-9, half to even.
func nano(text string) int64 {
	whole, fraction, _ := strings.Cut(text, ".")
	if n, err := strconv.ParseInt(whole+fraction+strings.Repeat("0", max(0, 9-len(fraction))), 10, 64); err == nil && len(fraction) <= 9 {
		return n
	}
	exact, _ := new(big.Rat).SetString(text) // with an exponent, or more digits
	exact.Mul(exact, big.NewRat(1_000_000_000, 1))
	quotient, rest := new(big.Int).QuoRem(exact.Num(), exact.Denom(), new(big.Int))
	if twice := rest.Lsh(rest, 1).Cmp(exact.Denom()); twice > 0 || twice == 0 && quotient.Bit(0) == 1 {
		return quotient.Int64() + 1
	}
	return quotient.Int64()
}

// equal compares with what a program counted, page by page.
func (r recount) equal(counted map[string]behavior.Sums) error {
	if len(r) != len(counted) {
		return fmt.Errorf("the topic has %d pages, %d were counted", len(r), len(counted))
	}
	for page, got := range r {
		sums := counted[page]
		if want := [4]int64{sums.N, sums.Clicks, int64(sums.StayNano.Lo), sums.Like}; *got != want || sums.StayNano.Hi != 0 {
			return fmt.Errorf("%s: the topic has %v, counted are %v", page, *got, want)
		}
	}
	return nil
}

// held is what a partition holds.
type held struct {
	messages int64 // bad ones included
	sums     recount
	minutes  map[int32]recount // by minutes since 1970 of the records' timestamps
	bad      map[int64]string  // what is no message, by offset
	end      int64             // the offset behind it all
}

// add counts a record.
func (h *held) add(m *sarama.ConsumerMessage) {
	h.messages++
	h.end = m.Offset + 1
	value := string(m.Value)
	if !h.sums.add(value) {
		h.bad[m.Offset] = value
		return
	}
	minute := int32(m.Timestamp.Unix() / 60)
	if h.minutes[minute] == nil {
		h.minutes[minute] = recount{}
	}
	h.minutes[minute].add(value)
}

// recount counts a partition. It must hold what the seed gives it, from the first
// message on, once, in order and nothing else.
func (l *flood) recount(partition int, seed uint64, run string) (held, error) {
	l.t.Helper()
	h := held{sums: recount{}, minutes: map[int32]recount{}, bad: map[int64]string{}}
	expected := producer.NewGenerator(l.shape, seed)
	number := 0
	var wrong error
	l.read(l.topic, int32(partition), func(m *sarama.ConsumerMessage) {
		v := expected.Next()
		for ; number%3 != partition; number++ {
			v = expected.Next()
		}
		if want := string(v.AppendText(nil)); wrong == nil && string(m.Value) != want {
			wrong = fmt.Errorf("partition %d offset %d holds %s, want message %d, %s", partition, m.Offset, m.Value, number, want)
		}
		if want := fmt.Sprintf("%s/3/%d", run, number); wrong == nil && run != "" && (len(m.Headers) != 1 || string(m.Headers[0].Value) != want) {
			wrong = fmt.Errorf("partition %d offset %d has the headers %v, want %s", partition, m.Offset, m.Headers, want)
		}
		number++
		h.add(m)
	})
	return h, wrong
}

// read returns every record of a partition, in order, as a consumer of
// committed records sees them.
func (l *flood) read(topic string, partition int32, see func(*sarama.ConsumerMessage)) {
	l.t.Helper()
	end, err := l.client.GetOffset(topic, partition, sarama.OffsetNewest)
	if err != nil {
		l.t.Fatal(err)
	}
	if end == 0 {
		return
	}
	consumer, err := sarama.NewConsumerFromClient(l.client)
	if err != nil {
		l.t.Fatal(err)
	}
	defer consumer.Close()
	from, err := consumer.ConsumePartition(topic, partition, sarama.OffsetOldest)
	if err != nil {
		l.t.Fatal(err)
	}
	defer from.Close()
	ctx, cancel := context.WithTimeout(l.t.Context(), floodPatience)
	defer cancel()
	for {
		select {
		case m := <-from.Messages():
			see(m)
			if m.Offset == end-1 {
				return
			}
		case <-ctx.Done():
			l.t.Fatalf("%s-%d was not read up to offset %d within %s", topic, partition, end, floodPatience)
		}
	}
}
