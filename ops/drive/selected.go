package drive

import (
	"crypto/sha1"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Selected is the stack that `pulumi stack select` chose for this project's state,
// or "". home is Pulumi's directory; "" is the user's own.
//
// It is read from the file that the CLI keeps it in (pkg/v3/workspace): asking the
// CLI takes half a second.
func (p Project) Selected(home string) string {
	if home == "" {
		user, err := os.UserHomeDir()
		if err != nil {
			return ""
		}
		home = filepath.Join(user, ".pulumi")
	}
	of := sha1.Sum([]byte(filepath.Join(p.Root, projectFile)))
	text, err := os.ReadFile(filepath.Join(home, "workspaces", fmt.Sprintf("%s-%x-workspace.json", projectName, of)))
	if err != nil {
		return ""
	}
	var settings struct {
		Stacks map[string]string // by the URL of their state
		Stack  string            // what CLIs wrote before they told states apart
	}
	if json.Unmarshal(text, &settings) != nil {
		return ""
	}
	full, ok := settings.Stacks[p.BackendURL()]
	if !ok {
		full = settings.Stack
	}
	// The stacks of a state in files are all of one organization.
	name, ours := strings.CutPrefix(full, "organization/"+projectName+"/")
	if !ours || CheckName(name) != nil {
		return ""
	}
	return name
}
