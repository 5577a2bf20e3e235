package e2e

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"weir/testenv"
)

var update = flag.Bool("update", false, "write what the scripts' commands showed, masked, into the scripts")

// Each script of testdata/script is one behaviour of ops on the shared cluster,
// and leaves the cluster healthy. `go test -run TestVerbs/NAME` runs one.
//
// Besides testscript's own commands there are:
//
//	exits CODE PROGRAM [ARGS...]     run a program that must end with that code
//	within DURATION PROGRAM...       run a program that must end in time, however it ends
//	inside MACHINE COMMAND...        run a command in a machine, past sshd
//	pause|unpause MACHINE            freeze a machine; it is unfrozen when the script ends
//	cut|heal MACHINE [PEER...]       drop a machine's packets; healed when the script ends
//	mask [PATTERN=SHOWN...]          write the last stdout again, without what varies; stderr is gone then
//	eventually PATTERN PROGRAM...    run a program until it exits 0 and shows the pattern
//	healthy                          wait until every broker is in sync
//	join GROUP TOPIC, leave GROUP    a consumer that reads from the beginning and commits
//	finally PROGRAM [ARGS...]        run a program when the script ends, however it ends
//
// Those in testdata/script/long are in the soak alone.
func TestVerbs(t *testing.T) { scripts(t, "testdata/script") }

func scripts(t *testing.T, dir string) {
	p := cluster(t)
	consumers := &members{of: map[string]*groupMember{}}
	testscript.RunT(inTurn{t}, testscript.Params{
		Dir:                 dir,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		UpdateScripts:       *update,
		Setup: func(env *testscript.Env) error {
			env.Setenv("PATH", filepath.Join(p.dir, "bin")+string(os.PathListSeparator)+env.Getenv("PATH"))
			env.Setenv("HOME", os.Getenv("HOME"))
			env.Setenv("WEIR_ROOT", p.dir)
			env.Setenv("PULUMI_STACK", stackName)
			env.Setenv("NO_COLOR", "1")
			return waitInSync()
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": exits, "within": within, "inside": insideMachine, "pause": pause, "unpause": unpause,
			"cut": cutOff, "heal": healCut, "mask": mask, "eventually": eventuallyShows, "healthy": healthy, "finally": finally,
			"join": consumers.join, "leave": consumers.leave,
		},
	})
}

// inTurn runs scripts one after the other: what one does to the cluster, another
// would see.
type inTurn struct{ *testing.T }

func (t inTurn) Parallel()     {}
func (t inTurn) Verbose() bool { return testing.Verbose() }
func (t inTurn) Run(name string, f func(testscript.T)) {
	t.T.Run(name, func(t *testing.T) { f(inTurn{t}) })
}

func waitInSync() error {
	err := inSync(brokers)
	for end := time.Now().Add(settling); err != nil && time.Now().Before(end); err = inSync(brokers) {
		time.Sleep(100 * time.Millisecond)
	}
	if err != nil {
		return fmt.Errorf("waited %s until every broker is in sync: %w", settling, err)
	}
	return nil
}

// need ends a script that calls a command wrongly.
func need(ts *testscript.TestScript, neg bool, args []string, count int, usage string) {
	if neg || len(args) < count {
		ts.Fatalf("usage: %s", usage)
	}
}

func exits(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, neg, args, 2, "exits CODE PROGRAM [ARGS...]")
	code := 0
	var exit *exec.ExitError
	if err := ts.Exec(args[1], args[2:]...); errors.As(err, &exit) {
		code = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if strconv.Itoa(code) != args[0] {
		ts.Fatalf("exit code %d, want %s", code, args[0])
	}
}

func within(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, neg, args, 2, "within DURATION PROGRAM [ARGS...]")
	limit, err := time.ParseDuration(args[0])
	ts.Check(err)
	started := time.Now()
	err = ts.Exec(args[1], args[2:]...)
	if took := time.Since(started); took > limit {
		ts.Fatalf("ended after %s, want at most %s", took, limit)
	}
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		ts.Check(err)
	}
}

func insideMachine(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, neg, args, 2, "inside MACHINE COMMAND [ARGS...]")
	out, err := machine(args[0]).Exec(context.Background(), args[1:]...)
	fmt.Fprint(ts.Stdout(), out)
	ts.Check(err)
}

// stop does something to a machine, and undoes it when the script ends.
func stop(ts *testscript.TestScript, do func(context.Context) error, undo func(context.Context) error) {
	ts.Check(do(context.Background()))
	ts.Defer(func() { _ = undo(context.Background()) }) // already undone, where the script did it
}

func pause(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, neg, args, 1, "pause MACHINE")
	stop(ts, machine(args[0]).Pause, machine(args[0]).Unpause)
}

func unpause(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, neg, args, 1, "unpause MACHINE")
	ts.Check(machine(args[0]).Unpause(context.Background()))
}

func cutOff(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, neg, args, 1, "cut MACHINE [PEER...]")
	m, err := testenv.Inspect(context.Background(), stackName, args[0])
	ts.Check(err)
	one := machine(args[0])
	one.Address = m.Address
	stop(ts, func(ctx context.Context) error { return one.Cut(ctx, args[1:]...) }, one.Heal)
}

func healCut(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, neg, args, 1, "heal MACHINE")
	ts.Check(machine(args[0]).Heal(context.Background()))
}

// varies is what no two runs show alike, and what is shown in its place. Runs of
// spaces and of dashes go too: a column is as wide as what is in it.
var varies = []struct {
	pattern *regexp.Regexp
	shown   string
}{
	{regexp.MustCompile(`\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:?\d\d)?`), "TIME"},
	{regexp.MustCompile(`\b\d+(\.\d+)? ?(ms|s|min|h|d)\b`), "DURATION"},
	{regexp.MustCompile(`\b\d+(\.\d+)? (B|KiB|MiB|GiB|TiB)\b`), "SIZE"},
	{regexp.MustCompile(`\b(process|pid|PID) \d+`), "$1 PID"},
	{regexp.MustCompile(`\b(id) [A-Za-z0-9_-]{22}\b`), "$1 ID"}, // Kafka's
	{regexp.MustCompile(` {2,}`), "  "},
}

// mask also takes patterns of the script's own, each "REGEXP=SHOWN".
func mask(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, neg, args, 0, "mask [PATTERN=SHOWN...]")
	text := ts.ReadFile("stdout")
	for _, arg := range args {
		i := strings.LastIndexByte(arg, '=')
		if i < 0 {
			ts.Fatalf("mask: %q is not PATTERN=SHOWN", arg)
		}
		pattern, err := regexp.Compile("(?m)" + arg[:i])
		ts.Check(err)
		text = pattern.ReplaceAllString(text, arg[i+1:])
	}
	for _, v := range varies {
		text = v.pattern.ReplaceAllString(text, v.shown)
	}
	fmt.Fprint(ts.Stdout(), text)
}

func eventuallyShows(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, neg, args, 2, "eventually PATTERN PROGRAM [ARGS...]")
	pattern, err := regexp.Compile("(?m)" + args[0])
	ts.Check(err)
	for end := time.Now().Add(settling); ; time.Sleep(100 * time.Millisecond) {
		err := ts.Exec(args[1], args[2:]...)
		if err == nil && pattern.MatchString(ts.ReadFile("stdout")) {
			return
		}
		if time.Now().After(end) {
			ts.Fatalf("waited %s for %q; the last run ended with %v", settling, args[0], err)
		}
	}
}

func healthy(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, neg, args, 0, "healthy")
	ts.Check(waitInSync())
}

func finally(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, neg, args, 1, "finally PROGRAM [ARGS...]")
	ts.Defer(func() { _ = ts.Exec(args[0], args[1:]...) }) // it may be done already
}
