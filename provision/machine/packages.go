package machine

import (
	"fmt"
	"slices"
	"strings"

	"weir/provision/remote"
)

// manager is a package manager: by what it is recognised, and the bodies of
// three shell functions. None of them asks a question, and $elsewhere, where it
// is set, has them leave the machine's own lists of packages alone.
type manager struct {
	name string
	// command is on the PATH of a machine that has it.
	command string
	// likes are the words of os-release's ID and ID_LIKE that speak for it.
	likes []string
	// refresh fetches the lists of packages, has says whether the lists know the
	// package $1, get installs it and waits up to lockSeconds for whoever else
	// installs something.
	refresh, has, get string
	// elsewhere are options that keep lists in the directory $lists.
	elsewhere string
}

// lockSeconds is how long another installation is waited for: a distribution's
// nightly updates take a minute or two.
const lockSeconds = "120"

// aptElsewhere also gives up early: who asks for a package waits at a screen.
const aptElsewhere = `-o Dir::State::Lists=$lists -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= ` +
	`-o APT::Sandbox::User=root -o Acquire::Languages=none -o Acquire::Retries=0 -o Acquire::http::Timeout=10 -o Acquire::https::Timeout=10`

// managers in the order in which they are taken where os-release does not help.
var managers = []manager{
	{
		name: "apt", command: "apt-get", likes: []string{"debian", "ubuntu"}, elsewhere: aptElsewhere,
		// apt waits for dpkg's lock by itself, but not for that of its lists.
		refresh: `  i=0
  until said=$(apt-get -qq $elsewhere update 2>&1); do
    case $said in *'Could not get lock'*) ;; *) break ;; esac
    [ "$i" -lt ` + lockSeconds + ` ] || break
    i=$((i + 2)); sleep 2
  done
  printf '%s\n' "$said" >&2`,
		has: `  apt-get -qq $elsewhere --simulate install --no-install-recommends -- "$1" >/dev/null`,
		get: `  apt-get -qq -o DPkg::Lock::Timeout=` + lockSeconds + ` install --yes --no-install-recommends -- "$1"`,
	},
	rpm("dnf", `[ -n "$(dnf --quiet --cacheonly $elsewhere repoquery "$1")" ]`),
	rpm("yum", `yum --quiet --cacheonly $elsewhere list available "$1" >/dev/null`),
	{
		name: "zypper", command: "zypper", likes: []string{"suse", "opensuse", "sles"}, elsewhere: `--cache-dir $lists`,
		refresh: `  ZYPP_LOCK_TIMEOUT=` + lockSeconds + ` zypper --quiet --non-interactive $elsewhere refresh >&2`,
		has:     `  ZYPP_LOCK_TIMEOUT=` + lockSeconds + ` zypper --quiet --non-interactive --no-refresh $elsewhere search --match-exact -- "$1" >/dev/null`,
		get:     `  ZYPP_LOCK_TIMEOUT=` + lockSeconds + ` zypper --quiet --non-interactive install --no-recommends --auto-agree-with-licenses -- "$1"`,
	},
	{
		// Lists are fetched only where those that are there do not do: on Arch, new
		// lists beside old packages are half of an upgrade.
		name: "pacman", command: "pacman", likes: []string{"arch"}, elsewhere: `--dbpath $lists --logfile /dev/null`,
		refresh: pacmanWaits + `
  if [ -n "$elsewhere" ]; then ln -sfn /var/lib/pacman/local "$lists/local"; fi
  pacman $elsewhere --sync --refresh --quiet >&2`,
		has: `  pacman $elsewhere --sync --info -- "$1" >/dev/null`,
		get: pacmanWaits + `
  pacman --sync --needed --noconfirm -- "$1"`,
	},
	{
		name: "apk", command: "apk", likes: []string{"alpine"}, elsewhere: `--no-cache`,
		refresh: `  if [ -z "$elsewhere" ]; then apk --wait ` + lockSeconds + ` --quiet update >&2; fi`,
		has:     `  apk --quiet $elsewhere --simulate add -- "$1" >/dev/null`,
		get:     `  apk --wait ` + lockSeconds + ` --quiet add -- "$1"`,
	},
}

// pacmanWaits is for pacman's lock, a file for which it does not wait itself.
const pacmanWaits = `  i=0
  while [ -e /var/lib/pacman/db.lck ] && [ "$i" -lt ` + lockSeconds + ` ]; do i=$((i + 2)); sleep 2; done`

// rpm is dnf or yum. Both would wait for another installation for ever; 200 is
// how they end instead where they are told so.
func rpm(command, has string) manager {
	return manager{
		name: command, command: command, likes: []string{"fedora", "rhel", "centos", "amzn"}, elsewhere: `--setopt=cachedir=$lists`,
		refresh: `  ` + command + ` --quiet $elsewhere makecache >&2`,
		has:     `  ` + has,
		get: `  i=0
  while code=0; ` + command + ` --quiet --assumeyes --setopt=exit_on_lock=True install "$1" || code=$?
    [ "$code" = 200 ] && [ "$i" -lt ` + lockSeconds + ` ]; do i=$((i + 2)); sleep 2; done
  return "$code"`,
	}
}

// packageNames are, for Debian's name of a package, those by which each manager
// may have it, the preferred first: no version of Java is in every release of
// every distribution. A package that is missing here has one name everywhere.
var packageNames = map[string]map[string][]string{
	"openjdk-17-jre-headless": {
		"apt":    {"openjdk-17-jre-headless", "openjdk-21-jre-headless", "default-jre-headless"},
		"dnf":    {"java-17-openjdk-headless", "java-21-openjdk-headless", "java-17-amazon-corretto-headless"},
		"yum":    {"java-17-openjdk-headless", "java-17-amazon-corretto-headless", "java-11-openjdk-headless"},
		"zypper": {"java-17-openjdk-headless", "java-21-openjdk-headless"},
		"pacman": {"jre17-openjdk-headless", "jre21-openjdk-headless", "jre-openjdk-headless"},
		"apk":    {"openjdk17-jre-headless", "openjdk21-jre-headless"},
	},
}

// names are those that the manager may have for the package.
func (p Package) names(manager string) []string {
	if names := packageNames[p.Name][manager]; len(names) > 0 {
		return names
	}
	return []string{p.Name}
}

// allNames are those of every manager, sorted.
func (p Package) allNames() []string {
	var all []string
	for _, m := range managers {
		all = append(all, p.names(m.name)...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// managerOf picks the package manager of a machine's distribution: words are
// os-release's ID and ID_LIKE, the nearest first, commands what is there. It is
// the first of commands where the words are of no help, as a machine may have
// other families' managers as mere programs; and "" where none is there.
func managerOf(words, commands []string) string {
	there := slices.DeleteFunc(slices.Clone(managers), func(m manager) bool { return !slices.Contains(commands, m.command) })
	for _, word := range words {
		family, _, _ := strings.Cut(word, "-") // opensuse-leap
		for _, m := range there {
			if slices.Contains(m.likes, family) {
				return m.name
			}
		}
	}
	if len(there) == 0 {
		return ""
	}
	return there[0].name
}

// managerCommands are the programs that a machine is asked for.
func managerCommands() []string {
	commands := make([]string, len(managers))
	for i, m := range managers {
		commands[i] = m.command
	}
	return commands
}

// functions are the manager's, and pick, which sets name to the first of its
// arguments that can be had.
func (m manager) functions() string {
	return fmt.Sprintf("elsewhere=\nrefresh() {\n%s\n}\nhas() {\n%s\n}\nget() {\n%s\n}\n"+
		`pick() { for name do if has "$name" >/dev/null 2>&1; then return; fi; done; return 1; }`+"\n", m.refresh, m.has, m.get)
}

// command installs the first of the package's names that can be had. Lists that
// are there are used; where they do not do, or are so old that they name files
// which are gone, they are fetched once.
func (p Package) command(by string) string {
	i := slices.IndexFunc(managers, func(m manager) bool { return m.name == by })
	if i < 0 {
		return "echo " + remote.Quote("there is no package manager that weir knows ("+strings.Join(managerCommands(), ", ")+"): "+p.Advice()) + " >&2; false"
	}
	names := p.names(by)
	return managers[i].functions() +
		"if ! { pick " + remote.QuoteAll(names...) + ` || { refresh; pick ` + remote.QuoteAll(names...) + `; }; } ||
  ! { get "$name" || { refresh; get "$name"; }; } >&2; then
  echo ` + remote.Quote(managers[i].command+" could not install "+strings.Join(names, " or ")+": "+p.Advice()) + ` >&2
  false
fi`
}

// Advice says what to do where the package cannot be had.
func (p Package) Advice() string {
	if p.Provides == "" {
		return "give the machine a package source that has it"
	}
	return "give the machine a package source that has it, or put the command " + p.Provides + " on its PATH yourself"
}
