package remote

import (
	"path/filepath"
	"testing"

	"weir/testenv/golden"
)

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
		golden.File(t, filepath.Join("testdata", file), got+"\n")
	}
}
