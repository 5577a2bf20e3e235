package machine

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"weir/provision/remote"
)

// Refusal lists why a machine must not be changed, each reason with what to do.
type Refusal struct {
	Machine string
	Reasons []string
}

func (r *Refusal) Error() string {
	return fmt.Sprintf("machine %s: nothing was changed: %s", r.Machine, strings.Join(r.Reasons, "; "))
}

// Refuse checks what the state requires against what the machine is. It returns
// nil or a *Refusal.
func Refuse(name string, want State, is Observed) error {
	r := &Refusal{Machine: name}
	reject := func(format string, args ...any) { r.Reasons = append(r.Reasons, fmt.Sprintf(format, args...)) }
	if !is.Facts.Systemd {
		reject("systemd does not run there: weir's services are systemd units, use a machine that was booted with systemd")
	}
	for _, component := range slices.Sorted(maps.Keys(is.Manifests)) {
		if m := is.Manifests[component]; m.Cluster != want.Cluster {
			reject("it belongs to cluster %q (%s), this is cluster %q: take it out of that cluster first, or correct the address", m.Cluster, ManifestPath(component), want.Cluster)
			break
		}
	}
	for _, component := range slices.Sorted(maps.Keys(is.Damaged)) {
		if c := is.Damaged[component].Cluster; c != "" && c != want.Cluster {
			reject("%s says that it belongs to cluster %q, this is cluster %q: take it out of that cluster first, or remove that file if it lies", ManifestPath(component), c, want.Cluster)
		}
	}
	if a := want.Requires.Architecture; a != "" && a != is.Facts.Architecture {
		reject("its architecture is %s, expected %s: set the machine's architecture to %[1]s", is.Facts.Architecture, a)
	}
	for _, v := range want.Services {
		for _, port := range v.Ports {
			if holder, taken := is.PortHolders[port]; taken {
				reject("port %d, which %s needs, is taken by %s: stop that process, or choose another port", port, v.Unit, holder)
			}
		}
	}
	for _, s := range want.Requires.Space {
		if free, ok := is.Free[s.Path]; ok && free < s.Bytes && !dataExists(want, is, s.Path) {
			reject("%s has %s free, at least %s is needed: free some, or choose another directory", s.Path, size(free), size(s.Bytes))
		}
	}
	if len(r.Reasons) == 0 {
		return nil
	}
	return r
}

// dataExists: space is required to begin with, not again while data fills it.
func dataExists(want State, is Observed, path string) bool {
	_, ok := is.Directories[path]
	return ok && slices.ContainsFunc(want.Directories, func(d Directory) bool { return d.Path == path && d.Data })
}

func size(bytes int64) string {
	if bytes < 1<<30 {
		return fmt.Sprintf("%d MiB", bytes>>20)
	}
	return fmt.Sprintf("%.1f GiB", float64(bytes)/(1<<30))
}

// reachSeconds bounds one attempt to connect: a way that is open answers, or
// refuses, within a round trip; one that drops packets never does.
const reachSeconds = 3

// Unreachable asks the machine which of the addresses (host:port) it gets no
// answer from. A refused connection is an answer: the way is open.
func Unreachable(ctx context.Context, r remote.Runner, addresses []string) ([]string, error) {
	if len(addresses) == 0 {
		return nil, nil
	}
	res, err := r.Run(ctx, remote.Script{Step: "reach", Text: reachScript(addresses)})
	if err != nil {
		return nil, err
	}
	var silent []string
	for line := range strings.Lines(string(res.Stdout)) {
		if a := strings.TrimSpace(line); slices.Contains(addresses, a) {
			silent = append(silent, a)
		}
	}
	slices.Sort(silent)
	return silent, nil
}

// reachScript tries all addresses at once. bash is asked for its /dev/tcp: it
// is on every distribution we know, and nothing else that connects is.
func reachScript(addresses []string) string {
	var b strings.Builder
	b.WriteString("export LC_ALL=C\ncommand -v bash >/dev/null || exit 0\ntry() {\n" +
		"  said=$(timeout " + fmt.Sprint(reachSeconds) + " bash -c ': </dev/tcp/\"$0\"/\"$1\"' \"$2\" \"$3\" 2>&1) && return 0\n" +
		"  case $said in *refused*) ;; *) echo \"$1\" ;; esac\n}\n")
	for _, a := range addresses {
		host, port, _ := cutLast(a, ":")
		fmt.Fprintf(&b, "try %s &\n", remote.QuoteAll(a, strings.Trim(host, "[]"), port))
	}
	b.WriteString("wait\n")
	return b.String()
}

func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}
