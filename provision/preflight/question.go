package preflight

import (
	"fmt"
	"strings"

	"weir/provision/remote"
)

// tools are what the scripts use, beside the shell itself. Most come with every
// system, in the packages coreutils, findutils, util-linux, procps and bash.
var tools = []string{
	"awk", "base64", "bash", "comm", "dd", "find", "flock", "getent", "journalctl", "sed", "sha256sum",
	"stat", "sysctl", "systemctl", "tar", "timeout", "useradd",
}

// questionPrelude tells what does not depend on the machine's components. The
// clock comes first, as the time of its arrival is part of the answer. A runtime
// that says its release in a file is not started to ask for it.
const questionPrelude = `export LC_ALL=C PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
row() { printf '%s' "$1"; shift; if [ $# -gt 0 ]; then printf '\t%s' "$@"; fi; printf '\n'; }
row clock "$(date +%s.%N)"
while read -r k v _; do
  case $k in MemTotal:|SwapTotal:) row memory "$k" "$v" ;; esac
done </proc/meminfo
row files "$(cat /proc/sys/fs/nr_open)"
while read -r a b c _ hard _; do
  case "$a $b $c" in 'Max open files') row files "$hard" ;; esac
done </proc/1/limits
if java=$(command -v java); then
  home=$(readlink -f "$java")
  home=${home%/bin/java}
  v=$(sed -n 's/^JAVA_VERSION="\(.*\)"/\1/p' "$home/release" "${home%/jre}/release" 2>/dev/null | head -n 1)
  [ -n "$v" ] || v=$(timeout 10 java -version 2>&1 | sed -n 's/.* version "\([^"]*\)".*/\1/p' | head -n 1)
  row java "$java" "$v"
fi
sed -n '1,4000s/^/mount\t/p' /proc/self/mountinfo
ip -o address show 2>/dev/null | awk '{ sub("/.*", "", $4); print "address\t" $4 }' | head -n 1000
path() {
  p=$1
  while [ ! -d "$p" ]; do p=${p%/*}; p=${p:-/}; done
  row path "$1" "$(cd -P "$p" && pwd)"
}
name() { row name "$1" $({ timeout 5 getent ahosts "$1" || timeout 5 getent hosts "$1"; } | awk '!seen[$1]++ { print $1 }' | head -n 20); }
synchronised() {
  row synchronised "$(timeout 5 timedatectl show --property=NTPSynchronized --value 2>/dev/null)" \
    $(systemctl list-units --plain --no-legend --state=active 'chrony*' 'ntp*' 'openntpd*' 'systemd-timesyncd*' 2>/dev/null | awk '{ print $1 }')
}
`

// question is the read-only script that tells what package machine does not ask
// for: a line each, its kind and then fields apart by tabs.
func (s Subject) question() string {
	var b strings.Builder
	b.WriteString(questionPrelude)
	fmt.Fprintf(&b, "for c in %s; do command -v \"$c\" >/dev/null || row lacks \"$c\"; done\n", strings.Join(tools, " "))
	for _, p := range sorted(s.data(), s.programs(), s.written()) {
		fmt.Fprintf(&b, "path %s\n", remote.Quote(p))
	}
	// What may have to wait waits at the same time; its lines are short enough to
	// arrive whole.
	b.WriteString("synchronised &\n")
	for _, n := range s.names() {
		fmt.Fprintf(&b, "name %s &\n", remote.Quote(n))
	}
	b.WriteString("wait\necho end\n")
	return b.String()
}
