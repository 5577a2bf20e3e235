package machine

import (
	"context"
	"fmt"
	"strings"

	"weir/provision/remote"
)

// Installable asks the machine whether it can get the packages that the plan
// installs, without changing it. The error is a *Refusal where it cannot. Only
// apt can be asked; others say so when the plan is carried out, at its first step.
func Installable(ctx context.Context, r remote.Runner, p Plan) error {
	var names, instead []string
	for _, s := range p.Steps {
		if s.Kind != "package" {
			continue
		}
		names = append(names, s.Target)
		if s.pack.Provides != "" {
			instead = append(instead, s.pack.Provides)
		}
	}
	if len(names) == 0 {
		return nil
	}
	res, err := r.Run(ctx, remote.Script{Step: "look for packages", Text: installableScript(names)})
	said := strings.TrimSpace(string(res.Stdout))
	if err != nil || said == "" {
		return err
	}
	advice := "give the machine a package source that has it"
	if len(instead) > 0 {
		advice += ", or put the command " + strings.Join(instead, ", ") + " on its PATH yourself"
	}
	return &Refusal{Machine: p.Machine, Reasons: []string{
		fmt.Sprintf("%s cannot be installed (%s): %s", strings.Join(names, ", "), firstLine(said), advice)}}
}

// installableScript prints why the packages cannot be had, or nothing. Lists of
// packages that are missing, or too old to know them, are fetched to a place
// that is removed again: the machine's own stay as they are.
func installableScript(names []string) string {
	return `export LC_ALL=C PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive
command -v apt-get >/dev/null || exit 0
try() { apt-get -qq "$@" --simulate install --no-install-recommends -- ` + remote.QuoteAll(names...) + ` 2>&1 >/dev/null; }
try >/dev/null && exit 0
lists=$(mktemp -d -p /var/tmp) || exit 0
trap 'rm -rf "$lists"' EXIT
mkdir "$lists/partial"
set -- -o Dir::State::Lists="$lists" -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= -o APT::Sandbox::User=root -o Acquire::Languages=none
apt-get -qq "$@" update >&2
said=$(try "$@") || printf '%s\n' "$said" | grep '^E:'
exit 0
`
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return line
}
