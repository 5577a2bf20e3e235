package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/IBM/sarama"

	"weir/ops/roll"
)

// brokenStart keeps a machine's broker from starting.
const brokenStart = "/run/systemd/system/weir-kafka.service.d/zz-broken.conf"

// breakBroker has the broker not come back from its next restart, until mend.
func breakBroker(t *testing.T, name string) (mend func()) {
	t.Helper()
	inside(t, name, "sh", "-c", "mkdir -p ${0%/*} && printf '[Service]\\nExecStartPre=/bin/false\\n' >$0 && systemctl daemon-reload", brokenStart)
	mend = sync.OnceFunc(func() {
		_, err := machine(name).Exec(context.WithoutCancel(t.Context()), "sh", "-c", "rm -rf ${0%/*} && systemctl daemon-reload", brokenStart)
		if err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() {
		mend()
		_, err := machine(name).Exec(context.WithoutCancel(t.Context()), "sh", "-c", "systemctl reset-failed weir-kafka; systemctl start weir-kafka")
		if err != nil {
			t.Error(err)
		}
	})
	return mend
}

func TestOpsRollUnderLoadStopsAtABrokerThatDoesNotComeBackAndGoesOnFromThere(t *testing.T) {
	p := cluster(t)
	began := pids(t, "weir-kafka.service")
	order := dryRoll(t, p)
	if now := pids(t, "weir-kafka.service"); now != began {
		t.Fatalf("--dry-run restarted a broker: processes %v, were %v", now, began)
	}
	l := startLoad(t, "rolled-by-ops", brokers)
	w := watchSync(t)
	first, broken, last := order[0], order[1], order[2]
	mend := breakBroker(t, broken)

	r := p.mustOps(t, 1, "roll", "--stack", stackName, "--yes", "--reason", "a test")
	wantAll(t, r.stderr, broken, "could not restart service weir-kafka.service", "ops roll goes on from there")
	stopped := pids(t, "weir-kafka.service")
	if of(stopped, first) == of(began, first) || of(stopped, last) != of(began, last) {
		t.Errorf("processes %v, were %v: want %s restarted, and %s not", stopped, began, first, last)
	}
	mend()
	wantAll(t, p.mustOps(t, 0, "roll", "--stack", stackName, "--dry-run").stdout,
		"goes on with run ", "-  "+first+"  (restarted since the roll began)", "1. "+broken+"  (its broker is not registered)")
	r = p.mustOps(t, 0, "roll", "--stack", stackName, "--yes")
	wantAll(t, r.stdout, "2 servers restarted in")
	ended := pids(t, "weir-kafka.service")
	if of(ended, first) != of(stopped, first) || of(ended, broken) == of(stopped, broken) || of(ended, last) == of(stopped, last) {
		t.Errorf("processes %v, were %v: want %s left alone, the others restarted", ended, stopped, first)
	}
	l.finish(t)
	w.finish(t)
	if moved := unpreferred(t, brokers); len(moved) > 0 {
		t.Errorf("not led by their preferred leaders: %v", moved)
	}
	shown := p.mustOps(t, 0, "runs", "show", "last", "--stack", stackName).stdout
	wantAll(t, shown, "roll --stack "+stackName+" --yes", "restart service weir-kafka.service", "2 steps on 2 machines")
	wantNone(t, p.mustOps(t, 0, "roll", "--stack", stackName, "--dry-run").stdout, "goes on with run")
}

// dryRoll is the order in which a roll would go.
func dryRoll(t *testing.T, p project) []string {
	t.Helper()
	var plan roll.Plan
	r := p.mustOps(t, 0, "roll", "--stack", stackName, "--dry-run", "-o", "json")
	if err := json.Unmarshal([]byte(r.stdout), &plan); err != nil {
		t.Fatalf("%v:\n%s", err, r.stdout)
	}
	var order []string
	for _, turn := range plan.Parts[0].Order {
		order = append(order, turn.Machine)
	}
	if len(order) != 3 || order[2] != controllerMachine(t) {
		t.Fatalf("the order is %v, want three machines, the controller's last", order)
	}
	return order
}

// of is what a machine has in a list of the three.
func of(all [3]string, machine string) string { return all[machine[len(machine)-1]-'1'] }

// syncWatch follows which brokers lack a replica in sync while a roll goes on.
type syncWatch struct {
	stop context.CancelFunc
	done sync.WaitGroup
	// seen are the states, as they came: the ids of the brokers that lag.
	seen []string
}

// watchEvery is far below what lies between two restarts: a look at the gates,
// and two scripts over SSH.
const watchEvery = 25 * time.Millisecond

func watchSync(t *testing.T) *syncWatch {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	w := &syncWatch{stop: stop}
	t.Cleanup(stop)
	w.done.Go(func() {
		for tick := time.NewTicker(watchEvery); ; {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			if state, ok := lagging(); ok && (len(w.seen) == 0 || w.seen[len(w.seen)-1] != state) {
				w.seen = append(w.seen, state)
			}
		}
	})
	return w
}

// lagging asks the first broker that answers and is itself in sync: one that
// just started knows little of the others.
func lagging() (ids string, ok bool) {
	for i, address := range brokers {
		missing, err := laggingBy(address)
		if err == nil && !slices.Contains(missing, int32(i)) {
			return fmt.Sprint(missing), true
		}
	}
	return "", false
}

func laggingBy(address string) ([]int32, error) {
	config := loadConfig()
	config.Net.DialTimeout, config.Net.ReadTimeout = time.Second, time.Second
	broker := sarama.NewBroker(address)
	if err := broker.Open(config); err != nil {
		return nil, err
	}
	defer broker.Close()
	answer, err := broker.GetMetadata(sarama.NewMetadataRequest(config.Version, nil))
	if err != nil {
		return nil, err
	}
	if len(answer.Topics) == 0 {
		return nil, fmt.Errorf("broker %s knows no topic yet", address)
	}
	var missing []int32
	for _, topic := range answer.Topics {
		for _, p := range topic.Partitions {
			for _, id := range p.Replicas {
				if !slices.Contains(p.Isr, id) && !slices.Contains(missing, id) {
					missing = append(missing, id)
				}
			}
		}
	}
	slices.Sort(missing)
	return missing, nil
}

// finish says that never two brokers lagged, and that between two of them none
// did: the next restart waited for the one before.
func (w *syncWatch) finish(t *testing.T) {
	t.Helper()
	w.stop()
	w.done.Wait()
	lagged := map[string]bool{}
	for i, state := range w.seen {
		if strings.Contains(state, " ") {
			t.Errorf("brokers %s lagged at the same time; one after the other: %v", state, w.seen)
		}
		if state != "[]" && i > 0 && w.seen[i-1] != "[]" {
			t.Errorf("broker %s went before %s was in sync again: %v", state, w.seen[i-1], w.seen)
		}
		lagged[state] = true
	}
	if len(lagged) != 4 {
		t.Errorf("saw the states %v, want each broker to lag once: that proves nothing", w.seen)
	}
}
