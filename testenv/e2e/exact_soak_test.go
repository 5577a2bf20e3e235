//go:build soak

package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"weir/jobs/popularity/store"
	"weir/jobs/popularity/store/postgres"
)

// soakFaults is how many faults a round has: enough for most pairs of them to
// follow each other in some round.
const soakFaults = 12

// Whatever happens in whatever order, in the end every sum is right. A round has a
// topic and a state of its own; WEIR_SOAK_ROUNDS and WEIR_SOAK_SEED are as above.
func TestSoakExactness(t *testing.T) {
	seed := faultSeed(t)
	for i := range setting(t, "WEIR_SOAK_ROUNDS", 20) {
		ok := t.Run(fmt.Sprintf("a directory, round %d", i+1), func(t *testing.T) { soakDirectory(t, seed+uint64(i), i) }) &&
			t.Run(fmt.Sprintf("PostgreSQL, round %d", i+1), func(t *testing.T) { soakShared(t, seed+uint64(i), i) })
		if !ok {
			return // the cluster may not be healthy
		}
	}
}

// common are the faults that any trial can have.
func (x *trial) common(instances int) []func() {
	broker := func() string { return fmt.Sprintf("weir-%d", 1+x.random.IntN(3)) }
	return []func(){
		func() { x.killAndRestart(x.random.IntN(instances)) },
		func() { x.moveLeaders() },
		func() { x.killBroker(broker(), func() { x.killAndRestart(x.random.IntN(instances)) }) },
		func() { x.killBroker(broker(), func() { x.moment(5 * time.Second) }) },
		func() { x.suspend(x.producer.Process.Signal) },
		func() { x.suspend(x.calculators[x.random.IntN(instances)].Process.Signal) },
	}
}

// suspend stops a process for longer than sessions, leases and requests last.
func (x *trial) suspend(signal func(os.Signal) error) {
	x.t.Helper()
	const past = 20 * time.Second
	if err := signal(syscall.SIGSTOP); err != nil {
		x.t.Fatal(err)
	}
	time.Sleep(past)
	if err := signal(syscall.SIGCONT); err != nil {
		x.t.Fatal(err)
	}
}

func (x *trial) soak(faults []func()) {
	for range soakFaults {
		x.more(5_000)
		faults[x.random.IntN(len(faults))]()
	}
}

func soakDirectory(t *testing.T, seed uint64, round int) {
	dir, limited := smallDisk(t, stateDisk)
	state := filepath.Join(dir, "state")
	x := newTrial(t, fmt.Sprintf("soak-disk-%d", round), seed, "--state-dir", state)
	x.count(0)
	x.produce()
	faults := x.common(1)
	if limited {
		faults = append(faults, func() { x.fullDisk(dir) })
	}
	x.soak(faults)
	x.finish()
	if err := x.verdict(onDisk(state)); err != nil {
		t.Fatal(err)
	}
}

func soakShared(t *testing.T, seed uint64, round int) {
	url := database.URL(t)
	x := newTrial(t, fmt.Sprintf("soak-shared-%d", round), seed, "--store", url)
	x.produce()
	x.count(0)
	x.count(1)
	drain := func() { // and the other takes what it leaves
		instance := x.random.IntN(2)
		x.stop(instance, syscall.SIGTERM, 0)
		x.moment(5 * time.Second)
		x.count(instance)
	}
	x.soak(append(x.common(2), drain, drain))
	x.finish()
	if err := x.verdict(func() (store.Store, error) { return postgres.Open(t.Context(), url, "reader", false) }); err != nil {
		t.Fatal(err)
	}
}
