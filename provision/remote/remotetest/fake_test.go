package remotetest_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"weir/provision/remote"
	"weir/provision/remote/remotetest"
)

func TestFakeAnswersAsTold(t *testing.T) {
	fake := remotetest.New("kafka-1").
		On(remotetest.Step("observe"), remotetest.Then(remotetest.Stdout("first\n"), remotetest.Stdout("later\n"))).
		On(remotetest.Contains("rm", "-rf"), remotetest.Exit(3, "refused\n")).
		On(remotetest.Step("gone"), remotetest.Unreachable(errors.New("no route")))
	run := func(s remote.Script) (string, error) {
		result, err := fake.Run(t.Context(), s)
		return string(result.Stdout), err
	}
	for _, want := range []string{"first\n", "later\n", "later\n"} {
		if got, err := run(remote.Script{Step: "observe"}); got != want || err != nil {
			t.Errorf("observe: got %q, %v; want %q", got, err, want)
		}
	}
	_, err := run(remote.Script{Step: "apply", Text: "rm -rf /x", Root: true, Stdin: strings.NewReader("tar")})
	failed, ok := errors.AsType[*remote.CommandError](err)
	if !ok || failed.Machine != "kafka-1" || failed.Step != "apply" || failed.ExitCode != 3 {
		t.Errorf("apply: got %v", err)
	}
	if _, err := run(remote.Script{Step: "gone"}); err == nil || !strings.Contains(err.Error(), "machine kafka-1") {
		t.Errorf("gone: got %v", err)
	}
	if _, err := run(remote.Script{Step: "other", Text: "echo unheard of"}); err == nil || !strings.Contains(err.Error(), "unheard of") {
		t.Errorf("an unknown script: got %v", err)
	}
	asked := fake.Scripts()
	if len(asked) != 6 || string(asked[3].Stdin) != "tar" || !asked[3].Root {
		t.Errorf("recorded %+v", asked)
	}
}

func TestFakeKeepsTheContract(t *testing.T) {
	fake := remotetest.New("m").On(remotetest.Any(), remotetest.Stdout("one\ntwo"))
	var lines []string
	result, err := fake.Run(t.Context(), remote.Script{Line: func(l string) { lines = append(lines, l) }})
	if strings.Join(lines, "|") != "one|two" || result.Stdout != nil || err != nil {
		t.Errorf("lines: got %q, %q, %v", lines, result.Stdout, err)
	}
	_, err = fake.Run(t.Context(), remote.Script{Limit: 3})
	if _, ok := errors.AsType[*remote.LimitError](err); !ok {
		t.Errorf("limit: got %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := fake.Run(ctx, remote.Script{}); !errors.Is(err, context.Canceled) {
		t.Errorf("context: got %v", err)
	}
}
