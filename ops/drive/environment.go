package drive

import (
	"os"
	"slices"
	"strings"

	"weir/provision/runlog"
)

// Variable is an environment variable.
type Variable struct{ Name, Value string }

// Shared are the variables that a typed `pulumi` needs to work on the same
// stacks, PATH left to the caller.
func (p Project) Shared() []Variable {
	return []Variable{
		{"PULUMI_BACKEND_URL", p.BackendURL()},
		{"PULUMI_CONFIG_PASSPHRASE_FILE", p.PassphraseFile()},
	}
}

// Path is PATH with the project's bin directory in front.
func (p Project) Path(path string) string {
	if path == "" {
		return p.BinDir()
	}
	return p.BinDir() + string(os.PathListSeparator) + path
}

// variables are those of every run of the CLI: besides the shared ones, what
// keeps it from asking the network and from writing to the user's home.
func (p Project) variables() []Variable {
	return append(p.Shared(),
		Variable{"PATH", p.Path(os.Getenv("PATH"))},
		Variable{"PULUMI_HOME", p.home()},
		Variable{"PULUMI_SKIP_UPDATE_CHECK", "true"},
		Variable{"PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION", "true"},
	)
}

// With returns the stack with more variables in the environment of the engine
// and its provider.
func (s *Stack) With(vars ...Variable) *Stack {
	with, cli := *s, *s.cli
	cli.vars = append(slices.Clone(cli.vars), vars...)
	with.cli = &cli
	return &with
}

// ours is the environment of the CLI. The user's own settings of Pulumi belong
// to other projects: a passphrase of theirs would even win over our file. What
// one run tells the provider is not for another that it happens to start.
func ours(environ []string, vars []Variable) []string {
	kept := slices.DeleteFunc(slices.Clone(environ), func(v string) bool {
		name, _, _ := strings.Cut(v, "=")
		return strings.HasPrefix(name, "PULUMI_") && name != "PULUMI_DEBUG_PROVIDERS" ||
			slices.Contains([]string{runlog.Variable, runlog.PlansVariable, runlog.ScriptsVariable, runlog.KeepDataVariable, runlog.PassOverVariable}, name)
	})
	for _, v := range vars {
		kept = append(kept, v.Name+"="+v.Value)
	}
	return kept
}
