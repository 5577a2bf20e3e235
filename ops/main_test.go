package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"ops": main})
}

// Each script is one behaviour of the command line, in a project of its own.
// What needs an engine is tested in package drive, what needs machines in
// testenv's end-to-end tests.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		Cmds:                map[string]func(*testscript.TestScript, bool, []string){"exits": exits},
		Setup: func(env *testscript.Env) error {
			env.Setenv("HOME", filepath.Join(env.WorkDir, "home"))
			env.Setenv("PULUMI_STACK", "")
			bin := filepath.Join(env.WorkDir, "bin")
			if err := os.MkdirAll(bin, 0o755); err != nil {
				return err
			}
			// Found, and never run: these scripts end before that.
			engine := []byte("#!/bin/sh\necho the engine was run >&2\nexit 99\n")
			if err := os.WriteFile(filepath.Join(bin, "pulumi"), engine, 0o755); err != nil {
				return err
			}
			return os.WriteFile(filepath.Join(env.WorkDir, "Pulumi.yaml"), []byte("name: weir\nruntime: go\n"), 0o644)
		},
	})
}

// exits runs a program that must end with that exit code: exits 2 ops nonsense.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits code program [args...]")
	}
	code := 0
	var exit *exec.ExitError
	if err := ts.Exec(args[1], args[2:]...); errors.As(err, &exit) {
		code = exit.ExitCode()
	} else if err != nil {
		ts.Fatalf("%v", err)
	}
	if strconv.Itoa(code) != args[0] {
		ts.Fatalf("exit code %d, want %s", code, args[0])
	}
}
