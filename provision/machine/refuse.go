package machine

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"weir/provision/remote"
)

// Refusal lists why a machine must not be changed.
type Refusal struct {
	Machine string
	Reasons []Reason
}

// Reason is one thing that speaks against changing a machine.
type Reason struct {
	// Check is what was looked at, one of the names below.
	Check string
	// Found, Expected and Next say what is, what should be, and what to do.
	Found, Expected, Next string
}

// What reasons are about.
const (
	CheckSystemd      = "systemd"
	CheckCluster      = "cluster"
	CheckName         = "name"
	CheckArchitecture = "architecture"
	CheckJava         = "java"
	CheckPorts        = "ports"
	CheckServers      = "servers"
	CheckSpace        = "space"
	CheckReach        = "reach"
)

// String is the reason as a sentence.
func (r Reason) String() string {
	return fmt.Sprintf("%s, expected %s: %s", r.Found, r.Expected, r.Next)
}

func (r *Refusal) Error() string {
	reasons := make([]string, len(r.Reasons))
	for i, reason := range r.Reasons {
		reasons[i] = reason.String()
	}
	return fmt.Sprintf("machine %s: nothing was changed: %s", r.Machine, strings.Join(reasons, "; "))
}

// Refuse checks what the state requires against what the machine is. It returns
// nil or a *Refusal.
func Refuse(name string, want State, is Observed) error {
	r := &Refusal{Machine: name}
	reject := func(check, expected, next, found string, args ...any) {
		r.Reasons = append(r.Reasons, Reason{Check: check, Expected: expected, Next: next, Found: fmt.Sprintf(found, args...)})
	}
	if !is.Facts.Systemd {
		reject(CheckSystemd, "a machine that was booted with it", "use such a machine, as weir's services are systemd units",
			"systemd does not run there")
	}
	for _, component := range slices.Sorted(maps.Keys(is.Manifests)) {
		if m := is.Manifests[component]; m.Cluster != want.Cluster {
			reject(CheckCluster, fmt.Sprintf("none, or cluster %q", want.Cluster), "take it out of that cluster first, or correct the address",
				"it belongs to cluster %q (%s)", m.Cluster, ManifestPath(component))
			break
		}
	}
	for _, component := range slices.Sorted(maps.Keys(is.Damaged)) {
		if c := is.Damaged[component].Cluster; c != "" && c != want.Cluster {
			reject(CheckCluster, fmt.Sprintf("none, or cluster %q", want.Cluster), "take it out of that cluster first, or remove that file if it lies",
				"%s says that it belongs to cluster %q", ManifestPath(component), c)
		}
	}
	if a := want.Requires.Architecture; a != "" && a != is.Facts.Architecture {
		reject(CheckArchitecture, a, "set the machine's architecture to "+is.Facts.Architecture, "its architecture is %s", is.Facts.Architecture)
	}
	for _, v := range want.Services {
		frees := is.refuseTakeover(v, reject)
		for _, port := range v.Ports {
			if holder, taken := is.PortHolders[port]; taken && !frees(port) {
				reject(CheckPorts, "that nobody listens there", "stop that process, or choose another port",
					"port %d, which %s needs, is taken by %s", port, v.Unit, is.holderOf(v, port, holder))
			}
		}
	}
	for _, s := range want.Requires.Space {
		if free, ok := is.Free[s.Path]; ok && free < s.Bytes && !begun(want, is, s.Path) {
			next := "free some, or choose another directory"
			if s.Path == ReleaseDir { // which is where it is
				next = "free some, or mount a larger disk there"
			}
			reject(CheckSpace, "at least "+Size(s.Bytes), next, "%s has %s free", s.Path, Size(free))
		}
	}
	if len(r.Reasons) == 0 {
		return nil
	}
	return r
}

// Missing is the reason for a package that cannot be had; why is Installable's.
func Missing(p Package, why string) Reason {
	first, _, _ := strings.Cut(why, "\n")
	return Reason{
		Check: CheckJava, Found: p.Name + " cannot be installed (" + first + ")",
		Expected: "that it is there, or can be had", Next: p.Advice(),
	}
}

// Silent is the reason for addresses that the machine gets no answer from.
func Silent(addresses []string) Reason {
	return Reason{
		Check: CheckReach, Found: "it gets no answer from " + strings.Join(addresses, ", "),
		Expected: "an answer, or a refusal, within " + fmt.Sprint(reachSeconds) + " s",
		Next:     "open the way between the machines (firewall, routes), then run again",
	}
}

// begun: space is required to begin with, not again while data, or the releases
// that it was for, fill it.
func begun(want State, is Observed, path string) bool {
	if path == ReleaseDir {
		return !slices.ContainsFunc(want.Releases, func(r Release) bool { return is.Releases[r.Dir()].Digest == "" })
	}
	_, ok := is.Directories[path]
	return ok && slices.ContainsFunc(want.Directories, func(d Directory) bool { return d.Path == path && d.Data })
}

// Size is a number of bytes as people read it, "64 MiB" or "1.5 GiB".
func Size(bytes int64) string {
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
	tried, answered := false, map[string]bool{}
	for line := range strings.Lines(string(res.Stdout)) {
		line = strings.TrimSuffix(line, "\n")
		tried = tried || line == "tried"
		answered[line] = true
	}
	if !tried {
		return nil, nil
	}
	silent := slices.DeleteFunc(slices.Clone(addresses), func(a string) bool { return answered[a] })
	slices.Sort(silent)
	return silent, nil
}

// reachScript tries all addresses at once, and prints those that answer. bash is
// asked for its /dev/tcp: it is on every distribution we know, and nothing else
// that connects is.
func reachScript(addresses []string) string {
	return "export LC_ALL=C\ncommand -v bash >/dev/null || exit 0\necho tried\n" +
		"timeout " + fmt.Sprint(reachSeconds) + ` bash -c '
try() {
  host=${1%:*} host=${host#[} host=${host%]}
  said=$({ : <"/dev/tcp/$host/${1##*:}"; } 2>&1) || case $said in *refused*) ;; *) return ;; esac
  printf "%s\n" "$1"
}
for a do try "$a" & done
wait' bash ` + remote.QuoteAll(addresses...) + " || true\n"
}

func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}
