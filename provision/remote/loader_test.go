package remote

import (
	"flag"
	"os"
	"path/filepath"
	"testing"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// TestPrograms shows what runs on machines besides the scripts themselves.
func TestPrograms(t *testing.T) {
	plain, _ := become{}.load(Script{Text: "echo it's"}, "weir-tag")
	asking := become{prefix: []string{"sudo", "-S", "-k", "-p", "", "--"}, password: "secret"}
	elevated, _ := asking.load(Script{Text: "echo it's\n"}, "weir-tag")
	for file, got := range map[string]string{
		"loader.sh":      plain,
		"loader-sudo.sh": elevated,
		"stopper.sh":     stopper("weir-tag"),
	} {
		path := filepath.Join("testdata", file)
		if *update {
			if err := os.WriteFile(path, []byte(got+"\n"), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil || got+"\n" != string(want) {
			t.Errorf("%s: %v\ngot:  %s\nwant: %s", file, err, got, want)
		}
	}
}
