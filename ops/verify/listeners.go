package verify

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"weir/ops/status"
	"weir/provision/remote"
)

const (
	// listenersLimit is above brokers that do not answer (6 s) and the connections
	// behind them.
	listenersLimit = 16 * time.Second
	// connectSeconds bounds one attempt to connect: a way that is open answers in
	// milliseconds, and a lost packet is sent again after 1 s.
	connectSeconds = 3
	// reachBound bounds asking a machine to connect, reaching it included.
	reachBound = 8 * time.Second
)

// checkListeners: brokers advertise the addresses that are declared, and each is
// reached from this computer and from every broker's machine.
func checkListeners(ctx context.Context, c *subject, r *record) {
	r.doing("waiting for a broker to tell the listeners")
	a, err := c.heard(ctx, time.Time{})
	if err != nil {
		r.fail(noBroker(c.cluster, err))
		return
	}
	r.on(brokerMachines(c.cluster)...)
	r.fail(c.judgeAdvertised(*a.kafka)...)
	advertised := map[string]status.Broker{}
	for _, b := range a.kafka.Brokers {
		if b.Registered {
			advertised[b.Advertised] = b
		}
	}
	r.doing("waiting for connections to the advertised listeners")
	var wg sync.WaitGroup
	wg.Go(func() { c.fromHere(ctx, advertised, r) })
	ways := make([]int, len(brokerMachines(c.cluster)))
	for i, name := range brokerMachines(c.cluster) {
		wg.Go(func() { ways[i] = c.from(ctx, name, advertised, r) })
	}
	wg.Wait()
	total := 0
	for _, n := range ways {
		total += n
	}
	r.sum("%d advertised, %d ways between machines open", len(advertised), total)
}

func (c *subject) judgeAdvertised(k status.Kafka) (f []Finding) {
	for _, b := range k.Brokers {
		if b.Registered && b.Advertised != b.Address {
			f = append(f, Finding{
				Machine: b.Machine, Found: fmt.Sprintf("broker %d advertises %s", b.ID, b.Advertised), Expected: b.Address, Next: "ops preview",
			})
		}
	}
	return f
}

// fromHere connects to each listener without SSH. Where none is reached this
// computer is outside of the cluster's network, which is no fault.
func (c *subject) fromHere(ctx context.Context, advertised map[string]status.Broker, r *record) {
	ctx, cancel := context.WithTimeout(ctx, connectSeconds*time.Second)
	defer cancel()
	addresses := slices.Sorted(maps.Keys(advertised))
	failed := make([]error, len(addresses))
	var wg sync.WaitGroup
	for i, address := range addresses {
		wg.Go(func() {
			conn, err := c.DialDirect(ctx, "tcp", address)
			if failed[i] = err; err == nil {
				conn.Close()
			}
		})
	}
	wg.Wait()
	if !slices.Contains(failed, nil) {
		r.note("no listener is reached from this computer without SSH: it is outside of the cluster's network")
		return
	}
	for i, err := range failed {
		if err != nil {
			b := advertised[addresses[i]]
			r.fail(Finding{
				Machine: b.Machine, Found: fmt.Sprintf("broker %d at %s is not reached from this computer, as others are: %v", b.ID, addresses[i], err),
				Expected: "a connection", Next: sshTo(c.machine(b.Machine), "iptables-save; nft list ruleset"),
			})
		}
	}
}

// from has a machine connect to each listener, and returns how many it reached.
func (c *subject) from(ctx context.Context, name string, advertised map[string]status.Broker, r *record) int {
	ctx, cancel := c.bounded(ctx, reachBound, "no answer within")
	defer cancel()
	addresses := slices.Sorted(maps.Keys(advertised))
	result, err := c.Run(ctx, name, remote.Script{Step: "connect", Text: connectScript(addresses), Limit: answerLimit})
	if err != nil {
		r.fail(c.unseen([]sight{{machine: name, err: err}})...)
		return 0
	}
	said := strings.Split(strings.TrimSpace(string(result.Stdout)), "\n")
	if said[0] != "tried" {
		r.note("%s has no bash, which connects: its ways to the others were not tried", name)
		return 0
	}
	open := 0
	for _, address := range addresses {
		if slices.Contains(said, address) {
			open++
			continue
		}
		b := advertised[address]
		r.fail(Finding{
			Machine: name, Found: fmt.Sprintf("%s does not reach broker %d on %s at %s", name, b.ID, b.Machine, address),
			Expected: fmt.Sprintf("a connection within %d s", connectSeconds), Next: sshTo(c.machine(name), "iptables-save; nft list ruleset"),
		})
	}
	return open
}

// connectScript tries all addresses at once, and prints those that it connects to.
// bash is asked for its /dev/tcp: nothing else that connects is on every machine.
func connectScript(addresses []string) string {
	return "export LC_ALL=C\ncommand -v bash >/dev/null || exit 0\necho tried\n" +
		fmt.Sprintf("timeout %d", connectSeconds) + ` bash -c '
try() {
  host=${1%:*} host=${host#[} host=${host%]}
  { : <"/dev/tcp/$host/${1##*:}"; } 2>/dev/null && printf "%s\n" "$1"
}
for a do try "$a" & done
wait' bash ` + remote.QuoteAll(addresses...) + " || true\n"
}
