package machine

import (
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"weir/provision/remote"
)

// AsideDir is where what is not weir's, and was where weir's things belong, is
// moved to. It is never removed.
const AsideDir = "/var/lib/weir/aside"

// newPrefix begins the name that a file has until it is whole.
const newPrefix = ".weir-new."

// leftBehind says what a leftover is.
const leftBehind = "left by a run that was cut off"

// leftover says that a path is a file that never got its name, as its run was
// cut off: nobody's work, which need not be kept.
func leftover(p string) bool { return strings.HasPrefix(path.Base(p), newPrefix) }

// applyPrelude holds one shell function per kind of step. All of them can be
// repeated. Contents arrive on standard input, each with its length: `take`
// takes exactly that many bytes and leaves the rest for the steps after it.
const applyPrelude = `set -eu
export LC_ALL=C PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive
tab=$(printf '\t')
umask 022
exec 3<&0 </dev/null # so that no command but take can read a content
mkdir -p /run/weir # a run that died may have left a step at work, which goes on without its lock
exec 8>>/run/weir/applying
flock --timeout 300 8 || { echo "a step of an earlier run is still at work after 5 minutes: fuser -v /run/weir/applying names it" >&2; exit 1; }
take() { dd bs=65536 count="$1" iflag=fullblock,count_bytes status=none <&3; } # head -c may read ahead
aside() { # move what is not ours out of the way, never delete it; it keeps its path, below the time
  if [ ! -e "$1" ] && [ ! -L "$1" ]; then return 0; fi
  to=` + AsideDir + `/$(date +%Y%m%dT%H%M%S)-$$
  (umask 077; mkdir -p "$to${1%/*}")
  mv -T -- "$1" "$to$1"
}
at= # what is being written
part= # a file that has not got its name yet
full() { # tells once where the disk that is being written to is full: of what, what is left of it, where it is mounted
  if [ -z "$at" ]; then return 1; fi
  dir=${at%/*}
  while [ ! -d "$dir" ]; do dir=${dir%/*}; dir=${dir:-/}; done
  at=
  mount=$(stat -c %m -- "$dir" 2>/dev/null) || mount=$dir
  set -- $(stat -f -c '%a %S %d %c' -- "$dir")
  if [ $# -ne 4 ]; then return 1; fi
  if [ "$(($1 * $2))" -lt 1048576 ]; then printf 'full %d bytes %s\n' "$(($1 * $2))" "$mount"
  elif [ "$4" -gt 0 ] && [ "$3" -eq 0 ]; then printf 'full 0 inodes %s\n' "$mount"
  else return 1; fi
}
ended() { # whatever ended the script: what is in part is nobody's
  status=$?
  if [ "$status" -eq 0 ]; then return 0; fi
  full || true
  if [ -n "$part" ]; then rm -f -- "$part"; fi
}
trap ended EXIT
put() { # PATH OWNER GROUP MODE SIZE SHA256 [TIME]: whole and on disk before it gets its name
  at=$1
  new=${1%/*}/` + newPrefix + `${1##*/}
  [ -d "${1%/*}" ] || mkdir -p "${1%/*}"
  part=$new
  (umask 077; take "$5" >"$new")
  sum=$(sha256sum <"$new")
  if [ "${sum%% *}" != "$6" ]; then
    echo "the content arrived damaged" >&2; return 1
  fi
  chown "$2:$3" "$new"
  chmod "$4" "$new"
  if [ -n "${7-}" ]; then touch -d "@$7" "$new"; fi
  sync "$new"
  if [ -d "$1" ] && [ ! -L "$1" ]; then aside "$1"; fi
  mv -fT -- "$new" "$1"
  part= at=
}
own() { chown -h "$2:$3" "$1"; chmod "$4" "$1"; } # PATH OWNER GROUP MODE
directory() { # PATH OWNER GROUP MODE
  at=$1
  if [ -e "$1" ] && [ ! -d "$1" ]; then aside "$1"; fi
  mkdir -p "$1"
  chown "$2:$3" "$1"
  chmod "$4" "$1"
  at=
}
` + treeFunction + `intact() { # in a tree: every file has the digest that its SHA256SUMS says
  command -v openssl >/dev/null && # several times as fast as most sha256sum; what it does not confirm is asked again
    [ "$(sed -n 's,^[0-9a-f]\{64\}  ,./,p' SHA256SUMS | tr '\n' '\0' | xargs -0 -r openssl dgst -sha256 -r | sed 's, \*\./,  ,')" = \
      "$(grep '^[0-9a-f]\{64\}  ' SHA256SUMS)" ] ||
    sha256sum --check --strict --quiet SHA256SUMS >&2
}
unpack() { # DIR SHA256 SIZE TARFLAGS fresh|resumed: verified against its own SHA256SUMS before it gets its name
  at=$1 new=${1%/*}/.new-${1##*/}
  rm -rf "$1.old"
  [ "$5" = resumed ] || rm -rf "$new"
  mkdir -p "$new"
  if ! take "$3" | tar "$4" - --blocking-factor=128 -C "$new" --no-same-owner; then
    # What a stream that was cut off has brought is kept: the next run sends the rest. A full disk is given its room back.
    if [ "$4" != -xf ] || [ "$(take 1 | wc -c)" -gt 0 ] || full; then rm -rf "$new"; fi
    echo "the release did not arrive whole" >&2; return 1
  fi
  if [ "$(sha256sum <"$new/SHA256SUMS" | cut -c1-64)" != "$2" ] || ! (cd "$new" && intact); then
    rm -rf "$new"; echo "the release did not arrive as the lock file says" >&2; return 1
  fi
  find "$new" -type d -exec chmod 0755 {} + # tar sets modes at its end, which it did not reach where it was cut off
  if [ -d "$1" ]; then mv -T "$1" "$1.old"; fi
  mv -T "$new" "$1"
  tree "$1" >"$1.tree.new"
  mv -f "$1.tree.new" "$1.tree"
  rm -rf "$1.old" # what runs from it keeps the files that it has opened
  find "${1%/*}" -mindepth 1 -maxdepth 1 -name '.new-*' -mtime +7 -exec rm -rf {} + # given up
  at=
}
link() { at=$1; mkdir -p "${1%/*}"; ln -sfn "$2" "$1.new"; mv -fT "$1.new" "$1"; at=; } # PATH TARGET
mark() { mkdir -p /run/weir/restart; : >"/run/weir/restart/$1"; } # UNIT
started() { # UNIT: what the journal says is the reason a person needs
  if ! systemctl is-active --quiet "$1"; then
    journalctl --unit "$1" --lines 20 --no-pager --output cat >&2 || true
    return 1
  fi
  rm -f "/run/weir/restart/$1"
}
start() { systemctl reset-failed "$1" 2>/dev/null || true; systemctl start "$1" || true; started "$1"; }
restart() { systemctl reset-failed "$1" 2>/dev/null || true; systemctl restart "$1" || true; started "$1"; }
enabled() { # UNIT...: new ones that nobody starts before the next boot. systemd reads one as it is asked about it; to read all again takes longer than all else here
  for unit do
    is=$(systemctl show --property=LoadState,UnitFileState,NeedDaemonReload -- "$unit") || is=
    case $is in *LoadState=loaded*) ;; *) is= ;; esac
    case $is in *UnitFileState=enabled*) ;; *) is= ;; esac
    case $is in *NeedDaemonReload=no*) ;; *) systemctl daemon-reload; return ;; esac
  done
}
stop() { systemctl disable --quiet --now "$1" 2>/dev/null || systemctl stop "$1"; rm -f "/run/weir/restart/$1"; }
user() { # NAME HOME
  at=/etc/passwd
  useradd --system --user-group --home-dir "$2" --no-create-home --shell /usr/sbin/nologin "$1"
  at=
}
`

// applyScript writes the steps as calls of the prelude's functions, each
// between two lines that tell how far the machine has got.
func applyScript(steps []Step, sizes map[int]packSize) string {
	var b strings.Builder
	b.WriteString(applyPrelude)
	if slices.ContainsFunc(steps, Step.takesOver) {
		b.WriteString(takeoverFunctions)
	}
	var u unread
	for i, s := range steps {
		if s.Kind == "service" && (s.Action == Start || s.Action == Restart) && u.any() {
			b.WriteString("systemctl daemon-reload\n")
			u = unread{}
		}
		fmt.Fprintf(&b, "echo begin %d\n%s\necho done %d\n", i, s.command(steps, i, sizes[i]), i)
		u.note(s)
	}
	switch {
	case u.changed:
		b.WriteString("systemctl daemon-reload\n")
	case u.any():
		b.WriteString("enabled " + remote.QuoteAll(u.fresh...) + "\n")
	}
	return b.String()
}

// unread is what systemd does not know yet. Without that it would go on saying
// of a unit that was enabled that it is not.
type unread struct {
	// fresh are units whose files are new.
	fresh []string
	// changed says that there is more than those.
	changed bool
}

func (u *unread) any() bool { return u.changed || len(u.fresh) > 0 }

func (u *unread) note(s Step) {
	unit, below := strings.CutPrefix(s.Target, UnitDir+"/")
	switch {
	case s.Kind == "file" && s.Action == Create && below && !strings.Contains(unit, "/"):
		u.fresh = append(u.fresh, unit)
	case s.Action == Enable && slices.Contains(u.fresh, s.Target):
	case s.Action == Enable, strings.HasPrefix(s.Target, "/etc/systemd/"), strings.HasPrefix(s.Target, "/run/systemd/"):
		u.changed = true
	}
}

func (s Step) command(steps []Step, i int, size packSize) string {
	target := remote.Quote(s.Target)
	switch s.Kind {
	case "package":
		return s.pack.command(s.manager)
	case "user":
		return "user " + remote.QuoteAll(s.user.Name, s.user.Home)
	case "directory":
		if s.Action == Remove {
			return "rmdir --ignore-fail-on-non-empty -- " + target + " 2>/dev/null || true"
		}
		return "directory " + remote.QuoteAll(s.dir.Path, s.dir.Owner, s.dir.Group, octal(s.dir.Mode))
	case "release":
		return s.releaseCommand(size)
	case "link":
		if s.Action == Remove {
			return "rm -f -- " + target
		}
		return "link " + remote.QuoteAll(s.release.Link(), s.release.Dir())
	case "file":
		if s.Action == Remove {
			return "rm -f -- " + target
		}
		f := s.file
		if s.keeps {
			return "own " + remote.QuoteAll(f.Path, f.Owner, f.Group, octal(f.Mode))
		}
		words := []string{f.Path, f.Owner, f.Group, octal(f.Mode), fmt.Sprint(size.bytes), Digest(f.Content)}
		if !s.time.IsZero() {
			words = append(words, fmt.Sprint(s.time.Unix()))
		}
		return "put " + remote.QuoteAll(words...)
	case "manifest":
		if s.Action == Remove {
			return "rm -f -- " + target
		}
		return "put " + remote.QuoteAll(s.Target, "root", "root", "0644", fmt.Sprint(size.bytes), Digest(s.manifest))
	case "process":
		return s.finishCommand()
	case "data":
		if s.Action == Change {
			return "hand " + remote.QuoteAll(s.dir.Path, s.dir.Owner, s.dir.Group, octal(s.dir.Mode))
		}
		return "rm -rf -- " + target
	case "sysctl":
		if belowSys(s.sysctl.Key) {
			return "printf '%s\\n' " + remote.Quote(s.sysctl.Value) + " >" + target
		}
		return "sysctl -q -w " + remote.Quote(s.sysctl.Key+"="+s.sysctl.Value)
	case "stranger":
		return s.strangerCommand()
	case "mark":
		return "mark " + target
	case "service":
		if s.process != nil {
			return s.finishCommand()
		}
		return serviceCommand(s.Action) + " " + target
	}
	panic("machine: no command for a step of kind " + s.Kind)
}

// strangerCommand leaves no empty drop-in directory behind: systemd would list it.
func (s Step) strangerCommand() string {
	command := "aside " + remote.Quote(s.Target)
	if leftover(s.Target) { // a directory of that name is not of our making
		command = "[ ! -f " + remote.Quote(s.Target) + " ] || rm -f -- " + remote.Quote(s.Target) + "\n" + command
	}
	if dir, _, _ := cutLast(s.Target, "/"); strings.Contains(dir, "/systemd/") {
		command += "\nrmdir --ignore-fail-on-non-empty -- " + remote.Quote(dir) + " 2>/dev/null || true"
	}
	return command
}

func serviceCommand(a Action) string {
	if a == Enable {
		return "systemctl enable --quiet --no-reload"
	}
	return string(a)
}

func (s Step) releaseCommand(size packSize) string {
	if s.Action == Remove {
		return "rm -rf -- " + remote.QuoteAll(s.Target, s.Target+".tree", s.Target+".old", partial(s.Target))
	}
	flags := "-xf"
	if size.gzip {
		flags = "-xzf"
	}
	begin := "fresh"
	if size.resumed {
		begin = "resumed"
	}
	return "unpack " + remote.QuoteAll(s.release.Dir(), s.release.Digest, fmt.Sprint(size.bytes), flags, begin)
}

func octal(mode fs.FileMode) string { return fmt.Sprintf("%04o", uint32(mode)) }
