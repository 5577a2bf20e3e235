package release

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func TestADirectoryToCarryIsListedWhole(t *testing.T) {
	dir, bin := filepath.Join(t.TempDir(), "it's here"), filepath.Join(t.TempDir(), "weir-producer")
	write := func(path, text string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write(bin, "first")
	write(filepath.Join(dir, "blob"), "blob")
	write(filepath.Join(dir, "cut-off.part"), "x")
	programs := map[string]string{"jobs/linux-amd64/weir-producer": bin}
	for _, text := range []string{"first", "second, once more"} {
		write(bin, text)
		files, bytes, err := Carry(dir, programs)
		if err != nil || files != 2 || bytes != int64(len("blob"+text)) {
			t.Fatalf("got %d files, %d bytes, %v; want 2 files", files, bytes, err)
		}
		carried := filepath.Join(dir, "jobs/linux-amd64/weir-producer")
		if got, _ := os.ReadFile(carried); string(got) != text {
			t.Errorf("got program %q, want %q", got, text)
		}
		if info, err := os.Stat(carried); err != nil || info.Mode().Perm() != 0o755 {
			t.Errorf("the program cannot be run: %v, %v", info, err)
		}
	}
	check := func() ([]byte, error) {
		cmd := exec.Command("sha256sum", "--check", "--strict", SumsFile)
		cmd.Dir = dir
		return cmd.CombinedOutput()
	}
	if out, err := check(); err != nil || strings.Contains(string(out), ".part") {
		t.Errorf("%v:\n%s", err, out)
	}
	write(filepath.Join(dir, "blob"), "damaged")
	if out, err := check(); err == nil {
		t.Errorf("a damaged file passes the check:\n%s", out)
	}
	if _, _, err := Carry(dir, map[string]string{"jobs/x": "/nonexistent"}); err == nil || !strings.Contains(err.Error(), "jobs/x") {
		t.Errorf("got %v, want an error that names the program that is not there", err)
	}
}
