package machine

import (
	"strings"

	"weir/provision/remote"
)

// packageNames gives the names of Debian packages in other families. A package
// that is missing here has the same name everywhere.
var packageNames = map[string]map[string]string{
	"openjdk-17-jre-headless": {
		"dnf": "java-17-openjdk-headless", "yum": "java-17-openjdk-headless",
		"zypper": "java-17-openjdk-headless", "pacman": "jre17-openjdk-headless", "apk": "openjdk17-jre-headless",
	},
}

// packageCommand installs all packages of the plan at the first package step:
// one transaction of the package manager, the other steps find it done.
func packageCommand(steps []Step, i int) string {
	if i > 0 && steps[i-1].Kind == "package" {
		return ":"
	}
	var names []string
	for _, s := range steps {
		if s.Kind == "package" {
			names = append(names, s.Target)
		}
	}
	family := func(manager string) string {
		own := make([]string, len(names))
		for j, n := range names {
			own[j] = n
			if other := packageNames[n][manager]; other != "" {
				own[j] = other
			}
		}
		return remote.QuoteAll(own...)
	}
	return strings.Join([]string{
		"if command -v apt-get >/dev/null; then",
		"  apt-get -qq -o DPkg::Lock::Timeout=120 update >&2 || true",
		"  apt-get -qq -o DPkg::Lock::Timeout=120 install --yes --no-install-recommends " + family("apt") + " >&2",
		"elif command -v dnf >/dev/null; then dnf --quiet --assumeyes install " + family("dnf") + " >&2",
		"elif command -v yum >/dev/null; then yum --quiet --assumeyes install " + family("yum") + " >&2",
		"elif command -v zypper >/dev/null; then zypper --quiet --non-interactive install " + family("zypper") + " >&2",
		"elif command -v pacman >/dev/null; then pacman --sync --refresh --needed --noconfirm " + family("pacman") + " >&2",
		"elif command -v apk >/dev/null; then apk add --quiet " + family("apk") + " >&2",
		"else echo 'no package manager that weir knows (apt-get, dnf, yum, zypper, pacman, apk): install by hand: " + strings.Join(names, " ") + "' >&2; false; fi",
	}, "\n")
}
