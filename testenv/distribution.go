package testenv

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// distribution is what a machine's image is made from.
type distribution struct {
	// name is for people; suffix tells its images from others.
	name, suffix string
	// base is its image in a registry.
	base string
	// suite and options are mmdebstrap's, where no registry answers. It knows by
	// itself which mirror a suite comes from.
	suite   string
	options []string
	// packages are those that its smallest installation has not.
	packages []string
}

// debian is what all machines are unless a Spec says otherwise.
var debian = distribution{name: "Debian", base: "debian:bookworm-slim", suite: "bookworm"}

// distributions are the others, by their ID in os-release. Ubuntu's packages are
// verified with its own keyring, which is on every Ubuntu; elsewhere its package
// ubuntu-keyring has it.
var distributions = map[string]distribution{
	"ubuntu": {
		name: "Ubuntu", suffix: "-ubuntu", base: "ubuntu:24.04",
		suite: "noble", packages: []string{"apt"},
		options: []string{"--components=main,universe", "--keyring=/usr/share/keyrings/ubuntu-archive-keyring.gpg"},
	},
}

func distributionOf(id string) (distribution, error) {
	if id == "" {
		return debian, nil
	}
	d, ok := distributions[id]
	if !ok {
		return d, fmt.Errorf("distribution %q: want none, for Debian, or %s", id, strings.Join(slices.Sorted(maps.Keys(distributions)), ", "))
	}
	return d, nil
}

// arguments are mmdebstrap's, which writes the tree to its standard output.
func (d distribution) arguments() []string {
	packages := append(strings.Fields(string(recipeFile("packages"))), d.packages...)
	return slices.Concat([]string{
		"--variant=minbase", "--include=" + strings.Join(packages, ","),
		// As the registry's slim image has it.
		"--dpkgopt=path-exclude=/usr/share/man/*", "--dpkgopt=path-exclude=/usr/share/locale/*",
		"--dpkgopt=path-exclude=/usr/share/doc/*", "--dpkgopt=path-include=/usr/share/doc/*/copyright",
		`--setup-hook=mkdir -p "$1/usr/share/man/man1"`,
		`--customize-hook=printf %s "$WEIR_CONFIGURE" | chroot "$1" sh -e`,
	}, d.options, []string{d.suite, "-"})
}
