package process

import (
	"strings"

	"weir/provision/remote"
)

// Bounds on what a machine may say of one process: the class path of Kafka's
// own scripts has 10 KiB, its properties file 7 KiB.
const (
	maxProcesses = 16
	maxCommand   = 128 << 10
	maxConfig    = 64 << 10
)

// functions list the processes that have a word of the command line in common
// with the classes: a line a fact, "PID key base64". Where one grep can find
// the processes, none is started for the hundreds that are none of ours.
const functions = `fact() { printf '%s\t%s\t%s\n' "$pid" "$1" "$(head -c "$2" | base64 -w0)"; }
ancestors() { # PID: itself, its parent, and so on
  while [ "${1:-0}" -gt 1 ]; do
    echo "$1"
    set -- "$(sed -n 's/^PPid:[[:blank:]]*//p' "/proc/$1/status" 2>/dev/null)"
  done
}
look() { # COMMAND...: as the process's own user where root may not, as in a container
  "$@" 2>/dev/null || setpriv --reuid="$uid" --regid="$gid" --clear-groups -- "$@" 2>/dev/null
}
owner() { sed -n "s/^$1:[[:blank:]]*[0-9]*[[:blank:]]*\\([0-9]*\\).*/\\1/p" "/proc/$pid/status"; } # Uid or Gid: the effective one
java_servers() { # CLASS...
  for class; do set -- "$@" -e "$class"; shift; done
  listening=$(awk '$4 == "0A" { n = split($2, a, ":"); printf "%s %s ", $10, a[n] }' /proc/net/tcp /proc/net/tcp6 2>/dev/null)
  for pid in $(grep -lzxF "$@" /proc/[0-9]*/cmdline 2>/dev/null | cut -d/ -f3 | head -n MAXPROCESSES); do
    uid=$(owner Uid) gid=$(owner Gid)
    program=$(look readlink "/proc/$pid/exe") dir=$(look readlink "/proc/$pid/cwd")
    case $program in */java | */java' (deleted)') ;; *) continue ;; esac
    fact stat 1024 <"/proc/$pid/stat"
    printf '%s\n' "$program" | fact program 4096
    printf '%s\n' "$dir" | fact dir 4096
    case $(look readlink "/proc/$pid/ns/pid") in ''|"$(readlink /proc/self/ns/pid)") ;; *) echo yes | fact elsewhere 8 ;; esac
    { getent passwd "$uid" || echo "$uid:"; } | cut -d: -f1 | fact user 256
    look find "/proc/$pid/fd" -lname '*.jar' -printf '%l\n' | grep -E '/(kafka_|zookeeper-)[^/]*$' | sort -u | fact jars 16384
    look find "/proc/$pid/fd" -lname 'socket:*' -printf '%l\n' | tr -dc '0-9\n' |
      awk -v listening="$listening" 'BEGIN { n = split(listening, f, " "); for (i = 1; i < n; i += 2) port[f[i]] = f[i+1] }
        $1 in port { print port[$1] }' | sort -u | fact ports 4096
    group=$(grep -E '^(0:|[0-9]+:name=systemd):' "/proc/$pid/cgroup" | grep -m1 '\.service')
    if [ -n "$group" ]; then
      printf '%s\n' "$group" | fact group 4096
      unit=$(printf '%s\n' "$group" | tr / '\n' | grep '\.service$' | tail -n 1)
      systemctl show --property=MainPID --value -- "$unit" 2>/dev/null | fact mainpid 32
      ancestors "$pid" | fact ancestors 4096
    fi
    config=$(tr '\0' '\n' <"/proc/$pid/cmdline" | grep -FxA1 -m1 "$@" | tail -n 1)
    case $config in /*) ;; *) config=$dir/$config ;; esac
    if [ -f "$config" ]; then fact config MAXCONFIG <"$config"; fi
    fact command MAXCOMMAND <"/proc/$pid/cmdline" # last: one that has ended has none, and what was told of it may be half
  done
}
`

// Homes is a command that prints the home directories of those who can log in, a
// line each: what is below one is not a service's to take.
const Homes = `getent passwd | awk -F: '$7 !~ /(nologin|false)$/ { print $6 }'`

// Script is a part of a POSIX shell script that prints what [Parse] reads: the
// servers whose main class is one of classes. It changes nothing.
func Script(classes ...string) string {
	text := strings.NewReplacer("MAXPROCESSES", decimal(maxProcesses), "MAXCOMMAND", decimal(maxCommand), "MAXCONFIG", decimal(maxConfig)).Replace(functions)
	return text + "java_servers " + remote.QuoteAll(classes...) + "\n"
}
