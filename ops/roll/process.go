// Package roll restarts the servers of a cluster one after the other, behind the
// gates that every change of it has.
//
// A roll that was stopped is gone on with: what counts as restarted is a unit
// that runs under another invocation than when the roll began. systemd gives
// each start an id of its own; no clock of any machine is compared with
// another's, and a restart by hand in between counts too.
package roll

import (
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"weir/ops/connect"
	"weir/provision/remote"
)

const (
	// lookTimeout bounds reaching and asking one machine, a slow handshake included.
	lookTimeout = 8 * time.Second
	// lookLimit bounds what a machine says of one unit, in bytes, its last words
	// included.
	lookLimit = 64 << 10
	// fallsTolerated is how often systemd may start a server again by itself while
	// it comes back. A broker whose old session has not ended may fall once or
	// twice; one that falls a third time would go on falling until patience ends.
	fallsTolerated = 3
)

// Process is a unit as it runs on a machine.
type Process struct {
	// Invocation is systemd's id of this start; empty where it was never started.
	Invocation string
	// Active and Sub are systemd's words: "active", "running".
	Active, Sub string
	// Restarts counts systemd's own since it was last started by somebody.
	Restarts int
	// Words are the last lines of its journal.
	Words []string
}

// Runs says that it is up, as far as systemd knows.
func (p Process) Runs() bool { return p.Active == "active" && p.Sub == "running" }

// Fallen says why a unit that should come up does not; empty where it may.
func (p Process) Fallen() string {
	if p.Active != "failed" && p.Restarts < fallsTolerated {
		return ""
	}
	why := fmt.Sprintf("its service is %s (%s), started again %d times by systemd", p.Active, p.Sub, p.Restarts)
	if len(p.Words) > 0 {
		why += "; its last words: " + strings.Join(p.Words, " | ")
	}
	return why
}

// recovering finds a broker that loads its logs: it is not registered, and must
// not be taken for one that hangs.
var (
	loading = regexp.MustCompile(`(Loading logs from log dirs|Recovering \d+ logs|Recovering unflushed segment)`)
	loaded  = regexp.MustCompile(`Loaded \d+ logs in`)
)

// Recovering returns the line that says so where a broker's journal ends with
// it loading its logs; else it is empty.
func (p Process) Recovering() string {
	found := ""
	for _, line := range p.Words {
		switch {
		case loaded.MatchString(line):
			found = ""
		case loading.MatchString(line):
			found = line
		}
	}
	return found
}

// wordsKept are lines of a journal that are looked at: an unclean start of a
// large broker writes one for each of its logs.
const wordsKept = 40

// wordsShown are those of them that an error repeats.
const wordsShown = 3

// Look asks one machine for its unit.
func Look(ctx context.Context, s *connect.Session, machine, unit string) (Process, error) {
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	u := remote.Quote(unit)
	out, err := s.Run(ctx, machine, remote.Script{Step: "look at " + unit, Root: true, Limit: lookLimit, Text: "export LC_ALL=C\n" +
		"systemctl show --property=InvocationID,ActiveState,SubState,NRestarts " + u + "\necho\n" +
		"journalctl --unit " + u + " --lines " + strconv.Itoa(wordsKept) + " --no-pager --output cat 2>/dev/null | cut -c1-300\n"})
	if err != nil {
		return Process{}, err
	}
	return parse(string(out.Stdout)), nil
}

var invocation = regexp.MustCompile(`^[0-9a-f]{32}$`)

// parse reads properties, an empty line, and the end of a journal. What is not
// as systemd writes it is left out.
func parse(text string) Process {
	properties, journal, _ := strings.Cut(text, "\n\n")
	var p Process
	for line := range strings.Lines(properties) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		switch key {
		case "InvocationID":
			if invocation.MatchString(value) {
				p.Invocation = value
			}
		case "ActiveState":
			p.Active = value
		case "SubState":
			p.Sub = value
		case "NRestarts":
			p.Restarts, _ = strconv.Atoi(value) // 0 where systemd does not count
		}
	}
	for line := range strings.Lines(journal) {
		if line = strings.TrimSpace(line); line != "" {
			p.Words = append(p.Words, line)
		}
	}
	return p
}

// sight is what was seen of one machine.
type sight struct {
	Process
	err error
}

// lookAll asks several machines at once.
func lookAll(ctx context.Context, s *connect.Session, unit string, machines []string) map[string]sight {
	var mu sync.Mutex
	var wg sync.WaitGroup
	seen := map[string]sight{}
	for _, m := range machines {
		wg.Go(func() {
			p, err := Look(ctx, s, m, unit)
			mu.Lock()
			defer mu.Unlock()
			seen[m] = sight{p, err}
		})
	}
	wg.Wait()
	return seen
}

// split tells the machines that are still to be restarted from those that were,
// both sorted: under another invocation than at the roll's beginning, and up. A
// server that was restarted and did not come back is still to be.
func split(began map[string]string, now map[string]sight) (pending, done []string) {
	for _, m := range slices.Sorted(maps.Keys(now)) {
		if was, known := began[m]; known && now[m].Runs() && now[m].Invocation != was {
			done = append(done, m)
		} else {
			pending = append(pending, m)
		}
	}
	return pending, done
}
