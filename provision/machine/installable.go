package machine

import (
	"context"
	"slices"
	"strings"

	"weir/provision/remote"
)

// saidLimit is how much is taken, in bytes, of what a package manager says.
const saidLimit = "4096"

// saidLines is how many lines of it are: more than a package manager has for one
// package that it does not know.
const saidLines = 40

// Installable asks the machine, without changing it, whether the package manager
// of that name can get the package. why is empty where it can; else its first
// line is the reason, and those after it are what else the manager said. Whether
// the files can be fetched shows only when they are.
func Installable(ctx context.Context, r remote.Runner, p Package, by string) (why string, err error) {
	i := slices.IndexFunc(managers, func(m manager) bool { return m.name == by })
	if i < 0 {
		return "there is no package manager that weir knows: " + strings.Join(managerCommands(), ", "), nil
	}
	res, err := r.Run(ctx, remote.Script{Step: "look for packages", Text: p.question(managers[i]), Root: true})
	details, cannot := strings.CutPrefix(string(res.Stdout), "cannot\n")
	if err != nil || !cannot {
		return "", err
	}
	why = managers[i].command + " knows none of " + strings.Join(p.names(by), ", ")
	lines := strings.Split(strings.TrimSpace(details), "\n")
	for i, line := range lines[:min(len(lines), saidLines)] {
		lines[i] = remote.Plain(line)
	}
	if lines[0] != "" {
		why += ": " + strings.Join(lines[:min(len(lines), saidLines)], "\n")
	}
	return why, nil
}

// question prints nothing where the package can be had, else "cannot" and what
// the manager says. Lists that do not know it are fetched to a directory that is
// removed again: the machine's own stay as they are.
func (p Package) question(m manager) string {
	names := remote.QuoteAll(p.names(m.name)...)
	return "export LC_ALL=C PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive\n" + m.functions() +
		"pick " + names + ` && exit 0
lists=$(mktemp -d -p /var/tmp) || exit 0
trap 'rm -rf "$lists"' EXIT
mkdir "$lists/partial"
elsewhere="` + m.elsewhere + `"
fetched=$(refresh 2>&1) || true
pick ` + names + ` && exit 0
echo cannot
{ has ` + remote.Quote(p.names(m.name)[0]) + ` 2>&1; printf '%s\n' "$fetched"; } | grep -v '^ *$' | head -c ` + saidLimit + `
`
}
