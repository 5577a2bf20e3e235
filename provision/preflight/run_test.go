package preflight

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"weir/provision/machine"
	"weir/provision/remote"
	"weir/provision/remote/remotetest"
)

// sound answers every question as a machine does that is fit.
func sound(name, address string) *remotetest.Runner {
	return remotetest.New(name).
		On(remotetest.Step("log in"), remotetest.Stdout("")).
		On(remotetest.Step("observe"), remotetest.Stdout("@facts\nID\tdebian\narch\tx86_64\nsystemd\tyes\npackages\tapt-get\n@packages\nopenjdk-17-jre-headless\tprovided\n@end\n")).
		On(remotetest.Step("reach"), remotetest.Stdout("tried\n10.0.0.1:9092\n10.0.0.2:9092\n")).
		On(remotetest.Step("preflight"), func(remote.Script, []byte) (remote.Result, error) {
			return remote.Result{Stdout: []byte("clock\t" + clock() + "\nmemory\tMemTotal:\t16777216\njava\t/usr/bin/java\t17.0.13\naddress\t" + address + "\nend\n")}, nil
		})
}

// clock is the time as date +%s.%N prints it.
func clock() string {
	t := time.Now()
	return fmt.Sprintf("%d.%09d", t.Unix(), t.Nanosecond())
}

func run(t *testing.T, o Options, subjects []Subject, machines ...*remotetest.Runner) Report {
	t.Helper()
	connect := func(h remote.Host) remote.Runner {
		for _, m := range machines {
			if m.Machine() == h.Name {
				return m
			}
		}
		t.Fatalf("no machine %s", h.Name)
		return nil
	}
	return Run(t.Context(), connect, "test", subjects, o)
}

func two() []Subject {
	return []Subject{broker("db-1", "10.0.0.1", "10.0.0.2"), broker("db-2", "10.0.0.2", "10.0.0.1")}
}

func TestMachinesThatAreFit(t *testing.T) {
	a, b := sound("db-1", "10.0.0.1"), sound("db-2", "10.0.0.2")
	r := run(t, Options{}, two(), a, b)
	if !r.Fit || r.Err() != nil || len(r.Checks) != len(checks) || r.Cluster != "test" || r.Started.IsZero() {
		t.Errorf("got %+v", r)
	}
	for _, m := range []*remotetest.Runner{a, b} {
		for _, s := range m.Scripts() {
			if s.Step == "look for packages" {
				t.Errorf("%s was asked for packages, and has a java", m.Machine())
			}
		}
	}
}

func TestAnOptionalCheckCanBeGivenUp(t *testing.T) {
	subjects := two()
	subjects[1].States[1].Requires.Heap = 64 << 30
	machines := []*remotetest.Runner{sound("db-1", "10.0.0.1"), sound("db-2", "10.0.0.2")}
	if r := run(t, Options{}, subjects, machines...); r.Fit {
		t.Errorf("got %+v, want a heap refused that is larger than the memory", r)
	}
	r := run(t, Options{Skip: []string{"memory"}}, subjects, machines...)
	for _, c := range r.Checks {
		if c.Name == "memory" && (c.Outcome != Skipped || len(c.Findings) > 0 || !r.Fit) {
			t.Errorf("got %+v, fit %v; want it skipped", c, r.Fit)
		}
	}
}

func TestAMachineThatDoesNotAnswerIsOneFinding(t *testing.T) {
	off := remotetest.New("db-2").On(remotetest.Any(), remotetest.Unreachable(errors.New("no route")))
	r := run(t, Options{}, two(), sound("db-1", "10.0.0.1"), off)
	refusals := r.Findings(Refuse)
	if len(refusals) != 1 || refusals[0].Machine != "db-2" || refusals[0].Found != "unreachable: no route" || refusals[0].Evidence != "192.0.2.1:22" {
		t.Errorf("got %+v, want that db-2 is unreachable", refusals)
	}
	if len(off.Scripts()) != 1 {
		t.Errorf("it was asked %d times, once it was known to be away", len(off.Scripts()))
	}
	var connect *remote.ConnectError
	if !r.Reached() || !errors.As(r.Err(), &connect) {
		t.Errorf("reached %v, error %v; want the error of the connection, and nothing against the other machine", r.Reached(), r.Err())
	}
}

func TestAContainerThatIsNotThereIsNoFinding(t *testing.T) {
	subjects := two()
	subjects[0].Made, subjects[1].Made = true, true
	off := func(name string) *remotetest.Runner {
		return remotetest.New(name).On(remotetest.Any(), remotetest.Unreachable(errors.New("no route")))
	}
	r := run(t, Options{}, subjects, off("db-1"), off("db-2"))
	if !r.Fit || len(r.Findings(Advise)) > 0 {
		t.Errorf("got %+v, want nothing: up makes them", r.Checks)
	}
}

func TestWhatPackageMachineRefusesReadsTheSame(t *testing.T) {
	m := remotetest.New("db-1").On(remotetest.Step("observe"), remotetest.Stdout(
		"@facts\nID\tdebian\narch\taarch64\npackages\tapt-get\n@services\nId=weir-kafka.service\nActiveState=inactive\n@listeners\n"+
			`LISTEN 0 50 *:9092 *:* users:(("nginx",pid=71,fd=5))`+"\n@places\n"+dataDir+"\t/var\n@space\n/var\t256\t4096\n@end\n")).
		On(remotetest.Step("look for packages"), remotetest.Stdout("cannot\nE: Unable to locate package\n"))
	rest := sound("db-1", "10.0.0.1")
	subject := broker("db-1", "10.0.0.1")
	connect := func(remote.Host) remote.Runner { return instead{m, "observe, look for packages", rest} }
	r := Run(t.Context(), connect, "test", []Subject{subject}, Options{})
	var refusal *machine.Refusal
	if !errors.As(r.Err(), &refusal) || r.Reached() {
		t.Fatalf("got %v, want a refusal", r.Err())
	}
	is, err := machine.Observe(t.Context(), m, subject.asked())
	if err != nil {
		t.Fatal(err)
	}
	for _, reason := range machine.Refuse("db-1", subject.asked(), is).(*machine.Refusal).Reasons {
		if !strings.Contains(r.Err().Error(), reason.String()) {
			t.Errorf("%s is not said as package machine does:\n%v", reason, r.Err())
		}
	}
	for _, part := range []string{"systemd", "arm64", "port 9092", "nginx (pid 71)", "1 MiB free"} {
		if !strings.Contains(r.Err().Error(), part) {
			t.Errorf("want %q in %v", part, r.Err())
		}
	}
}

func TestWhatAMachineSaysIsBounded(t *testing.T) {
	loud := remotetest.New("db-1").
		On(remotetest.Step("preflight"), remotetest.Stdout(strings.Repeat("mount\tx\n", answerLimit/8+1)))
	rest := sound("db-1", "10.0.0.1")
	connect := func(remote.Host) remote.Runner { return instead{loud, "preflight", rest} }
	r := Run(t.Context(), connect, "test", []Subject{broker("db-1", "10.0.0.1")}, Options{})
	if refusals := r.Findings(Refuse); len(refusals) != 1 || !strings.Contains(refusals[0].Found, "longer than") {
		t.Errorf("got %+v, want that the answer is too long", refusals)
	}
}

// instead answers some steps in the place of another machine.
type instead struct {
	*remotetest.Runner
	steps string
	other *remotetest.Runner
}

func (i instead) Run(ctx context.Context, s remote.Script) (remote.Result, error) {
	if strings.Contains(i.steps, s.Step) {
		return i.Runner.Run(ctx, s)
	}
	return i.other.Run(ctx, s)
}
