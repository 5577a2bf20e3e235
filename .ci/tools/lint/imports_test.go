// Package lint pins the linters, and proves that the import rule bites: a rule
// that matches nothing looks just like one that everybody keeps.
package lint

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func TestTheImportRuleHoldsTheArrows(t *testing.T) {
	tool := filepath.Join(t.TempDir(), "depguard")
	build := exec.Command("go", "build", "-o", tool, "github.com/OpenPeeDeeP/depguard/v2/cmd/depguard")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build depguard: %v\n%s", err, out)
	}
	for _, c := range []struct {
		name, file, imports string
		allowed             bool
	}{
		{"provision does not know infra", "provision/a/a.go", "weir/infra/b", false},
		{"provision does not know Pulumi", "provision/a/a.go", "github.com/pulumi/b", false},
		{"provision does not know testenv, not even in tests", "provision/a/a_test.go", "weir/testenv", false},
		{"jobs do not know provision", "jobs/a/a.go", "weir/provision/b", false},
		{"testenv knows nobody", "testenv/a.go", "weir/provision/b", false},
		{"end-to-end tests know all", "testenv/a_test.go", "weir/provision/b", true},
		{"the resource Machine knows testenv", "infra/provider/container.go", "weir/testenv", true},
		{"other resources do not", "infra/provider/kafka.go", "weir/testenv", false},
		{"infra does not know ops", "infra/a/a.go", "weir/ops/b", false},
		{"infra knows provision", "infra/a/a.go", "weir/provision/b", true},
		{"ops knows provision", "ops/a.go", "weir/provision/b", true},
		{"ops does not know the provider", "ops/a.go", "weir/infra/provider", false},
		{"ops does not know testenv", "ops/a/a.go", "weir/testenv", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			out, err := depguard(t, tool, c.file, c.imports)
			if denied := strings.Contains(out, "is not allowed from list"); denied == c.allowed || denied != (err != nil) {
				t.Errorf("%s imports %s: denied %v, want %v\n%s(error %v)", c.file, c.imports, denied, !c.allowed, out, err)
			}
		})
	}
}

// depguard runs the linter on a module that holds one import, by our rules.
func depguard(t *testing.T, tool, file, imports string) (string, error) {
	t.Helper()
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	rules, err := os.ReadFile(filepath.Join(here, "../../../.depguard.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	// Not below a directory that the rules name.
	root, err := os.MkdirTemp("", "arrows")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(root) })
	imported := strings.TrimPrefix(imports, "weir/")
	mod := "module weir\n\ngo 1.26.0\n"
	if imported == imports { // a module of its own
		mod += "\nrequire " + imports + " v0.0.0\nreplace " + imports + " => ./" + imports + "\n"
		write(t, filepath.Join(root, imported, "go.mod"), "module "+imports+"\n")
	}
	write(t, filepath.Join(root, "go.mod"), mod)
	write(t, filepath.Join(root, ".depguard.yaml"), string(rules))
	write(t, filepath.Join(root, file), "package a\n\nimport _ \""+imports+"\"\n")
	write(t, filepath.Join(root, imported, "it.go"), "package it\n")
	cmd := exec.Command(tool, "./"+filepath.Dir(file))
	cmd.Dir = root
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}
