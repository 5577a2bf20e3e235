//go:build soak

package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"weir/testenv"
)

// soakStack is a stack of this file's own: its cluster is made and removed in
// every round.
const soakStack = "soak"

// soakConfig is the stack's config with a retention in hours.
func soakConfig(hours int) string {
	config := strings.ReplaceAll(stackConfig, "172.30.78.", "172.30.82.")
	return strings.Replace(config, "kafka: {",
		fmt.Sprintf("kafka: {config: {log.retention.hours: %d}, ", hours), 1)
}

// An ops up is killed after a time that is drawn from shortestLife to
// longestLife, up to mostKills times in a row: a first install takes less than
// longestLife on an idle computer, so that every step of it has its turn.
const (
	shortestLife = 500 * time.Millisecond
	longestLife  = 30 * time.Second
	mostKills    = 5
)

// Every ops up may be killed at any moment: the next one that is left alone
// ends well, whatever its forerunners had done, and down leaves nothing.
//
// WEIR_SOAK_ROUNDS is how many clusters are made, and WEIR_SOAK_SEED has the
// kills of a run that failed come at the same times again.
func TestSoakKilledUps(t *testing.T) {
	rounds := setting(t, "WEIR_SOAK_ROUNDS", 20)
	seed := uint64(setting(t, "WEIR_SOAK_SEED", int(time.Now().Unix())))
	t.Logf("%d rounds; to have them again: WEIR_SOAK_SEED=%d", rounds, seed)
	sweepSoak(t) // what a killed run left
	t.Cleanup(func() { sweepSoak(t) })
	for i := range rounds {
		done := t.Run(fmt.Sprintf("round %d", i+1), func(t *testing.T) {
			soakRound(t, rand.New(rand.NewPCG(seed, uint64(i))))
		})
		if !done {
			return // the machines of the round that failed are not the next one's
		}
	}
}

func soakRound(t *testing.T, random *rand.Rand) {
	p := newTestProject(t)
	t.Cleanup(func() {
		if err := p.killAll(); err != nil {
			t.Error(err)
		}
	})
	for _, hours := range []int{72, 71} { // install, then change
		if err := p.write(soakStack, soakConfig(hours)); err != nil {
			t.Fatal(err)
		}
		for range 1 + random.IntN(mostKills) {
			p.upFor(t, shortestLife+time.Duration(random.Int64N(int64(longestLife-shortestLife))))
		}
		p.mustOps(t, 0, "up", "--stack", soakStack) // which also verifies
		p.mustOps(t, 0, "verify", "--stack", soakStack)
		wantAll(t, p.mustOps(t, 0, "up", "--stack", soakStack, "--no-verify").stdout, "nothing to change")
		wantRetention(t, hours)
	}
	p.mustOps(t, 0, "down", "--stack", soakStack, "--yes")
	if left := sweepSoak(t); len(left) > 0 {
		t.Errorf("down left containers and networks: %v", left)
	}
	p.wantOnlyLogs(t, soakStack)
}

// upFor begins an ops up and kills it, with all of its processes, after a time.
// One that ends before must have ended well.
func (p project) upFor(t *testing.T, life time.Duration) {
	t.Helper()
	var said bytes.Buffer
	cmd := p.command(t.Context(), "up", "--stack", soakStack, "--no-verify")
	cmd.Stdout, cmd.Stderr = &said, &said
	cmd.WaitDelay = time.Second // for a process that was born while the others were killed
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	select {
	case err := <-ended:
		if err != nil {
			t.Fatalf("ops up ended by itself, before it could be killed: %v\n%s", err, said.String())
		}
		t.Logf("ops up ended well before it could be killed after %s", life)
	case <-time.After(life):
		err := p.killAll()
		<-ended
		if err := errors.Join(err, p.killAll()); err != nil { // again, for that one
			t.Fatal(err)
		}
		t.Logf("killed ops up after %s", life)
	}
}

func wantRetention(t *testing.T, hours int) {
	t.Helper()
	for _, name := range []string{"weir-1", "weir-2", "weir-3"} {
		m := testenv.Machine{Stack: soakStack, Name: name}
		wantAll(t, on(t, m, "cat /etc/weir/kafka/server.properties"), fmt.Sprintf("log.retention.hours=%d\n", hours))
	}
}

func sweepSoak(t *testing.T) (removed []string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), sweepPatience)
	defer cancel()
	removed, err := testenv.Sweep(ctx, soakStack)
	if err != nil {
		t.Fatal(err)
	}
	return removed
}

// setting is a whole number from the environment.
func setting(t *testing.T, name string, otherwise int) int {
	t.Helper()
	text, ok := os.LookupEnv(name)
	if !ok {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("%s is %q, want a whole number of at least 1", name, text)
	}
	return n
}
