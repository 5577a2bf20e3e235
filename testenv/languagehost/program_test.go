package main

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/structpb"
)

func newHost(t *testing.T, stdout io.Writer) *host {
	t.Helper()
	h := &host{engine: "127.0.0.1:7", builds: t.TempDir(), stdout: stdout, stderr: io.Discard}
	h.running, h.end = context.WithCancel(t.Context())
	t.Cleanup(h.end)
	return h
}

// script makes a program and the project that runs it without building.
func script(t *testing.T, text string) *pulumirpc.RunRequest {
	t.Helper()
	path := filepath.Join(t.TempDir(), "program")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+text), 0o755); err != nil {
		t.Fatal(err)
	}
	options, err := structpb.NewStruct(map[string]any{"binary": path})
	if err != nil {
		t.Fatal(err)
	}
	return &pulumirpc.RunRequest{Pwd: filepath.Dir(path), Info: &pulumirpc.ProgramInfo{Options: options}}
}

func TestAProgramGetsWhatTheSDKReads(t *testing.T) {
	req := &pulumirpc.RunRequest{
		Organization: "organization", Project: "weir", Stack: "local", DryRun: true, Parallel: 4, MonitorAddress: "127.0.0.1:2",
		Config: map[string]string{"weir:cluster": `{"name":"x"}`}, ConfigSecretKeys: []string{"weir:sshPassword"},
		Info: &pulumirpc.ProgramInfo{RootDirectory: "/a project"},
	}
	got, err := environment([]string{"HOME=/home/u"}, "127.0.0.1:1", req)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"HOME=/home/u",
		"PULUMI_ORGANIZATION=organization",
		"PULUMI_PROJECT=weir",
		"PULUMI_ROOT_DIRECTORY=/a project",
		"PULUMI_STACK=local",
		`PULUMI_CONFIG={"weir:cluster":"{\"name\":\"x\"}"}`,
		`PULUMI_CONFIG_SECRET_KEYS=["weir:sshPassword"]`,
		"PULUMI_DRY_RUN=true",
		"PULUMI_PARALLEL=4",
		"PULUMI_MONITOR=127.0.0.1:2",
		"PULUMI_ENGINE=127.0.0.1:1",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestHowAProgramEndsIsTold(t *testing.T) {
	for _, c := range []struct {
		name, text, failure string
		bail                bool
	}{
		{name: "well", text: "exit 0"},
		{name: "with an error that the engine knows", text: "exit 32", bail: true},
		{name: "with an error of its own", text: "exit 3", failure: "exit status 3"},
		{name: "by a signal", text: "kill -9 $$", failure: "signal: killed"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := newHost(t, io.Discard).Run(t.Context(), script(t, c.text))
			if err != nil {
				t.Fatal(err)
			}
			if got.Bail != c.bail || (got.Error == "") != (c.failure == "") || !strings.Contains(got.Error, c.failure) {
				t.Errorf("%q: got bail %v and error %q, want bail %v and an error with %q", c.text, got.Bail, got.Error, c.bail, c.failure)
			}
		})
	}
}

func TestAProgramThatIsNotThereIsAnError(t *testing.T) {
	req := script(t, "")
	if err := os.Remove(req.Info.Options.Fields["binary"].GetStringValue()); err != nil {
		t.Fatal(err)
	}
	if got, err := newHost(t, io.Discard).Run(t.Context(), req); err == nil || !strings.Contains(err.Error(), "Pulumi.yaml") {
		t.Errorf("got %v and error %v, want one that names Pulumi.yaml", got, err)
	}
}

func TestAProgramIsBuiltAnewFromItsDirectory(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("go.mod", "module program\n")
	var out bytes.Buffer
	h := newHost(t, &out)
	req := &pulumirpc.RunRequest{Pwd: dir, Stack: "local", Info: &pulumirpc.ProgramInfo{ProgramDirectory: dir}}
	for _, word := range []string{"first", "second"} {
		write("main.go", `package main
import ("fmt"; "os")
func main() { fmt.Println("`+word+`", os.Getenv("PULUMI_STACK")) }
`)
		out.Reset()
		if res, err := h.Run(t.Context(), req); err != nil || res.Error != "" || out.String() != word+" local\n" {
			t.Errorf("got %q, response %v, error %v; want %q", out.String(), res, err, word+" local\n")
		}
	}
	write("main.go", "package main\nfunc main() { undefinedName() }\n")
	if _, err := h.Run(t.Context(), req); err == nil || !strings.Contains(err.Error(), "undefinedName") {
		t.Errorf("got error %v, want the compiler's message", err)
	}
}

// soon bounds what takes milliseconds where it works.
const soon = 30 * time.Second

func TestCancelEndsTheProgram(t *testing.T) {
	begun, out := io.Pipe()
	h := newHost(t, out)
	type end struct {
		res *pulumirpc.RunResponse
		err error
	}
	ended := make(chan end, 1)
	go func() {
		res, err := h.Run(context.WithoutCancel(t.Context()), script(t, "echo begun; exec sleep 600"))
		ended <- end{res, err}
	}()
	if _, err := begun.Read(make([]byte, 16)); err != nil {
		t.Fatal(err)
	}
	if _, err := h.Cancel(t.Context(), &emptypb.Empty{}); err != nil {
		t.Fatal(err)
	}
	select {
	case got := <-ended:
		if got.err == nil && got.res.Error == "" {
			t.Errorf("got response %v without an error, want the program's interruption", got.res)
		}
	case <-time.After(soon):
		t.Fatalf("the program still runs %v after Cancel", soon)
	}
}
