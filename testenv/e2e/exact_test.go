package e2e

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/IBM/sarama"

	"weir/jobs/popularity/store"
	"weir/jobs/popularity/store/disk"
)

// stateDisk holds a state of a hundred pages with room for the logs of its last
// commits, each of which takes its 18 MB at once.
const stateDisk = 256 << 20

func TestNothingIsLostOrCountedTwiceWhateverIsKilled(t *testing.T) {
	dir, limited := smallDisk(t, stateDisk)
	state := filepath.Join(dir, "state")
	x := newTrial(t, "exact-disk", faultSeed(t), "--state-dir", state)
	x.count(0)
	x.produce()
	x.more(20_000)
	for range 3 {
		x.killAndRestart(0)
	}
	x.more(5_000)
	if limited {
		x.fullDisk(dir)
	}
	x.killBroker("weir-3", func() {
		x.killAndRestart(0)
		x.more(5_000)
	})
	x.moveLeaders()
	x.more(5_000)
	x.abort()
	x.more(5_000)

	// What comes now is counted by those below as well, from a copy of the state.
	x.stop(0, syscall.SIGTERM, 0)
	before := copied(t, state)
	x.more(20_000)
	x.count(0)
	x.finish()
	if err := x.verdict(onDisk(state)); err != nil {
		t.Fatal(err)
	}
	t.Run("a batch that is counted twice is noticed", func(t *testing.T) { x.in(t).planted(before, -1000) })
	t.Run("a batch that is lost is noticed", func(t *testing.T) { x.in(t).planted(before, 1000) })
	x.refusals(state, before)
}

// abort writes a transaction to every partition and gives it up: nobody who reads
// committed records may see it.
func (x *trial) abort() {
	x.t.Helper()
	config := *x.client.Config()
	config.Producer.Transaction.ID, config.Producer.Idempotent = x.topic, true
	config.Producer.RequiredAcks, config.Net.MaxOpenRequests = sarama.WaitForAll, 1
	config.Producer.Return.Successes = true
	config.Producer.Partitioner = sarama.NewManualPartitioner
	p, err := sarama.NewSyncProducer(brokers, &config)
	if err != nil {
		x.t.Fatal(err)
	}
	defer p.Close()
	err = p.BeginTxn()
	for i := range 300 {
		if err == nil {
			_, _, err = p.SendMessage(&sarama.ProducerMessage{Topic: x.topic, Partition: int32(i % 3), Value: sarama.StringEncoder("page1|1|1.0|1")})
		}
	}
	if err = errors.Join(err, p.AbortTxn()); err != nil {
		x.t.Fatalf("a transaction that is given up: %v", err)
	}
}

// planted makes a calculator's state one that has counted some records and does
// not know it, or has not and believes so: it moves the offset and leaves the
// sums. Counting goes on from there; the comparison that passed must fail.
func (x *trial) planted(before string, shift int64) {
	t := x.t
	dir := copied(t, before)
	if err := shiftOffset(t, dir, shift); err != nil {
		t.Fatal(err)
	}
	x.group = fmt.Sprintf("%s.planted.%d", x.topic, shift)
	x.where = []string{"--state-dir", dir}
	x.count(0)
	x.countedAll()
	x.stop(0, syscall.SIGTERM, 0)
	err := x.verdict(onDisk(dir))
	if err == nil || !strings.HasPrefix(err.Error(), "the state: partition 0: page") {
		t.Errorf("with %d offsets of partition 0 between the sums and the position: got %v, want a page whose sums differ", shift, err)
	}
	t.Logf("noticed: %v", err)
}

func shiftOffset(t *testing.T, dir string, shift int64) (err error) {
	s, err := onDisk(dir)()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close(t.Context())) }()
	id, found, err := s.Identity(t.Context())
	if err != nil || !found {
		return fmt.Errorf("found a state: %t, %w", found, err)
	}
	positions, err := s.Positions(t.Context())
	if err != nil {
		return err
	}
	p := positions[0]
	p.Next += shift
	p.Published = min(p.Published, p.Next)
	// The record before is another one, perhaps of another leader's time: not known.
	p.LeaderEpoch = -1
	return s.(*disk.Store).Begin(t.Context(), id, map[int32]store.Position{0: p})
}
