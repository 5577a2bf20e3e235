package e2e

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"
)

// bounded is a verb in bad times: how it must end, within what, and what it must
// still show.
type bounded struct {
	args   []string
	code   int
	within time.Duration
	shows  []string
}

// runBounded runs all verbs at once: what hangs one must not hang another, and
// the fault lasts as long as the slowest.
func runBounded(t *testing.T, p project, verbs []bounded) {
	t.Helper()
	var wg sync.WaitGroup
	for _, v := range verbs {
		wg.Go(func() {
			name := strings.Join(v.args, " ")
			ctx, cancel := context.WithTimeout(t.Context(), 3*v.within)
			defer cancel()
			began := time.Now()
			r, err := p.ops(ctx, append([]string{"--stack", stackName}, v.args...)...)
			took := time.Since(began)
			if err != nil || took > v.within {
				t.Errorf("ops %s took %s, want at most %s (%v)\n%s", name, took, v.within, err, r.all())
				return
			}
			if r.code != v.code {
				t.Errorf("ops %s: exit code %d, want %d\n%s", name, r.code, v.code, r.all())
			}
			wantAll(t, "ops "+name+":\n"+r.all(), v.shows...)
			t.Logf("ops %s: exit code %d after %.1f s", name, r.code, took.Seconds())
		})
	}
	wg.Wait()
}

// slack is for seven of these commands at the same time on two busy cores.
const slack = 20 * time.Second

func TestAPausedMachineMakesNoVerbHang(t *testing.T) {
	p := cluster(t)
	m := machine("weir-3")
	if err := m.Pause(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := m.Unpause(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	dir := t.TempDir()
	runBounded(t, p, []bounded{
		{[]string{"status"}, 10, 8*time.Second + slack, []string{"172.30.78.11  reachable", "172.30.78.13  unreachable: machine weir-3", "not found at work: machine weir-3, "}},
		{[]string{"verify"}, 10, 30*time.Second + slack, []string{"machine weir-3 (172.30.78.13:22)", "broker 2 does not answer"}},
		{[]string{"logs", "-n", "2"}, 1, 10*time.Second + slack, []string{"weir-1 weir-", "weir-2 weir-", "machine weir-3 (172.30.78.13:22)"}},
		{[]string{"exec", "--", "hostname"}, 1, 10*time.Second + slack, []string{"== weir-1\nweir-1\n", "== weir-2\nweir-2\n", "== weir-3: machine weir-3 (172.30.78.13:22)"}},
		{[]string{"ssh", "weir-3", "--", "hostname"}, 1, 10*time.Second + slack, []string{"machine weir-3 (172.30.78.13:22)"}},
		{[]string{"doctor"}, 10, 15*time.Second + slack, []string{"weir-1 ", "its container is paused"}},
		{[]string{"roll", "--yes"}, 1, 15*time.Second + slack, []string{"nothing was restarted", "machine weir-3"}},
		{[]string{"support-bundle", "--no-verify", "--file", dir + "/b.tar.gz"}, 1, 25*time.Second + slack, []string{dir + "/b.tar.gz\n", "files of machine weir-3"}},
		{[]string{"inventory"}, 0, 5*time.Second + slack, []string{`"clusterId"`}},
	})
}
