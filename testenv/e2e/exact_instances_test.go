package e2e

import (
	"strings"
	"syscall"
	"testing"
	"time"

	"weir/jobs/popularity/store"
	"weir/jobs/popularity/store/postgres"
)

func TestInstancesOnPostgreSQLCountEachMessageOnce(t *testing.T) {
	url := database.URL(t)
	x := newTrial(t, "exact-shared", faultSeed(t), "--store", url)
	x.produce()
	x.count(0)
	x.says(0, "partition taken", 3)
	x.count(1)
	x.says(1, "partition taken", 1) // a part, of one that works
	x.suspendPastLease(0, 1)
	x.killBroker("weir-2", func() {
		x.killAndRestart(1)
		x.moment(time.Second)
		x.stop(0, syscall.SIGKILL, -1)
		x.count(0)
	})
	x.says(0, "partition taken", 1)
	x.more(5_000)
	x.stop(1, syscall.SIGTERM, 0) // and 0 takes what it leaves
	x.says(0, "partition taken", 3)
	x.count(1)
	x.finish()
	if err := x.verdict(func() (store.Store, error) { return postgres.Open(t.Context(), url, "reader", false) }); err != nil {
		t.Fatal(err)
	}
}

// suspendPastLease suspends an instance until another has all partitions, and
// wakes it: what it still had in memory must not count.
func (x *trial) suspendPastLease(sleeper, other int) {
	x.t.Helper()
	if err := x.calculators[sleeper].Process.Signal(syscall.SIGSTOP); err != nil {
		x.t.Fatal(err)
	}
	taken := strings.Count(x.calculators[other].text(), "partition taken")
	released := strings.Count(x.calculators[other].text(), "partition released")
	x.says(other, "partition taken", 3+released)
	x.more(5_000)
	if err := x.calculators[sleeper].Process.Signal(syscall.SIGCONT); err != nil {
		x.t.Fatal(err)
	}
	x.says(sleeper, "starting over from what is stored", 1)
	if taken == 3+released {
		x.t.Fatal("the other instance had all partitions before: nothing was fenced")
	}
}
